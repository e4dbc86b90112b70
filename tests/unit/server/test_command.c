#include "server/command.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "unit/unit.h"

struct office {
	struct loop *loop;
	struct log log;
	struct command *command;
	char folder[64], program[96];
};

/* What became of one question. */
struct heard {
	unsigned calls;
	enum yb_err err;
	json_int_t n; /* of the answer */
};

static void hear(void *ctx, enum yb_err err, const json_t *answer)
{
	struct heard *h = ctx;

	h->calls++;
	h->err = err;
	h->n = json_integer_value(json_object_get(answer, "n"));
	assert_int_equal(err == YB_OK, answer != NULL);
}

static void make(struct office *o, const char *text, unsigned processes,
		 uint32_t timeout_ms)
{
	struct command_config config = { "test", o->program, processes,
					 timeout_ms };
	FILE *f;

	strcpy(o->folder, "/tmp/yubin-command-XXXXXX");
	assert_non_null(mkdtemp(o->folder));
	snprintf(o->program, sizeof o->program, "%s/program", o->folder);
	f = fopen(o->program, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(o->program, 0755), 0);
	assert_ok(loop_new(&o->loop));
	log_init(&o->log, NULL, "test", -1);
	assert_ok(command_new(o->loop, &o->log, &config, &o->command));
}

static void done(struct office *o)
{
	command_free(&o->command);
	assert_null(o->command);
	loop_free(&o->loop);
	assert_int_equal(unlink(o->program), 0);
	assert_int_equal(rmdir(o->folder), 0);
}

static void ask(struct office *o, struct heard *h)
{
	*h = (struct heard){ .calls = 0 };
	command_ask(o->command, json_pack("{s:s}", "kind", "test"), hear, h);
}

static void wait_for(struct office *o, const struct heard *h, size_t n)
{
	uint64_t end = clock_mono_ms() + 20000;

	for (size_t i = 0; i < n; i++)
		while (h[i].calls == 0 && clock_mono_ms() < end)
			loop_turn(o->loop, 10);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(h[i].calls, 1);
}

#define READ_ID                         \
	"#!/bin/sh\n"                   \
	"n=0\n"                         \
	"while IFS= read -r line; do\n" \
	"id=${line##*\\\"id\\\":}\n"    \
	"id=${id%%[,\\}]*}\n"           \
	"n=$((n + 1))\n"

/* One process answers them all, one after the other. */
static void test_stays(void **state)
{
	struct office o;
	struct heard h[20];

	(void)state;
	make(&o, READ_ID "echo \"{\\\"id\\\":$id,\\\"n\\\":$n}\"\ndone\n", 1,
	     5000);
	for (size_t i = 0; i < 20; i++)
		ask(&o, &h[i]);
	wait_for(&o, h, 20);
	for (size_t i = 0; i < 20; i++) {
		assert_ok(h[i].err);
		assert_int_equal(h[i].n, i + 1);
	}
	/* A new one, that counts anew. */
	command_renew(o.command);
	ask(&o, &h[0]);
	wait_for(&o, h, 1);
	assert_int_equal(h[0].n, 1);
	done(&o);
}

static void test_exits_after_each(void **state)
{
	struct office o;
	struct heard h[20];

	(void)state;
	make(&o, READ_ID "echo \"{\\\"id\\\":$id,\\\"n\\\":$n}\"\nexit\ndone\n",
	     3, 10000);
	for (size_t i = 0; i < 20; i++)
		ask(&o, &h[i]);
	wait_for(&o, h, 20);
	for (size_t i = 0; i < 20; i++) {
		assert_ok(h[i].err);
		assert_int_equal(h[i].n, 1);
	}
	done(&o);
}

static void test_deadline(void **state)
{
	struct office o;
	struct heard h[3];
	uint64_t began = clock_mono_ms();

	(void)state;
	make(&o, "#!/bin/sh\nsleep 50\n", 2, 200);
	for (size_t i = 0; i < 3; i++)
		ask(&o, &h[i]);
	wait_for(&o, h, 3);
	assert_true(clock_mono_ms() - began < 5000);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(h[i].err, YB_TIMEOUT);
	done(&o);
}

/* After a few that leave without an answer nothing is started for a while. */
static void test_pause(void **state)
{
	struct office o;
	struct heard h;

	(void)state;
	make(&o, "#!/bin/sh\nexit 1\n", 1, 5000);
	for (int i = 0; i < COMMAND_FAILURES_MAX; i++) {
		ask(&o, &h);
		wait_for(&o, &h, 1);
		assert_int_equal(h.err, YB_GONE);
	}
	ask(&o, &h);
	assert_int_equal(h.calls, 1); /* at once */
	assert_int_equal(h.err, YB_GONE);
	done(&o);
}

static void test_limits(void **state)
{
	static struct heard h[COMMAND_WAITING_MAX + 3];
	char *large = calloc(1, COMMAND_LINE_MAX + 1);
	struct office o;

	(void)state;
	assert_non_null(large);
	make(&o, "#!/bin/sh\nsleep 50\n", 1, 60000);
	memset(large, 'x', COMMAND_LINE_MAX);
	h[0] = (struct heard){ .calls = 0 };
	command_ask(o.command, json_pack("{s:s}", "text", large), hear, &h[0]);
	assert_int_equal(h[0].err, YB_INVALID);
	command_ask(o.command, NULL, hear, &h[1]);
	assert_int_equal(h[1].err, YB_INVALID);
	/* One is asked, so many wait, one too many. */
	for (size_t i = 0; i < COMMAND_WAITING_MAX + 2; i++)
		ask(&o, &h[i]);
	assert_int_equal(h[COMMAND_WAITING_MAX].calls, 0);
	assert_int_equal(h[COMMAND_WAITING_MAX + 1].err, YB_OVERLOAD);
	/* Whoever waits at the end is told. */
	done(&o);
	for (size_t i = 0; i <= COMMAND_WAITING_MAX; i++) {
		assert_int_equal(h[i].calls, 1);
		assert_int_equal(h[i].err, YB_GONE);
	}
	free(large);
}

static void test_program_of_others(void **state)
{
	struct office o;
	struct heard h;

	(void)state;
	make(&o, "#!/bin/sh\n", 1, 1000);
	assert_int_equal(chmod(o.program, 0757), 0);
	ask(&o, &h);
	assert_int_equal(h.err, YB_ACCESS);
	done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_exits_after_each),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_program_of_others),
	};

	command_prepare_json();
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
