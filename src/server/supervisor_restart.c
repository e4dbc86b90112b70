/*
 * A restart that refuses nobody: the program that is on the disk now, perhaps
 * a newer one, takes this one's place in the same process. Listeners stay
 * open, and who connects meanwhile waits in their queues.
 *
 * RUNNING -> asking the new program whether it can [supervisor_restart]
 *         -> STAGE_DRAINING: workers end their sessions [begin_draining]
 *         -> STAGE_KEEPERS: auth and store end, the store's lock is free
 *         -> execve [supervisor_execute]
 *
 * A worker that only sends what it has begun needs neither auth nor store: it
 * goes on, and the new program keeps its channel open until it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/inherit.h"
#include "os/notify.h"
#include "server/drain.h"
#include "server/supervisor_private.h"

enum {
	/* `yubin check` takes milliseconds. */
	ASK_MS = 20 * 1000,
	/* Workers tell within DRAIN_MS; who does not hangs. */
	DRAIN_WAIT_MS = DRAIN_MS + 5 * 1000,
	/* What the new program has to say about the configuration. */
	WORDS_MAX = 16 * 1024,
};

/* Of descriptors that are handed on; what follows the dot is a process. */
static const char own_name[] = SUPERVISOR_FD_NAME;
static const char foreign_name[] = "unit";
static const char leftover_name[] = "yubin-drains.";

/* ---- what was handed on ---- */

void supervisor_inherit(struct supervisor *s)
{
	s->inherited_n = inherited_take(s->inherited);
	for (size_t i = 0; i < s->inherited_n; i++) {
		struct inherited *h = &s->inherited[i];
		struct span name = span_str(h->name);
		uint64_t pid;

		if (h->fd < 0 || !span_starts(name, span_str(leftover_name)) ||
		    !num_parse(span_skip(name, sizeof leftover_name - 1),
			       INT32_MAX, &pid))
			continue;
		children_adopt(&s->children, (pid_t)pid, fd_steal(&h->fd));
	}
}

int supervisor_find_inherited(struct supervisor *s, int type,
			      const struct socket_address *address,
			      bool *ret_own)
{
	for (size_t i = 0; i < s->inherited_n; i++) {
		struct inherited *h = &s->inherited[i];

		if (h->fd < 0 || !socket_is_listening(h->fd, type, address))
			continue;
		*ret_own = strcmp(h->name, own_name) == 0;
		return fd_steal(&h->fd);
	}
	return -1;
}

void supervisor_drop_inherited(struct supervisor *s)
{
	for (size_t i = 0; i < s->inherited_n; i++) {
		if (s->inherited[i].fd < 0)
			continue;
		log_message(&s->log, LOG_INFO, "listen",
			    "a socket was handed over (%s) that the "
			    "configuration does not name: it is closed",
			    s->inherited[i].name);
		fd_close(&s->inherited[i].fd);
	}
	s->inherited_n = 0;
}

/* ---- handing on ---- */

static void hand_on(struct inherited *list, size_t *n, int fd, const char *name)
{
	if (fd < 0 || *n == INHERITED_MAX)
		return;
	list[*n].fd = fd;
	(void)snprintf(list[*n].name, sizeof list[*n].name, "%s", name);
	++*n;
}

static void hand_on_worker(struct inherited *list, size_t *n, int fd, pid_t pid)
{
	char name[INHERITED_NAME_MAX];

	(void)snprintf(name, sizeof name, "%s%d", leftover_name, (int)pid);
	hand_on(list, n, fd, name);
}

void supervisor_execute(struct supervisor *s)
{
	const char *argv[] = { "yubin", "serve", "-c", s->file, NULL };
	struct children *all = &s->children;
	struct inherited list[INHERITED_MAX];
	size_t n = 0;
	enum yb_err err;

	for (uint32_t i = 0; i < s->config.listeners_n; i++)
		hand_on(list, &n, all->listeners[i],
			s->foreign[i] ? foreign_name : own_name);
	hand_on(list, &n, s->door.fd, own_name);
	for (size_t i = 0; i < all->leftover_n; i++)
		hand_on_worker(list, &n, all->leftover[i].fd,
			       all->leftover[i].pid);
	for (size_t i = 0; i < all->n; i++)
		if (all->child[i].state != CHILD_DOWN)
			hand_on_worker(list, &n, all->child[i].channel.fd,
				       all->child[i].pid);
	log_message(&s->log, LOG_INFO, "restart", "executing %s", s->program);
	log_flush(&s->log);
	err = inherit_exec(s->program, argv, list, n);
	/* Descriptors may have been replaced: nothing can be gone on with. */
	(void)fprintf(stderr, "yubin: cannot execute %s: %s\n", s->program,
		      err_text(err));
	_exit(SERVER_EXIT_FAILED);
}

/* ---- asking the new program ---- */

