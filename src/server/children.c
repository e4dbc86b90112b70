#include "server/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "server/breach.h"
#include "server/lookup.h"

enum {
	/* A pause after 3 deaths in 10 s; never given up. */
	DEATHS_WINDOW_MS = 10 * 1000,
	PAUSE_MS = 1000,
};

/* Which roles talk to each other. */
static bool are_joined(enum role a, enum role b)
{
	const unsigned keepers = 1u << ROLE_STORE | 1u << ROLE_AUTH;
	const unsigned all = keepers | 1u << ROLE_WORKER;

	if (a == ROLE_LOOKUP || b == ROLE_LOOKUP)
		return a == ROLE_AUTH || b == ROLE_AUTH;
	return a != b && (all >> a & 1) != 0 && (all >> b & 1) != 0;
}

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

/* ---- what is counted ---- */

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

/* The metrics process may read it, and cannot write it. */
static enum yb_err show_page(struct child *metrics, enum role role, int fd)
{
	AUTO_FD reader = -1;
	struct message_writer w;
	struct span body;
	enum yb_err err = memfd_reader(fd, &reader);

	if (err != YB_OK)
		return err;
	message_write(&w);
	message_write_u32(&w, role);
	body = message_written(&w);
	return channel_send(&metrics->channel, MESSAGE_PAGE_OF, 0, &body, 1,
			    &reader, 1);
}

static enum yb_err show_pages(struct child *metrics)
{
	struct children *all = metrics->all;
	enum yb_err err = show_page(metrics, ROLE_SUPERVISOR, all->page_fd);

	for (size_t i = 0; i < all->n && err == YB_OK; i++)
		if (all->child[i].page != NULL)
			err = show_page(metrics, all->child[i].role,
					all->child[i].page_fd);
	return err;
}

/* Made once: successors count on where a process has died. */
static enum yb_err make_page(struct child *c)
{
	struct child *metrics = children_find(c->all, ROLE_METRICS, 0);
	void *page;
	enum yb_err err;

	if (c->page != NULL)
		return YB_OK;
	err = memfd_share("yubin-metrics", sizeof *c->page, &c->page_fd, &page);
	if (err != YB_OK)
		return err;
	c->page = page;
	if (metrics != NULL && metrics != c && !metrics->channel.ended)
		err = show_page(metrics, c->role, c->page_fd);
	return err;
}

/* ---- handing over ---- */

static enum yb_err hand_over(struct child *c, enum message_type type,
			     uint64_t id, const int *fds, size_t n)
{
	return channel_send(&c->channel, type, id, NULL, 0, fds, n);
}

static enum yb_err introduce(struct child *to, const struct child *other,
			     int fd)
{
	struct message_writer w;
	struct span body;

	message_write(&w);
	message_write_u32(&w, other->role);
	message_write_u32(&w, other->number);
	message_write_u64(&w, other->incarnation);
	body = message_written(&w);
	return channel_send(&to->channel, MESSAGE_PEER, 0, &body, 1, &fd, 1);
}

/* A new pair between two processes; it takes the place of an older one. */
static enum yb_err join(struct child *a, struct child *b)
{
	int pair[2];
	enum yb_err err = packet_pair(pair);

	if (err != YB_OK)
		return err;
	AUTO_FD end_a = pair[0];
	AUTO_FD end_b = pair[1];
	err = introduce(a, b, end_a);
	if (err == YB_OK)
		err = introduce(b, a, end_b);
	return err;
}

static enum yb_err join_all(struct child *c)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < c->all->n && err == YB_OK; i++) {
		struct child *other = &c->all->child[i];

		if (other != c && !other->channel.ended &&
		    other->state != CHILD_STOPPING &&
		    are_joined(c->role, other->role))
			err = join(c, other);
	}
	return err;
}

/*
 * Each worker reads the files through descriptors of its own. Links are
 * followed: that is how certificates are renewed (certbot's live/).
 */
static enum yb_err hand_over_pair(struct child *c, size_t i)
{
	const struct config *config = c->all->config;
	int flags = O_RDONLY | O_CLOEXEC;
	AUTO_FD certificate = open(config_pair_certificate(config, i), flags);
	AUTO_FD key = open(config_pair_key(config, i), flags);

