/*
 * One client's connection in a worker: its socket, TLS, and the pump between
 * socket and engine. What an engine has to say is sent from where it lies;
 * a session owns no output buffer of its own.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "base/buf.h"
#include "net/loop.h"
#include "os/socket.h"
#include "proto/out.h"
#include "server/handshakes.h"
#include "server/settings.h"
#include "tls/connection.h"

struct connection;
struct worker;

/* What an administrator may know of a session; borrowed. */
struct session_view {
	const char *account; /* whose maildrop, or the first recipient; "" */
	const char *doing;   /* a word */
	bool secret;         /* what the client says now is not to be shown */
	uint64_t commands;
};

enum activity { ACTIVITY_NONE, ACTIVITY_CAME, ACTIVITY_WENT };

/* The protocol on a connection: an engine with what answers its events. */
struct session_class {
	/* Offers octets; how many were eaten. */
	size_t (*feed)(void *session, struct span in);
	/* Whether what the client says may be a password; or NULL: never. */
	bool (*is_secret)(const void *session);
	/* Answers events and goes on with long answers; whether it did. */
	bool (*progress)(void *session);
	/* Whether feed() would eat at present. */
	bool (*is_hungry)(const void *session);
	/* Whether an answer from auth or store is on its way: what is queued
	 * goes along with it. Or NULL: never. */
	bool (*is_asking)(const void *session);
	/* The output is to be sent and the connection then closed. */
	bool (*is_over)(const void *session);
	/* Wants TLS to begin once the output is sent. */
	bool (*wants_tls)(const void *session);
	void (*tls_started)(void *session);
	/* Whether the client asked for the end, and so sends nothing more. */
	bool (*said_quit)(const void *session);
	/* Time passed, or octets came or went. */
	void (*tick)(void *session, uint64_t now_ms, enum activity what);
	uint64_t (*deadline)(const void *session);
	/* The store died, and every snapshot with it; or NULL. */
	void (*store_gone)(void *session);
	/* The handshake is done, be it the first thing or by command; or
	 * NULL. */
	void (*secured)(void *session);
	/* The store ended session `handle`, since its credential was revoked:
	 * if it is this one, say so, and end; whether it was. Or NULL. */
	bool (*revoked)(void *session, uint64_t handle);
	/* The server ends: say so. */
	void (*shutdown)(void *session);
	/* Counts the commands that came `ns` ago, now that they are
	 * answered; false if one still waits for its answer. */
	bool (*count)(void *session, uint64_t ns);
	void (*view)(const void *session, struct session_view *ret);
	/* Gives back what an idle session does not need. */
	void (*release)(void *session);
	/* The connection is gone: log it, free everything. `why` is NULL if
	 * the session ended by itself. */
	void (*closed)(void *session, const char *why);
};

enum connection_stage {
	CONNECTION_PROXY,     /* a proxy's header has to come first */
	CONNECTION_HANDSHAKE, /* TLS is being set up */
	CONNECTION_OPEN,
	CONNECTION_LINGER, /* all is sent: waiting for the client's end */
	CONNECTION_DEAD,   /* to be freed at the end of the turn */
};

struct connection {
	struct list link; /* all of a worker */
	struct worker *worker;
	struct settings *settings; /* that it began with; a reference */
	int fd;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_task resume; /* pump again: an event was answered */
	struct handshake handshake;
	struct tls_connection *tls;
	struct tls_context *tls_context; /* for STLS and handshakes */
	const struct session_class *class;
	void *session;
	/* The session's, as long as there is one: what its engine has queued,
	 * and the log that ranges in it mean, or -1. */
	struct out_queue *out;
	int log_fd;
	enum connection_stage stage;
	bool can_read, can_write;
	bool watches_room;  /* EPOLLOUT too */
	bool end_is_near;   /* the kernel told of the client's end */
	bool ended;         /* it was read: the client sends no more */
	bool counted;       /* among those of its address */
	bool notice_sent;   /* TLS close notice */
	struct buf unread;  /* input that the engine has not eaten */
	size_t unread_held; /* of the worker's WORKER_UNREAD_MEMORY */
	uint32_t burst;     /* octets to offer the socket at a time */
	uint64_t id;        /* for the log: sessions of this worker */
	uint64_t octets_in, octets_out;
	uint64_t began_ms, moved_ms; /* when octets last came or went */
	uint64_t sending_since_ms;   /* output waits since; 0: none */
	uint64_t taken_then;         /* octets that the client had by then */
	struct wire_tap *tap;        /* somebody may be watching; else NULL */
	uint64_t asked_ns; /* since when commands wait for answers; 0: none */
	uint32_t listener; /* index in settings->config */
	uint32_t service;  /* of it */
	struct socket_address peer;
};

/*
 * Takes an accepted socket over; then connection_start(). Class and session
 * come with worker_welcome(), which ends in connection_begin(): at once, or
 * if `proxied` once a proxy has said for whom it speaks.
 */
YB_CHECKED enum yb_err connection_new(struct worker *worker, int fd,
				      const struct socket_address *peer,
				      struct connection **ret);
void connection_start(struct connection *c, bool proxied);
void connection_begin(struct connection *c, bool implicit_tls);

/* Whether its session has not begun to speak. */
static inline bool connection_is_young(const struct connection *c)
{
	return c->stage == CONNECTION_PROXY || c->stage == CONNECTION_HANDSHAKE;
}

/* Takes the header of the PROXY protocol, as far as it is there. */
void connection_read_proxy(struct connection *c);
void connection_refuse_proxy(struct connection *c, const char *why);

/*
 * Sends a burst of what the session has queued; how many octets left is told
 * in any case. AGAIN if the socket is full now, IO if the log cannot be read,
 * GONE or INVALID if the client is gone.
 */
YB_CHECKED enum yb_err connection_send(struct connection *c, size_t *ret_n);

/* The socket is full: room in it is watched for from now on. */
void connection_wait_for_room(struct connection *c);

/*
 * Feeds the session what was kept or has come; false if nothing moved.
 */
bool connection_receive(struct connection *c);

/* Frees the input that the engine has not eaten. */
void connection_drop_unread(struct connection *c);

/* The handshake goes on: it is this connection's turn. */
void connection_handshake(struct connection *c);

/* Something was answered outside of feed(): go on at the end of the turn. */
void connection_resume(struct connection *c);

/* Ends the session at once; the client gets nothing more. */
void connection_abort(struct connection *c, const char *why);

/* The session's identity in the log and in trace fields: "w0.1f.3". */
enum { CONNECTION_SID_MAX = 40 };
void connection_sid(const struct connection *c, char ret[CONNECTION_SID_MAX]);

/* Whether the session of somebody who was not let in may have its line. */
bool connection_stranger_may_log(const struct connection *c);

/*
 * The one line that sums a session up: begun with who and how, given the
 * protocol's own fields, ended with octets, time and why it ended.
 */
struct log_line;
void connection_summary_begin(const struct connection *c, struct log_line *line,
			      const char *service);
void connection_summary_end(const struct connection *c, struct log_line *line,
			    const char *why);

#endif
