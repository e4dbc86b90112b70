/*
 * What lookup may answer to auth (threat 61). Input: an octet of what is asked
 * outside, then messages (fuzz_process.h), the id's second highest bit: from
 * lookup, and then the rest of it says which of the open questions it answers.
 */
#include "fuzz/fuzz_auth.h"

/* Auth may find out that its accounts are elsewhere, but not unlearn it. */
static struct auth_process *here, *elsewhere;

static struct auth_process *choose(unsigned how)
{
	struct config config = {
		.policy_timeout = 1000,
		.policy_on_failure = (how & 2) != 0 ? CONFIG_FAILURE_ALLOW
						    : CONFIG_FAILURE_DENY,
		.policy_outcomes = (how & 4) != 0,
		.accounts_directory = (how & 8) != 0 ? CONFIG_DIRECTORY_COMMAND
						     : CONFIG_DIRECTORY_SQLITE,
		.accounts_passwords = (how & 16) != 0 ? CONFIG_PASSWORDS_CHECK
						      : CONFIG_PASSWORDS_HASH,
		.accounts_timeout = 1000,
		.accounts_cache = 60,
		.accounts_cache_unknown = 10,
		.oauth_command = "/never/executed",
		.oauth_timeout = 1000,
		.oauth_cache_seconds = (how & 32) != 0 ? 60 : 0,
	};
	struct auth_process *p;

	if (here == NULL) {
		const char *folder = fuzz_folder();

		here = make_process(folder, "here");
		elsewhere = make_process(folder, "elsewhere");
	}
	p = (how & 8) != 0 ? elsewhere : here;
	if ((how & 1) != 0)
		(void)strcpy(config.policy_command, "/never/executed");
	p->process.config = config;
	policy_client_set(&p->policy, &config);
	MUST(outside_client_set(&p->outside, &config) == YB_OK);
	MUST(token_client_set(&p->tokens, &config) == YB_OK);
	return p;
}

static bool take(void *ctx, struct message *m)
{
	struct auth_process *p = ctx;
	const struct requests *asked = &p->lookup.requests;
	struct peer *from = &p->workers[m->id & 1];

	if ((m->id & 64) == 0)
		return on_worker_message(from, m);
	/* Ids are used once: that of a slot is its question's, or an old one.
	 */
	if (asked->slots_n > 0)
		m->id = asked->slots[(m->id & 63) % asked->slots_n].id;
	return p->lookup.peer.on_message(&p->lookup.peer, m);
}

static void end_lookup(struct auth_process *p)
{
	struct lookup_client *c = &p->lookup;

	c->peer.present = false;
	c->peer.on_end(&c->peer, YB_INVALID);
	channel_close(&c->peer.channel);
	for (int kind = 0; kind < LOOKUP_KIND_COUNT; kind++)
		MUST(c->in_flight[kind] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct auth_process *p = choose(fuzz_take(&in));
	static uint64_t now = UINT64_C(1) << 40; /* later than the loop's */
	int lookup;

	open_peers(p);
	p->lookup.peer.present = true;
	lookup = fuzz_channel(&p->lookup.peer.channel, p->process.loop);
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		bool good = fuzz_message(&in, take, p);

		auth_run(p->auth, now += 1000);
		pass_tick(p);
		for (size_t i = 0; i < FUZZ_AUTH_PEERS; i++)
			fuzz_drain(ends[i]);
		fuzz_drain(lookup);
		if (!good)
			break;
	}
	end_lookup(p);
	close_peers(p);
	fd_close(&lookup);
	for (int n = 0; n < 100; n++)
		auth_run(p->auth, now += 60 * 1000);
	/* Whoever waited for an answer has gone on without it. */
	MUST(p->logins_n[0] + p->logins_n[1] + p->rcpts_n == 0);
	return 0;
}
