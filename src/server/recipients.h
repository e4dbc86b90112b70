/*
 * The recipients of one transaction and the mailboxes that they lead to. A
 * mailbox gets the message once, by however many of its names; LMTP answers
 * each recipient by what became of all of its own.
 */
#ifndef SERVER_RECIPIENTS_H
#define SERVER_RECIPIENTS_H

#include "base/buf.h"
#include "server/message.h"
#include "store/store.h"

/* What the owner of a place may have; 0 is no limit. */
struct recipient_quota {
	uint64_t octets, messages;
};

struct recipients {
	struct buf places; /* struct store_place, none twice */
	struct buf quotas; /* struct recipient_quota of each place */
	struct buf links;  /* uint32_t: places of the first, of the next .. */
	struct buf ends;   /* uint32_t: where each one's links end */
};

void recipients_init(struct recipients *r);

/* Forgets all, and gives the memory back; usable again. */
void recipients_reset(struct recipients *r);

size_t recipients_n(const struct recipients *r);
size_t recipients_places_n(const struct recipients *r);

/*
 * Adds the recipient that the fields of RCPT_DONE behind its outcome tell of.
 * INVALID if they do not add up; TOO_MANY if the transaction would have more
 * mailboxes than one delivery; NOMEM. Nothing is added then.
 */
YB_CHECKED enum yb_err recipients_add(struct recipients *r,
				      struct message_reader *fields);

/*
 * What recipient number `at` is answered, given what became of each place:
 * the worst of its own, and of errors one that may pass. The sender tries
 * again then, and keeps what else is wrong for the time after.
 */
enum yb_err recipients_outcome(const struct recipients *r, size_t at,
			       const enum yb_err *of_place);

#endif
