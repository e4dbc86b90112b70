/*
 * The processes of the server as the supervisor sees them: started, joined by
 * channels, started again when they die, ended in order.
 */
#ifndef SERVER_CHILDREN_H
#define SERVER_CHILDREN_H

#include "config/config.h"
#include "os/process.h"
#include "server/channel.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/role.h"
#include "server/tickets.h"

enum child_state {
	CHILD_DOWN,     /* not running; perhaps about to be started again */
	CHILD_STARTING, /* running, not yet caged */
	CHILD_READY,
	CHILD_STOPPING, /* was told to end */
};

enum {
	/* A loop's turn takes milliseconds, a busy disk's a second at most. */
	CHILDREN_PING_MS = 1000,
	CHILD_SILENT_MS = 5 * 1000,
	/* Ending it costs its sessions: only what surely hangs. */
	CHILD_HANGS_MS = 30 * 1000,
};

enum { CHILDREN_MAX = 4 + WORKERS_MAX, DEATHS_REMEMBERED = 3 };

struct children;

struct child {
	struct children *all;
	enum role role;
	uint32_t number;
	enum child_state state;
	pid_t pid;
	uint64_t incarnation;
	uint64_t started_ms;
	uint32_t restarts;
	uint64_t pinged_ms; /* a ping waits for its answer since; 0: none */
	bool drained;       /* a worker without need of auth and store */
	bool unwanted;      /* the configuration has no use for it any more */
	bool told_to_end;   /* its end is no accident */
	bool reloading;     /* was handed new settings, has not said RELOADED */
	struct metrics_page *page; /* what it and its predecessors counted */
	int page_fd;
	uint64_t deaths[DEATHS_REMEMBERED]; /* when, the latest first */
	struct channel channel;
	struct loop_io breach; /* tells of forbidden system calls */
	int breach_fd;         /* -1: nobody tells */
	struct loop_timer restart;
};

/* A worker of the program that ran here before; it only sends what it has
 * begun, and its channel is held open for it. */
struct leftover {
	pid_t pid;
	int fd;
};

struct children {
	struct loop *loop;
	struct log *log;
	const struct config *config;
	int config_fd; /* sealed memfd of it */
	int log_fd;
	struct tickets tickets;
	int listeners[CONFIG_LISTENERS_MAX];
	struct metrics_page *page; /* the supervisor's own */
	int page_fd;
	int folder; /* that they stand in (process_nowhere()) */
	struct process_user users[ROLE_COUNT];
	uint64_t next_incarnation;
	bool ending;       /* nothing is started any more */
	uint64_t hangs_ms; /* CHILD_HANGS_MS, or what a test wants */
	struct child child[CHILDREN_MAX];
	size_t n;
	struct leftover leftover[WORKERS_MAX];
	size_t leftover_n;
	/* A process became ready, or died (`status` as of waitpid). */
	void (*on_ready)(void *ctx, struct child *c);
	void (*on_death)(void *ctx, struct child *c, int status);
	/* A worker has drained. */
	void (*on_drained)(void *ctx, struct child *c);
	/* A process that is none of these has died. */
	void (*on_stranger)(void *ctx, pid_t pid, int status);
	/* It goes by what it was handed anew; or, with an error, does not. */
	void (*on_reloaded)(void *ctx, struct child *c, enum yb_err err);
	void *ctx;
};

/*
 * Asks every process whether it is still there; to be called every
 * CHILDREN_PING_MS. Who has not answered for long is ended, and comes back.
 */
void children_ping(struct children *all);

/* Whether a process answers; one that does not may be stopped, or hang. */
bool child_is_silent(const struct child *c);

/* Adds a process to the list without starting it. */
struct child *children_add(struct children *all, enum role role,
			   uint32_t number);

/*
 * Starts it: hands over configuration, log, listeners and keys, and joins it
 * to those that run. What fails is logged and tried again after a pause.
 */
void child_start(struct child *c);

/*
 * Hands over what a reload has changed; false if it does not run, and will
 * start with what is new. on_reloaded() or on_death() follows.
 */
bool child_reload(struct child *c);

/* Asks a worker to make way for a successor. */
void child_drain(struct child *c);

/* Keeps a process of the program before this one. */
void children_adopt(struct children *all, pid_t pid, int fd);

/* Asks it to end in order. */
void child_stop(struct child *c);

/*
 * Ends it in order, and starts it again with all that is new; or, unless it is
 * `wanted`, not before that is said again.
 */
void child_renew(struct child *c, bool wanted);

/* Ends it at once. */
void child_kill(struct child *c);

/* Takes the dead off the kernel's list and starts them again. */
void children_reap(struct children *all);

struct child *children_find(struct children *all, enum role role,
			    uint32_t number);

/* How many of a role, or of all with ROLE_COUNT, have a process. */
size_t children_running(const struct children *all, enum role role);

#endif
