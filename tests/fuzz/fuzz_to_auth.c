/*
 * What a worker, or the store, may say to auth (threat 61). Input: messages
 * (fuzz_process.h), the id's highest bit: from the store. There is an account
 * user@a.example; PBKDF2 is one round here (CMakeLists.txt).
 */
#include "fuzz/fuzz_folder.h"
#include "fuzz/fuzz_process.h"

#include <fcntl.h>

#include "crypto/pbkdf2.h"
#include "server/auth_process.c"

enum yb_err __real_pbkdf2_sha256(struct span password, struct span salt,
				 uint32_t iterations, uint8_t ret[PBKDF2_LEN]);
enum yb_err __wrap_pbkdf2_sha256(struct span password, struct span salt,
				 uint32_t iterations, uint8_t ret[PBKDF2_LEN]);

enum yb_err __wrap_pbkdf2_sha256(struct span password, struct span salt,
				 uint32_t iterations, uint8_t ret[PBKDF2_LEN])
{
	(void)iterations;
	return __real_pbkdf2_sha256(password, salt, 1, ret);
}

static struct auth_process *process;
static int ends[3]; /* of worker 0, worker 1, the store */

static void open_directory(struct auth_process *p)
{
	const char *folder = fuzz_folder();
	struct auth_config config = { .default_domain = "a.example",
				      .delimiter = '+',
				      .ended = on_ended,
				      .ended_ctx = p };
	const char *reason = NULL;
	char path[64];

	(void)snprintf(path, sizeof path, "%s/directory", folder);
	MUST(directory_open(path, &p->directory) == YB_OK);
	config.directory = p->directory;
	MUST(auth_open(&config, &p->auth) == YB_OK);
	MUST(auth_account_add(p->auth, SPAN_LIT("user@a.example"),
			      SPAN_LIT("secret"), true, &reason) == YB_OK);
}

static struct auth_process *make_process(void)
{
	struct auth_process *p = calloc(1, sizeof *p);

	MUST(p != NULL && loop_new(&p->process.loop) == YB_OK);
	p->process.page = calloc(1, sizeof *p->process.page);
	p->process.supervisor.ended = true;
	log_init(&p->process.log, p->process.loop, "auth",
		 open("/dev/null", O_WRONLY | O_CLOEXEC));
	MUST(lookup_client_init(&p->lookup, &p->process) == YB_OK);
	p->policy = (struct policy_client){ .lookup = &p->lookup,
					    .after = on_asked,
					    .ctx = p };
	p->outside = (struct outside_client){ .lookup = &p->lookup,
					      .after = on_asked,
					      .ctx = p };
	map_init(&p->logins, 1);
	loop_timer_init(&p->timer, on_timer, p);
	loop_task_init(&p->retime, on_retime, p);
	p->store.owner = p;
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		p->workers[i].owner = p;
		p->workers[i].number = i;
	}
	open_directory(p);
	p->policy.auth = p->outside.auth = p->auth;
	return p;
}

static void open_peers(struct auth_process *p)
{
	static uint64_t incarnation;

	for (uint32_t i = 0; i < 2; i++) {
		p->workers[i].present = true;
		p->workers[i].incarnation = incarnation++;
		ends[i] = fuzz_channel(&p->workers[i].channel, p->process.loop);
	}
	p->store.present = true;
	ends[2] = fuzz_channel(&p->store.channel, p->process.loop);
}

static void close_peers(struct auth_process *p)
{
	for (uint32_t i = 0; i < 2; i++) {
		p->workers[i].present = false;
		on_worker_end(&p->workers[i], YB_GONE);
		channel_close(&p->workers[i].channel);
	}
	p->store.present = false;
	channel_close(&p->store.channel);
	for (size_t i = 0; i < 3; i++)
		fd_close(&ends[i]);
}

static bool take(void *ctx, struct message *m)
{
	struct auth_process *p = ctx;
	struct peer *from =
		(m->id & 128) != 0 ? &p->store : &p->workers[m->id & 1];

	return from == &p->store ? on_store_message(from, m)
				 : on_worker_message(from, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	/* Answers to wrong passwords wait for seconds. */
	static uint64_t now = 1000000;

	if (process == NULL)
		process = make_process();
	open_peers(process);
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		bool good = fuzz_message(&in, take, process);

		auth_run(process->auth, now += 60 * 1000);
		for (size_t i = 0; i < 3; i++)
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
