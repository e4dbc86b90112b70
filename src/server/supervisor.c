#include "server/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/notify.h"
#include "server/cage.h"
#include "server/supervisor_private.h"

enum {
	/* Sessions get this long for their last answers. */
	STOP_WORKERS_MS = 10 * 1000,
	/* And the keepers this long for their last syncs. */
	STOP_KEEPERS_MS = 30 * 1000,
	/* Of a process: what it has for itself, and a few dozen clients. */
	FDS_LEAST = 128,
};

/*
 * Every descriptor limit starts from what the system grants; with less than
 * FDS_LEAST no client could be served. False, and said, if it is less.
 */
static bool raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
		if (files.rlim_max < FDS_LEAST) {
			(void)fprintf(stderr,
				      "yubin: a process may have %llu "
				      "descriptors here, and %d are needed: "
				      "raise the hard limit (ulimit -Hn, or "
				      "LimitNOFILE= of the service)\n",
				      (unsigned long long)files.rlim_max,
				      FDS_LEAST);
			return false;
		}
	}
	return true;
}

/* ---- the order of starting and ending ---- */

static void begin_stage(struct supervisor *s, enum stage stage,
			uint64_t wait_ms)
{
	s->stage = stage;
	loop_timer_set(s->loop, &s->patience, clock_mono_ms() + wait_ms);
}

static void stop_role(struct supervisor *s, enum role role)
{
	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.child[i].role == role)
			child_stop(&s->children.child[i]);
}

static bool have_drained(const struct children *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct child *c = &all->child[i];

		if (c->role == ROLE_WORKER && c->state != CHILD_DOWN &&
		    !c->drained)
			return false;
	}
	return true;
}

static size_t keepers_running(const struct children *all)
{
	return children_running(all, ROLE_COUNT) -
	       children_running(all, ROLE_WORKER);
}

static void stop_keepers(struct supervisor *s)
{
	begin_stage(s, STAGE_KEEPERS, STOP_KEEPERS_MS);
	stop_role(s, ROLE_AUTH);
	stop_role(s, ROLE_STORE);
	stop_role(s, ROLE_METRICS);
	stop_role(s, ROLE_LOOKUP);
}

/*
 * Workers first, so that their last deliveries and deletes find the store;
 * then the keepers, which finish their syncs; then nothing is left.
 */
void supervisor_go_on_ending(struct supervisor *s)
{
	if (s->stage == STAGE_DRAINING && have_drained(&s->children))
		stop_keepers(s);
	if (s->stage == STAGE_WORKERS && s->children.leftover_n == 0 &&
	    children_running(&s->children, ROLE_WORKER) == 0)
		stop_keepers(s);
	if (s->stage != STAGE_KEEPERS || keepers_running(&s->children) > 0)
		return;
	if (s->restart.going)
		supervisor_execute(s);
	if (children_running(&s->children, ROLE_COUNT) == 0)
		loop_stop(s->loop);
}

static void begin_ending(struct supervisor *s, const char *why, int status)
{
	if (s->children.ending && !s->restart.going)
		return;
	log_message(&s->log, LOG_INFO, "stop", "%s", why);
	notify_send("STOPPING=1\nSTATUS=%s: sessions end", why);
	s->exit_status = status;
	s->children.ending = true;
	s->restart.going = false;
	control_door_close(&s->door);
	begin_stage(s, STAGE_WORKERS, STOP_WORKERS_MS);
	stop_role(s, ROLE_WORKER);
	supervisor_go_on_ending(s);
}

/* Whoever has not ended in time is ended. */
static void out_of_patience(void *ctx, uint64_t now_ms)
{
	struct supervisor *s = ctx;
	bool workers = s->stage == STAGE_DRAINING || s->stage == STAGE_WORKERS;

	(void)now_ms;
	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.child[i];

		if (workers ? c->role == ROLE_WORKER &&
				      (!c->drained || !s->restart.going)
			    : c->role != ROLE_WORKER || !s->restart.going)
			child_kill(c);
	}
	for (size_t i = 0; i < s->children.leftover_n; i++)
		if (s->stage == STAGE_WORKERS)
			(void)kill(s->children.leftover[i].pid, SIGKILL);
}

