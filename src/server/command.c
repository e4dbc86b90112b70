#include "server/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"
#include "os/process.h"

enum {
	/* Read from a pipe at a time. */
	CHUNK = 4096,
	/* A line of standard error; longer ones are cut into several. */
	SAID_MAX = 512,
	/* Pieces of JSON in a process that lives long are small. */
	SAYS_WINDOW_MS = 1000,
};

struct question {
	struct list link; /* in command.waiting, or none: a process has it */
	uint64_t id;
	uint64_t due_ms;
	command_done_fn *done;
	void *ctx;
	size_t n;
	uint8_t line[];
};

/*
 * One process of the program:
 *
 *	NONE -> IDLE [start] <-> BUSY [give, take_answer]
 *	IDLE, BUSY -> ENDING [end_process] -> NONE [on_exit]
 */
enum state { NONE, IDLE, BUSY, ENDING };

struct answerer {
	struct command *command;
	enum state state;
	pid_t pid;
	int in, out, err, pidfd;
	struct loop_io in_io, out_io, err_io, exit_io;
	struct question *asked;
	size_t written; /* of its line */
	bool has_answered;
	bool renew; /* to be ended after its answer */
	struct buf heard, said;
};

struct command {
	struct loop *loop;
	struct log *log;
	const char *name;
	char *program;
	unsigned processes;
	uint32_t timeout_ms;
	struct loop_timer timer; /* the first deadline */
	struct list waiting;     /* questions, the oldest first */
	size_t waiting_n;
	uint64_t next_id;
	unsigned failures;       /* processes in a row without an answer */
	uint64_t pause_until_ms; /* nothing is started before */
	uint64_t says_until_ms;  /* lines of standard error are counted */
	unsigned says_n;
	struct answerer answerers[COMMAND_PROCESSES_MAX];
};

/* ---- JSON ---- */

/* Each piece remembers its size, in front of it. */
static void *take(size_t n)
{
	size_t *p = malloc(sizeof(max_align_t) + n);

	if (p == NULL)
		return NULL;
	*p = n;
	return (char *)p + sizeof(max_align_t);
}

static void wipe(void *p)
{
	size_t *at;

	if (p == NULL)
		return;
	at = (void *)((char *)p - sizeof(max_align_t));
	mem_wipe(p, *at);
	free(at);
}

void command_prepare_json(void)
{
	json_set_alloc_funcs(take, wipe);
}

/* ---- outcomes ---- */

static void finish(struct question *q, enum yb_err err, const json_t *answer)
{
	command_done_fn *done = q->done;
	void *ctx = q->ctx;

	mem_wipe(q->line, q->n);
	free(q);
	done(ctx, err, answer);
}

static void stop_waiting(struct command *c, struct question *q)
{
	list_remove(&q->link);
	c->waiting_n--;
}

static void fail_waiting(struct command *c, enum yb_err err)
{
	while (!list_empty(&c->waiting)) {
		struct question *q =
			list_entry(c->waiting.next, struct question, link);

		stop_waiting(c, q);
		finish(q, err, NULL);
	}
}

static void go_on(struct command *c);

/* ---- a process ---- */

static void stop_hearing(struct answerer *p)
{
	struct loop *loop = p->command->loop;

	loop_unwatch(loop, &p->in_io);
	loop_unwatch(loop, &p->out_io);
	loop_unwatch(loop, &p->err_io);
	fd_close(&p->in);
	fd_close(&p->out);
	fd_close(&p->err);
	buf_wipe(&p->heard);
	buf_done(&p->heard);
	buf_done(&p->said);
}

/*
 * With all that it has started. What it was asked, if anything, is failed, or
 * asked again of another one.
 */
