/*
 * One account's dialogue while an administrator watches (`yubin log --wire`):
 * what its clients say and are told, line by line. Secrets never get into it:
 * only the commands of the table are shown, the arguments of PASS and AUTH
 * are not, nor is any line that is no command; bodies of messages are counted
 * only.
 *
 * A watch lives as long as its command asks for more. While there is one,
 * sessions whose account is not known yet keep their first lines, so that a
 * dialogue is seen from its greeting on. Everything is bounded; what does not
 * fit is counted. That somebody watches is logged.
 */
#ifndef SERVER_WIRE_H
#define SERVER_WIRE_H

#include "base/span.h"
#include "server/control.h"
#include "store/store.h"

struct connection;
struct worker;
struct wire_tap;

/* A session begins: it may turn out to be one that is watched. */
void wire_begin(struct connection *c);

/*
 * The ones below want c->tap, which is NULL unless somebody watches.
 *
 * The session's account is known. A session of SMTP has them a transaction:
 * each place that a recipient leads to; the first that is watched counts.
 */
void wire_identify(struct connection *c, const char *account);
void wire_recipient(struct connection *c, const struct store_place *place);

/* What the engine has eaten; `secret`: none of it is to be shown. */
void wire_input(struct connection *c, struct span eaten, bool secret);

/* The next `n` octets of its output were sent; before out_sent(). */
void wire_output(struct connection *c, uint64_t n);

/* The connection is over. Takes one without a tap. */
void wire_end(struct connection *c);

/* CONTROL_WATCH. */
void wire_handle(struct worker *w, struct control_call *call);

#endif