static void tell_ready(struct supervisor *s)
{
	UNSET struct log_line line;

	log_begin(&line, &s->log, LOG_INFO, "ready");
	log_field_str(&line, "version", YUBIN_VERSION);
	log_field_u64(&line, "workers",
		      children_running(&s->children, ROLE_WORKER));
	log_field_u64(&line, "ms", clock_mono_ms() - s->started_ms);
	log_end(&line);
	for (uint32_t i = 0; i < s->config.listeners_n; i++)
		log_message(&s->log, LOG_INFO, "listen", "%s",
			    s->config.listeners[i].address);
}

void supervisor_tell_systemd(struct supervisor *s)
{
	int fds[CONFIG_LISTENERS_MAX];
	size_t n = 0;

	if (s->stage != STAGE_RUNNING)
		return;
	/* Kept over `systemctl restart`, as those of a socket unit are anyway.
	 * The file of a socket with a path goes with this server. */
	for (uint32_t i = 0; i < s->config.listeners_n; i++)
		if (s->config.listeners[i].address[0] != '/' && !s->foreign[i])
			fds[n++] = s->children.listeners[i];
	notify_send("FDSTOREREMOVE=1\nFDNAME=%s", SUPERVISOR_FD_NAME);
	if (n > 0)
		notify_send_fds("FDSTORE=1\nFDNAME=" SUPERVISOR_FD_NAME, fds,
				n);
	notify_send("READY=1\nSTATUS=%u listeners, %zu workers, "
		    "configuration %llu",
		    s->config.listeners_n,
		    children_running(&s->children, ROLE_WORKER),
		    (unsigned long long)s->config.number);
}

/* The store first (it takes the lock), then auth, then the workers. */
static void on_ready(void *ctx, struct child *ready)
{
	struct supervisor *s = ctx;
	bool all = true;

	(void)ready;
	if (s->stage != STAGE_STARTING)
		return;
	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.child[i];

		if (c->state == CHILD_READY || c->unwanted)
			continue;
		all = false;
		if (c->role == ROLE_WORKER && c->state == CHILD_DOWN) {
			child_start(c);
			continue;
		}
		if (c->state == CHILD_DOWN)
			child_start(c);
		return; /* a keeper is on its way: the others wait */
	}
	for (size_t i = 0; i < s->children.n; i++)
		all = all && (s->children.child[i].state == CHILD_READY ||
			      s->children.child[i].unwanted);
	if (!all)
		return;
	s->stage = STAGE_RUNNING;
	tell_ready(s);
	supervisor_tell_systemd(s);
}

/* systemd hears of it only while all answer (a child that hangs is ended
 * before its patience is over). */
static void pulse(void *ctx, uint64_t now_ms)
{
	struct supervisor *s = ctx;
	bool silent = false;

	children_ping(&s->children);
	for (size_t i = 0; i < s->children.n; i++)
		silent = silent || child_is_silent(&s->children.child[i]);
	if (s->watchdog_ms > 0 && now_ms >= s->watchdog_at_ms && !silent) {
		notify_send("WATCHDOG=1");
		s->watchdog_at_ms = now_ms + s->watchdog_ms;
	}
	loop_timer_set(s->loop, &s->pulse,
		       now_ms + (s->watchdog_ms > 0 && s->watchdog_ms <
							       CHILDREN_PING_MS
					 ? s->watchdog_ms
					 : CHILDREN_PING_MS));
}

