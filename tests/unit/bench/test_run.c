/*
 * Whole runs against a small server in a process of its own, which answers
 * by rows: right at first, then wrong in every way that a run has to notice.
 */
#include "unit/unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/target.h"
#include "os/socket.h"

/* What the server answers to a line that starts with a word. */
struct rule {
	const char *word;
	const char *answer; /* "" behind it: closes at once */
	bool close;
};

struct script {
	const char *greeting;
	struct rule rules[12];
};

/* ---- the server ---- */

static const struct rule *find_rule(const struct script *s, const char *line)
{
	for (const struct rule *r = s->rules; r->word != NULL; r++)
		if (strncmp(line, r->word, strlen(r->word)) == 0)
			return r;
	return NULL;
}

static void serve_one(const struct script *s, int fd)
{
	FILE *in = fdopen(fd, "r+");
	bool data = false;
	char line[4096];

	if (in == NULL)
		_exit(1);
	(void)dprintf(fd, "%s", s->greeting);
	while (fgets(line, sizeof line, in) != NULL) {
		const struct rule *r = find_rule(s, line);

		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		data = r != NULL && strcmp(r->word, "DATA") == 0;
		if (r == NULL)
			break;
		(void)dprintf(fd, "%s", r->answer);
		if (r->close)
			break;
	}
	(void)fclose(in);
}

/* Serves each connection in a process of its own, until it is killed. */
static pid_t serve(const struct script *s, struct socket_address *ret)
{
	socklen_t n = sizeof ret->storage;
	int listener = -1;
	pid_t pid;

	assert_ok(socket_address_parse("127.0.0.1:0", ret));
	assert_ok(socket_listen(ret, 0, &listener));
	assert_int_equal(getsockname(listener, &ret->any, &n), 0);
	ret->n = n;
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		(void)close(listener);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		int fd;

		(void)poll(&p, 1, -1);
		fd = accept(listener, NULL, NULL);
		if (fd >= 0 && fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve_one(s, fd);
			_exit(0);
		}
		if (fd >= 0)
			(void)close(fd);
	}
}

static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- runs ---- */

static struct bench_result result;

static struct bench_plan plan_of(const char *name)
{
	struct bench_plan p = {
		.what = bench_case_find(name),
		.accounts = 4,
		.password = "x",
		.connections = 3,
		.timeout_seconds = 5,
		.size = 2000,
	};

	assert_non_null(p.what);
	assert_ok(pattern_parse("u%d", &p.users));
	return p;
}

static void run_against(const struct script *s, struct bench_plan *p)
{
	pid_t pid = serve(s, &p->address);

	assert_ok(bench_run(p, &result));
	stop(pid);
}

static const struct script good_pop3 = {
	"+OK ready\r\n",
	{ { "USER", "+OK\r\n", false },
	  { "PASS", "+OK\r\n", false },
	  { "STAT", "+OK 2 7\r\n", false },
	  { "UIDL", "+OK\r\n1 a\r\n2 b\r\n.\r\n", false },
	  { "LIST", "+OK\r\n1 3\r\n2 4\r\n.\r\n", false },
	  { "RETR 1", "+OK\r\na\r\n.\r\n", false },
	  { "RETR 2", "+OK\r\n..b\r\n.\r\n", false },
	  { "QUIT", "+OK bye\r\n", true },
	  { 0 } }
};

static void test_sessions_by_count(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 20;
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.operations, 20);
	assert_int_equal(result.sessions, 20);
	assert_int_equal(result.latency.n, 20);
	assert_true(result.elapsed_ns > 0);
	/* USER u0 PASS x STAT UIDL QUIT, each with its CRLF. */
	assert_int_equal(result.out_octets, 20 * (9 + 8 + 6 + 6 + 6));
	assert_null(result.tls_version);
}

static void test_fetch_both_ways(void **state)
{
	(void)state;
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		struct bench_plan p = plan_of("pop3-fetch");

		p.count = 10;
		p.pipelined = pipelined;
		run_against(&good_pop3, &p);
		assert_int_equal(result.errors, 0);
		assert_int_equal(result.operations, 20);
		assert_int_equal(result.sessions, 10);
		/* By message one by one, by session when pipelined. */
		assert_int_equal(result.latency.n, pipelined ? 10 : 20);
	}
}

