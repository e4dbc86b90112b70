/*
 * The secret of TLS session tickets, the same in all workers, so that a client
 * may resume with any of them. It lives in memory only: the supervisor makes
 * one at its start and with each reload (a ticket vouches for what was checked
 * under the settings of its time). Every period all who have it replace it by
 * its hash, so that nobody who reads a process's memory later can open what
 * was recorded earlier; tickets of the period before end with it.
 */
#ifndef SERVER_TICKETS_H
#define SERVER_TICKETS_H

#include "base/err.h"
#include "server/message.h"

enum {
	TICKETS_SECRET_LEN = 32,
	/* RFC 5077 section 5.5: "keys should be changed regularly"; clients
	 * that poll come far more often. */
	TICKETS_PERIOD_MS = 12 * 3600 * 1000,
};

struct tickets {
	uint64_t period; /* number, by the monotonic clock */
	uint8_t secret[TICKETS_SECRET_LEN];
};

/* A new secret, for now; IO: there are no good random octets. */
YB_CHECKED enum yb_err tickets_begin(struct tickets *t, uint64_t now_ms);

/* Brings it to the period of now. NOMEM: it is as it was. */
YB_CHECKED enum yb_err tickets_advance(struct tickets *t, uint64_t now_ms);

/* When the period ends, by the same clock. */
uint64_t tickets_end_ms(const struct tickets *t);

/* As fields of MESSAGE_TICKETS. */
void tickets_write(const struct tickets *t, struct message_writer *w);
/* False if they are malformed. */
bool tickets_read(struct tickets *t, const struct message *m);

#endif