static void log_death(struct supervisor *s, const struct child *c, int status)
{
	UNSET struct log_line line;
	bool expected = (s->children.ending || c->told_to_end) &&
			WIFEXITED(status) && WEXITSTATUS(status) == 0;

	log_begin(&line, &s->log, expected ? LOG_INFO : LOG_ERROR, "exit");
	log_field_str(&line, "role", role_name(c->role));
	log_field_u64(&line, "number", c->number);
	log_field_u64(&line, "pid", (uint64_t)c->pid);
	if (WIFSIGNALED(status))
		log_field_u64(&line, "signal", (uint64_t)WTERMSIG(status));
	else
		log_field_u64(&line, "status", (uint64_t)WEXITSTATUS(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_field_str(&line, "msg", "made a forbidden system call");
	log_end(&line);
}

static void on_death(void *ctx, struct child *c, int status)
{
	struct supervisor *s = ctx;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : SERVER_EXIT_FAILED;

	log_death(s, c, status);
	/* Its successor starts with what is new. */
	if (c->reloading)
		supervisor_reloaded(s, c, YB_OK);
	/* What cannot even start is not a matter for trying again. */
	if (s->stage == STAGE_STARTING)
		begin_ending(s, "a process could not start",
			     code != 0 ? code : SERVER_EXIT_FAILED);
	else
		supervisor_go_on_ending(s);
}

static void on_drained(void *ctx, struct child *c)
{
	(void)c;
	supervisor_go_on_ending(ctx);
}

static void on_stranger(void *ctx, pid_t pid, int status)
{
	supervisor_stranger_died(ctx, pid, status);
	supervisor_go_on_ending(ctx);
}

static void on_reloaded(void *ctx, struct child *c, enum yb_err err)
{
	supervisor_reloaded(ctx, c, err);
}

static void on_signal(void *ctx, uint32_t events)
{
	struct supervisor *s = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->signals.fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			children_reap(&s->children);
		else if (info.ssi_signo == SIGHUP)
			supervisor_reload(s, NULL);
		else if (info.ssi_signo == SIGUSR2)
			supervisor_restart(s, NULL);
		else
			begin_ending(s,
				     info.ssi_signo == SIGINT ? "interrupted"
							      : "asked to end",
				     0);
	}
}

static enum yb_err watch_signals(struct supervisor *s)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR2);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_from_errno(errno);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	s->signals = (struct loop_io){ .fd = -1, .ready = on_signal, .ctx = s };
	return loop_watch(s->loop, &s->signals, fd, EPOLLIN);
}

/* ---- main ---- */

static void add_child(struct supervisor *s, enum role role, uint32_t number)
{
	if (children_find(&s->children, role, number) == NULL)
		(void)children_add(&s->children, role, number);
}

static bool has_metrics(const struct config *c)
{
	for (uint32_t i = 0; i < c->listeners_n; i++)
		if (c->listeners[i].service == CONFIG_METRICS)
			return true;
	return false;
}

void supervisor_add_children(struct supervisor *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t workers = s->config.workers;

	if (workers == 0)
		workers = cores > 0 ? (uint32_t)cores : 1;
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	add_child(s, ROLE_STORE, 0);
	add_child(s, ROLE_AUTH, 0);
	if (config_needs_lookup(&s->config))
		add_child(s, ROLE_LOOKUP, 0);
	for (uint32_t i = 0; i < workers; i++)
		add_child(s, ROLE_WORKER, i);
	if (has_metrics(&s->config))
		add_child(s, ROLE_METRICS, 0);
}

static enum yb_err make_page(struct supervisor *s)
{
	struct metrics_page *page;
	void *p;
	enum yb_err err = memfd_share("yubin-metrics", sizeof *page,
				      &s->children.page_fd, &p);

	if (err != YB_OK)
		return err;
	page = s->children.page = p;
	metric_set(page, METRIC_START_TIME,
		   (uint64_t)(clock_real_ns() / 1000000000));
	metric_set(page, METRIC_CONFIG_NUMBER, s->config.number);
	return YB_OK;
}

