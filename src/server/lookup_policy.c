/*
 * The site's policy command: may this login go on?
 */
#include <string.h>

#include "auth/auth.h"
#include "auth/policy.h"
#include "base/cleanup.h"
#include "server/lookup_private.h"

/* ---- questions ---- */

const char *lookup_protocol(uint8_t protocol)
{
	return protocol == AUTH_POP3 ? "pop3" : "submission";
}

/* What both kinds have in common; NULL if something is no text. */
static json_t *read_login(struct message_reader *r, const char *kind)
{
	struct span mechanism, account, as;
	uint8_t address[16], tls, protocol;

	message_read_into(r, address, sizeof address);
	tls = message_read_u8(r);
	protocol = message_read_u8(r);
	mechanism = message_read_octets(r);
	account = message_read_octets(r);
	as = message_read_octets(r);
	return json_pack("{s:s, s:o, s:b, s:s, s:o, s:o, s:o}", "kind", kind,
			 "address", lookup_address(address), "tls", tls != 0,
			 "protocol", lookup_protocol(protocol), "mechanism",
			 lookup_text(mechanism), "account",
			 lookup_text(account), "acts_as", lookup_text(as));
}

/* ---- may it? ---- */

/* False if it is not there, or no number in its bounds. */
static bool get_number(const json_t *answer, const char *key, bool must,
		       uint32_t most, uint32_t *ret)
{
	const json_t *v = json_object_get(answer, key);

	*ret = 0;
	if (v == NULL)
		return !must;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = json_integer_value(v) < most ? (uint32_t)json_integer_value(v)
					    : most;
	return true;
}

static const char *read_verdict(const json_t *answer, bool *ret_may,
				uint32_t *ret_delay, uint32_t *ret_cache)
{
	const char *verdict =
		json_string_value(json_object_get(answer, "verdict"));
	bool delay = verdict != NULL && strcmp(verdict, "delay") == 0;

	if (verdict == NULL || (!delay && strcmp(verdict, "allow") != 0 &&
				strcmp(verdict, "deny") != 0))
		return "has no \"verdict\" that is \"allow\", \"delay\" or "
		       "\"deny\"";
	*ret_may = strcmp(verdict, "deny") != 0;
	if (!get_number(answer, "delay_ms", delay, POLICY_DELAY_MAX_MS,
			ret_delay))
		return "has no \"delay_ms\" that is a number of milliseconds";
	if (!delay)
		*ret_delay = 0;
	if (!get_number(answer, "cache_s", false, POLICY_CACHE_MAX_S,
			ret_cache))
		return "has a \"cache_s\" that is no number of seconds";
	return NULL;
}

static void on_verdict(void *ctx, enum yb_err err, const json_t *answer)
{
	struct lookup_call *call = ctx;
	UNSET struct message_writer w;
	uint32_t delay, cache;
	const char *wrong;
	bool may;

	if (err != YB_OK) {
		lookup_reply(call, err, NULL, 0);
		return;
	}
	wrong = read_verdict(answer, &may, &delay, &cache);
	if (wrong != NULL) {
		lookup_tell_odd(call, "policy", wrong);
		lookup_reply(call, YB_INVALID, NULL, 0);
		return;
	}
	message_write(&w);
	message_write_u8(&w, may);
	message_write_u32(&w, delay);
	message_write_u32(&w, cache);
	lookup_reply_fields(call, &w);
}

/* Takes `q` over, made of all fields. */
static bool ask(struct lookup_call *call, struct message_reader *fields,
		json_t *q, command_done_fn *done)
{
	struct command *policy = call->process->policy;
	bool good = message_read_ended(fields);

	if (good && policy != NULL) {
		command_ask(policy, q, done, call);
		return true;
	}
	json_decref(q);
	if (good)
		lookup_reply(call, YB_GONE, NULL, 0);
	return good;
}

bool lookup_policy(struct lookup_call *call, struct message_reader *fields)
{
	return ask(call, fields, read_login(fields, "login"), on_verdict);
}

/* ---- how it went ---- */

static void on_told(void *ctx, enum yb_err err, const json_t *answer)
{
	(void)answer; /* there is nothing to know */
	lookup_reply(ctx, err, NULL, 0);
}

bool lookup_outcome(struct lookup_call *call, struct message_reader *fields)
{
	json_t *q = read_login(fields, "outcome");
	static const char *const keys[] = { "outcome", "reason", "device" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *text = lookup_text(message_read_octets(fields));

		/* Takes `text` in any case, also where there is no object. */
		if (json_object_set_new(q, keys[i], text) < 0) {
			json_decref(q);
			q = NULL;
		}
	}
	return ask(call, fields, q, on_told);
}
