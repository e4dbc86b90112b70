/*
 * What a worker answers to commands: who is connected, and what is said.
 */
#ifndef SERVER_CONTROL_WORKER_H
#define SERVER_CONTROL_WORKER_H

#include "server/control.h"

/* A control_handle_fn; `worker` is the struct worker. */
void control_worker(void *worker, struct control_call *call);

#endif
