/*
 * `yubin bench`: wrong usage is told before anything is measured. Nothing
 * here reaches a server.
 */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "bench/bench.h"
#include "cli/command.h"

enum { WORDS_MAX = 32 };

#define LOCAL "127.0.0.1:9"
#define LOGIN "--user a --password b "

/* The exit code of the line; COMMAND_USAGE if it cannot even be parsed. */
static int run(const char *text)
{
	char copy[512], *argv[WORDS_MAX + 1] = { 0 };
	struct command_parse p;
	int argc = 0;

	(void)snprintf(copy, sizeof copy, "yubin bench %s", text);
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " ")) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = w;
	}
	if (command_parse(argc, argv, &p) != COMMAND_ASK_RUN)
		return COMMAND_USAGE;
	return p.inv.command->run(&p.inv);
}

static void test_wrong_usage(void **state)
{
	static const char *const lines[] = {
		"",
		"pop3-empty",
		"pop3-empty " LOCAL,
		"pop3-empty --user a " LOCAL,
		"pop3-empty --password b " LOCAL,
		"pop3-emptier " LOGIN LOCAL,
		"pop3-empty " LOGIN LOCAL " more",
		"pop3-empty --users e%d --password b " LOCAL,
		"pop3-empty --users e --accounts 3 --password b " LOCAL,
		"pop3-empty --users e%d%d --accounts 3 --password b " LOCAL,
		"pop3-empty --users e%d --accounts 0 --password b " LOCAL,
		"pop3-empty --user a%d --password b " LOCAL,
		"pop3-empty --user a --users e%d --password b " LOCAL,
		"pop3-empty -c 0 " LOGIN LOCAL,
		"pop3-empty -c 1000000 " LOGIN LOCAL,
		"pop3-empty -c -1 " LOGIN LOCAL,
		"pop3-empty --seconds 0 " LOGIN LOCAL,
		"pop3-empty --seconds 99999 " LOGIN LOCAL,
		"pop3-empty --seconds x " LOGIN LOCAL,
		"pop3-empty --count 1x " LOGIN LOCAL,
		"pop3-empty --warmup 99999 " LOGIN LOCAL,
		"pop3-empty --timeout 0 " LOGIN LOCAL,
		"pop3-empty --size 1000 " LOGIN LOCAL,
		"pop3-empty --quit-alone " LOGIN LOCAL,
		"lmtp --pipelined --quit-alone --user a " LOCAL,
		"lmtp --idle 5 --user a " LOCAL,
		"smtp --slow 5 --user a " LOCAL,
		"pop3-idle --idle 5 " LOGIN LOCAL,
		"pop3-idle --count 5 " LOGIN LOCAL,
		"pop3-empty --idle 0 " LOGIN LOCAL,
		"pop3-empty --slow 5 --pace 0 " LOGIN LOCAL,
		"pop3-empty --resume " LOGIN LOCAL,
		"pop3-empty --tls-version 1.3 " LOGIN LOCAL,
		"pop3-empty --tls --tls-version 1.1 " LOGIN LOCAL,
		"lmtp --size 100 --user a " LOCAL,
		"lmtp --size 99999999999 --user a " LOCAL,
		"pop3-empty --stls --tls " LOGIN LOCAL,
		"pop3-empty --ca x " LOGIN LOCAL,
		"pop3-empty --server-name x " LOGIN LOCAL,
		"pop3-empty --tls --ca /no/such/file " LOGIN LOCAL,
		"pop3-empty --pid 0 " LOGIN LOCAL,
		"pop3-empty --pid 1 --cgroup /x " LOGIN LOCAL,
		"pop3-empty " LOGIN "127.0.0.1",
		"pop3-empty " LOGIN "127.0.0.1:0x10",
		"pop3-empty --connection 8 " LOGIN LOCAL,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (run(lines[i]) != COMMAND_USAGE)
			fail_msg("\"%s\" was taken", lines[i]);
}

/* Load on a machine that is not ours needs a word more. */
static void test_only_this_machine(void **state)
{
	(void)state;
	assert_int_equal(run("pop3-empty " LOGIN "192.0.2.1:110"),
			 COMMAND_USAGE);
	assert_int_equal(run("pop3-empty " LOGIN "[2001:db8::1]:110"),
			 COMMAND_USAGE);
	assert_int_equal(run("lmtp --user a 0.0.0.0:24"), COMMAND_USAGE);
	assert_int_equal(run("pop3-idle " LOGIN "192.0.2.1:110"),
			 COMMAND_USAGE);
}

/* All is well with it, but nobody listens. */
static void test_nobody_listens(void **state)
{
	(void)state;
	assert_int_equal(run("pop3-empty --count 1 " LOGIN LOCAL),
			 COMMAND_FAILED);
	assert_int_equal(run("lmtp --count 1 --json --users e%d --accounts 2 "
			     "--size 512 -c 1 " LOCAL),
			 COMMAND_FAILED);
	assert_int_equal(run("pop3-idle -c 2 --json " LOGIN LOCAL),
			 COMMAND_FAILED);
	assert_int_equal(run("pop3-empty --idle 2 --count 1 " LOGIN LOCAL),
			 COMMAND_FAILED);
	assert_int_equal(
		run("pop3-empty --count 1 --pid 1073741823 " LOGIN LOCAL),
		COMMAND_FAILED);
}

/* The help names every case there is, and no other. */
static void test_help_names_all_cases(void **state)
{
	const struct command *bench = NULL;

	(void)state;
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands[i].name, "bench") == 0)
			bench = &commands[i];
	assert_non_null(bench);
	for (size_t i = 0; i < bench_cases_n; i++) {
		char line[160];

		(void)snprintf(line, sizeof line, "\n  %-11s %s\n",
			       bench_cases[i].name, bench_cases[i].help);
		if (strstr(bench->text, line) == NULL)
			fail_msg("the help lacks \"%s\"", line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_usage),
		cmocka_unit_test(test_only_this_machine),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_help_names_all_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
