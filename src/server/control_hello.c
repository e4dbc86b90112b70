#include "server/control_hello.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "server/metrics.h"

/* Whoever is in more groups is told by the first ones; root is let in. */
enum { PEER_GROUPS_MAX = 1024, BACKLOG = 16 };

/* A command that has not yet said whom it wants. */
struct hello {
	struct list link;
	struct control_door *door;
	int fd;
	struct loop_io io;
	struct loop_timer timer;
};

static void hello_free(struct hello *h)
{
	loop_unwatch(h->door->loop, &h->io);
	loop_timer_stop(&h->timer);
	list_remove(&h->link);
	h->door->waiting_n--;
	fd_close(&h->fd);
	free(h);
}

/* ---- who is there ---- */

static bool is_in_group(int fd, gid_t group)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t size = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof groups[0]; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool is_welcome(const struct control_door *door, int fd)
{
	struct ucred who;
	socklen_t size = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return false;
	if (who.uid == 0 || who.uid == geteuid())
		return true;
	return door->has_group &&
	       (who.gid == door->group || is_in_group(fd, door->group));
}

/* ---- what the supervisor answers itself ---- */

static void put_process(void *ctx, const struct control_process *p)
{
	struct control_call *call = ctx;
	struct control_writer *w = &call->reply;

	if (!control_has_room(w))
		return;
	control_put_str(w, p->role);
	control_put_u64(w, p->number);
	control_put_u64(w, (uint64_t)p->pid);
	control_put_u64(w, p->uptime_ms);
	control_put_u64(w, p->restarts);
	control_put_u64(w, p->ready);
	control_put_u64(w, p->silent);
}

static void put_listeners(struct control_writer *w, const struct config *c)
{
	control_put_u64(w, c->listeners_n);
	for (uint32_t i = 0; i < c->listeners_n; i++) {
		const struct config_listener *l = &c->listeners[i];

		control_put_str(w, config_service_name(
					   (enum config_service)l->service));
		control_put_str(w, l->address);
		control_put_str(w, config_tls_name((enum config_tls)l->tls));
	}
}

static void put_counters(struct control_door *door, struct control_call *call)
{
	uint64_t sums[METRIC_CELLS] = { 0 };

	door->sum(door->ctx, sums);
	control_put(&call->reply, span_of(sums, sizeof sums));
	control_reply(call, YB_OK);
}

static void put_status(struct control_door *door, struct control_call *call)
{
	control_put_str(&call->reply, YUBIN_VERSION);
	control_put_str(&call->reply, door->config->file);
	put_listeners(&call->reply, door->config);
	door->report(door->ctx, put_process, call);
	control_reply(call, YB_OK);
}