static void tell_words(struct supervisor *s)
{
	struct control_call *call = s->restart.call;
	struct span rest = buf_span(&s->restart.words);

	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		if (line.n == 0)
			continue;
		log_message(&s->log, LOG_ERROR, "restart", "%.*s", (int)line.n,
			    (const char *)line.p);
		if (call == NULL || !control_has_room(&call->reply))
			continue;
		control_put_str(&call->reply, "problem");
		control_put_u64(&call->reply, 0);
		control_put_u64(&call->reply, 0);
		control_put(&call->reply, line);
	}
}

static void begin_draining(struct supervisor *s)
{
	log_message(&s->log, LOG_INFO, "restart", "sessions end in order");
	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=restarting: "
		    "sessions end",
		    (unsigned long long)clock_mono_ms() * 1000);
	s->restart.going = true;
	s->children.ending = true;
	s->stage = STAGE_DRAINING;
	loop_timer_set(s->loop, &s->patience, clock_mono_ms() + DRAIN_WAIT_MS);
	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.child[i].role == ROLE_WORKER)
			child_drain(&s->children.child[i]);
	supervisor_go_on_ending(s);
}

static void finish_asking(struct supervisor *s)
{
	struct restart *r = &s->restart;
	struct control_call *call = r->call;
	bool good = WIFEXITED(r->status) &&
		    WEXITSTATUS(r->status) == SERVER_EXIT_OK;

	loop_unwatch(s->loop, &r->io);
	fd_close(&r->fd);
	loop_timer_stop(&r->patience);
	if (!good && r->words.n == 0)
		(void)buf_addf(&r->words, "%s: cannot be executed (%s %d)\n",
			       s->program,
			       WIFEXITED(r->status) ? "exit" : "signal",
			       WIFEXITED(r->status) ? WEXITSTATUS(r->status)
						    : WTERMSIG(r->status));
	if (!good)
		tell_words(s);
	buf_done(&r->words);
	r->pid = 0;
	r->call = NULL;
	if (call != NULL)
		control_reply(call, good ? YB_OK : YB_INVALID);
	if (good && s->stage == STAGE_RUNNING)
		begin_draining(s);
}

/* It is over when it has died and all that it said was read. */
static void check_asked(struct supervisor *s)
{
	if (s->restart.dead && s->restart.fd < 0)
		finish_asking(s);
}

static void on_words(void *ctx, uint32_t events)
{
	struct supervisor *s = ctx;
	struct restart *r = &s->restart;
	char text[1024];
	ssize_t n;

	(void)events;
	while ((n = read(r->fd, text, sizeof text)) > 0)
		/* What finds no room is cut. */
		(void)buf_add(&r->words, span_of(text, (size_t)n));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_unwatch(s->loop, &r->io);
	fd_close(&r->fd);
	check_asked(s);
}

static void out_of_patience(void *ctx, uint64_t now_ms)
{
	struct supervisor *s = ctx;

	(void)now_ms;
	(void)kill(s->restart.pid, SIGKILL); /* its death ends it */
}

void supervisor_stranger_died(struct supervisor *s, pid_t pid, int status)
{
	struct restart *r = &s->restart;

	if (r->pid == 0 || pid != r->pid || r->dead)
		return;
	r->dead = true;
	r->status = status;
	/* What it said last may still be in the pipe. */
	on_words(s, 0);
	if (r->fd >= 0) {
		/* Somebody else holds its other end. */
		loop_unwatch(s->loop, &r->io);
		fd_close(&r->fd);
		check_asked(s);
	}
}

static enum yb_err ask(struct supervisor *s)
{
	const char *argv[] = { "yubin", "check", "-c", s->file, NULL };
	struct restart *r = &s->restart;
	int pair[2];
	enum yb_err err;

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_from_errno(errno);
	AUTO_FD ours = pair[0];
	AUTO_FD theirs = pair[1];
	const struct process_start start = { .program = s->program,
					     .argv = argv,
					     .keep_rights = true,
					     .error_fd = theirs };
	err = process_start(&start, &r->pid);
	if (err != YB_OK)
		return err;
	r->dead = false;
	r->status = 0;
	buf_init(&r->words, WORDS_MAX);
	r->fd = fd_steal(&ours);
	r->io = (struct loop_io){ .fd = -1, .ready = on_words, .ctx = s };
	loop_timer_init(&r->patience, out_of_patience, s);
	loop_timer_set(s->loop, &r->patience, clock_mono_ms() + ASK_MS);
	return loop_watch(s->loop, &r->io, r->fd, EPOLLIN | LOOP_LEVEL);
}

void supervisor_restart(struct supervisor *s, struct control_call *call)
{
	enum yb_err err = YB_BUSY;

	if (s->stage == STAGE_RUNNING && !s->reload.busy && s->restart.pid == 0)
		err = ask(s);
	if (err == YB_OK) {
		s->restart.call = call;
		return;
	}
	log_message(&s->log, LOG_WARN, "restart", "not now: %s", err_text(err));
	if (call != NULL)
		control_reply(call, err);
}
