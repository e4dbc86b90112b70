/*
 * What a worker may say to auth (threat 61); the store says nothing. Input:
 * messages (fuzz_process.h).
 */
#include "fuzz/fuzz_auth.h"

static struct auth_process *process;

static bool take(void *ctx, struct message *m)
{
	struct auth_process *p = ctx;

	return on_worker_message(&p->workers[m->id & 1], m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	/* Answers to wrong passwords wait for seconds. */
	static uint64_t now = UINT64_C(1) << 40; /* later than the loop's */

	if (process == NULL)
		process = make_process(fuzz_folder(), "directory");
	open_peers(process);
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		bool good = fuzz_message(&in, take, process);

		auth_run(process->auth, now += 60 * 1000);
		pass_tick(process);
		for (size_t i = 0; i < FUZZ_AUTH_PEERS; i++)
			fuzz_drain(ends[i]);
		if (!good)
			break;
	}
	close_peers(process);
	for (int n = 0; n < 100; n++)
		auth_run(process->auth, now += 60 * 1000);
	/* Nothing is kept for those that are gone. */
	MUST(process->logins_n[0] + process->logins_n[1] == 0);
	return 0;
}