	if (certificate < 0 || key < 0)
		return err_from_errno(errno);
	const int fds[] = { certificate, key };
	return hand_over(c, MESSAGE_KEYS, i, fds, 2);
}

static enum yb_err hand_over_client_ca(struct child *c)
{
	const struct config *config = c->all->config;

	if (config->client_ca[0] == 0 || config_pairs(config) == 0)
		return YB_OK;
	AUTO_FD fd = open(config->client_ca, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	return hand_over(c, MESSAGE_CLIENT_CA, 0, &fd, 1);
}

static enum yb_err hand_over_keys(struct child *c)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; err == YB_OK && i < config_pairs(c->all->config);
	     i++)
		err = hand_over_pair(c, i);
	return err == YB_OK ? hand_over_client_ca(c) : err;
}

static enum yb_err hand_over_tickets(struct child *c)
{
	struct message_writer w;
	struct span body;
	enum yb_err err = tickets_advance(&c->all->tickets, clock_mono_ms());

	if (err != YB_OK)
		return err;
	tickets_write(&c->all->tickets, &w);
	body = message_written(&w);
	err = channel_send(&c->channel, MESSAGE_TICKETS, 0, &body, 1, NULL, 0);
	mem_wipe(&w, sizeof w);
	return err;
}

static enum yb_err hand_over_listeners(struct child *c)
{
	const struct config *config = c->all->config;
	enum yb_err err = YB_OK;

	for (uint32_t i = 0; i < config->listeners_n && !err; i++)
		if ((config->listeners[i].service == CONFIG_METRICS) ==
		    (c->role == ROLE_METRICS))
			err = hand_over(c, MESSAGE_LISTENER, i,
					&c->all->listeners[i], 1);
	return err;
}

/* Their owner may be root, so that no other process could open them. */
static enum yb_err hand_over_token_files(struct child *c)
{
	const char *const paths[LOOKUP_FILES] = {
		[LOOKUP_FILE_SECRET] = c->all->config->oauth_client_secret_file,
		[LOOKUP_FILE_CA] = c->all->config->oauth_ca,
	};
	enum yb_err err = YB_OK;

	for (uint64_t i = 0; i < LOOKUP_FILES && err == YB_OK; i++) {
		AUTO_FD fd = -1;

		if (*paths[i] == 0)
			continue;
		fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		err = fd < 0 ? err_from_errno(errno)
			     : hand_over(c, MESSAGE_TOKEN_FILE, i, &fd, 1);
	}
	return err;
}

/* What it goes by; the same at the start and at a reload. */
static enum yb_err hand_over_settings(struct child *c)
{
	enum yb_err err =
		hand_over(c, MESSAGE_CONFIG, 0, &c->all->config_fd, 1);

	if (err == YB_OK)
		err = hand_over(c, MESSAGE_LOG, 0, &c->all->log_fd, 1);
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = hand_over_keys(c);
	if (err == YB_OK && c->role == ROLE_LOOKUP)
		err = hand_over_token_files(c);
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = hand_over_tickets(c);
	if (err == YB_OK && (c->role == ROLE_WORKER || c->role == ROLE_METRICS))
		err = hand_over_listeners(c);
	return err;
}

static enum yb_err hand_over_all(struct child *c)
{
	enum yb_err err = hand_over_settings(c);

	if (err == YB_OK)
		err = hand_over(c, MESSAGE_PAGE, 0, &c->page_fd, 1);
	if (err == YB_OK && c->role == ROLE_METRICS)
		err = show_pages(c);
	/* A keeper has to be open before somebody asks it, a worker joined
	 * before somebody connects. */
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = join_all(c);
	if (err == YB_OK)
		err = hand_over(c, MESSAGE_START, 0, NULL, 0);
	if (err == YB_OK && c->role != ROLE_WORKER)
		err = join_all(c);
	return err;
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
		(void)hand_over(c, MESSAGE_PING, 0, NULL, 0);
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
	err = make_page(c);
	if (err == YB_OK)
		err = spawn(c);
	if (err == YB_OK)
		err = hand_over_all(c);
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
	err = hand_over_settings(c);
	if (err == YB_OK)
		err = hand_over(c, MESSAGE_RELOAD, 0, NULL, 0);
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
	(void)hand_over(c, MESSAGE_DRAIN, 0, NULL, 0);
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
	(void)hand_over(c, MESSAGE_STOP, 0, NULL, 0);
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
