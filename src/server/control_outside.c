#include "server/control_outside.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "base/cleanup.h"
#include "os/clock.h"
#include "server/message.h"

/* Names and a token that are nobody's, and say who asks. */
#define NAME "yubin-doctor"

struct trial {
	struct control_call *call;
	uint64_t began_ns;
};

static bool on_answer(void *ctx, enum yb_err err, struct message_reader *fields)
{
	struct trial trial = *(struct trial *)ctx;

	(void)fields; /* a no is an answer, too */
	free(ctx);
	control_put_u64(&trial.call->reply,
			(clock_mono_ns() - trial.began_ns) / 1000000);
	control_reply(trial.call, err);
	return true;
}

static void write_client(struct message_writer *w)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	message_write_raw(w, loopback, sizeof loopback);
}

/* The fields of server/lookup.h, as a login from this machine has them. */
static bool write_question(struct message_writer *w, enum lookup_kind kind,
			   const struct config *config)
{
	char address[sizeof NAME + CONFIG_TEXT_MAX];

	message_write(w);
	switch (kind) {
	case LOOKUP_POLICY:
		write_client(w);
		message_write_u8(w, 0);
		message_write_u8(w, AUTH_POP3);
		message_write_octets(w, SPAN_LIT("PASS"));
		message_write_octets(w, SPAN_LIT("?"));
		message_write_octets(w, SPAN_NONE);
		return *config->policy_command != 0;
	case LOOKUP_ACCOUNT:
		(void)snprintf(address, sizeof address, NAME "@%s",
			       config->default_domain);
		message_write_octets(w, span_str(address));
		return config->accounts_directory == CONFIG_DIRECTORY_COMMAND;
	case LOOKUP_TOKEN:
		write_client(w);
		message_write_u8(w, AUTH_POP3);
		message_write_octets(w, SPAN_LIT("OAUTHBEARER"));
		message_write_octets(w, SPAN_NONE);
		message_write_octets(w, SPAN_LIT(NAME));
		return config_takes_tokens(config);
	case LOOKUP_OUTCOME:
	case LOOKUP_PASSWORD:
	case LOOKUP_KIND_COUNT:
		break;
	}
	return false;
}

static uint32_t limit_of(enum lookup_kind kind, const struct config *config)
{
	return kind == LOOKUP_POLICY    ? config->policy_timeout
	       : kind == LOOKUP_ACCOUNT ? config->accounts_timeout
					: config->oauth_timeout;
}

void control_outside_try(struct lookup_client *client,
			 struct control_call *call)
{
	const struct config *config = &client->process->config;
	uint64_t kind = control_get_u64(&call->fields);
	struct trial *trial = NULL;
	UNSET struct message_writer w;
	struct span fields;
	enum yb_err err = YB_OK;

	if (!control_ended(&call->fields))
		err = YB_SYNTAX;
	else if (kind >= LOOKUP_KIND_COUNT ||
		 !write_question(&w, (enum lookup_kind)kind, config))
		err = YB_UNSUPPORTED;
	else if ((trial = malloc(sizeof *trial)) == NULL)
		err = YB_NOMEM;
	if (err == YB_OK) {
		*trial = (struct trial){ call, clock_mono_ns() };
		fields = message_written(&w);
		err = lookup_ask(client, (enum lookup_kind)kind, &fields, 1,
				 limit_of((enum lookup_kind)kind, config),
				 on_answer, trial);
	}
	if (err == YB_OK)
		return;
	free(trial);
	control_reply(call, err);
}
