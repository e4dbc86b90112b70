/*
 * The supervisor's door for commands: the listening socket run/control. It
 * looks who is there, reads the hello, hands the connection to the process
 * that owns the data, and answers itself what is asked of the supervisor.
 *
 * Let in are root, the user that the server runs as, and members of the
 * socket's group. The kernel checks the socket's mode, the door checks the
 * peer's credentials once more.
 */
#ifndef SERVER_CONTROL_HELLO_H
#define SERVER_CONTROL_HELLO_H

#include <sys/types.h>

#include "config/config.h"
#include "net/loop.h"
#include "os/process.h"
#include "server/control_server.h"
#include "server/role.h"

enum {
	/* Commands that have connected and not yet said whom they want. */
	CONTROL_HELLOS_MAX = 16,
	/* A command says it at once. */
	CONTROL_HELLO_MS = 5 * 1000,
};

/* One process, as `yubin status` shows it. */
struct control_process {
	const char *role;
	uint32_t number;
	pid_t pid; /* 0: not running */
	uint64_t uptime_ms;
	uint32_t restarts;
	bool ready;
	bool silent; /* but does not answer */
};

typedef void control_process_fn(void *ctx, const struct control_process *p);

struct control_door {
	/* Set by the owner before control_door_open(). */
	struct loop *loop;
	const struct config *config;
	/* Hands `fd` to that process; false if it does not run. The door
	 * closes its own copy. */
	bool (*pass_on)(void *ctx, enum role owner, uint32_t number, int fd);
	/* Tells every process, the supervisor first. */
	void (*report)(void *ctx, control_process_fn *each, void *each_ctx);
	/* What all processes have counted (METRIC_CELLS). */
	void (*sum)(void *ctx, uint64_t *sums);
	/* Begins a reload or a restart; replies to the call, now or later. */
	void (*manage)(void *ctx, struct control_call *call);
	void *ctx;
	int inherited; /* the socket, if it is there already; or 0 */
	/* private */
	int fd;
	bool has_group;
	gid_t group;
	struct loop_io io;
	struct list waiting;
	unsigned waiting_n;
	struct control_server own;
};

/*
 * Makes the socket with `mode`; its group is that of `user` where that is
 * set. BUSY if a server listens there already; ACCESS, NOT_FOUND (no folder),
 * TOO_BIG (path), NOMEM.
 */
YB_CHECKED enum yb_err control_door_open(struct control_door *door,
					 const char *path, mode_t mode,
					 struct process_user user);

/* Closes the door and what stands in it. Harmless twice, and unopened. */
void control_door_close(struct control_door *door);

#endif
