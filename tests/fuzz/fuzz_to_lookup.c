/*
 * What auth may ask lookup (threat 61), and what the site's programs do
 * meanwhile. No program runs: the harness holds the other ends of its pipes.
 * Nor is anything connected to (CMakeLists.txt).
 *
 * Input: an octet (1: tokens by HTTP, 2: one process a program), then steps, an
 * octet each of what happens:
 *	0  auth says a message (fuzz_process.h)
 *	1  a program answers its question: which, length, the inside of an object
 *	2  a program says something: which, length, octets
 *	3  the same on its standard error
 *	4  a program exits: which, with 0 or 1
 *	5  time has passed
 *	6  an answer by HTTP: an error or 0, length, octets
 */
#include "fuzz/fuzz_process.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "os/process.h"
#include "server/http_post.h"

enum {
	PID_FIRST = 0x3fff0000, /* above what the kernel gives */
	PROGRAMS_MAX = 64,
	HTTP_MAX = 64,
	STEPS_MAX = 128,
	SAID_HERE_MAX = 40 * 1024,
};

/* The harness's ends of one process of a program, by its number. */
struct program {
	bool runs;
	int in, out, err, exit;
	int status;
	json_int_t id; /* of the question that it was asked last */
};

static struct program programs[PROGRAMS_MAX];

static struct program *program_of(pid_t pid)
{
	MUST(pid >= PID_FIRST && pid < PID_FIRST + PROGRAMS_MAX);
	return &programs[pid - PID_FIRST];
}

static enum yb_err fuzz_start(const struct process_start *start, pid_t *ret)
{
	struct program *p = programs;

	while (p->exit >= 0)
		if (++p == programs + PROGRAMS_MAX)
			return YB_NOMEM;
	MUST(start->apart != NULL && start->fds_n == 0 && !start->keep_rights);
	*p = (struct program){ .runs = true,
			       .in = dup(start->input_fd),
			       .out = dup(start->output_fd),
			       .err = dup(start->error_fd),
			       .exit = eventfd(0, EFD_CLOEXEC) };
	MUST(p->exit >= 0 && fd_set_nonblocking(p->in, true) == YB_OK &&
	     fd_set_nonblocking(p->out, true) == YB_OK &&
	     fd_set_nonblocking(p->err, true) == YB_OK);
	*ret = PID_FIRST + (pid_t)(p - programs);
	return YB_OK;
}

static void program_ends(struct program *p, int status)
{
	const uint64_t one = 1;

	if (!p->runs)
		return;
	p->runs = false;
	p->status = status;
	fd_close(&p->in);
	fd_close(&p->out);
	fd_close(&p->err);
	MUST(write(p->exit, &one, sizeof one) == sizeof one);
}

/* A group is asked for by a number below zero. */
static int fuzz_kill(pid_t pid, int signal)
{
	MUST(signal == SIGKILL && pid != 0);
	if (pid > 0)
		program_ends(program_of(pid), SIGKILL);
	return 0;
}

static pid_t fuzz_waitpid(pid_t pid, int *ret_status)
{
	struct program *p = program_of(pid);

	if (p->runs)
		return 0;
	if (ret_status != NULL)
		*ret_status = p->status;
	fd_close(&p->exit);
	return pid;
}

#define process_start(start, ret)     fuzz_start(start, ret)
#define kill(pid, signal)             fuzz_kill(pid, signal)
#define waitpid(pid, status, options) fuzz_waitpid(pid, status)
#define syscall(number, pid, flags)   dup(program_of(pid)->exit)
/* Both files have a function of this name. */
#define refuse refuse_answer
#include "server/command_process.c"
#undef refuse
#undef process_start
#undef kill
#undef waitpid
#undef syscall
#include "server/lookup_process.c"

/* ---- HTTP ---- */

static struct {
	http_post_done_fn *done;
	void *ctx;
} http[HTTP_MAX];
static size_t http_n;

enum yb_err __wrap_http_post_new(struct loop *loop, struct log *log,
				 const struct http_post_config *config,
				 struct http_post **ret);
