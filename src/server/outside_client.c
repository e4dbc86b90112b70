#include "server/outside_client.h"

#include <stdlib.h>

#include "base/cleanup.h"

struct asked {
	struct outside_client *client;
	void *ticket;
};

static enum yb_err ask(struct outside_client *o, enum lookup_kind kind,
		       const struct span *parts, size_t n,
		       lookup_answer_fn *answer, void *ticket)
{
	struct asked *asked = malloc(sizeof *asked);
	enum yb_err err;

	if (asked == NULL)
		return YB_NOMEM;
	*asked = (struct asked){ o, ticket };
	err = lookup_ask(o->lookup, kind, parts, n, o->timeout_ms, answer,
			 asked);
	if (err != YB_OK)
		free(asked);
	return err;
}

static uint64_t now_of(const struct outside_client *o)
{
	return loop_now(o->lookup->process->loop);
}

/* ---- accounts ---- */

static bool read_settings(struct message_reader *r, struct setting_set *ret)
{
	ret->has = message_read_u32(r);
	if (ret->has >> SETTINGS_N != 0)
		return false;
	for (int i = 0; i < SETTINGS_N; i++) {
		ret->value[i] = message_read_u64(r);
		if ((ret->has & 1u << i) != 0 &&
		    !setting_is_valid((enum setting)i, ret->value[i]))
			return false;
	}
	return true;
}

/* Lookup reads what strangers say: nothing it hands on is believed. */
static bool read_account(struct message_reader *r, struct outside_account *ret,
			 char hash[DIRECTORY_HASH_MAX + 1])
{
	struct directory_verifier *v = &ret->main;
	uint32_t kind;

	ret->found = message_read_u8(r) != 0;
	kind = message_read_u32(r);
	v->kind = (enum directory_kind)kind;
	v->iterations = message_read_u32(r);
	message_read_into(r, v->salt, sizeof v->salt);
	message_read_into(r, v->stored_key, sizeof v->stored_key);
	message_read_into(r, v->server_key, sizeof v->server_key);
	if (!span_to_str(message_read_octets(r), hash,
			 DIRECTORY_HASH_MAX + 1) ||
	    !read_settings(r, &ret->settings) || !message_read_ended(r))
		return false;
	v->hash = hash;
	switch (kind) {
	case 0:
		return true;
	case DIRECTORY_CRYPT:
		return *hash != 0;
	case DIRECTORY_SCRAM_SHA_256:
		return v->iterations >= DIRECTORY_ITERATIONS_MIN &&
		       v->iterations <= DIRECTORY_ITERATIONS_MAX;
	default:
		return false;
	}
}

static bool on_account(void *ctx, enum yb_err err, struct message_reader *r)
{
	struct asked asked = *(struct asked *)ctx;
	char hash[DIRECTORY_HASH_MAX + 1] = "";
	struct outside_account answer = { .found = false };
	bool good = err != YB_OK || read_account(r, &answer, hash);

	free(ctx);
	auth_account_answered(asked.client->auth, asked.ticket,
			      good ? err : YB_INVALID, &answer,
			      now_of(asked.client));
	mem_wipe(hash, sizeof hash);
	mem_wipe(&answer, sizeof answer);
	asked.client->after(asked.client->ctx);
	return good;
}

static enum yb_err ask_account(void *ctx, struct span address, void *ticket)
{
	UNSET struct message_writer w;
	struct span fields;

	message_write(&w);
	message_write_octets(&w, address);
	fields = message_written(&w);
	return ask(ctx, LOOKUP_ACCOUNT, &fields, 1, on_account, ticket);
}

/* ---- passwords ---- */

static bool on_password(void *ctx, enum yb_err err, struct message_reader *r)
{
	struct asked asked = *(struct asked *)ctx;
	bool right = err == YB_OK && message_read_u8(r) == 1;
	bool good = err != YB_OK || message_read_ended(r);

	free(ctx);
	auth_password_answered(asked.client->auth, asked.ticket,
			       good ? err : YB_INVALID, good && right,
			       now_of(asked.client));
	asked.client->after(asked.client->ctx);
	return good;
}

static enum yb_err ask_password(void *ctx, struct span address,
				struct span password, void *ticket)
{
	uint32_t n = (uint32_t)password.n;
	UNSET struct message_writer w;

	message_write(&w);
	message_write_octets(&w, address);
	const struct span parts[] = { message_written(&w),
				      span_of(&n, sizeof n), password };
	return ask(ctx, LOOKUP_PASSWORD, parts, 3, on_password, ticket);
}

enum yb_err outside_client_set(struct outside_client *o,
			       const struct config *config)
{
	const struct auth_outside outside = {
		.ctx = o,
		.ask_account = ask_account,
		.ask_password =
			config->accounts_passwords == CONFIG_PASSWORDS_CHECK
				? ask_password
				: NULL,
		.cache_s = config->accounts_cache,
		.cache_unknown_s = config->accounts_cache_unknown,
	};

	o->timeout_ms = config->accounts_timeout;
	if (config->accounts_directory != CONFIG_DIRECTORY_COMMAND)
		return YB_OK;
	return auth_set_outside(o->auth, &outside);
}
