/*
 * What a site's program says to each kind of question, read by lookup, and
 * what auth then makes of lookup's answer: whatever the program says, lookup
 * keeps to the rules of its channel, and auth gets values in their bounds. No
 * program runs, and nothing is connected to (CMakeLists.txt).
 *
 * Input: an octet of the kind, then the line that the program says.
 */
#include "fuzz/fuzz_process.h"

#include <fcntl.h>

#include "auth/outside.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "server/lookup_process.c"
#include "server/outside_client.h"
#include "server/policy_client.h"
#include "server/token_client.h"

static struct lookup_process lookup;
static struct process auth;
static struct lookup_client client;

/* What auth's clients ask with, and what they have heard. */
static struct auth_policy policy;
static struct auth_outside outside;
static struct auth_tokens tokens;
static struct {
	unsigned n;
	enum yb_err err;
} heard;

static void hear(enum yb_err err)
{
	heard.n++;
	heard.err = err;
}

/* ---- in place of auth ---- */

void __wrap_auth_set_policy(struct auth *a, const struct auth_policy *p);
enum yb_err __wrap_auth_set_outside(struct auth *a,
				    const struct auth_outside *o);
enum yb_err __wrap_auth_set_tokens(struct auth *a, const struct auth_tokens *t);
void __wrap_auth_policy_answered(struct auth *a, void *ticket, enum yb_err err,
				 const struct policy_answer *answer,
				 uint64_t now_ms);
void __wrap_auth_account_answered(struct auth *a, void *ticket, enum yb_err err,
				  const struct outside_account *answer,
				  uint64_t now_ms);
void __wrap_auth_password_answered(struct auth *a, void *ticket,
				   enum yb_err err, bool right,
				   uint64_t now_ms);
void __wrap_auth_token_answered(struct auth *a, void *ticket, enum yb_err err,
				const struct token_answer *answer,
				uint64_t now_ms);

void __wrap_auth_set_policy(struct auth *a, const struct auth_policy *p)
{
	(void)a;
	policy = *p;
}

enum yb_err __wrap_auth_set_outside(struct auth *a,
				    const struct auth_outside *o)
{
	(void)a;
	outside = *o;
	return YB_OK;
}

enum yb_err __wrap_auth_set_tokens(struct auth *a, const struct auth_tokens *t)
{
	(void)a;
	tokens = *t;
	return YB_OK;
}

void __wrap_auth_policy_answered(struct auth *a, void *ticket, enum yb_err err,
				 const struct policy_answer *answer,
				 uint64_t now_ms)
{
	(void)a, (void)ticket, (void)now_ms;
	hear(err);
	if (err == YB_OK)
		MUST(answer->delay_ms <= POLICY_DELAY_MAX_MS &&
		     answer->cache_s <= POLICY_CACHE_MAX_S);
}

void __wrap_auth_account_answered(struct auth *a, void *ticket, enum yb_err err,
				  const struct outside_account *answer,
				  uint64_t now_ms)
{
	const struct directory_verifier *v = &answer->main;

	(void)a, (void)ticket, (void)now_ms;
	hear(err);
	if (err != YB_OK)
		return;
	MUST(v->kind == 0 || v->kind == DIRECTORY_CRYPT ||
	     v->kind == DIRECTORY_SCRAM_SHA_256);
	MUST(v->kind != DIRECTORY_SCRAM_SHA_256 ||
	     (v->iterations >= DIRECTORY_ITERATIONS_MIN &&
	      v->iterations <= DIRECTORY_ITERATIONS_MAX));
	MUST(strlen(v->hash) <= DIRECTORY_HASH_MAX);
	MUST(answer->found || (v->kind == 0 && answer->settings.has == 0));
	for (int i = 0; i < SETTINGS_N; i++)
		MUST((answer->settings.has & 1u << i) == 0 ||
		     setting_is_valid((enum setting)i,
				      answer->settings.value[i]));
}

void __wrap_auth_password_answered(struct auth *a, void *ticket,
				   enum yb_err err, bool right, uint64_t now_ms)
{
	(void)a, (void)ticket, (void)now_ms;
	hear(err);
	MUST(err == YB_OK || !right);
}

void __wrap_auth_token_answered(struct auth *a, void *ticket, enum yb_err err,
				const struct token_answer *answer,
				uint64_t now_ms)
{
	(void)a, (void)ticket, (void)now_ms;
	hear(err);
	if (err == YB_OK)
		MUST(answer->verdict < TOKEN_VERDICTS &&
		     answer->user.n <= AUTH_ADDRESS_MAX &&
		     (answer->verdict == TOKEN_GOOD) == (answer->user.n > 0));
}

/* ---- in place of a program ---- */

static command_done_fn *done;
static void *done_ctx;

enum yb_err __wrap_command_new(struct loop *loop, struct log *log,
			       const struct command_config *config,
			       struct command **ret);
void __wrap_command_free(struct command **c);
void __wrap_command_ask(struct command *c, json_t *question,
			command_done_fn *asker, void *ctx);