static int run(struct supervisor *s)
{
	enum yb_err err = watch_signals(s);

	if (err == YB_OK)
		err = make_page(s);
	if (err == YB_OK)
		err = cage_close_supervisor(&s->log);
	if (err != YB_OK) {
		(void)fprintf(stderr, "yubin: cannot start: %s\n",
			      err_text(err));
		return SERVER_EXIT_FAILED;
	}
	supervisor_add_children(s);
	s->watchdog_ms = notify_watchdog_ms();
	pulse(s, clock_mono_ms());
	children_reap(&s->children); /* who died while this began */
	child_start(&s->children.child[0]);
	loop_run(s->loop);
	log_flush(&s->log);
	return s->exit_status;
}

/* By its path: what stands there at a restart may be newer than this. */
static void find_program(struct supervisor *s)
{
	ssize_t n =
		readlink("/proc/self/exe", s->program, sizeof s->program - 1);

	s->program[n > 0 ? n : 0] = 0;
}

/* A test of what hangs need not wait as long as everybody else. */
static uint64_t patience_of_tests(uint64_t otherwise)
{
	const char *ms = getenv("YUBIN_HANGS_MS");
	uint64_t v;

	return getenv("YUBIN_STRICT_CAGE") != NULL && ms != NULL &&
			       num_parse(span_str(ms), otherwise, &v)
		       ? v
		       : otherwise;
}

/* All that comes before the processes; SERVER_EXIT_OK, or why not. */
static int set_up(struct supervisor *s, const char *config_file)
{
	int status;

	process_harden();
	if (!raise_limits())
		return SERVER_EXIT_FAILED;
	if (process_nowhere(&s->children.folder) != YB_OK) {
		(void)fprintf(stderr, "yubin: cannot make an empty folder in "
				      "/run or /tmp for the processes\n");
		return SERVER_EXIT_FAILED;
	}
	s->reload.reader.folder = s->children.folder;
	s->config_fd = s->log_fd = -1;
	for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
		s->children.listeners[i] = -1;
	s->started_ms = clock_mono_ms();
	loop_timer_init(&s->patience, out_of_patience, s);
	loop_timer_init(&s->pulse, pulse, s);
	s->file = config_file;
	find_program(s);
	supervisor_inherit(s);
	supervisor_reload_init(s);
	status = supervisor_load(s);
	if (status == SERVER_EXIT_OK)
		status = supervisor_prepare(s);
	if (status == SERVER_EXIT_OK &&
	    tickets_begin(&s->children.tickets, clock_mono_ms()) != YB_OK)
		status = SERVER_EXIT_FAILED;
	return status;
}

int server_main(const char *config_file)
{
	struct supervisor *s = calloc(1, sizeof *s);
	int status;

	if (s == NULL || loop_new(&s->loop) != YB_OK) {
		(void)fprintf(stderr, "yubin: out of memory\n");
		free(s);
		return SERVER_EXIT_FAILED;
	}
	status = set_up(s, config_file);
	if (status == SERVER_EXIT_OK) {
		s->children.loop = s->loop;
		s->children.log = &s->log;
		s->children.hangs_ms = patience_of_tests(CHILD_HANGS_MS);
		s->children.config = &s->config;
		s->children.config_fd = s->config_fd;
		s->children.log_fd = s->log_fd;
		s->children.next_incarnation = (uint64_t)clock_real_ns();
		s->children.on_ready = on_ready;
		s->children.on_death = on_death;
		s->children.on_reloaded = on_reloaded;
		s->children.on_drained = on_drained;
		s->children.on_stranger = on_stranger;
		s->children.ctx = s;
		status = run(s);
	}
	control_door_close(&s->door);
	for (uint32_t i = 0; i < s->config.listeners_n; i++)
		supervisor_remove_socket(s->config.listeners[i].address,
					 s->sockets[i]);
	loop_free(&s->loop);
	free(s);
	return status;
}
