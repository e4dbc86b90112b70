/*
 * What the files of the SMTP server engine share: smtp_server.c (lines, the
 * command table, life cycle), smtp_hello.c (begin and end of a session),
 * smtp_mail.c (MAIL and RCPT), smtp_params.c (their parameters), smtp_data.c
 * (the message and its replies), smtp_bdat.c (a message in chunks),
 * smtp_xclient.c and smtp_small.c (commands that only say something).
 */
#ifndef PROTO_SMTP_PRIVATE_H
#define PROTO_SMTP_PRIVATE_H

#include "base/buf.h"
#include "mime/address.h"
#include "mime/hops.h"
#include "mime/wire.h"
#include "proto/line.h"
#include "proto/smtp_server.h"

enum smtp_state {
	SMTP_START, /* no EHLO, HELO or LHLO yet */
	SMTP_READY,
	SMTP_MAIL,    /* MAIL was accepted, and perhaps recipients or chunks */
	SMTP_DATA,    /* the message comes, or its DATA is asked about */
	SMTP_CHUNK,   /* octets of a BDAT come, or it is asked about */
	SMTP_DROP,    /* those of a BDAT that is out of order */
	SMTP_SILENT,  /* the greeting is held back */
	SMTP_REPLIES, /* it is over; replies go out as they find room */
	SMTP_TLS,     /* STARTTLS is answered; no octet may come in clear */
	SMTP_OVER,
};

enum smtp_event_state {
	SMTP_NO_EVENT,
	SMTP_RAISED, /* waits for smtp_server_poll() */
	SMTP_ASKED,  /* waits for its answer */
};

/* What a handler says to the dispatcher. */
enum smtp_outcome {
	SMTP_ANSWERED, /* the reply is queued, or an event's answer brings it */
	SMTP_BAD,      /* as above, and it counts as a bad command */
};

enum {
	/*
	 * RFC 5321 4.5.3.1.4 says 512 with CRLF; SIZE, BODY, and the 500 that
	 * RFC 4954 adds to MAIL come on top. 2048 is what Postfix takes.
	 */
	SMTP_LINE_MAX = 2048,
	/* In a row. A mail system makes none, a person a few. */
	SMTP_BAD_COMMANDS_MAX = 20,
	/* In a session of SMTP: a list of guessed addresses, not a mail. */
	SMTP_REFUSED_RCPT_MAX = 100,
	/* RFC 5321 4.5.3.1.2, for what a client calls itself. */
	SMTP_HELO_MAX = 255,
	/* RFC 5321 6.3: "a large rejection threshold, normally at least 100
	 * Received entries". */
	SMTP_HOPS_MAX = 100,
	/*
	 * A message, or a chunk of one, has this long, and a second more for
	 * so many octets: less than any line of this century carries, and
	 * more than a client that only wants to hold us up will spend.
	 */
	SMTP_DATA_MS = 10 * 60 * 1000,
	SMTP_DATA_RATE = 256,
};

/*
 * Twice the largest message that can be configured: so much of one chunk is
 * read, if only to be dropped. Nobody means more.
 */
#define SMTP_CHUNK_MAX (4ull * 1024 * 1024 * 1024)

struct smtp_server {
	struct smtp_server_config config;
	enum smtp_state state;
	enum smtp_event_state event_state;
	struct smtp_event event;
	struct out_queue out;
	struct line_reader line;
	size_t behind;         /* octets offered behind the line that runs */
	unsigned bad_commands; /* in a row */
	unsigned refused_rcpts;
	uint64_t now_ms;
	uint64_t active_ms; /* a command came, or octets of a message */
	uint64_t data_ms;   /* when the message, or its chunk, began */
	uint64_t data_n;    /* its octets since */
	const char *end_reason;
	const char *shutdown_text; /* once the message has its replies */
	bool esmtp;
	size_t helo_n;
	uint8_t helo[SMTP_HELO_MAX];

	/* The transaction: all of it is forgotten by smtp_reset(). */
	size_t sender_n, rcpt_n;
	bool utf8; /* SMTPUTF8 */
	uint8_t sender[ADDRESS_MAX];
	uint8_t rcpt[ADDRESS_MAX];   /* that the driver is asked about */
	struct buf outcomes;         /* an enum yb_err a recipient */
	size_t replied;              /* of these */
	struct wire_reader reader;   /* of DATA */
	struct wire_encoder encoder; /* of BDAT */
	struct hops hops;
	bool chunked; /* there was a BDAT */
	bool chunk_last;
	uint64_t wire_n;     /* octets handed on or dropped */
	enum yb_err refused; /* the message, as it came */
	bool begun;          /* the driver holds a message */
	bool ended;          /* the final dot has come */

