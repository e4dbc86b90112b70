/*
 * The frame that every process but the supervisor shares: a loop, a log, the
 * configuration, and the channel to the supervisor, whose end is the
 * process's end; and the channels to its peers.
 */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include "config/config.h"
#include "server/channel.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/role.h"

struct process {
	enum role role;
	uint32_t number; /* of a worker */
	struct loop *loop;
	struct log log;
	struct config config;
	struct channel supervisor;
	struct metrics_page *page; /* what this process counts */
	bool page_is_shared;       /* the supervisor has seen to that */
	int exit_status;
	bool ended; /* process_end() was called */
	/* What only this role understands; false for a malformed one. */
	bool (*on_message)(void *ctx, struct message *m);
	/* The supervisor wants this process to end in order. */
	void (*on_stop)(void *ctx);
	/* `config` is a new one, all of which counts now; or NULL. */
	enum yb_err (*on_reload)(void *ctx);
	void *ctx;
	char name[16];
};

/*
 * Sets the frame up on descriptor PROCESS_FIRST_FD; on_message, on_stop and
 * ctx are set by the caller before process_run(). Exits on failure.
 */
YB_CHECKED enum yb_err process_init(struct process *p, enum role role,
				    uint32_t number);

/* Tells the supervisor that this process is caged and works. */
void process_ready(struct process *p);

/* Runs until process_end(); returns the exit status. */
int process_run(struct process *p);
void process_end(struct process *p, int status);

/* The other end of a channel that the supervisor handed over. */
struct peer {
	struct channel channel;  /* its ctx is this peer */
	struct process *process; /* whose peer it is */
	bool present;
	enum role role;
	uint32_t number;
	uint64_t incarnation; /* of the process there; never used twice */
	void *owner;          /* the process's own state */
	/* NULL if it has nothing to say here. */
	bool (*on_message)(struct peer *peer, struct message *m);
	/* Its channel is gone, and comes anew with its peer; or NULL. Of one
	 * that broke the rules (`why` is not GONE) the supervisor is told,
	 * which ends it and starts it anew. */
	void (*on_end)(struct peer *peer, enum yb_err why);
};

/* Which peer it is that a PEER message introduces; NULL for nobody. */
typedef struct peer *peer_find_fn(void *owner, enum role role, uint32_t number);

/*
 * Takes a PEER message: opens the channel to the peer that `find` names, in
 * place of an older one, whose on_end is called first. owner, on_message and
 * on_end are set before. False if the message is malformed.
 */
bool peer_take(struct process *p, struct message *m, peer_find_fn *find,
	       void *owner);

#endif
