/*
 * `yubin deliver` against a scripted LMTP server: exit codes of sysexits.h,
 * the first line of output, and what arrives on the wire.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/lmtp.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/socket.h"

/* ---- replies ---- */

static void test_reply_lines(void **state)
{
	static const struct {
		const char *line;
		bool good, last;
		unsigned code;
		const char *status, *text;
	} rows[] = {
		{ "250 ok\r", true, true, 250, "2.0.0", "ok" },
		{ "250-SIZE 10", true, false, 250, "2.0.0", "SIZE 10" },
		{ "550 5.1.1 no such", true, true, 550, "5.1.1", "no such" },
		{ "452 4.2.2  full ", true, true, 452, "4.2.2", "full" },
		{ "451", true, true, 451, "4.0.0", "" },
		{ "550 5.1 x", true, true, 550, "5.0.0", "5.1 x" },
		{ "550 5.123456789.123456789 x", true, true, 550, "5.0.0",
		  "5.123456789.123456789 x" },
		{ "550 3.1.1 x", true, true, 550, "5.0.0", "3.1.1 x" },
		{ "550 5.1.1 a\x1b[1m", true, true, 550, "5.1.1", "a?[1m" },
		{ "", false, false, 0, "", "" },
		{ "25", false, false, 0, "", "" },
		{ "250x", false, false, 0, "", "" },
		{ "099 x", false, false, 0, "", "" },
		{ "600 x", false, false, 0, "", "" },
		{ "+OK", false, false, 0, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lmtp_reply r = { 0 };
		bool last = false;

		assert_int_equal(lmtp_parse_line(span_str(rows[i].line), &last,
						 &r), rows[i].good);
		if (!rows[i].good)
			continue;
		assert_int_equal(last, rows[i].last);
		assert_int_equal(r.code, rows[i].code);
		assert_string_equal(r.status, rows[i].status);
		assert_string_equal(r.text, rows[i].text);
	}
}

/* ---- whole deliveries ---- */

struct scene {
	const char *args;    /* behind "deliver -c FILE" */
	const char *message; /* on standard input */
	const char *script;  /* replies, one for each command or dot */
	int exit;
	const char *output;  /* its start */
	const char *wire;    /* what the server saw, CR left out; NULL: any */
};

struct stage {
	char folder[64];
	char config[96], socket[96], in[96], out[96], wire[96];
};

static int set_stage(void **state)
{
	struct stage *s = calloc(1, sizeof *s);

	*state = s;
	strcpy(s->folder, "/tmp/yubin-deliver-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->config, sizeof s->config, "%s/y.yaml", s->folder);
	(void)snprintf(s->socket, sizeof s->socket, "%s/lmtp", s->folder);
	(void)snprintf(s->in, sizeof s->in, "%s/in", s->folder);
	(void)snprintf(s->out, sizeof s->out, "%s/out", s->folder);
	(void)snprintf(s->wire, sizeof s->wire, "%s/wire", s->folder);
	/* A path needs its slash. */
	assert_ok(file_replace(s->config,
			       SPAN_LIT("hostname: me.example\n"
					"default_domain: example.org\n"
					"listeners:\n"
					"  lmtp: {address: ./lmtp}\n"), 0644));
	return 0;
}

static int strike_stage(void **state)
{
	struct stage *s = *state;

	(void)unlink(s->config);
	(void)unlink(s->socket);
	(void)unlink(s->in);
	(void)unlink(s->out);
	(void)unlink(s->wire);
	assert_int_equal(rmdir(s->folder), 0);
	free(s);
	return 0;
}

/* Takes the next line of the script; several replies to one dot by "|". */
static bool answer(FILE *to, const char **script)
{
	struct span rest = span_str(*script);
	struct span line = span_cut(&rest, '\n');

	if (line.n == 0)
		return false;
	*script = (const char *)rest.p;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '|')
			(void)fputs("\r\n", to);
		else
			(void)fputc(line.p[i], to);
	(void)fputs("\r\n", to);
	return fflush(to) == 0;
}

/* In a child: one connection, the script, and a copy of all that came. */
static void serve(int listener, const char *script, const char *copy)
{
	int fd = accept(listener, NULL, NULL);
	FILE *from = fdopen(dup(fd), "r"), *to = fdopen(fd, "w");
	FILE *wire = fopen(copy, "w");
	char line[4096];
	bool data = false;

	alarm(20);
	if (answer(to, &script)) {
		while (fgets(line, sizeof line, from) != NULL) {
			bool dot = strcmp(line, ".\r\n") == 0;

			(void)fputs(line, wire);
			if (data && !dot)
				continue;
			data = !data && strcmp(line, "DATA\r\n") == 0 &&
			       strncmp(script, "354", 3) == 0;
			/* A server that has no more to say hangs up. */
			if (!answer(to, &script) || *script == 0)
				break;
		}
	}
	(void)fclose(wire);
	_exit(0);
}

static int run(struct stage *s, const struct scene *scene)
{
	char args[256];
	char *argv[16] = { 0 };
	struct command_parse p;
	int argc = 0, status;
	pid_t pid;

	(void)snprintf(args, sizeof args, "yubin deliver -c %s %s", s->config,
		       scene->args);
	for (char *w = strtok(args, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	assert_int_equal(command_parse(argc, argv, &p), COMMAND_ASK_RUN);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int in = open(s->in, O_RDONLY);
		int out = open(s->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		alarm(20);
		(void)dup2(in, STDIN_FILENO);
		(void)dup2(out, STDOUT_FILENO);
		status = cmd_deliver(&p.inv);
		(void)fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("deliver %s: signal %d", scene->args, WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void read_text(const char *path, char *dst, size_t cap)
{
	struct buf b;
	size_t n = 0;

	buf_init(&b, cap - 1);
	if (access(path, F_OK) == 0)
		assert_ok(file_read(path, &b));
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] != '\r')
			dst[n++] = (char)b.p[i];
	dst[n] = 0;
	buf_done(&b);
}

/* Runs the command with the server beside it; the command's exit code. */
static int run_both(struct stage *s, const struct scene *scene)
{
	struct socket_address a;
	AUTO_FD listener = -1;
	pid_t server;
	int code;

	(void)unlink(s->wire);
	assert_ok(file_replace(s->in, span_str(scene->message), 0600));
	if (*scene->script == 0)
		return run(s, scene);
	assert_ok(socket_address_parse(s->socket, &a));
	assert_ok(socket_listen(&a, 0600, &listener));
	assert_ok(fd_set_nonblocking(listener, false));
	(void)fflush(NULL);
	server = fork();
	if (server == 0)
		serve(listener, scene->script, s->wire);
	fd_close(&listener);
	code = run(s, scene);
	assert_int_equal(waitpid(server, NULL, 0), server);
	return code;
}

static void play(struct stage *s, const struct scene *scene)
{
	static char output[8192], wire[64 * 1024];
	int code = run_both(s, scene);

	read_text(s->out, output, sizeof output);
	read_text(s->wire, wire, sizeof wire);
	if (code != scene->exit ||
	    strncmp(output, scene->output, strlen(scene->output)) != 0 ||
	    (*scene->output == 0 && *output != 0) ||
	    (scene->wire != NULL && strcmp(wire, scene->wire) != 0))
		fail_msg("deliver %s: exit %d, output:\n%s\nwire:\n%s",
			 scene->args, code, output, wire);
}

#define HELLO "220 hi\n250-me|250 SIZE\n250 ok\n"
#define SENT "LHLO me.example\nMAIL FROM:<"

static const struct scene scenes[] = {
	{ "alice", "Subject: x\n\n.dot\nend",
	  HELLO "250 ok\n354 go\n250 2.0.0 kept\n221 bye\n", EX_OK, "",
	  SENT ">\nRCPT TO:<alice@example.org>\nDATA\nSubject: x\n\n..dot\n"
	       "end\n.\nQUIT\n" },
	/* One leading From line goes, others stay. */
	{ "-f s@b.c a@b.c", "From x y\nFrom z\n\nFrom w\n",
	  HELLO "250 ok\n354 go\n250 kept\n221 bye\n", EX_OK, "",
	  SENT "s@b.c>\nRCPT TO:<a@b.c>\nDATA\nFrom z\n\nFrom w\n.\nQUIT\n" },
	{ "-f <> a@b.c", "", HELLO "250 ok\n354 go\n250 kept\n221 bye\n",
	  EX_OK, "", SENT ">\nRCPT TO:<a@b.c>\nDATA\n.\nQUIT\n" },
	/* What Postfix puts in for ${sender} of a bounce. */
	{ "-f MAILER-DAEMON a@b.c", "", HELLO
	  "250 ok\n354 go\n250 kept\n221 bye\n", EX_OK, "",
	  SENT ">\nRCPT TO:<a@b.c>\nDATA\n.\nQUIT\n" },
	{ "a@b.c", "From", HELLO "250 ok\n354 go\n250 kept\n221 bye\n", EX_OK,
	  "", SENT ">\nRCPT TO:<a@b.c>\nDATA\nFrom\n.\nQUIT\n" },
	{ "a@b.c", "From all there is", HELLO
	  "250 ok\n354 go\n250 kept\n221 bye\n", EX_OK, "",
	  SENT ">\nRCPT TO:<a@b.c>\nDATA\n.\nQUIT\n" },
	/* The same address twice is one recipient. */
	{ "a@b.c a@b.c", "x\n", HELLO "250 ok\n354 go\n250 kept\n221 bye\n",
	  EX_OK, "", SENT ">\nRCPT TO:<a@b.c>\nDATA\nx\n.\nQUIT\n" },
	{ "-t", "From f\nTo: a@b.c, bob\nBcc: c@b.c\nX: y\n\nbody\n",
	  HELLO "250 ok\n250 ok\n250 ok\n354 go\n"
		"250 kept|250 kept|250 kept\n221 bye\n", EX_OK, "",
	  SENT ">\nRCPT TO:<a@b.c>\nRCPT TO:<bob@example.org>\n"
	       "RCPT TO:<c@b.c>\nDATA\nTo: a@b.c, bob\nX: y\n\nbody\n.\n"
	       "QUIT\n" },
	/* Unknown accounts. */
	{ "a@b.c", "x\n", HELLO "550 5.1.1 nobody\n221 bye\n", EX_NOUSER,
	  "5.1.1 <a@b.c>: nobody\n",
	  SENT ">\nRCPT TO:<a@b.c>\nQUIT\n" },
	{ "a@b.c", "x\n", HELLO "550 5.7.1 no relaying\n221 bye\n", EX_NOUSER,
	  "5.7.1 <a@b.c>: no relaying\n", NULL },
	/* Partly delivered: unknown is for ever, full is not. */
	{ "a@b.c d@b.c", "x\n", HELLO
	  "250 ok\n550 5.1.1 nobody\n354 go\n250 kept\n221 bye\n", EX_NOUSER,
	  "5.1.1 <d@b.c>: nobody\n", NULL },
	{ "a@b.c d@b.c e@b.c", "x\n", HELLO
	  "550 5.1.1 nobody\n250 ok\n250 ok\n354 go\n"
	  "250 kept|452 4.2.2 full\n221 bye\n", EX_TEMPFAIL,
	  "4.2.2 <e@b.c>: full\n5.1.1 <a@b.c>: nobody\n", NULL },
	{ "a@b.c d@b.c", "x\n", HELLO
	  "550 5.1.1 nobody\n250 ok\n354 go\n552 5.3.4 too big\n221 bye\n",
	  EX_DATAERR, "5.3.4 <d@b.c>: too big\n5.1.1 <a@b.c>: nobody\n",
	  NULL },
	/* What may be better next time. */
	{ "a@b.c", "x\n", "421 4.3.2 busy\n", EX_TEMPFAIL, "4.3.2 ", NULL },
	{ "a@b.c", "x\n", "554 no\n", EX_TEMPFAIL, "4.3.2 ", NULL },
	{ "a@b.c", "x\n", "220 hi\n500 what\n", EX_TEMPFAIL, "4.3.0 LHLO",
	  NULL },
	{ "a@b.c", "x\n", HELLO "451 4.3.0 later\n221 bye\n", EX_TEMPFAIL,
	  "4.3.0 <a@b.c>: later\n", NULL },
	{ "a@b.c", "x\n", HELLO "250 ok\n451 4.3.1 disk\n", EX_TEMPFAIL,
	  "4.3.1 DATA: 451 disk\n", NULL },
	{ "a@b.c", "x\n", HELLO "250 ok\n354 go\n", EX_TEMPFAIL, "4.4.2 ",
	  NULL },
	{ "a@b.c d@b.c", "x\n", HELLO "250 ok\n250 ok\n354 go\n250 kept\n",
	  EX_TEMPFAIL, "4.4.2 ", NULL },
	{ "a@b.c", "x\n", "220 hi\nnonsense\n", EX_TEMPFAIL, "4.4.2 ", NULL },
	{ "a@b.c", "x\n", "", EX_TEMPFAIL, "4.4.1 no server answers", NULL },
	/* Wrong usage. */
	{ "", "x\n", "", EX_USAGE, "5.5.4 no address", NULL },
	{ "a@", "x\n", "", EX_USAGE, "5.1.3 \"a@\" is not an address\n",
	  NULL },
	{ "a@b.c>", "x\n", "", EX_USAGE, "5.1.3 ", NULL },
	{ "-f s a@b.c", "x\n", "", EX_USAGE, "5.1.7 ", NULL },
	{ "-t", "Subject: x\n\nTo: a@b.c\n", "", EX_USAGE,
	  "5.5.4 the message names nobody", NULL },
	{ "-t", "To: a@b@c\n\n", "", EX_USAGE, "5.1.3 \"a@b@c\"", NULL },
	{ "-t", "To: <a\n\n", "", EX_DATAERR, "5.1.3 ", NULL },
};

static void test_scenes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
		play(*state, &scenes[i]);
}

/* Wrong configuration: the mail waits until it is right. */
static void test_configuration(void **state)
{
	const struct scene missing = { "a@b.c", "x\n", "", EX_TEMPFAIL,
				       "4.3.5 cannot read ", NULL };
	const struct scene wrong = { "a@b.c", "x\n", "", EX_TEMPFAIL,
				     "4.3.5 /tmp/", NULL };
	const struct scene none = { "a@b.c", "x\n", "", EX_TEMPFAIL,
				    "4.3.5 /tmp/", NULL };
	struct stage *s = *state;

	assert_ok(file_replace(s->config, SPAN_LIT("bad: 1\n"), 0644));
	play(s, &wrong);
	assert_ok(file_replace(s->config,
			       SPAN_LIT("listeners: {pop3: {tls: off}}\n"),
			       0644));
	play(s, &none);
	assert_int_equal(unlink(s->config), 0);
	play(s, &missing);
}

/* More than any buffer: lines, blocks and the last octets arrive. */
static void test_large_message(void **state)
{
	struct stage *s = *state;
	struct scene scene = { "a@b.c", NULL,
			       HELLO "250 ok\n354 go\n250 kept\n221 bye\n",
			       EX_OK, "", NULL };
	struct buf text;
	struct stat st;

	buf_init(&text, 4 * 1024 * 1024);
	for (unsigned i = 0; text.n < 3000000; i++)
		assert_ok(buf_addf(&text, "%sline %u of a message\n",
				   i % 7 == 0 ? "." : "", i));
	assert_ok(buf_add_u8(&text, 0));
	scene.message = (const char *)text.p;
	assert_int_equal(run_both(s, &scene), EX_OK);
	assert_int_equal(stat(s->wire, &st), 0);
	/* One more octet a line for CR, one more for each doubled dot. */
	assert_true((size_t)st.st_size > text.n + text.n / 40);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply_lines),
		cmocka_unit_test_setup_teardown(test_scenes, set_stage,
						strike_stage),
		cmocka_unit_test_setup_teardown(test_configuration, set_stage,
						strike_stage),
		cmocka_unit_test_setup_teardown(test_large_message, set_stage,
						strike_stage),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
