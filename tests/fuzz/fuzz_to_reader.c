/*
 * What the child that reads the configuration may say to the supervisor
 * (threat 61). Input: messages (fuzz_process.h).
 */
#include "fuzz/fuzz_process.h"

#include "server/config_reader.c"

enum { NO_PROCESS = 0x3fffffff };

static struct config_reader reader;
static int finished;

static void on_problem(void *ctx, bool notice,
		       const struct config_problem *problem)
{
	(void)ctx, (void)notice;
	MUST(memchr(problem->text, 0, sizeof problem->text) != NULL);
}

static void on_done(void *ctx, enum yb_err err)
{
	(void)ctx, (void)err;
	finished++;
}

static bool take_reader(void *ctx, struct message *m)
{
	return on_message(ctx, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	int end;

	if (reader.loop == NULL)
		MUST(loop_new(&reader.loop) == YB_OK);
	reader.problem = on_problem;
	reader.done = on_done;
	end = fuzz_channel(&reader.channel, reader.loop);
	reader.bad = reader.got = false;
	reader.pid = NO_PROCESS;
	loop_timer_init(&reader.patience, out_of_patience, &reader);
	finished = 0;
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES && finished == 0; n++) {
		if (!fuzz_message(&in, take_reader, &reader))
			break;
		fuzz_drain(end);
	}
	MUST(finished <= 1);
	channel_close(&reader.channel);
	fd_close(&end);
	return 0;
}
