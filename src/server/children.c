#include "server/children_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "os/clock.h"
#include "os/fd.h"
#include "server/breach.h"

enum {
	/* A pause after 3 deaths in 10 s; never given up. */
	DEATHS_WINDOW_MS = 10 * 1000,
	PAUSE_MS = 1000,
};

static void restart(void *ctx, uint64_t now_ms);

struct child *children_add(struct children *all, enum role role,
			   uint32_t number)
{
	struct child *c = &all->child[all->n++];

	*c = (struct child){
		.all = all, .role = role, .number = number, .state = CHILD_DOWN
	};
	c->channel.ended = true;
	c->page_fd = -1;
	c->breach_fd = -1;
	c->breach.fd = -1;
	loop_timer_init(&c->restart, restart, c);
	return c;
}

struct child *children_find(struct children *all, enum role role,
			    uint32_t number)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->child[i].role == role &&
		    all->child[i].number == number)
			return &all->child[i];
	return NULL;
}

size_t children_running(const struct children *all, enum role role)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += all->child[i].state != CHILD_DOWN &&
		     (role == ROLE_COUNT || all->child[i].role == role);
	return n;
}

/* Tells the world how many processes there should be, and are. */
static void count_processes(struct children *all)
{
	uint64_t wanted[ROLE_COUNT] = { [ROLE_SUPERVISOR] = 1 };
	uint64_t ready[ROLE_COUNT] = { [ROLE_SUPERVISOR] = 1 };
	uint64_t restarts[ROLE_COUNT] = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		const struct child *c = &all->child[i];

		wanted[c->role] += !c->unwanted;
		ready[c->role] += c->state == CHILD_READY;
		restarts[c->role] += c->restarts;
	}
	for (uint32_t i = 0; i < ROLE_COUNT; i++) {
		metric_set(all->page, METRIC_WANTED + i, wanted[i]);
		metric_set(all->page, METRIC_READY + i, ready[i]);
		metric_set(all->page, METRIC_RESTARTS + i, restarts[i]);
	}
}

/* ---- whether they answer ---- */

bool child_is_silent(const struct child *c)
{
	return c->state == CHILD_READY && c->pinged_ms != 0 &&
	       clock_mono_ms() - c->pinged_ms >= CHILD_SILENT_MS;
}

static void ping(struct child *c, uint64_t now)
{
	if (c->pinged_ms == 0) {
		c->pinged_ms = now;
		/* What cannot be sent is not answered. */
		(void)child_hand(c, MESSAGE_PING, 0, NULL, 0);
	} else if (now - c->pinged_ms >= c->all->hangs_ms) {
		log_message(c->all->log, LOG_ERROR, "hangs",
			    "%s-%u has not answered for %llu ms: it is ended",
			    role_name(c->role), c->number,
			    (unsigned long long)(now - c->pinged_ms));
		child_kill(c);
	}
}

/* Who starts may have to read a lot first; who ends has a deadline. */
void children_ping(struct children *all)
{
	uint64_t now = clock_mono_ms();

	for (size_t i = 0; i < all->n; i++)
		if (all->child[i].state == CHILD_READY)
			ping(&all->child[i], now);
}

/* ---- life and death ---- */

/*
 * Ends whoever broke the rules between two processes. A worker's word counts
 * for nothing, since outsiders speak to it: it is itself who is ended.
 */
static bool on_accused(struct child *by, struct message *m)
{
	struct message_reader r;
	uint32_t role, number;
	uint64_t incarnation;
	struct child *c;

	message_read(&r, m);
	role = message_read_u32(&r);
	number = message_read_u32(&r);
	incarnation = message_read_u64(&r);
	if (!message_read_ended(&r) || role >= ROLE_COUNT || m->fds_n != 0)
		return false;
	c = children_find(by->all, (enum role)role, number);
	/* It may have died of it, and been started again. */
	if (c == NULL || c->incarnation != incarnation)
		return true;
	child_kill(by->role == ROLE_WORKER ? by : c);
	return true;
}

static bool on_reloaded(struct child *c, struct message *m)
{
	struct message_reader r;
	enum yb_err err;

	message_read(&r, m);
	err = message_read_err(&r);
	if (!message_read_ended(&r) || m->fds_n != 0)
		return false;
	if (c->reloading)
		c->all->on_reloaded(c->all->ctx, c, err);
	return true;
}

static bool on_message(void *ctx, struct message *m)
{
	struct child *c = ctx;

	if (m->type == MESSAGE_CAGED)
		return breach_watch(c, m);
	if (m->type == MESSAGE_ACCUSED)
		return on_accused(c, m);
	if (m->type == MESSAGE_RELOADED)
		return on_reloaded(c, m);
	if (m->type == MESSAGE_PONG) {
		c->pinged_ms = 0;
		return true;
	}
	if (m->type == MESSAGE_DRAINED) {
		c->drained = true;
		c->all->on_drained(c->all->ctx, c);
		return true;
	}
	if (m->type != MESSAGE_READY)
		return false;
	if (c->state != CHILD_STARTING)
		return true; /* it was told to end meanwhile */
	c->state = CHILD_READY;
	count_processes(c->all);
	c->all->on_ready(c->all->ctx, c);
	return true;
}

/* It closed its channel or said something odd; its death tells the rest. */
static void on_end(void *ctx, enum yb_err why)
{
	struct child *c = ctx;

	if (why == YB_GONE)
		return;
	log_message(c->all->log, LOG_ERROR, "channel",
		    "%s-%u broke the rules of its channel (%s): it is ended",
		    role_name(c->role), c->number, err_name(why));
	child_kill(c);
}

