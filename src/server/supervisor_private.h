/* What the files of the supervisor share; nobody else includes it. */
#ifndef SERVER_SUPERVISOR_PRIVATE_H
#define SERVER_SUPERVISOR_PRIVATE_H

#include "base/buf.h"
#include "os/inherit.h"
#include "os/socket.h"
#include "server/children.h"
#include "server/config_reader.h"
#include "server/control_hello.h"
#include "server/supervisor.h"

enum stage {
	STAGE_STARTING,
	STAGE_RUNNING,
	STAGE_DRAINING, /* for a restart: sessions end in their own time */
	STAGE_WORKERS,  /* for the end: sessions say their last line */
	STAGE_KEEPERS,
};

/* What systemd, and the next program, know our listeners by. */
#define SUPERVISOR_FD_NAME "yubin"

struct file_marks {
	struct file_mark of[1 + CONFIG_CERTIFICATES_MAX][2];
};

/* A reload on its way; see supervisor_reload.c. */
struct reload {
	struct config_reader reader;
	struct control_call *call; /* of `yubin reload`; NULL: SIGHUP */
	bool busy, again;
	bool partly;       /* a process could not follow */
	unsigned changes;  /* told */
	unsigned restarts; /* keys that wait for a restart */
	struct loop_timer patience;
};

/* A restart on its way; see supervisor_restart.c. */
struct restart {
	struct control_call *call; /* until the new program was asked */
	pid_t pid;                 /* of the new program, asked; or 0 */
	bool dead, going;
	int status;
	int fd; /* what it has to say; -1 once all is read */
	struct loop_io io;
	struct loop_timer patience;
	struct buf words;
};

struct supervisor {
	struct loop *loop;
	struct log log;
	struct config config;
	struct file_marks marks;       /* of the certificates in use */
	const char *file;              /* as given to `yubin serve` */
	char program[CONFIG_PATH_LEN]; /* that runs here, by its path */
	struct inherited inherited[INHERITED_MAX];
	size_t inherited_n;
	int config_fd, log_fd;
	enum stage stage;
	int exit_status;
	uint64_t started_ms;
	struct loop_io signals;
	struct loop_timer pulse; /* pings, and systemd's watchdog */
	uint64_t watchdog_ms;    /* how often it wants to hear; 0: never */
	uint64_t watchdog_at_ms;
	struct loop_timer patience;
	struct control_door door;
	ino_t sockets[CONFIG_LISTENERS_MAX]; /* that were made; 0: none */
	bool foreign[CONFIG_LISTENERS_MAX];  /* of a socket unit */
	struct children children;
	struct reload reload;
	struct restart restart;
};

/* ---- supervisor_prepare.c: what has to be there first ---- */

/* Each says on standard error what is wrong; the exit code of serve. */
int supervisor_load(struct supervisor *s);
int supervisor_prepare(struct supervisor *s);

/*
 * The user that a role has; its name, of CONFIG_TEXT_MAX + ROLE_SUFFIX_MAX, is
 * told either way. Nobody stands in for one that owns no files. False if there
 * is none.
 */
bool supervisor_find_user(struct supervisor *s, enum role role, char *name);

/* The log as the configuration wants it. */
YB_CHECKED enum yb_err supervisor_open_log(const struct config *config,
					   int *ret_fd);

/* Binds one listener; `ret_inode` is 0 unless it made a socket file. */
YB_CHECKED enum yb_err supervisor_bind(const struct config_listener *l,
				       int *ret_fd, ino_t *ret_inode);

/* Removes a socket file unless another program has made it anew. */
void supervisor_remove_socket(const char *address, ino_t inode);

/* ---- supervisor.c ---- */

/* Tells systemd that all is ready, again after a reload. */
void supervisor_tell_systemd(struct supervisor *s);

/* Goes on with ending, or restarting, after a process has ended. */
void supervisor_go_on_ending(struct supervisor *s);

/* Has the processes that the configuration wants, in the order of starting. */
void supervisor_add_children(struct supervisor *s);

/* ---- supervisor_control.c ---- */

/* Opens run/control; as supervisor_prepare(). */
int supervisor_open_door(struct supervisor *s);

/* ---- supervisor_reload.c ---- */

void supervisor_reload_init(struct supervisor *s);

/* Begins a reload; `call`, unless NULL, is replied to at its end. */
void supervisor_reload(struct supervisor *s, struct control_call *call);

/* A process has taken over what it was handed, or has died. */
void supervisor_reloaded(struct supervisor *s, struct child *c,
			 enum yb_err err);

/* ---- supervisor_restart.c ---- */

/* Takes what this process was started with: sockets, older workers. */
void supervisor_inherit(struct supervisor *s);

/*
 * A socket that was handed over and listens at `address`; -1 if there is
 * none. `ret_own`: this server has made it itself, its file too.
 */
int supervisor_find_inherited(struct supervisor *s, int type,
			      const struct socket_address *address,
			      bool *ret_own);

/* Closes those that nobody wanted; they may stand in the way of others. */
void supervisor_drop_inherited(struct supervisor *s);

/*
 * Asks the program on the disk whether it can take over, and then lets it.
 * `call`, unless NULL, is replied to once it has said so.
 */
void supervisor_restart(struct supervisor *s, struct control_call *call);
void supervisor_stranger_died(struct supervisor *s, pid_t pid, int status);

/* Auth and store have ended: the program takes this one's place. */
__attribute__((noreturn)) void supervisor_execute(struct supervisor *s);

#endif