	/* The BDAT that runs; a dropped one belongs to no transaction. */
	uint64_t chunk_left;
	const char *drop_reply; /* once it is all there */
	size_t told_helo_n;     /* by XCLIENT, in `sender` */
	bool told_smtp;
	enum smtp_state drop_back; /* where it came from */
	struct smtp_server_counters counters;
	uint32_t verbs[SMTP_VERBS]; /* run, and not yet taken */
};

/* ---- smtp_server.c ---- */

void smtp_enter(struct smtp_server *s, enum smtp_state next);

/* Ends the session; `reason` is static. What is queued is still sent. */
void smtp_end(struct smtp_server *s, const char *reason);

void smtp_raise(struct smtp_server *s, struct smtp_event event);
void smtp_settle(struct smtp_server *s);

void smtp_greet(struct smtp_server *s);

/* Queues octets as they are. */
void smtp_put(struct smtp_server *s, struct span text);

/* Queues a line, such as "250 2.1.0 ok", and CRLF. */
void smtp_say(struct smtp_server *s, const char *line);

/* The reply that `err` means; YB_OK is 250 2.0.0. */
const char *smtp_reply_of(enum yb_err err);

static inline bool smtp_is_lmtp(const struct smtp_server *s)
{
	return (s->config.flags & SMTP_LMTP) != 0;
}

/*
 * Forgets the transaction, on each way out of one (threat 35): the message,
 * RSET, a new hello, STARTTLS, a refused DATA, the end.
 */
void smtp_reset(struct smtp_server *s);

/* ---- smtp_hello.c ---- */

/* Whether it may stand where a host's name does. */
bool smtp_is_helo(struct span name);

bool smtp_offers_starttls(const struct smtp_server *s);

enum smtp_outcome smtp_on_ehlo(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_helo(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_rset(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_quit(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_starttls(struct smtp_server *s, struct span arg);

/* ---- smtp_mail.c ---- */

enum smtp_outcome smtp_on_mail(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_rcpt(struct smtp_server *s, struct span arg);

/* ---- smtp_params.c ---- */

enum smtp_params_of { SMTP_PARAMS_OF_MAIL, SMTP_PARAMS_OF_RCPT };
enum smtp_param_verdict {
	SMTP_PARAM_GOOD,
	SMTP_PARAM_UNKNOWN,
	SMTP_PARAM_WRONG
};

struct smtp_params {
	unsigned seen; /* of those known, a bit each */
	uint64_t size; /* 0 if it was not told */
	bool utf8;     /* of this MAIL, or of the transaction */
};

/* Reads the parameters, what stands behind the path. */
enum smtp_param_verdict smtp_params_read(const struct smtp_server *s,
					 enum smtp_params_of of,
					 struct span rest,
					 struct smtp_params *ret);

/* The reply to parameters that are not good. */
const char *smtp_params_refusal(enum smtp_param_verdict verdict);

/* ---- smtp_xclient.c ---- */

enum smtp_outcome smtp_on_xclient(struct smtp_server *s, struct span arg);

/* ---- smtp_small.c ---- */

enum smtp_outcome smtp_on_noop(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_vrfy(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_expn(struct smtp_server *s, struct span arg);
enum smtp_outcome smtp_on_help(struct smtp_server *s, struct span arg);

/* ---- smtp_data.c ---- */

enum smtp_outcome smtp_on_data(struct smtp_server *s, struct span arg);

/* Its time begins to run. */
void smtp_data_clock(struct smtp_server *s);

/* Before the first octet of a message. */
void smtp_data_init(struct smtp_server *s);

/* The message is not wanted any more: what comes of it is dropped. */
void smtp_data_refuse(struct smtp_server *s, enum yb_err err);

/*
 * Hands on a piece of the message in wire form, or refuses the message if
 * there is a fault by now: raises BODY, ABORT, or nothing.
 */
void smtp_data_piece(struct smtp_server *s, struct span piece);

/* Takes octets of the message; how many. */
size_t smtp_data_eat(struct smtp_server *s, struct span in);

/* Once the driver has taken the last piece: the next event, or replies. */
void smtp_data_run(struct smtp_server *s);

/* Octets of the message so far, as RFC 1870 counts them. */
uint64_t smtp_data_octets(const struct smtp_server *s);

/* ---- smtp_bdat.c ---- */

enum smtp_outcome smtp_on_bdat(struct smtp_server *s, struct span arg);

/* Takes octets of the chunk; how many. */
size_t smtp_bdat_eat(struct smtp_server *s, struct span in);

/* At the end of a chunk: what has to be said or done then. */
void smtp_bdat_run(struct smtp_server *s);

#endif