static enum yb_err spawn(struct child *c)
{
	char role[32], number[12];
	const char *argv[] = { "yubin", role, number, NULL };
	struct process_start start = { .argv = argv,
				       .fds_n = 1,
				       /* Programs of others live in "/". */
				       .folder = c->role == ROLE_LOOKUP
							 ? 0
							 : c->all->folder,
				       .user = c->all->users[c->role] };
	int pair[2];
	enum yb_err err = packet_pair(pair);

	if (err != YB_OK)
		return err;
	AUTO_FD ours = pair[0];
	AUTO_FD theirs = pair[1];
	(void)snprintf(role, sizeof role, "--role=%s", role_name(c->role));
	(void)snprintf(number, sizeof number, "%u", c->number);
	start.fds = &theirs;
	err = process_start(&start, &c->pid);
	if (err != YB_OK)
		return err;
	c->state = CHILD_STARTING;
	c->channel.on_message = on_message;
	c->channel.on_end = on_end;
	c->channel.ctx = c;
	return channel_open(&c->channel, c->all->loop, fd_steal(&ours));
}

void child_start(struct child *c)
{
	enum yb_err err;

	c->incarnation = c->all->next_incarnation++;
	c->started_ms = clock_mono_ms();
	c->pinged_ms = 0;
	c->told_to_end = false;
	err = child_make_page(c);
	if (err == YB_OK)
		err = spawn(c);
	if (err == YB_OK)
		err = child_hand_all(c);
	if (err == YB_OK)
		return;
	log_message(c->all->log, LOG_ERROR, "start",
		    "%s-%u cannot be started: %s", role_name(c->role),
		    c->number, err_text(err));
	if (c->state == CHILD_DOWN)
		loop_timer_set(c->all->loop, &c->restart,
			       clock_mono_ms() + PAUSE_MS);
	else
		child_kill(c); /* and started again when it is reaped */
}

static void restart(void *ctx, uint64_t now_ms)
{
	struct child *c = ctx;

	(void)now_ms;
	if (c->state == CHILD_DOWN && !c->all->ending && !c->unwanted) {
		c->restarts += !c->told_to_end;
		child_start(c);
	}
}

bool child_reload(struct child *c)
{
	enum yb_err err;

	if (c->state != CHILD_STARTING && c->state != CHILD_READY)
		return false;
	c->reloading = true;
	err = child_hand_settings(c);
	if (err == YB_OK)
		err = child_hand(c, MESSAGE_RELOAD, 0, NULL, 0);
	if (err != YB_OK)
		child_kill(c); /* its successor begins with all that is new */
	return true;
}

void child_drain(struct child *c)
{
	if (c->state != CHILD_STARTING && c->state != CHILD_READY)
		return;
	c->state = CHILD_STOPPING;
	count_processes(c->all);
	(void)child_hand(c, MESSAGE_DRAIN, 0, NULL, 0);
}

void children_adopt(struct children *all, pid_t pid, int fd)
{
	if (all->leftover_n < WORKERS_MAX)
		all->leftover[all->leftover_n++] =
			(struct leftover){ .pid = pid, .fd = fd };
	else
		fd_close(&fd); /* it sees the end of its channel, and ends */
}

static bool bury_leftover(struct children *all, pid_t pid)
{
	for (size_t i = 0; i < all->leftover_n; i++) {
		if (all->leftover[i].pid != pid)
			continue;
		fd_close(&all->leftover[i].fd);
		all->leftover[i] = all->leftover[--all->leftover_n];
		return true;
	}
	return false;
}

void child_stop(struct child *c)
{
	if (c->state == CHILD_DOWN)
		return;
	c->state = CHILD_STOPPING;
	c->told_to_end = true;
	count_processes(c->all);
	/* If the channel is over, it is ending already. */
	(void)child_hand(c, MESSAGE_STOP, 0, NULL, 0);
}

void child_renew(struct child *c, bool wanted)
{
	c->unwanted = !wanted;
	if (c->state != CHILD_DOWN)
		child_stop(c);
	else if (wanted)
		child_start(c);
}

void child_kill(struct child *c)
{
	if (c->state != CHILD_DOWN)
		(void)kill(c->pid, SIGKILL); /* our child, not yet reaped */
}

static void buried(struct child *c, int status)
{
	struct children *all = c->all;
	uint64_t now = clock_mono_ms();
	bool often = c->deaths[DEATHS_REMEMBERED - 2] != 0 &&
		     now - c->deaths[DEATHS_REMEMBERED - 2] < DEATHS_WINDOW_MS;

	channel_close(&c->channel);
	breach_forget(c);
	c->state = CHILD_DOWN;
	if (c->page != NULL)
		metrics_forget_gauges(c->page);
	count_processes(all);
	for (size_t i = DEATHS_REMEMBERED - 1; i > 0; i--)
		c->deaths[i] = c->deaths[i - 1];
	c->deaths[0] = now;
	all->on_death(all->ctx, c, status);
	if (all->ending || c->unwanted)
		return;
	if (often && !c->told_to_end)
		loop_timer_set(all->loop, &c->restart, now + PAUSE_MS);
	else
		restart(c, now);
}

static struct child *find_pid(struct children *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->child[i].state != CHILD_DOWN &&
		    all->child[i].pid == pid)
			return &all->child[i];
	return NULL;
}

void children_reap(struct children *all)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = find_pid(all, pid);

		if (c != NULL)
			buried(c, status);
		else if (!bury_leftover(all, pid) || all->ending)
			all->on_stranger(all->ctx, pid, status);
	}
}
