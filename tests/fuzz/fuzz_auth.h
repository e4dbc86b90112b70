/*
 * For the targets that are the process auth: its source, an account
 * user@a.example with the password "secret", two workers and the store. PBKDF2
 * is one round here, and crypt(3) a look at the hash (CMakeLists.txt).
 */
#ifndef TESTS_FUZZ_FUZZ_AUTH_H
#define TESTS_FUZZ_FUZZ_AUTH_H

#include "fuzz/fuzz_folder.h"
#include "fuzz/fuzz_process.h"

#include <fcntl.h>

#include "crypto/crypt_hash.h"
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

enum yb_err __wrap_crypt_hash_check(const char *hash, struct span password,
				    bool *ret_fits);

enum yb_err __wrap_crypt_hash_check(const char *hash, struct span password,
				    bool *ret_fits)
{
	if (!crypt_hash_is_known(span_str(hash)))
		return YB_INVALID;
	*ret_fits = span_eq(password, SPAN_LIT("secret"));
	return YB_OK;
}

enum { FUZZ_AUTH_PEERS = 3 };

static int ends[FUZZ_AUTH_PEERS]; /* of worker 0, worker 1, the store */

static inline void open_directory(struct auth_process *p, const char *folder,
				  const char *name)
{
	struct auth_config config = { .default_domain = "a.example",
				      .delimiter = '+',
				      .ended = on_ended,
				      .ended_ctx = p };
	const char *reason = NULL;
	char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	MUST(directory_open(path, &p->directory) == YB_OK);
	config.directory = p->directory;
	MUST(auth_open(&config, &p->auth) == YB_OK);
	MUST(auth_account_add(p->auth, SPAN_LIT("user@a.example"),
			      SPAN_LIT("secret"), true, &reason) == YB_OK);
}

static inline struct auth_process *make_process(const char *folder,
						const char *name)
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
	p->tokens = (struct token_client){ .lookup = &p->lookup,
					   .after = on_asked,
					   .ctx = p };
	auth_process_logins_init(p);
	loop_timer_init(&p->timer, on_timer, p);
	loop_task_init(&p->retime, on_retime, p);
	p->store.owner = p;
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		p->workers[i].owner = p;
		p->workers[i].number = i;
	}
	open_directory(p, folder, name);
	p->policy.auth = p->outside.auth = p->tokens.auth = p->auth;
	return p;
}

static inline void open_peers(struct auth_process *p)
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

/* Answers that wait for a tick leave. */
static inline void pass_tick(struct auth_process *p)
{
	p->paced.timer.fire(p->paced.timer.ctx, UINT64_MAX);
}

static inline void close_peers(struct auth_process *p)
{
	for (uint32_t i = 0; i < 2; i++) {
		p->workers[i].present = false;
		on_worker_end(&p->workers[i], YB_GONE);
		channel_close(&p->workers[i].channel);
	}
	p->store.present = false;
	channel_close(&p->store.channel);
	for (size_t i = 0; i < FUZZ_AUTH_PEERS; i++)
		fd_close(&ends[i]);
}

#endif
