#include "server/policy_client.h"

#include <stdlib.h>

#include "base/cleanup.h"

struct asked {
	struct policy_client *client;
	void *ticket;
};

static void write_login(struct message_writer *w,
			const struct policy_login *login)
{
	message_write(w);
	message_write_raw(w, login->from->address, sizeof login->from->address);
	message_write_u8(w, login->from->tls);
	message_write_u8(w, (uint8_t)login->from->protocol);
	message_write_octets(w, span_str(login->mechanism));
	message_write_octets(w, span_str(login->account));
	message_write_octets(w, span_str(login->acts_as));
}

static bool on_answer(void *ctx, enum yb_err err, struct message_reader *r)
{
	struct asked asked = *(struct asked *)ctx;
	struct policy_answer answer = { .may = false };
	bool good = true;

	free(ctx);
	if (err == YB_OK) {
		answer.may = message_read_u8(r) != 0;
		answer.delay_ms = message_read_u32(r);
		answer.cache_s = message_read_u32(r);
		good = message_read_ended(r) &&
		       answer.cache_s <= POLICY_CACHE_MAX_S;
	}
	auth_policy_answered(asked.client->auth, asked.ticket,
			     good ? err : YB_INVALID, &answer,
			     loop_now(asked.client->lookup->process->loop));
	asked.client->after(asked.client->ctx);
	return good;
}

static enum yb_err ask(void *ctx, const struct policy_login *login,
		       void *ticket)
{
	struct policy_client *p = ctx;
	UNSET struct message_writer w;
	struct asked *asked = malloc(sizeof *asked);
	struct span fields;
	enum yb_err err;

	if (asked == NULL)
		return YB_NOMEM;
	*asked = (struct asked){ p, ticket };
	write_login(&w, login);
	fields = message_written(&w);
	err = lookup_ask(p->lookup, LOOKUP_POLICY, &fields, 1, p->timeout_ms,
			 on_answer, asked);
	if (err != YB_OK)
		free(asked);
	return err;
}

static bool on_told(void *ctx, enum yb_err err, struct message_reader *r)
{
	(void)ctx;
	return err != YB_OK || message_read_ended(r);
}

static void tell(void *ctx, const struct policy_login *login,
		 const struct policy_outcome *outcome)
{
	struct policy_client *p = ctx;
	UNSET struct message_writer w;
	struct span fields;

	write_login(&w, login);
	message_write_octets(&w, span_str(outcome->outcome));
	message_write_octets(&w, span_str(outcome->reason));
	message_write_octets(&w, span_str(outcome->device));
	fields = message_written(&w);
	/* What does not get through is not worth a login. */
	(void)lookup_ask(p->lookup, LOOKUP_OUTCOME, &fields, 1, p->timeout_ms,
			 on_told, NULL);
}

void policy_client_set(struct policy_client *p, const struct config *config)
{
	const struct auth_policy policy = {
		.ctx = p,
		.ask = ask,
		.tell = config->policy_outcomes != 0 ? tell : NULL,
		.on_failure = config->policy_on_failure == CONFIG_FAILURE_ALLOW,
	};

	p->timeout_ms = config->policy_timeout;
	auth_set_policy(p->auth, *config->policy_command != 0 ? &policy : NULL);
}
