/*
 * What the supervisor hears of forbidden system calls: the kernel makes the
 * process wait that has made one, and tells here which it was. That is
 * logged, and the process is ended; the call is never made.
 */
#ifndef SERVER_BREACH_H
#define SERVER_BREACH_H

#include "server/children.h"

/* Takes a CAGED message; false if it is malformed, or not the first. */
bool breach_watch(struct child *c, struct message *m);

/* The process has died. */
void breach_forget(struct child *c);

#endif