/* Logged in first, there while the load runs, and gone in order. */
static void test_idle_beside_load(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 20;
	p.idle = 100; /* more than log in at once */
	p.cpu.pid = getpid();
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.operations, 20);
	assert_int_equal(result.latency.n, 20);
	assert_int_equal(result.crowd.connections, 100);
	assert_true(result.crowd.opening_ns > 0);
	assert_true(result.crowd.memory_known);
	/* A hundred processes of the server, which are below this one. */
	assert_true(result.crowd.memory_octets > 100 * 10000);
	/* The load's own octets alone. */
	assert_int_equal(result.out_octets, 20 * (9 + 8 + 6 + 6 + 6));
}

static void test_only_idle(void **state)
{
	struct bench_plan p = plan_of("pop3-idle");

	(void)state;
	p.idle = p.connections;
	p.connections = 0;
	p.seconds = 1;
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 0);
	assert_int_equal(result.operations, 0);
	assert_int_equal(result.crowd.connections, 3);
	assert_int_equal(result.latency.n, 3);
	assert_false(result.crowd.memory_known);
	assert_in_range(result.elapsed_ns, 900000000, 5000000000);
}

/* Idle ones that a server throws out are errors, and end the run. */
static void test_idle_thrown_out(void **state)
{
	struct script throws = good_pop3;
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.idle = 5;
	p.seconds = 60;
	throws.rules[1] = (struct rule){ "PASS", "-ERR full\r\n", true };
	run_against(&throws, &p);
	assert_true(result.errors > 0);
	assert_int_equal(result.operations, 0);
	assert_non_null(strstr(result.error, "idle connection "));
	assert_non_null(strstr(result.error, "-ERR full"));
	throws.rules[1] = (struct rule){ "PASS", "+OK\r\n", false };
	throws.rules[2] = (struct rule){ "STAT", "+OK 0 0\r\n", true };
	run_against(&throws, &p);
	assert_true(result.errors > 0);
	assert_non_null(strstr(result.error, "closed the connection"));
}

/* An octet a second: far from its end when the load has come to its own. */
static void test_slow_beside_load(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");
	struct script tired = good_pop3;

	(void)state;
	p.seconds = 3;
	p.slow = 4;
	p.pace_seconds = 1;
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 0);
	assert_true(result.operations > 0);
	assert_int_equal(result.crowd.slow_sessions, 0);
	assert_int_equal(result.crowd.slow_cut_off, 0);
	/* A server that sends all away: errors of the load, not of these. */
	tired.greeting = "-ERR go away\r\n";
	p.seconds = 60;
	run_against(&tired, &p);
	assert_in_range(result.errors, BENCH_ERRORS_MAX,
			BENCH_ERRORS_MAX + p.connections);
	/* They come back, but no faster than their pace. */
	assert_in_range(result.crowd.slow_cut_off, 1,
			p.slow * (result.elapsed_ns / 1000000000 + 2));
}

static void count_progress(void *ctx, const struct bench_progress *p)
{
	unsigned *calls = ctx;

	(void)p;
	++*calls;
}

static void test_sessions_by_time(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");
	unsigned calls = 0;

	(void)state;
	p.seconds = 1;
	p.progress = count_progress;
	p.progress_ctx = &calls;
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 0);
	assert_true(result.operations > 0);
	assert_int_equal(result.operations, result.latency.n);
	assert_in_range(result.elapsed_ns, 900000000, 5000000000);
	assert_in_range(calls, 1, 20);
}

static void test_cpu_of_a_tree(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 5;
	p.cpu.pid = 0x3fffffff;
	p.address.n = 0; /* is never asked */
	assert_int_equal(bench_run(&p, &result), YB_NOT_FOUND);
	assert_non_null(strstr(result.error, "CPU time"));
}

/* Exactly as many messages as asked for arrive. */
static void test_deliveries_by_count(void **state)
{
	static const struct script lmtp = {
		"220 ready\r\n",
		{ { "LHLO", "250-x\r\n250 PIPELINING\r\n", false },
		  { "MAIL", "250 OK\r\n", false },
		  { "RCPT", "250 OK\r\n", false },
		  { "DATA", "354 go\r\n", false },
		  { ".\r\n", "250 kept\r\n", false },
		  { "QUIT", "221 bye\r\n", true },
		  { 0 } }
	};

	(void)state;
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		struct bench_plan p = plan_of("lmtp");

		p.count = 25;
		p.pipelined = pipelined;
		run_against(&lmtp, &p);
		assert_int_equal(result.errors, 0);
		assert_int_equal(result.operations, 25);
		assert_int_equal(result.latency.n, 25);
		assert_int_equal(result.sessions, 3);
		assert_in_range(result.out_octets, 25 * 2000, 25 * 2400);
	}
}