enum yb_err __wrap_command_new(struct loop *loop, struct log *log,
			       const struct command_config *config,
			       struct command **ret)
{
	(void)loop, (void)log, (void)config;
	*ret = (struct command *)&done;
	return YB_OK;
}

void __wrap_command_free(struct command **c)
{
	*c = NULL;
}

void __wrap_command_ask(struct command *c, json_t *question,
			command_done_fn *asker, void *ctx)
{
	MUST(c == (struct command *)&done && json_is_object(question));
	json_decref(question);
	done = asker;
	done_ctx = ctx;
}

/* As server/command.c does. */
static void answer(struct span line)
{
	json_t *tree = json_loadb((const char *)line.p, line.n,
				  JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(tree))
		done(done_ctx, YB_OK, tree);
	else
		done(done_ctx, YB_INVALID, NULL);
	json_decref(tree);
}

/* ---- one question ---- */

static void after(void *ctx)
{
	(void)ctx;
}

/* Nobody breaks the rules. */
static bool hand_over(void *ctx, struct message *m)
{
	struct peer *peer = ctx;

	MUST(peer->on_message(peer, m));
	return true;
}

static void open_channel(void)
{
	struct channel *ends[] = { &lookup.auth.channel, &client.peer.channel };

	lookup.auth.owner = &lookup;
	lookup.auth.on_message = on_auth_message;
	lookup.auth.present = client.peer.present = true;
	for (size_t i = 0; i < 2; i++)
		ends[i]->on_message = hand_over;
	ends[0]->ctx = &lookup.auth;
	ends[1]->ctx = &client.peer;
	MUST(channel_open(ends[0], auth.loop,
			  fuzz_channel(ends[1], auth.loop)) == YB_OK);
}

static void open_both(void)
{
	static struct policy_client policies = { .lookup = &client,
						 .after = after };
	static struct outside_client accounts = { .lookup = &client,
						  .after = after };
	static struct token_client whose = { .lookup = &client,
					     .after = after };
	struct config *c = &lookup.process.config;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	MUST(loop_new(&auth.loop) == YB_OK);
	lookup.process.loop = auth.loop;
	lookup.process.page = calloc(1, sizeof *lookup.process.page);
	auth.page = calloc(1, sizeof *auth.page);
	log_init(&auth.log, auth.loop, "auth", null);
	log_init(&lookup.process.log, auth.loop, "lookup", null);
	*c = (struct config){ .policy_outcomes = 1,
			      .policy_timeout = 60 * 1000,
			      .accounts_directory = CONFIG_DIRECTORY_COMMAND,
			      .accounts_passwords = CONFIG_PASSWORDS_CHECK,
			      .accounts_timeout = 60 * 1000,
			      .oauth_timeout = 60 * 1000,
			      .oauth_claim = "email",
			      .policy_command = "/policy",
			      .accounts_command = "/accounts",
			      .oauth_command = "/oauth" };
	MUST(open_commands(&lookup) == YB_OK);
	MUST(lookup_tokens_open(&lookup) == YB_OK);
	MUST(lookup_client_init(&client, &auth) == YB_OK);
	policy_client_set(&policies, c);
	MUST(outside_client_set(&accounts, c) == YB_OK);
	MUST(token_client_set(&whose, c) == YB_OK);
	open_channel();
}

static enum yb_err ask(unsigned kind)
{
	static const struct auth_peer from = { .protocol = AUTH_POP3 };
	const struct policy_login login = { &from, "PLAIN", "a@a.example", "" };
	const struct policy_outcome outcome = { "ok", "", "main" };
	const struct token_question token = { .from = &from,
					      .mechanism = "XOAUTH2",
					      .user = SPAN_LIT("a@a.example"),
					      .token = SPAN_LIT("token") };

	switch (kind) {
	case 0:
		return policy.ask(policy.ctx, &login, NULL);
	case 1:
		policy.tell(policy.ctx, &login, &outcome);
		hear(YB_OK); /* nobody waits for that one */
		return YB_OK;
	case 2:
		return outside.ask_account(outside.ctx, token.user, NULL);
	case 3:
		return outside.ask_password(outside.ctx, token.user,
					    token.token, NULL);
	default:
		return tokens.ask(tokens.ctx, &token, NULL);
	}
}

static void turn(void)
{
	/* Sent in one turn, read in the next; there and back. */
	for (int i = 0; i < 2; i++)
		loop_turn(auth.loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), line;
	unsigned kind = fuzz_take(&in) % LOOKUP_KIND_COUNT;

	if (auth.loop == NULL)
		open_both();
	line = fuzz_piece(&in, in.n);
	heard.n = 0;
	done = NULL;
	MUST(ask(kind) == YB_OK);
	turn();
	MUST(done != NULL);
	answer(line);
	turn();
	MUST(heard.n == 1 && lookup.in_flight == 0);
	MUST(client.in_flight[kind] == 0);
	fuzz_free(line);
	return 0;
}
