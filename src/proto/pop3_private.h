/*
 * What the files of the POP3 server engine share: pop3_server.c (lines, the
 * command table, life cycle), pop3_login.c (AUTHORIZATION), pop3_maildrop.c
 * (TRANSACTION), and pop3_texts.c (what people read).
 */
#ifndef PROTO_POP3_PRIVATE_H
#define PROTO_POP3_PRIVATE_H

#include "base/buf.h"
#include "proto/line.h"
#include "proto/pop3_server.h"
#include "proto/pop3_texts.h"

enum pop3_state {
	POP3_AUTH,   /* RFC 1939's AUTHORIZATION */
	POP3_SASL,   /* in it, the next line is a SASL response */
	POP3_TLS,    /* STLS is answered; no octet may come in clear */
	POP3_TRANS,  /* TRANSACTION */
	POP3_UPDATE, /* QUIT; the deletes are on their way to the disk */
	POP3_OVER,
};

enum pop3_event_state {
	POP3_NO_EVENT,
	POP3_RAISED, /* waits for pop3_server_poll() */
	POP3_ASKED,  /* waits for its answer */
};

/* What a handler says to the dispatcher. */
enum pop3_outcome {
	POP3_ANSWERED, /* the reply is queued, or an event's answer brings it */
	POP3_OK,       /* answer +OK, nothing more to say */
	POP3_SYNTAX,   /* is answered with -ERR, and counts as a bad command */
};

enum {
	/* RFC 2449 section 4: "The maximum length of a command is ... 255
	 * octets, including the terminating CRLF." */
	POP3_LINE_MAX = 255,
	/* RFC 4954 section 4: a line of base64 within an AUTH exchange has at
	 * most 12,288; RFC 5034 gives no figure, so the same here. */
	POP3_SASL_LINE_MAX = 12288,
	/* A person at a keyboard errs less often before logging in. */
	POP3_BAD_COMMANDS_MAX = 20,
	/* Who mistypes a password three times can connect again; who guesses
	 * pays for a connection, and the throttle of auth slows that. */
	POP3_LOGIN_FAILURES_MAX = 3,
	/* "+OK " with two numbers and words, or a line of UIDL or LIST. */
	POP3_REPLY_MAX = 128,
};

/* The message numbers of the client, and rows of the listing. */
typedef struct {
	uint32_t v; /* 1..n */
} pop3_msn;
typedef struct {
	uint32_t v; /* 0..n-1 */
} drop_index;

static inline drop_index msn_to_index(pop3_msn m)
{
	return (drop_index){ m.v - 1 };
}

static inline pop3_msn index_to_msn(drop_index i)
{
	return (pop3_msn){ i.v + 1 };
}

struct pop3_args {
	struct span v[2];
	unsigned n;
};

enum pop3_cursor_kind { POP3_NO_CURSOR, POP3_CURSOR_LIST, POP3_CURSOR_UIDL };

/* An answer of many lines that goes on when output has drained. */
struct pop3_cursor {
	enum pop3_cursor_kind kind;
	drop_index next;
};

struct pop3_server {
	struct pop3_server_config config;
	enum pop3_state state;
	enum pop3_event_state event_state;
	struct pop3_event event;
	struct out_queue out;
	struct line_reader line;
	struct buf secret;     /* of the event, while it is unanswered */
	struct buf name;       /* of USER */
	size_t behind;         /* octets offered behind the line that runs */
	unsigned bad_commands; /* in a row */
	unsigned login_failures;
	bool may_not_delete;
	enum yb_err verdict; /* of an exchange that failed: to be told next */
	uint64_t now_ms, active_ms, start_ms;
	const char *end_reason;
	enum pop3_language language;
	bool utf8; /* RFC 6856's UTF-8 mode */

	struct listing listing;
	uint64_t *deleted; /* a bit a row; NULL before the first DELE */
	uint32_t deleted_n;
	uint64_t deleted_octets;
	struct pop3_cursor cursor;
	struct pop3_server_counters counters;
	uint32_t verbs[POP3_VERBS]; /* run, and not yet taken */
};

/* ---- pop3_server.c ---- */

/* The one door to another state. */
void pop3_enter(struct pop3_server *s, enum pop3_state next);

/* Ends the session; `reason` is static. What is queued is still sent. */
void pop3_end(struct pop3_server *s, const char *reason);

/* Raises an event; what else it says is to be put into it. */
struct pop3_event *pop3_raise(struct pop3_server *s, enum pop3_event_kind kind);

/* Ends the event that the driver has answered; its secret is wiped. */
void pop3_settle(struct pop3_server *s);

/* Queues text as it is; or what it is in the client's language. */
void pop3_put(struct pop3_server *s, struct span text);
void pop3_put_text(struct pop3_server *s, enum pop3_text text);

/* Queues "+OK " or "-ERR ", the text, and CRLF. */
void pop3_say_ok(struct pop3_server *s, enum pop3_text text);
void pop3_say_err(struct pop3_server *s, enum pop3_text text);

/* RFC 3206: -ERR with [SYS/TEMP] or [SYS/PERM] and what `err` means. */
void pop3_say_failure(struct pop3_server *s, enum yb_err err);

bool pop3_may_login(const struct pop3_server *s);

/* ---- pop3_login.c ---- */

enum pop3_outcome pop3_on_user(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_pass(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_apop(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_auth(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_stls(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_capa(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_utf8(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_lang(struct pop3_server *s,
			       const struct pop3_args *a);

/* A line within a SASL exchange. */
void pop3_sasl_line(struct pop3_server *s, struct span line);

/* The client spoiled its exchange: -ERR, and the driver forgets it. */
void pop3_sasl_cancel(struct pop3_server *s, enum pop3_text why);

/* ---- pop3_maildrop.c ---- */

enum pop3_outcome pop3_on_stat(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_list(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_uidl(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_retr(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_top(struct pop3_server *s, const struct pop3_args *a);
enum pop3_outcome pop3_on_dele(struct pop3_server *s,
			       const struct pop3_args *a);
enum pop3_outcome pop3_on_rset(struct pop3_server *s,
			       const struct pop3_args *a);

/* "+OK 2 messages (320 octets)", deleted ones left out. */
void pop3_say_totals(struct pop3_server *s);

/* Goes on with a listing while the output has room. */
void pop3_cursor_run(struct pop3_server *s);

#endif
