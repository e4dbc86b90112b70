/*
 * A worker: accepts connections, runs their engines, and asks auth and store
 * over its two channels. It opens nothing by itself.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "base/map.h"
#include "server/connection.h"
#include "server/control_server.h"
#include "server/drain.h"
#include "server/listings.h"
#include "server/requests.h"
#include "server/process.h"
#include "server/tickets.h"

enum {
	/* Output is collected here and leaves in one call. With half of it
	 * large messages were measured to cost a fifth more, and with twice
	 * as much, which the processor's cache no longer holds, as well. */
	WORKER_SCRATCH = 512 * 1024,
	/* Input is read into this; what an engine leaves is kept. */
	WORKER_INPUT = 64 * 1024,
	/* Bodies that wait in memory for their final dot, all sessions. */
	WORKER_BODY_MEMORY = 64 * 1024 * 1024,
	/* Input that came before the engines had room to answer, all sessions:
	 * 500 that pipeline all they can and read nothing. */
	WORKER_UNREAD_MEMORY = 32 * 1024 * 1024,
	/* Connections that fetch small messages one after the other, and what
	 * is read of the log ahead for each of them: eight and more. */
	WORKER_AHEADS = 16,
	WORKER_AHEAD = 16 * 1024,
	/* A notice that nobody waits for may wait this long. */
	LAZY_MS = 50,
};

struct worker_listener {
	struct worker *worker;
	struct loop_io io;
	int fd;         /* -1 if not handed over */
	uint32_t index; /* in the configuration */
};

/* Octets of a log that a connection is likely to want next. */
struct worker_ahead {
	uint64_t connection; /* its id */
	uint64_t next;       /* behind the message that it fetched last */
	uint64_t offset;     /* of the octets in its log */
	size_t n;
	uint8_t octets[WORKER_AHEAD];
};

struct worker {
	struct process process;
	struct peer auth, store;
	struct requests requests;
	/* What new sessions begin with, and what is being handed over. */
	struct settings *settings, *next;
	struct tickets tickets;
	struct loop_timer tickets_end;
	struct worker_listener listeners[CONFIG_LISTENERS_MAX];
	int next_listeners[CONFIG_LISTENERS_MAX]; /* -1: none */
	bool next_failed;                         /* cannot be used */
	struct loop_timer listen_again; /* after running out of descriptors */
	struct loop_timer lazy;         /* notices leave at the latest then */
	struct list connections, dead;
	struct handshakes handshakes;
	struct listings listings;
	struct loop_task bury;
	size_t connections_n, connections_max;
	size_t room;            /* for how many there are descriptors */
	struct map per_address; /* how many of an address are connected */
	uint64_t start_id;      /* of this process; makes log ids unique */
	uint64_t next_id;
	struct control_server control; /* commands that look at sessions */
	struct list watches;           /* of wire.c */
	size_t watches_n;
	uint64_t body_memory;   /* in use, of WORKER_BODY_MEMORY */
	uint64_t unread_memory; /* in use, of WORKER_UNREAD_MEMORY */
	bool imported;          /* auth has accounts that SCRAM cannot serve */
	bool stopping;          /* ends with its last session */
	struct drain drain;
	uint8_t input[WORKER_INPUT];
	uint8_t scratch[WORKER_SCRATCH];
	struct worker_ahead aheads[WORKER_AHEADS];
};

/*
 * Asks auth (also for a login, ASKED_LOGIN) or store; the id for
 * requests_cancel(), or 0 after `answer` was given the reason. Each part is
 * sent as it is.
 */
uint64_t worker_ask(struct worker *w, unsigned asked, enum message_type type,
		    const struct span *parts, size_t parts_n, const int *fds,
		    size_t fds_n, request_answer_fn *answer, void *ctx);

/* Tells auth or store something that has no answer. */
void worker_tell(struct worker *w, unsigned asked, enum message_type type,
		 uint64_t id, const struct message_writer *fields);

/* The same, but with the next message that goes there anyway. */
void worker_tell_lazily(struct worker *w, unsigned asked,
			enum message_type type, uint64_t id,
			const struct message_writer *fields);

/* Begins without listeners and connections. */
void worker_connections_init(struct worker *w);

/* Whether clients are accepted, where there are listeners. */
void worker_listen(struct worker *w, bool on);

/* Nobody is accepted any more, and the worker ends with its last session. */
void worker_stop_listening(struct worker *w);

/*
 * It is known for whom the connection is: c->peer. Gives it a session, or
 * turns it away where that address has too many.
 */
void worker_welcome(struct connection *c);

/*
 * It is for somebody else than was known. Whether that address may have one
 * more.
 */
bool worker_readdress(struct connection *c, const struct socket_address *peer);

/* How a client speaks; with a certificate of its own that is trusted. */
enum worker_security { WORKER_CLEAR, WORKER_TLS, WORKER_CERTIFICATE };

/* The SASL mechanisms that are offered now, as a list of at most
 * SASL_LIST_MAX octets. */
void worker_mechanisms(const struct worker *w, const struct config *config,
		       const struct config_listener *l,
		       enum worker_security security, char *ret);

/* A connection is over: it is freed at the end of the turn. */
void worker_bury(struct worker *w, struct connection *c);

#endif