void __wrap_http_post_free(struct http_post **h);
enum yb_err __wrap_http_post_ask(struct http_post *h, struct span form,
				 http_post_done_fn *done, void *ctx);

enum yb_err __wrap_http_post_new(struct loop *loop, struct log *log,
				 const struct http_post_config *config,
				 struct http_post **ret)
{
	(void)loop, (void)log, (void)config;
	*ret = (struct http_post *)http;
	return YB_OK;
}

static void end_http(enum yb_err err, struct span text)
{
	if (http_n == 0)
		return;
	http_n--;
	http[http_n].done(http[http_n].ctx, err, text);
}

void __wrap_http_post_free(struct http_post **h)
{
	*h = NULL;
	while (http_n > 0)
		end_http(YB_GONE, SPAN_NONE);
}

enum yb_err __wrap_http_post_ask(struct http_post *h, struct span form,
				 http_post_done_fn *done, void *ctx)
{
	MUST(h == (struct http_post *)http && form.n > 0);
	for (size_t i = 0; i < form.n; i++)
		MUST(form.p[i] > 0x20 && form.p[i] < 0x7f);
	if (http_n == HTTP_MAX)
		return YB_NOMEM;
	http[http_n].done = done;
	http[http_n].ctx = ctx;
	http_n++;
	return YB_OK;
}

/* ---- auth ---- */

static struct lookup_process *process;
static struct channel auth_end;
static unsigned asked, answered;

static bool on_reply(void *ctx, struct message *m)
{
	struct message_reader r;

	(void)ctx;
	message_read(&r, m);
	(void)message_read_err(&r);
	MUST(m->type == MESSAGE_LOOKUP_DONE && m->fds_n == 0 && !r.bad);
	answered++;
	return true;
}

static void on_reply_end(void *ctx, enum yb_err why)
{
	(void)ctx;
	MUST(why == YB_GONE);
}

static bool take_message(void *ctx, struct message *m)
{
	struct lookup_process *p = ctx;
	bool good = on_auth_message(&p->auth, m);

	asked += good;
	return good;
}

/* ---- programs ---- */

/* What they were asked is whole, and one at a time. */
static void hear_question(struct program *p)
{
	static char line[COMMAND_LINE_MAX + 1];
	ssize_t n = read(p->in, line, sizeof line);
	json_t *q;

	if (n <= 0)
		return;
	MUST(line[n - 1] == '\n' && memchr(line, '\n', (size_t)n - 1) == NULL);
	/* A name may hold what none can: an attacker chose it. */
	q = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
		       NULL);
	MUST(json_is_object(q) && json_is_string(json_object_get(q, "kind")) &&
	     json_is_integer(json_object_get(q, "version")));
	p->id = json_integer_value(json_object_get(q, "id"));
	MUST(p->id > 0);
	json_decref(q);
}

static void turn(void)
{
	/* What is ended in one is reaped in the next, and what then starts is
	 * watched in a third. */
	for (int i = 0; i < 3; i++)
		loop_turn(process->process.loop, 0);
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (programs[i].runs)
			hear_question(&programs[i]);
}

static struct program *choose(unsigned which)
{
	struct program *found = NULL;

	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		if (programs[i].runs && (found == NULL || which-- > 0))
			found = &programs[i];
	return found;
}

static void say_text(int fd, struct span text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n <= 0)
			return; /* more than a pipe holds */
		text = span_skip(text, (size_t)n);
	}
}

static struct span take_text(struct span *in)
{
	size_t n = (size_t)fuzz_take(in) << 8;

	n |= fuzz_take(in);
	return fuzz_piece(in, n);
}

static void answer_question(struct program *p, struct span inside)
{
	static uint8_t line[SAID_HERE_MAX];
	int n = snprintf((char *)line, sizeof line, "{\"id\":%lld%s",
			 (long long)p->id, inside.n > 0 ? "," : "");
	size_t all = (size_t)n;

	if (inside.n > sizeof line - 64)
		inside.n = sizeof line - 64;
	if (inside.n > 0)
		memcpy(line + all, inside.p, inside.n);
	all += inside.n;
	memcpy(line + all, "}\n", 2);
	say_text(p->out, span_of(line, all + 2));
}