static void handle_own(void *ctx, struct control_call *call)
{
	struct control_door *door = ctx;

	if (!control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else if (call->type == CONTROL_STATUS)
		put_status(door, call);
	else if (call->type == CONTROL_COUNTERS)
		put_counters(door, call);
	else if (call->type == CONTROL_RELOAD || call->type == CONTROL_RESTART)
		door->manage(door->ctx, call);
	else
		control_reply(call, YB_UNSUPPORTED);
}

/* ---- hellos ---- */

/* The owner has its own copy then, or nobody has. */
static void dispatch(struct control_door *door, uint16_t owner, int fd)
{
	if (owner == CONTROL_SUPERVISOR) {
		control_server_take(&door->own, fd);
		return;
	}
	if (owner == CONTROL_AUTH)
		(void)door->pass_on(door->ctx, ROLE_AUTH, 0, fd);
	else if (owner == CONTROL_STORE)
		(void)door->pass_on(door->ctx, ROLE_STORE, 0, fd);
	else if (owner >= CONTROL_WORKER)
		(void)door->pass_on(door->ctx, ROLE_WORKER,
				    owner - CONTROL_WORKER, fd);
	/* Where nobody took it, the command sees its end. */
	fd_close(&fd);
}

static void on_hello(void *ctx, uint32_t events)
{
	struct hello *h = ctx;
	struct control_door *door = h->door;
	struct control_hello hello;
	ssize_t n;
	int fd;

	(void)events;
	/* No room is offered for descriptors: the kernel drops them. */
	n = recv(h->fd, &hello, sizeof hello, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof hello || hello.magic != CONTROL_MAGIC ||
	    hello.version != CONTROL_VERSION) {
		hello_free(h);
		return;
	}
	loop_unwatch(door->loop, &h->io);
	fd = fd_steal(&h->fd);
	hello_free(h);
	dispatch(door, hello.owner, fd);
}

static void on_time(void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	hello_free(ctx);
}

static void begin_hello(struct control_door *door, int fd)
{
	struct hello *h = NULL;

	if (is_welcome(door, fd) && door->waiting_n < CONTROL_HELLOS_MAX)
		h = calloc(1, sizeof *h);
	if (h == NULL) {
		fd_close(&fd);
		return;
	}
	h->door = door;
	h->fd = fd;
	h->io = (struct loop_io){ .fd = -1, .ready = on_hello, .ctx = h };
	loop_timer_init(&h->timer, on_time, h);
	list_push(&door->waiting, &h->link);
	door->waiting_n++;
	loop_timer_set(door->loop, &h->timer,
		       clock_mono_ms() + CONTROL_HELLO_MS);
	if (loop_watch(door->loop, &h->io, fd, EPOLLIN | LOOP_LEVEL) != YB_OK)
		hello_free(h);
}

/* Level-triggered: one a turn, so that nobody can keep the loop busy. */
static void on_knock(void *ctx, uint32_t events)
{
	struct control_door *door = ctx;
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		begin_hello(door, fd);
}

/* ---- the socket ---- */

/* A socket that nobody answers on any more is what a killed server left. */
static enum yb_err remove_stale(const struct sockaddr_un *un)
{
	AUTO_FD probe = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (probe < 0)
		return err_from_errno(errno);
	if (connect(probe, (const struct sockaddr *)un, sizeof *un) == 0 ||
	    errno == EAGAIN)
		return YB_BUSY;
	if (errno != ECONNREFUSED || lstat(un->sun_path, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return YB_OK; /* bind() will say what is wrong */
	return unlink(un->sun_path) == 0 ? YB_OK : err_from_errno(errno);
}

static enum yb_err listen_at(const char *path, mode_t mode,
			     struct process_user user, int *ret_fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	AUTO_FD fd = -1;
	mode_t mask;
	enum yb_err err;
	int bound;

	if (!span_to_str(span_str(path), un.sun_path, sizeof un.sun_path))
		return YB_TOO_BIG;
	err = remove_stale(&un);
	if (err != YB_OK)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_from_errno(errno);
	/* From its first moment on it is closed to others. */
	mask = umask(0177);
	bound = bind(fd, (const struct sockaddr *)&un, sizeof un);
	(void)umask(mask);
	if (bound < 0)
		return errno == EADDRINUSE ? YB_BUSY : err_from_errno(errno);
	if ((user.set && chown(path, (uid_t)-1, user.gid) < 0) ||
	    chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0)
		return err_from_errno(errno);
	*ret_fd = fd_steal(&fd);
	return YB_OK;
}

enum yb_err control_door_open(struct control_door *door, const char *path,
			      mode_t mode, struct process_user user)
{
	enum yb_err err;

	door->fd = door->inherited > 0 ? door->inherited : -1;
	door->has_group = user.set;
	door->group = user.gid;
	door->waiting_n = 0;
	list_init(&door->waiting);
	door->io = (struct loop_io){ .fd = -1, .ready = on_knock, .ctx = door };
	err = control_server_init(&door->own, door->loop, handle_own, door);
	if (err == YB_OK && door->fd < 0)
		err = listen_at(path, mode, user, &door->fd);
	if (err == YB_OK)
		err = loop_watch(door->loop, &door->io, door->fd,
				 EPOLLIN | LOOP_LEVEL);
	if (err != YB_OK)
		control_door_close(door);
	return err;
}

void control_door_close(struct control_door *door)
{
	if (door->waiting.next == NULL)
		return;
	loop_unwatch(door->loop, &door->io);
	fd_close(&door->fd);
	list_for_each_safe(at, &door->waiting)
		hello_free(list_entry(at, struct hello, link));
	control_server_done(&door->own);
}
