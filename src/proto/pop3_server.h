/*
 * The server half of POP3 (RFC 1939, 2449, 2595, 3206, 5034, 6856) as a state
 * machine without descriptors, clock or log. Feed it octets, poll its events
 * and answer each, send its output, tick its clock.
 *
 *	while (pop3_server_feed(s, in) > 0 or an event was answered)
 *		while (pop3_server_poll(s, &ev))
 *			... answer ev, now or later ...
 *
 * At most one event is unanswered; until it is answered feed() eats nothing.
 * Commands are also not eaten while the output queue is full. Answering an
 * event makes the engine go on with what it holds, so pipelined commands need
 * no new input: it keeps at most one command line.
 */
#ifndef PROTO_POP3_SERVER_H
#define PROTO_POP3_SERVER_H

#include "base/err.h"
#include "base/span.h"
#include "mime/listing.h"
#include "proto/out.h"
#include "proto/pop3_commands.h"

struct pop3_server;

enum pop3_server_flags {
	POP3_TLS_ACTIVE = 1 << 0,     /* the connection is encrypted already */
	POP3_TLS_POSSIBLE = 1 << 1,   /* STLS is offered */
	POP3_LOGIN_IN_CLEAR = 1 << 2, /* logins are allowed without TLS */
	/* A client without UTF-8 mode gets no message with 8-bit octets in
	 * its header (RFC 6856 section 2.1); else it gets it as it is. */
	POP3_UTF8_REFUSED = 1 << 3,
};

/* What people read in answers; see pop3_texts.h. */
enum pop3_language { POP3_EN, POP3_JA, POP3_LANGUAGES };

struct pop3_server_config {
	/* All strings outlive the engine. */
	const char *hostname; /* for the greeting */
	const char *help_url; /* or ""; shown behind -ERR [AUTH] */
	const char *sasl;     /* mechanisms without TLS, "PLAIN LOGIN" */
	const char *sasl_tls; /* and with it */
	/* The timestamp in the greeting, with < and >, for APOP (RFC 1939
	 * section 7); NULL: there is no APOP. */
	const char *apop;
	unsigned flags;
	enum pop3_language language; /* of "LANG *" */
	uint64_t idle_ms;  /* RFC 1939 section 3: at least ten minutes */
	uint64_t login_ms; /* from the greeting to a login, in total */
};

enum pop3_event_kind {
	POP3_EV_LOGIN, /* user and password: answer with _login_done */
	/* AUTH or its next: _sasl_challenge/_login_done. APOP, as a mechanism
	 * of that name: the response is timestamp NUL name NUL digest. */
	POP3_EV_SASL,
	POP3_EV_SASL_CANCEL, /* the client gave up; no answer */
	POP3_EV_STARTTLS,    /* +OK is queued: send it, then _tls_started */
	POP3_EV_RETR, /* message `index`: _answer_range or _answer_error */
	POP3_EV_TOP,  /* with `lines` body lines: likewise */
	POP3_EV_QUIT, /* commit deletes, if any: _quit_done */
};

struct pop3_event {
	enum pop3_event_kind kind;
	/* LOGIN and SASL. Valid until the event is answered. */
	struct span user;      /* LOGIN */
	struct span secret;    /* LOGIN: the password; wiped once answered */
	struct span mechanism; /* SASL, first step only; empty after it */
	struct span response;  /* SASL, decoded; wiped once answered */
	bool has_response;     /* SASL, first step: an initial response came */
	/* RETR and TOP */
	uint32_t index; /* row in the listing, from 0 */
	uint64_t lines; /* TOP */
};

/* What the session did, for its log line. */
struct pop3_server_counters {
	uint64_t commands, errors;
	uint64_t retr, top, dele;
	uint64_t retr_octets; /* announced by RETR */
};

/*
 * `now_ms` is monotonic and starts the clock of login_ms; the greeting is
 * queued. NULL when out of memory. The free function takes NULL.
 */
struct pop3_server *pop3_server_new(const struct pop3_server_config *config,
				    uint64_t now_ms);
void pop3_server_free(struct pop3_server **s);

/*
 * Offers octets; how many were eaten. Fewer than offered: an event waits for
 * its answer, the output is full, STLS began (what came behind it stays with
 * the driver, see threat 1), or the session is over.
 */