static void act(unsigned what, struct span *in)
{
	struct program *p = choose(fuzz_take(in));
	unsigned status = what == 4 ? fuzz_take(in) & 1u : 0;
	struct span text = what == 4 ? SPAN_NONE : take_text(in);

	if (p != NULL && what == 1)
		answer_question(p, text);
	else if (p != NULL && what != 4)
		say_text(what == 2 ? p->out : p->err, text);
	else if (p != NULL)
		program_ends(p, (int)(status << 8));
	if (what != 4)
		fuzz_free(text);
}

static void pass_time(struct command *c)
{
	c->timer.fire(c->timer.ctx, loop_now(c->loop) + c->timeout_ms);
	c->pause_until_ms = 0;
}

static bool step(struct span *in)
{
	unsigned what = fuzz_take(in) % 7;
	struct span text;
	enum yb_err err;

	switch (what) {
	case 0:
		return fuzz_message(in, take_message, process);
	case 5:
		pass_time(process->policy);
		pass_time(process->accounts);
		return true;
	case 6:
		err = (enum yb_err)(fuzz_take(in) % YB_ERR_COUNT);
		text = take_text(in);
		end_http(err, text);
		fuzz_free(text);
		return true;
	default:
		act(what, in);
		return true;
	}
}

/* ---- life ---- */

static void make_process(void)
{
	process = calloc(1, sizeof *process);
	MUST(process != NULL && loop_new(&process->process.loop) == YB_OK);
	command_prepare_json();
	log_init(&process->process.log, process->process.loop, "lookup",
		 open("/dev/null", O_WRONLY | O_CLOEXEC));
	process->process.page = calloc(1, sizeof *process->process.page);
	process->process.supervisor.ended = true;
	process->auth.owner = process;
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		programs[i].in = programs[i].out = programs[i].err =
			programs[i].exit = -1;
}

static void open_process(unsigned how)
{
	struct config *c = &process->process.config;
	/* One that may be executed, and never is. */
	static const char program[] = "/proc/self/exe";

	*c = (struct config){ .policy_timeout = 60 * 1000,
			      .accounts_timeout = 60 * 1000,
			      .oauth_timeout = 60 * 1000 };
	c->policy_processes = c->accounts_processes = c->oauth_processes =
		(how & 2) != 0 ? 1 : 3;
	(void)strcpy(c->policy_command, program);
	(void)strcpy(c->accounts_command, program);
	(void)strcpy(c->oauth_claim, "email");
	if ((how & 1) != 0)
		(void)strcpy(c->oauth_introspection_url, "https://a.example/");
	else
		(void)strcpy(c->oauth_command, program);
	MUST(open_commands(process) == YB_OK);
	MUST(lookup_tokens_open(process) == YB_OK);
	process->auth.present = true;
	auth_end.on_message = on_reply;
	auth_end.on_end = on_reply_end;
	MUST(channel_open(&auth_end, process->process.loop,
			  fuzz_channel(&process->auth.channel,
				       process->process.loop)) == YB_OK);
	asked = answered = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	if (process == NULL)
		make_process();
	open_process(fuzz_take(&in));
	for (int n = 0; in.n > 0 && n < STEPS_MAX && step(&in); n++)
		turn();
	command_free(&process->policy);
	command_free(&process->accounts);
	lookup_tokens_free(process);
	for (int i = 0; i < 3; i++)
		loop_turn(process->process.loop, 0);
	/* Each question had its one answer. */
	MUST(process->in_flight == 0 && answered == asked);
	process->auth.present = false;
	channel_close(&process->auth.channel);
	channel_close(&auth_end);
	loop_turn(process->process.loop, 0);
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		MUST(programs[i].exit < 0);
	return 0;
}
