/*
 * The processes of a command: how each is started and asked, and what is made
 * of what it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/process.h"
#include "server/command_private.h"

enum {
	/* Read from a pipe at a time. */
	CHUNK = 4096,
	/* A line of standard error; longer ones are cut into several. */
	SAID_MAX = 512,
	/* Pieces of JSON in a process that lives long are small. */
	SAYS_WINDOW_MS = 1000,
};

/* ---- the end ---- */

static void stop_hearing(struct command_process *p)
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

void command_process_end(struct command_process *p, enum yb_err err)
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
	command_finish(q, err, NULL);
}

void command_process_break_off(struct command_process *p, const char *what,
			       enum yb_err err)
{
	struct command *c = p->command;

	log_message(c->log, LOG_ERROR, "command",
		    "%s: a process of %s %s: it is ended", c->name, c->program,
		    what);
	command_process_end(p, err);
}

void command_process_bury(struct command_process *p)
{
	command_process_end(p, YB_GONE);
	stop_hearing(p);
	loop_unwatch(p->command->loop, &p->exit_io);
	if (p->state == ENDING)
		(void)waitpid(p->pid, NULL, 0); /* it was killed */
	fd_close(&p->pidfd);
	p->state = NONE;
}

/* ---- standard error ---- */

/* The first lines of a second; what else there is, is counted. */
static void say(struct command_process *p, struct span text)
{
	struct command *c = p->command;
	UNSET struct log_line line;
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

static void say_lines(struct command_process *p, bool all)
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
	struct command_process *p = ctx;
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

static void refuse(struct command_process *p, const char *what)
{
	command_process_break_off(p, what, YB_INVALID);
	command_go_on(p->command);
}

static void take_answer(struct command_process *p)
{
	struct command *c = p->command;
	struct question *q = p->asked;
	json_t *answer = json_loadb((const char *)p->heard.p, p->heard.n - 1,
				    JSON_REJECT_DUPLICATES, NULL);
	const json_t *id = json_object_get(answer, "id");

	if (!json_is_object(answer) || !json_is_integer(id) ||
	    (uint64_t)json_integer_value(id) != q->id) {
		refuse(p, !json_is_object(answer)
				  ? "did not say a JSON object"
				  : "gave an answer without the id of its "
				    "question");
		json_decref(answer);
		return;
	}
	p->asked = NULL;
	p->state = IDLE;
	p->has_answered = true;
	c->failures = 0;
	buf_wipe(&p->heard);
	if (p->renew)
		command_process_end(p, YB_GONE);
	command_finish(q, YB_OK, answer);
	json_decref(answer);
	command_go_on(c);
}

static void on_output(void *ctx, uint32_t events)
{
	struct command_process *p = ctx;
	uint8_t octets[CHUNK];
	ssize_t n = read(p->out, octets, sizeof octets);
	struct span all;
	enum yb_err err;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Its exit tells the rest. */
		command_process_end(p, YB_GONE);
		command_go_on(p->command);
		return;
	}
	if (p->state != BUSY) {
		refuse(p, "speaks without being asked");
		return;
	}
	err = buf_add(&p->heard, span_of(octets, (size_t)n));
	mem_wipe(octets, (size_t)n);
	all = buf_span(&p->heard);
	if (err != YB_OK)
		refuse(p, "says more than an answer may hold");
	else if (span_find(all, '\n') + 1 < all.n)
		refuse(p, "says more than one line");
	else if (all.p[all.n - 1] == '\n')
		take_answer(p);
}

static void on_exit_of(void *ctx, uint32_t events)
{
	struct command_process *p = ctx;
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
	command_process_end(p, YB_GONE);
	loop_unwatch(c->loop, &p->exit_io);
	fd_close(&p->pidfd);
	p->state = NONE;
	command_go_on(c);
}

/* ---- questions ---- */

static void write_question(struct command_process *p)
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
		command_process_end(p, YB_NOMEM);
}

static void on_input(void *ctx, uint32_t events)
{
	struct command_process *p = ctx;

	(void)events;
	if (p->asked != NULL)
		write_question(p);
}

void command_process_give(struct command_process *p, struct question *q)
{
	p->state = BUSY;
	p->asked = q;
	p->written = 0;
	write_question(p);
}

/* ---- the start ---- */

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

static enum yb_err spawn(struct command_process *p)
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

static enum yb_err watch(struct command_process *p)
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

enum yb_err command_process_start(struct command_process *p)
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
	command_process_bury(p);
	return err;
}

void command_process_init(struct command_process *p, struct command *c)
{
	*p = (struct command_process){
		.command = c, .in = -1, .out = -1, .err = -1, .pidfd = -1
	};
	p->in_io = (struct loop_io){ -1, on_input, p };
	p->out_io = (struct loop_io){ -1, on_output, p };
	p->err_io = (struct loop_io){ -1, on_error_text, p };
	p->exit_io = (struct loop_io){ -1, on_exit_of, p };
	buf_init(&p->heard, COMMAND_LINE_MAX);
	buf_init(&p->said, SAID_MAX);
}