static void end_process(struct answerer *p, enum yb_err err)
{
	struct command *c = p->command;
	struct question *q = p->asked;
	/* One that exits after an answer may be given the next question before
	 * its end is seen; a fresh one that leaves so has failed. */
	bool left = err == YB_GONE && p->has_answered && q != NULL &&
		    p->heard.n == 0;

	if (p->state == ENDING || p->state == NONE)
		return;
	(void)kill(-p->pid, SIGKILL);
	(void)kill(p->pid, SIGKILL); /* before it has a group of its own */
	p->state = ENDING;
	p->asked = NULL;
	stop_hearing(p);
	if (q == NULL)
		return;
	if (left) {
		list_push_front(&c->waiting, &q->link);
		c->waiting_n++;
		return;
	}
	if (err == YB_GONE)
		log_message(c->log, LOG_ERROR, "command",
			    "%s: a process of %s has left without an answer",
			    c->name, c->program);
	if (++c->failures >= COMMAND_FAILURES_MAX)
		c->pause_until_ms = loop_now(c->loop) + COMMAND_PAUSE_MS;
	finish(q, err, NULL);
}

static void tell_wrong(struct answerer *p, const char *what)
{
	struct command *c = p->command;

	log_message(c->log, LOG_ERROR, "command",
		    "%s: a process of %s %s: it is ended", c->name, c->program,
		    what);
}

static void break_off(struct answerer *p, const char *what, enum yb_err err)
{
	tell_wrong(p, what);
	end_process(p, err);
	go_on(p->command);
}

/* ---- standard error ---- */

/* The first lines of a second; what else there is, is counted. */
static void say(struct answerer *p, struct span text)
{
	struct command *c = p->command;
	struct log_line line;
	uint64_t now = loop_now(c->loop);

	if (now >= c->says_until_ms) {
		if (c->says_n > COMMAND_SAYS_MAX)
			log_message(c->log, LOG_WARN, "command_said",
				    "%s: %u more lines were left out", c->name,
				    c->says_n - COMMAND_SAYS_MAX);
		c->says_until_ms = now + SAYS_WINDOW_MS;
		c->says_n = 0;
	}
	if (++c->says_n > COMMAND_SAYS_MAX)
		return;
	log_begin(&line, c->log, LOG_WARN, "command_said");
	log_field_str(&line, "command", c->name);
	log_field_u64(&line, "pid", (uint64_t)p->pid);
	log_field(&line, "text", text);
	log_end(&line);
}

static void say_lines(struct answerer *p, bool all)
{
	for (;;) {
		struct span rest = buf_span(&p->said), line;
		size_t n = rest.n;

		line = span_cut(&rest, '\n');
		if (line.n == n && !all && buf_space(&p->said) > 0)
			return;
		if (n == 0)
			return;
		if (line.n > 0)
			say(p, line);
		buf_drop(&p->said, line.n < n ? line.n + 1 : n);
	}
}

static void on_error_text(void *ctx, uint32_t events)
{
	struct answerer *p = ctx;
	uint8_t octets[CHUNK];
	ssize_t n = read(p->err, octets, sizeof octets);
	struct span rest = span_of(octets, n > 0 ? (size_t)n : 0);

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* It may do without. */
		say_lines(p, true);
		loop_unwatch(p->command->loop, &p->err_io);
		fd_close(&p->err);
		return;
	}
	while (rest.n > 0) {
		size_t part = buf_space(&p->said) < rest.n ? buf_space(&p->said)
							   : rest.n;

		if (buf_add(&p->said, span_head(rest, part)) != YB_OK)
			return; /* no memory: the text is lost */
		rest = span_skip(rest, part);
		say_lines(p, false);
	}
}

/* ---- answers ---- */

static void take_answer(struct answerer *p)
{
	struct command *c = p->command;
	struct question *q = p->asked;
	json_t *answer = json_loadb((const char *)p->heard.p, p->heard.n - 1,
				    JSON_REJECT_DUPLICATES, NULL);
	const json_t *id = json_object_get(answer, "id");

	if (!json_is_object(answer) || !json_is_integer(id) ||
	    (uint64_t)json_integer_value(id) != q->id) {
		tell_wrong(p, !json_is_object(answer)
				      ? "did not say a JSON object"
				      : "gave an answer without the id of its "
					"question");
		end_process(p, YB_INVALID);
		json_decref(answer);
		go_on(c);
		return;
	}
	p->asked = NULL;
	p->state = IDLE;
	p->has_answered = true;
	c->failures = 0;
	buf_wipe(&p->heard);
	if (p->renew)
		end_process(p, YB_GONE);
	finish(q, YB_OK, answer);
	json_decref(answer);
	go_on(c);
}