size_t pop3_server_feed(struct pop3_server *s, struct span in);

/*
 * The next event, if any; the engine's, until it is answered. Also goes on with
 * a LIST or UIDL of many lines: call it, or feed(), again whenever output was
 * sent.
 */
bool pop3_server_poll(struct pop3_server *s, const struct pop3_event **ret);

/*
 * The time: call before octets are fed, after some were sent (`active`: who
 * takes a long answer is not idle), and once the deadline has come. idle_ms
 * runs from the last whole command on (RFC 1939 section 3: "the receipt of
 * any command"); octets that never make a line do not hold a session. While
 * an event is unanswered, no time runs against the client.
 */
void pop3_server_tick(struct pop3_server *s, uint64_t now_ms, bool active);

/* When _tick() wants to be called at the latest; UINT64_MAX for never. */
uint64_t pop3_server_deadline(const struct pop3_server *s);

/*
 * Answers LOGIN and SASL. On YB_OK `listing` (borrowed until the engine is
 * freed) is the maildrop. DENIED and APP_PASSWORD become -ERR [AUTH], a TEMP
 * error [SYS/TEMP], others [SYS/PERM] (RFC 3206).
 */
void pop3_server_login_done(struct pop3_server *s, enum yb_err err,
			    const struct listing *listing);

/* Before _login_done(): DELE is refused, since the device has no right to. */
void pop3_server_forbid_delete(struct pop3_server *s);

/* Answers SASL with a challenge, not yet encoded. */
void pop3_server_sasl_challenge(struct pop3_server *s, struct span challenge);

/*
 * Answers SASL with a failure of which the mechanism itself has something to
 * say: that is sent as a challenge, and whatever the client answers gets
 * what _login_done() would say.
 */
void pop3_server_sasl_failed(struct pop3_server *s, enum yb_err err,
			     struct span last_words);

/* The handshake is done: back to the state after the greeting (RFC 2595). */
void pop3_server_tls_started(struct pop3_server *s);

/*
 * Answers RETR and TOP with `n` octets of wire form at `offset` of the log.
 * RETR's end with the message's own terminator. TOP's are whole lines of the
 * wire form, and `terminate` says whether ".\r\n" has to follow them.
 */
void pop3_server_answer_range(struct pop3_server *s, uint64_t offset,
			      uint64_t n, bool terminate);

/* Answers RETR and TOP with a failure. */
void pop3_server_answer_error(struct pop3_server *s, enum yb_err err);

/* Answers QUIT: the deletes are on disk, or err says why not (I3). */
void pop3_server_quit_done(struct pop3_server *s, enum yb_err err);

/*
 * Ends the session from outside with a last line,
 * "-ERR [SYS/TEMP] server is shutting down"; nothing is deleted. A QUIT that
 * the driver has been asked for is let through to its answer.
 */
void pop3_server_shutdown(struct pop3_server *s);

/* Ends the session as above: what it logged in with was revoked. */
void pop3_server_revoke(struct pop3_server *s);

/* Whether message `index` is marked as deleted; rows in order. */
bool pop3_server_is_deleted(const struct pop3_server *s, uint32_t index);
uint32_t pop3_server_deleted_count(const struct pop3_server *s);

struct out_queue *pop3_server_output(struct pop3_server *s);

/* The output is to be sent, then the connection closed. */
bool pop3_server_is_over(const struct pop3_server *s);

/* Why it is over, for the log: "quit", "idle", "login timeout", ... */
const char *pop3_server_end_reason(const struct pop3_server *s);

/* What it does, in a word: "login", "sasl", "tls", "mail", "quit", "end". */
const char *pop3_server_doing(const struct pop3_server *s);
/* Whether the next line is a response of SASL, and not a command. */
bool pop3_server_in_sasl(const struct pop3_server *s);

const struct pop3_server_counters *
pop3_server_counters(const struct pop3_server *s);

/*
 * How many commands of each kind were run since the last call; those whose
 * event still waits are among them. For counting: the numbers are taken.
 */
void pop3_server_take_verbs(struct pop3_server *s, uint32_t ret[POP3_VERBS]);

/* Gives back what an idle session does not need. */
void pop3_server_release(struct pop3_server *s);

#endif