static const struct {
	const char *name;
	struct script script;
	const char *error; /* part of the first one */
} failures[] = {
	{ "pop3-empty",
	  { "-ERR busy\r\n", { { 0 } } },
	  "answer to connecting: \"-ERR busy\"" },
	{ "pop3-empty",
	  { "+OK\r\n", { { "USER", "", true }, { 0 } } },
	  "the server closed the connection before the end of the answer to "
	  "USER" },
	{ "pop3-empty",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "-ERR [AUTH] no\r\n", true },
	      { 0 } } },
	  "answer to PASS: \"-ERR [AUTH] no\"" },
	{ "pop3-fetch",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "LIST", "+OK\r\n1 5\r\n.\r\n", false },
	      { "RETR", "+OK\r\nabc", true },
	      { 0 } } },
	  "before the end of the answer to RETR 1" },
	/* RFC 1939 section 5: LIST gives "the exact size of the message in
	 * octets". */
	{ "pop3-fetch",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "LIST", "+OK\r\n1 5\r\n.\r\n", false },
	      { "RETR", "+OK\r\nabcd\r\n.\r\n", false },
	      { 0 } } },
	  "RETR 1 gave 6 octets, LIST says 5" },
	/* Section 3: a line that begins with a dot is "byte-stuffed". */
	{ "pop3-fetch",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "LIST", "+OK\r\n1 4\r\n.\r\n", false },
	      { "RETR", "+OK\r\n.a\r\n.\r\n", false },
	      { 0 } } },
	  "that is not doubled" },
	{ "pop3-fetch",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "LIST", "+OK\r\n1 5\r\n3 5\r\n.\r\n", false },
	      { 0 } } },
	  "answer to LIST: \"3 5\"" },
	{ "pop3-empty",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "STAT", "+OK 2 7\r\n", false },
	      { "UIDL", "+OK\r\n1 a\r\n.\r\n", false },
	      { 0 } } },
	  "UIDL lists 1 messages, STAT 2" },
	{ "pop3-empty",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "STAT", "+OK many\r\n", false },
	      { 0 } } },
	  "answer to STAT: \"+OK many\"" },
	{ "pop3-login",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "QUIT", "-ERR [SYS/TEMP] not deleted\r\n", true },
	      { 0 } } },
	  "answer to QUIT: \"-ERR [SYS/TEMP] not deleted\"" },
	{ "pop3-login",
	  { "+OK\r\n",
	    { { "USER", "+OK\r\n", false },
	      { "PASS", "+OK\r\n", false },
	      { "QUIT", "+OK\r\n+OK again\r\n", true },
	      { 0 } } },
	  "answer to nothing: \"+OK again" },
	{ "pop3-login", { "+OK\n", { { 0 } } }, "answer to connecting" },
	{ "smtp",
	  { "220 x\r\n",
	    { { "EHLO", "250-x\r\n550 PIPELINING\r\n", false }, { 0 } } },
	  "answer to LHLO or EHLO: \"550 PIPELINING\"" },
	{ "smtp",
	  { "220 x\r\n",
	    { { "EHLO", "250 x\r\n", false },
	      { "MAIL", "250 OK\r\n", false },
	      { "RCPT", "250 OK\r\n", false },
	      { "DATA", "354 go\r\n", false },
	      { ".\r\n", "451 4.3.0 not kept\r\n", false },
	      { 0 } } },
	  "answer to the message: \"451 4.3.0 not kept\"" },
	{ "lmtp",
	  { "220 x\r\n",
	    { { "LHLO", "250 x\r\n", false },
	      { "MAIL", "452 4.3.1 disk full\r\n", false },
	      { 0 } } },
	  "answer to MAIL: \"452 4.3.1 disk full\"" },
};