static void on_output(void *ctx, uint32_t events)
{
	struct answerer *p = ctx;
	uint8_t octets[CHUNK];
	ssize_t n = read(p->out, octets, sizeof octets);
	struct span all;
	enum yb_err err;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Its exit tells the rest. */
		end_process(p, YB_GONE);
		go_on(p->command);
		return;
	}
	if (p->state != BUSY) {
		break_off(p, "speaks without being asked", YB_INVALID);
		return;
	}
	err = buf_add(&p->heard, span_of(octets, (size_t)n));
	mem_wipe(octets, (size_t)n);
	all = buf_span(&p->heard);
	if (err != YB_OK)
		break_off(p, "says more than an answer may hold", YB_INVALID);
	else if (span_find(all, '\n') + 1 < all.n)
		break_off(p, "says more than one line", YB_INVALID);
	else if (all.p[all.n - 1] == '\n')
		take_answer(p);
}

static void on_exit_of(void *ctx, uint32_t events)
{
	struct answerer *p = ctx;
	struct command *c = p->command;
	int status = 0;

	(void)events;
	/* What it said last is still in the pipes. */
	for (int i = 0; i < COMMAND_LINE_MAX / CHUNK && p->err >= 0; i++)
		on_error_text(p, 0);
	for (int i = 0; i < COMMAND_LINE_MAX / CHUNK && p->out >= 0; i++)
		on_output(p, 0);
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_message(c->log, LOG_WARN, "command",
			    "%s: %s exited with status %d", c->name, c->program,
			    WEXITSTATUS(status));
	end_process(p, YB_GONE);
	loop_unwatch(c->loop, &p->exit_io);
	fd_close(&p->pidfd);
	p->state = NONE;
	go_on(c);
}

/* ---- questions ---- */

static void write_question(struct answerer *p)
{
	struct question *q = p->asked;

	while (p->in >= 0 && p->written < q->n) {
		ssize_t n =
			write(p->in, q->line + p->written, q->n - p->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* It has left; on_output() sees that as well. */
			loop_unwatch(p->command->loop, &p->in_io);
			return;
		}
		p->written += (size_t)n;
	}
	if (p->written == q->n)
		loop_unwatch(p->command->loop, &p->in_io);
	else if (p->in_io.fd < 0 &&
		 loop_watch(p->command->loop, &p->in_io, p->in,
			    EPOLLOUT | LOOP_LEVEL) != YB_OK)
		end_process(p, YB_NOMEM);
}

static void on_input(void *ctx, uint32_t events)
{
	struct answerer *p = ctx;

	(void)events;
	if (p->asked != NULL)
		write_question(p);
}

static void give(struct answerer *p, struct question *q)
{
	p->state = BUSY;
	p->asked = q;
	p->written = 0;
	write_question(p);
}

/*
 * As keys are looked at: who may write the program may do what `lookup` may,
 * and sees passwords.
 */
static enum yb_err check_program(const struct command *c)
{
	struct stat st;

	if (stat(c->program, &st) < 0)
		return err_from_errno(errno);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 022) != 0 ||
	    access(c->program, X_OK) < 0)
		return YB_ACCESS;
	return YB_OK;
}

/* Ours do not block, and neither are inherited by other programs. */
static bool make_pipe(int ours_at, int *ret_ours, int *ret_theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	*ret_ours = ends[ours_at];
	*ret_theirs = ends[1 - ours_at];
	return fd_set_nonblocking(*ret_ours, true) == YB_OK;
}

