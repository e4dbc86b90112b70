#include "server/token_client.h"

#include <stdlib.h>

#include "auth/token.h"
#include "base/cleanup.h"

struct asked {
	struct token_client *client;
	void *ticket;
};

/* Lookup is distrusted: what it cannot say ends its channel. */
static bool read_answer(struct message_reader *r, struct token_answer *ret)
{
	uint8_t verdict = message_read_u8(r);

	ret->verdict = (enum token_verdict)verdict;
	ret->user = message_read_octets(r);
	ret->expires_s = (int64_t)message_read_u64(r);
	return message_read_ended(r) && verdict < TOKEN_VERDICTS &&
	       ret->user.n <= AUTH_ADDRESS_MAX && ret->expires_s >= 0;
}

static bool on_answer(void *ctx, enum yb_err err, struct message_reader *r)
{
	struct asked asked = *(struct asked *)ctx;
	struct token_answer answer = { .verdict = TOKEN_INACTIVE };
	bool good = err != YB_OK || read_answer(r, &answer);

	free(ctx);
	/* A code that would mean something else at the end of a login. */
	if (!good || (err != YB_OK && !err_is_temp(err)))
		err = YB_GONE;
	auth_token_answered(asked.client->auth, asked.ticket, err, &answer,
			    loop_now(asked.client->lookup->process->loop));
	asked.client->after(asked.client->ctx);
	return good;
}

static enum yb_err ask(void *ctx, const struct token_question *q, void *ticket)
{
	struct token_client *t = ctx;
	UNSET struct message_writer w;
	struct asked *asked = malloc(sizeof *asked);
	uint32_t n = (uint32_t)q->token.n;
	struct span parts[3];
	enum yb_err err;

	if (asked == NULL)
		return YB_NOMEM;
	*asked = (struct asked){ t, ticket };
	message_write(&w);
	message_write_raw(&w, q->from->address, sizeof q->from->address);
	message_write_u8(&w, (uint8_t)q->from->protocol);
	message_write_octets(&w, span_str(q->mechanism));
	message_write_octets(&w, q->user);
	parts[0] = message_written(&w);
	parts[1] = span_of(&n, sizeof n);
	parts[2] = q->token;
	err = lookup_ask(t->lookup, LOOKUP_TOKEN, parts, 3, t->timeout_ms,
			 on_answer, asked);
	if (err != YB_OK)
		free(asked);
	return err;
}

enum yb_err token_client_set(struct token_client *t,
			     const struct config *config)
{
	const struct auth_tokens tokens = {
		.ctx = t,
		.ask = ask,
		.cache_s = config->oauth_cache_seconds,
		.host = config->oauth_host,
		.scope = config->oauth_scope,
		.configuration = config->oauth_openid_configuration,
	};

	t->timeout_ms = config->oauth_timeout;
	return auth_set_tokens(t->auth,
			       config_takes_tokens(config) ? &tokens : NULL);
}