static void test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct bench_plan p = plan_of(failures[i].name);

		p.count = 3;
		run_against(&failures[i].script, &p);
		assert_true(result.errors > 0);
		assert_int_equal(result.operations, 0);
		if (strstr(result.error, failures[i].error) == NULL)
			fail_msg("\"%s\" is not \"%s\"", result.error,
				 failures[i].error);
	}
}

/* A server that never answers, or never closes, ends a run all the same. */
static void test_silence(void **state)
{
	static const struct script mute = { "", { { 0 } } };
	static const struct script stays = { "+OK\r\n",
					     { { "USER", "+OK\r\n", false },
					       { "PASS", "+OK\r\n", false },
					       { "STAT", "+OK 0 0\r\n", false },
					       { "UIDL", "+OK\r\n.\r\n",
						 false },
					       { "QUIT", "+OK\r\n", false },
					       { 0 } } };
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 2;
	p.timeout_seconds = 1;
	run_against(&mute, &p);
	assert_int_equal(result.errors, 2);
	assert_string_equal(result.error, "the time was up before the end of "
					  "the answer to connecting");
	run_against(&stays, &p);
	assert_int_equal(result.errors, 2);
	assert_string_equal(result.error,
			    "the time was up before the server closed the "
			    "connection after QUIT");
}

static void test_tls_with_a_server_that_has_none(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 1;
	p.tls = BENCH_TLS;
	run_against(&good_pop3, &p);
	assert_int_equal(result.errors, 1);
	assert_non_null(strstr(result.error, "TLS handshake failed"));
}

/* Threat 1: what comes in clear behind the answer to STLS. */
static void test_octets_behind_stls(void **state)
{
	static const struct script injects = {
		"+OK\r\n",
		{ { "STLS", "+OK\r\n+OK injected\r\n", false }, { 0 } }
	};
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.count = 1;
	p.tls = BENCH_STARTTLS;
	run_against(&injects, &p);
	assert_int_equal(result.errors, 1);
	assert_string_equal(result.error, "octets in clear behind the answer "
					  "that begins TLS");
}

/* Refused again and again, a run gives up before its time. */
static void test_nobody_listens(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");
	pid_t pid = serve(&good_pop3, &p.address);

	(void)state;
	stop(pid);
	p.seconds = 60;
	assert_ok(bench_run(&p, &result));
	assert_in_range(result.errors, BENCH_ERRORS_MAX,
			BENCH_ERRORS_MAX + p.connections);
	assert_int_equal(result.operations, 0);
	assert_non_null(strstr(result.error, "refused"));
}

static void test_bad_ca(void **state)
{
	struct bench_plan p = plan_of("pop3-empty");

	(void)state;
	p.tls = BENCH_TLS;
	p.ca = SPAN_LIT("no certificate");
	assert_int_equal(bench_run(&p, &result), YB_INVALID);
	assert_non_null(strstr(result.error, "CA file"));
}

static void test_targets(void **state)
{
	static const char *const bad[] = {
		"",           "127.0.0.1",   ":110",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
		"[::1]",      "[::1]:x",     "localhost:0",
	};
	struct socket_address a;

	(void)state;
	assert_ok(target_find("127.0.0.1:110", &a));
	assert_true(socket_address_is_loopback(&a));
	assert_ok(target_find("[::1]:110", &a));
	assert_true(socket_address_is_loopback(&a));
	assert_ok(target_find("/run/lmtp", &a));
	assert_true(socket_address_is_loopback(&a));
	assert_ok(target_find("192.0.2.1:110", &a));
	assert_false(socket_address_is_loopback(&a));
	assert_ok(target_find("localhost:110", &a));
	assert_true(socket_address_is_loopback(&a));
	assert_int_equal(target_find("no-such-host.invalid:1", &a),
			 YB_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (target_find(bad[i], &a) == YB_OK)
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_by_count),
		cmocka_unit_test(test_fetch_both_ways),
		cmocka_unit_test(test_idle_beside_load),
		cmocka_unit_test(test_only_idle),
		cmocka_unit_test(test_idle_thrown_out),
		cmocka_unit_test(test_slow_beside_load),
		cmocka_unit_test(test_sessions_by_time),
		cmocka_unit_test(test_cpu_of_a_tree),
		cmocka_unit_test(test_deliveries_by_count),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_tls_with_a_server_that_has_none),
		cmocka_unit_test(test_octets_behind_stls),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_bad_ca),
		cmocka_unit_test(test_targets),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