static enum yb_err spawn(struct answerer *p)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		"/sbin:/bin",
		"LANG=C.UTF-8", NULL
	};
	const char *argv[] = { p->command->program, NULL };
	AUTO_FD in = -1;
	AUTO_FD out = -1;
	AUTO_FD err = -1;
	enum yb_err made;

	if (!make_pipe(1, &p->in, &in) || !make_pipe(0, &p->out, &out) ||
	    !make_pipe(0, &p->err, &err))
		return err_from_errno(errno);
	const struct process_start start = { .program = p->command->program,
					     .argv = argv,
					     .input_fd = in,
					     .output_fd = out,
					     .error_fd = err,
					     .apart = environment };
	made = process_start(&start, &p->pid);
	if (made != YB_OK)
		return made;
	p->state = IDLE;
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	return p->pidfd >= 0 ? YB_OK : err_from_errno(errno);
}

static enum yb_err watch(struct answerer *p)
{
	struct loop *loop = p->command->loop;
	enum yb_err err =
		loop_watch(loop, &p->exit_io, p->pidfd, EPOLLIN | LOOP_LEVEL);

	if (err == YB_OK)
		err = loop_watch(loop, &p->out_io, p->out,
				 EPOLLIN | LOOP_LEVEL);
	if (err == YB_OK)
		err = loop_watch(loop, &p->err_io, p->err,
				 EPOLLIN | LOOP_LEVEL);
	return err;
}

static enum yb_err start(struct answerer *p)
{
	struct command *c = p->command;
	enum yb_err err = check_program(c);

	p->has_answered = p->renew = false;
	if (err == YB_OK)
		err = spawn(p);
	if (err == YB_OK)
		err = watch(p);
	if (err == YB_OK)
		return YB_OK;
	log_message(c->log, LOG_ERROR, "command", "%s: cannot start %s: %s",
		    c->name, c->program, err_text(err));
	end_process(p, YB_GONE);
	stop_hearing(p);
	if (p->state == ENDING) {
		/* Nobody would hear of its end. */
		loop_unwatch(c->loop, &p->exit_io);
		(void)waitpid(p->pid, NULL, 0);
		fd_close(&p->pidfd);
		p->state = NONE;
	}
	return err;
}

static struct answerer *find(struct command *c, enum state state)
{
	for (unsigned i = 0; i < c->processes; i++)
		if (c->answerers[i].state == state)
			return &c->answerers[i];
	return NULL;
}

static void set_timer(struct command *c)
{
	uint64_t at = UINT64_MAX;

	if (!list_empty(&c->waiting))
		at = list_entry(c->waiting.next, struct question, link)->due_ms;
	for (unsigned i = 0; i < c->processes; i++) {
		const struct question *q = c->answerers[i].asked;

		if (q != NULL && q->due_ms < at)
			at = q->due_ms;
	}
	loop_timer_set(c->loop, &c->timer, at);
}

/* Questions that wait, to processes that have none. */
static void go_on(struct command *c)
{
	while (!list_empty(&c->waiting)) {
		struct answerer *p = find(c, IDLE);
		struct question *q;
		enum yb_err err = YB_OK;

		if (p == NULL && loop_now(c->loop) < c->pause_until_ms) {
			fail_waiting(c, YB_GONE);
			break;
		}
		if (p == NULL) {
			p = find(c, NONE);
			if (p == NULL)
				break;
			err = start(p);
		}
		if (err != YB_OK) {
			c->pause_until_ms =
				loop_now(c->loop) + COMMAND_PAUSE_MS;
			fail_waiting(c, err);
			break;
		}
		q = list_entry(c->waiting.next, struct question, link);
		stop_waiting(c, q);
		give(p, q);
	}
	set_timer(c);
}

static void on_timer(void *ctx, uint64_t now_ms)
{
	struct command *c = ctx;

	while (!list_empty(&c->waiting)) {
		struct question *q =
			list_entry(c->waiting.next, struct question, link);

		if (q->due_ms > now_ms)
			break;
		stop_waiting(c, q);
		finish(q, YB_TIMEOUT, NULL);
	}
	for (unsigned i = 0; i < c->processes; i++) {
		struct answerer *p = &c->answerers[i];

		if (p->asked == NULL || p->asked->due_ms > now_ms)
			continue;
		tell_wrong(p, "did not answer in time");
		end_process(p, YB_TIMEOUT);
	}
	go_on(c);
}

