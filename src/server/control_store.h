/*
 * What commands ask of mail: answered by whoever owns the store, the store
 * process or a command itself while no server runs.
 */
#ifndef SERVER_CONTROL_STORE_H
#define SERVER_CONTROL_STORE_H

#include "server/control.h"

struct store;

/* Answers the call from the store's callbacks, often later. */
void control_store_handle(struct store *store, struct control_call *call);

#endif
