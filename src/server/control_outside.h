/*
 * Whether those answer whom auth asks outside; for `yubin doctor`.
 */
#ifndef SERVER_CONTROL_OUTSIDE_H
#define SERVER_CONTROL_OUTSIDE_H

#include "server/control.h"
#include "server/lookup_client.h"

/*
 * CONTROL_OUTSIDE_TRY: asks about somebody who does not exist, and answers the
 * call once there is an answer, or none.
 */
void control_outside_try(struct lookup_client *client,
			 struct control_call *call);

#endif
