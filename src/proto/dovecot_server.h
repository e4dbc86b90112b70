/*
 * The server half of Dovecot's authentication protocol, version 1, by which
 * Postfix (smtpd_sasl_type = dovecot) and Exim have passwords checked: lines
 * of words with tabs between them, over a Unix socket. As an engine without
 * descriptors, clock or log, like proto/pop3_server.h.
 *
 * One request at a time is worked on; what is pipelined behind it waits.
 */
#ifndef PROTO_DOVECOT_SERVER_H
#define PROTO_DOVECOT_SERVER_H

#include "base/err.h"
#include "base/span.h"
#include "proto/out.h"

struct dovecot_server;

struct dovecot_server_config {
	const char *sasl;     /* what is offered, such as "PLAIN LOGIN" */
	uint32_t pid, number; /* of the process and of the connection */
	uint8_t cookie[16];   /* random */
};

enum dovecot_event_kind {
	DOVECOT_EV_SASL,   /* a step: answer with _challenge or _done */
	DOVECOT_EV_CANCEL, /* the client gave up; no answer */
};

struct dovecot_event {
	enum dovecot_event_kind kind;
	/* Of the first step only: */
	struct span mechanism; /* empty in all further ones */
	struct span service;   /* "smtp"; whom the password is for */
	struct span address;   /* of the client that logs in, as text; or "" */
	bool secured;          /* it speaks TLS */
	bool has_response;
	/* Of all: decoded, wiped once answered. */
	struct span response;
};

/* The server speaks first. NULL when out of memory; free takes NULL. */
struct dovecot_server *
dovecot_server_new(const struct dovecot_server_config *config);
void dovecot_server_free(struct dovecot_server **s);

/* Offers octets; how many were eaten. */
size_t dovecot_server_feed(struct dovecot_server *s, struct span in);

/* The next event, if any; valid until it is answered. */
bool dovecot_server_poll(struct dovecot_server *s, struct dovecot_event *ret);

void dovecot_server_challenge(struct dovecot_server *s, struct span challenge);

/* `user` is the canonical name of a success. */
void dovecot_server_done(struct dovecot_server *s, enum yb_err err,
			 struct span user);

struct out_queue *dovecot_server_output(struct dovecot_server *s);

/* Whether feed() would eat. */
bool dovecot_server_is_hungry(const struct dovecot_server *s);

/* The client broke the protocol; or NULL. */
const char *dovecot_server_end_reason(const struct dovecot_server *s);

#endif
