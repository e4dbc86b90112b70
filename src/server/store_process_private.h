/*
 * Between the files of the process store: store_process.c is its frame,
 * store_process_sessions.c serves those who read and delete, and
 * store_process_deliveries.c those who bring mail.
 */
#ifndef SERVER_STORE_PROCESS_PRIVATE_H
#define SERVER_STORE_PROCESS_PRIVATE_H

#include "server/control_server.h"
#include "server/handles.h"
#include "server/process.h"
#include "store/store.h"

enum {
	/* Bodies of one worker that come as descriptors; and of all workers,
	 * such a part of what the system grants. A body that finds no room
	 * would end the channel that it came by. */
	BODIES_MAX = 1024,
	BODIES_PART = 4,
};

struct worker_peer {
	struct peer peer;
	struct handles sessions; /* maildrops that it has open */
	uint32_t questions_n;    /* not yet answered */
	uint32_t bodies_n;       /* of these, held open */
};

struct store_process {
	struct process process;
	struct store *store;
	const char *folder; /* of the store, as this process sees it */
	struct peer auth;
	struct list grants; /* maildrops that are being opened */
	struct worker_peer workers[WORKERS_MAX];
	size_t bodies_n, bodies_max; /* of all workers */
	struct loop_io pool;
	struct loop_task turn; /* what came in one turn is synced together */
	struct loop_timer ending;
	struct loop_timer look; /* at the disk */
	struct loop_timer tick;
	struct control_server control;
};

/* Something a worker waits for. */
struct question {
	struct store_process *process;
	uint32_t worker;
	uint64_t incarnation;
	uint64_t id;
	uint64_t since_ns;
	struct store_snapshot *snapshot; /* QUIT: to be closed after it */
	int fd;                          /* DELIVER: the body, or -1 */
	struct list link;                /* GRANT: in grants */
	struct handle_tag tag;           /* GRANT: for whom */
	bool revoked;                    /* GRANT: it is worth nothing now */
	char address[256];               /* GRANT */
};

/* NULL if there are too many; the worker's deadline then tells. */
struct question *question_new(struct store_process *p, uint32_t worker,
			      uint64_t incarnation, uint64_t id);
void question_free(struct question *q);

/* How long it took, into a histogram. */
void question_observe(const struct question *q, uint32_t cell);

/* The worker that the answer goes to; NULL if it is gone. */
struct worker_peer *question_asker(const struct question *q);

/* An answer that is an outcome alone; a good one with a descriptor, or -1. */
void store_process_answer(struct worker_peer *to, enum message_type type,
			  uint64_t id, enum yb_err err, int fd);

/*
 * The handlers of what auth and workers say. False: the message is malformed,
 * and the channel ends.
 */
typedef bool store_process_auth_fn(struct store_process *p, struct message *m);
typedef bool store_process_worker_fn(struct worker_peer *w, struct message *m);

/* ---- store_process_sessions.c ---- */

store_process_auth_fn store_process_grant, store_process_revoked;
store_process_worker_fn store_process_log_wanted, store_process_close,
	store_process_quit;
void store_process_close_sessions(struct worker_peer *w);

/* ---- store_process_deliveries.c ---- */

store_process_worker_fn store_process_deliver, store_process_spool_wanted;

#endif
