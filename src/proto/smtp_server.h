/*
 * The server half of SMTP as a domain's MX (RFC 5321, 1870, 2034, 2920, 3030,
 * 3207, 3461 as far as its parameters go, 6152, 6531) and of LMTP (RFC 2033) as
 * a state machine without descriptors, clock or log. Driven like pop3_server.h:
 * feed, poll, answer, send, tick; at most one event is unanswered.
 *
 * A message is handed on in wire form, in pieces, exactly as it is to be
 * stored: SMTP refuses bare CR and LF, LMTP repairs them and doubles the dots
 * that this brings to the start of a line.
 */
#ifndef PROTO_SMTP_SERVER_H
#define PROTO_SMTP_SERVER_H

#include "base/err.h"
#include "base/span.h"
#include "proto/out.h"
#include "proto/smtp_commands.h"

struct smtp_server;

enum smtp_server_flags {
	SMTP_LMTP = 1 << 0, /* LHLO, an answer a recipient */
	SMTP_TLS_ACTIVE = 1 << 1,
	SMTP_TLS_POSSIBLE = 1 << 2, /* STARTTLS is offered */
	SMTP_SPOKE_EARLY = 1 << 3,  /* before the greeting: turned away */
	SMTP_XCLIENT_ALLOWED = 1 << 4,
};

enum {
	/* RFC 5321 4.5.3.1.8: at least 100 recipients; Postfix sends 50. */
	SMTP_RECIPIENTS_MAX = 1000,
	/* RFC 5321 4.5.3.1.3: a path has at most 256 octets. */
	SMTP_PATH_MAX = 256,
};

struct smtp_server_config {
	const char *hostname; /* outlives the engine; 1 to 255 octets */
	unsigned flags;
	uint64_t size_max;    /* RFC 1870: octets of a message; 0: no limit */
	uint64_t idle_ms;     /* RFC 5321 4.5.3.2.7: at least five minutes */
	uint64_t greeting_ms; /* the greeting is held back for so long */
};

enum smtp_event_kind {
	SMTP_EV_STARTTLS, /* 220 is queued: send it, then _tls_started */
	SMTP_EV_RCPT,     /* is `address` one of ours? _rcpt_done */
	SMTP_EV_XCLIENT,  /* speaks for `address` and `port`; empty and 0 if it
			   * does not say: _xclient_done */
	SMTP_EV_DATA,     /* a message begins, by DATA or the first BDAT:
			   * _data_ready or an error */
	SMTP_EV_BODY,     /* `body` is the next piece; no answer */
	SMTP_EV_MESSAGE,  /* it is whole: _message_done for each recipient */
	SMTP_EV_ABORT,    /* the message that began is to be forgotten, no
			   * answer: refused by the engine (size, bare CR or
			   * LF), given up between chunks, or the session
			   * ended in it */
};

struct smtp_event {
	enum smtp_event_kind kind;
	struct span address; /* RCPT: the mailbox, without <> and parameters;
			      * XCLIENT: "192.0.2.1" or "IPV6:2001:db8::1" */
	struct span body;    /* BODY: valid until the next call */
	uint16_t port;       /* XCLIENT */
};

struct smtp_server_counters {
	uint64_t commands, errors;
	uint64_t messages; /* transactions that reached the final dot */
	uint64_t accepted; /* of their recipients, taken over */
	uint64_t octets;   /* of wire form, received */
};

struct smtp_server *smtp_server_new(const struct smtp_server_config *config,
				    uint64_t now_ms);
void smtp_server_free(struct smtp_server **s);

size_t smtp_server_feed(struct smtp_server *s, struct span in);

/*
 * The next event, if any; one may still come once the session is over. Also
 * goes on with LMTP's many replies: call it, or feed(), whenever output was
 * sent.
 */
bool smtp_server_poll(struct smtp_server *s, struct smtp_event *ret);
void smtp_server_tick(struct smtp_server *s, uint64_t now_ms, bool active);
uint64_t smtp_server_deadline(const struct smtp_server *s);

void smtp_server_tls_started(struct smtp_server *s);

/* Answers RCPT: 250 on YB_OK; NO_ACCOUNT 550, DENIED 550 relaying denied,
 * QUOTA 452 or 552, TEMP errors 451. */
void smtp_server_rcpt_done(struct smtp_server *s, enum yb_err err);

/* Answers XCLIENT: 220 and a new beginning on YB_OK; INVALID is said of the
 * address, any other error ends the session. */
void smtp_server_xclient_done(struct smtp_server *s, enum yb_err err);

/* Answers DATA: 354 on YB_OK, else the error and no message. For BDAT the
 * error is said once the chunk was read. */
void smtp_server_data_ready(struct smtp_server *s, enum yb_err err);

/*
 * Refuses the message while it comes: the rest of it is read and dropped,
 * and every recipient gets `err` at the end; no MESSAGE event follows.
 */
void smtp_server_refuse(struct smtp_server *s, enum yb_err err);

/*
 * Answers MESSAGE. `errs` holds one outcome for each accepted recipient in
 * their order; SMTP answers 250 only if all are YB_OK.
 */
void smtp_server_message_done(struct smtp_server *s, const enum yb_err *errs,
			      size_t n);

/*
 * Ends the session from outside with a last line, such as "421 4.3.2 shutting
 * down", which is static. A message that the driver has been asked to store is
 * answered first: the session is over once that has been done.
 */
void smtp_server_shutdown(struct smtp_server *s, const char *text);

/* Of the transaction in progress; for the trace fields and the log. */
struct span smtp_server_helo(const struct smtp_server *s);
struct span smtp_server_sender(const struct smtp_server *s); /* "" is null */
/* Recipients accepted so far; 0 after whatever ended the transaction. */
size_t smtp_server_accepted(const struct smtp_server *s);
/* Such as "SMTP", "ESMTPS" or "UTF8LMTP" (RFC 3848, RFC 6531 section 4.3). */
const char *smtp_server_with(const struct smtp_server *s);

struct out_queue *smtp_server_output(struct smtp_server *s);
bool smtp_server_is_over(const struct smtp_server *s);
const char *smtp_server_end_reason(const struct smtp_server *s);
/* What it does, in a word: "hello", "ready", "envelope", "message", ... */
const char *smtp_server_doing(const struct smtp_server *s);
/* Whether octets of a message come now, and not a command. */
bool smtp_server_in_message(const struct smtp_server *s);
const struct smtp_server_counters *
smtp_server_counters(const struct smtp_server *s);

/*
 * How many commands of each kind were run since the last call; those whose
 * event still waits are among them. For counting: the numbers are taken.
 */
void smtp_server_take_verbs(struct smtp_server *s, uint32_t ret[SMTP_VERBS]);

void smtp_server_release(struct smtp_server *s);

#endif