static struct question *make_question(struct command *c, json_t *object,
				      command_done_fn *done, void *ctx)
{
	struct question *q = NULL;
	size_t n;

	if (object == NULL ||
	    json_object_set_new(object, "version",
				json_integer(COMMAND_VERSION)) < 0 ||
	    json_object_set_new(object, "id",
				json_integer((json_int_t)c->next_id)) < 0)
		return NULL;
	n = json_dumpb(object, NULL, 0, JSON_COMPACT);
	if (n > 0 && n < COMMAND_LINE_MAX)
		q = calloc(1, sizeof *q + n + 1);
	if (q == NULL)
		return NULL;
	(void)json_dumpb(object, (char *)q->line, n, JSON_COMPACT);
	q->line[n] = '\n';
	q->n = n + 1;
	q->id = c->next_id++;
	q->due_ms = loop_now(c->loop) + c->timeout_ms;
	q->done = done;
	q->ctx = ctx;
	list_init(&q->link);
	return q;
}

void command_ask(struct command *c, json_t *question, command_done_fn *done,
		 void *ctx)
{
	struct question *q;

	if (c->waiting_n >= COMMAND_WAITING_MAX) {
		json_decref(question);
		done(ctx, YB_OVERLOAD, NULL);
		return;
	}
	q = make_question(c, question, done, ctx);
	json_decref(question);
	if (q == NULL) {
		done(ctx, YB_INVALID, NULL);
		return;
	}
	list_push(&c->waiting, &q->link);
	c->waiting_n++;
	go_on(c);
}

/* ---- life ---- */

enum yb_err command_new(struct loop *loop, struct log *log,
			const struct command_config *config,
			struct command **ret)
{
	struct command *c = calloc(1, sizeof *c);

	if (c == NULL)
		return YB_NOMEM;
	c->program = strdup(config->program);
	if (c->program == NULL) {
		free(c);
		return YB_NOMEM;
	}
	c->loop = loop;
	c->log = log;
	c->name = config->name;
	c->processes = config->processes < COMMAND_PROCESSES_MAX
			       ? config->processes
			       : COMMAND_PROCESSES_MAX;
	c->timeout_ms = config->timeout_ms;
	c->next_id = 1;
	list_init(&c->waiting);
	loop_timer_init(&c->timer, on_timer, c);
	for (unsigned i = 0; i < COMMAND_PROCESSES_MAX; i++) {
		struct answerer *p = &c->answerers[i];

		*p = (struct answerer){ .command = c,
					.in = -1,
					.out = -1,
					.err = -1,
					.pidfd = -1 };
		p->in_io = (struct loop_io){ -1, on_input, p };
		p->out_io = (struct loop_io){ -1, on_output, p };
		p->err_io = (struct loop_io){ -1, on_error_text, p };
		p->exit_io = (struct loop_io){ -1, on_exit_of, p };
		buf_init(&p->heard, COMMAND_LINE_MAX);
		buf_init(&p->said, SAID_MAX);
	}
	*ret = c;
	return YB_OK;
}

void command_renew(struct command *c)
{
	for (unsigned i = 0; i < c->processes; i++) {
		struct answerer *p = &c->answerers[i];

		if (p->state == BUSY)
			p->renew = true;
		else
			end_process(p, YB_GONE);
	}
}

void command_free(struct command **command)
{
	struct command *c = *command;

	if (c == NULL)
		return;
	*command = NULL;
	for (unsigned i = 0; i < COMMAND_PROCESSES_MAX; i++) {
		struct answerer *p = &c->answerers[i];

		p->has_answered = true; /* no fault of its own */
		end_process(p, YB_GONE);
		loop_unwatch(c->loop, &p->exit_io);
		if (p->state == ENDING)
			(void)waitpid(p->pid, NULL, 0); /* it was killed */
		fd_close(&p->pidfd);
	}
	fail_waiting(c, YB_GONE);
	loop_timer_stop(&c->timer);
	free(c->program);
	free(c);
}
