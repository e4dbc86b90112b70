/*
 * The site's directory command: who is an account, and with which password.
 */
#include <string.h>

#include "auth/import.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "server/lookup_private.h"

/* ---- accounts ---- */

/* A value as `yubin account set` takes it, or as JSON has it. */
static bool read_value(enum setting which, const json_t *v, uint64_t *ret)
{
	char text[SETTING_TEXT_MAX];
	const char *takes;

	if (json_is_boolean(v))
		(void)strcpy(text, json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		(void)snprintf(text, sizeof text, "%lld",
			       (long long)json_integer_value(v));
	else if (!json_is_string(v) ||
		 !span_to_str(
			 span_of(json_string_value(v), json_string_length(v)),
			 text, sizeof text))
		return false;
	return setting_parse(which, span_str(text), ret, &takes) == YB_OK;
}

static const char *read_settings(const json_t *answer, struct setting_set *ret)
{
	json_t *all = json_object_get(answer, "settings");
	const char *name;
	json_t *v;

	ret->has = 0;
	if (all != NULL && !json_is_object(all))
		return "has \"settings\" that are no object";
	json_object_foreach(all, name, v)
	{
		enum setting which;

		if (!setting_find(span_str(name), &which))
			return "has a setting that there is not";
		if (!read_value(which, v, &ret->value[which]))
			return "has a setting with a value that it cannot have";
		ret->has |= 1u << which;
	}
	return NULL;
}

static const char *read_hash(const json_t *answer,
			     struct directory_verifier *ret,
			     char hash[DIRECTORY_HASH_MAX + 1])
{
	const json_t *text = json_object_get(answer, "hash");
	const char *reason;
	struct span plain;

	*ret = (struct directory_verifier){ .kind = 0 };
	if (text == NULL || json_is_null(text))
		return NULL;
	if (!json_is_string(text))
		return "has a \"hash\" that is no text";
	if (auth_import_scheme(
		    span_of(json_string_value(text), json_string_length(text)),
		    ret, hash, &plain, &reason) != YB_OK ||
	    plain.n > 0 || ret->kind == 0)
		return "has a \"hash\" that cannot be taken; those of crypt(3) "
		       "and {SCRAM-SHA-256} can";
	return NULL;
}

static void reply_account(struct lookup_call *call, bool found,
			  const struct directory_verifier *v,
			  const struct setting_set *settings)
{
	UNSET struct message_writer w;
	bool is_crypt = v->kind == DIRECTORY_CRYPT;
	uint8_t none[DIRECTORY_SALT_LEN] = { 0 };

	message_write(&w);
	message_write_u8(&w, found);
	message_write_u32(&w, v->kind);
	message_write_u32(&w, is_crypt ? 0 : v->iterations);
	/* That of a hash stands in the hash. */
	message_write_raw(&w, is_crypt ? none : v->salt, sizeof v->salt);
	message_write_raw(&w, v->stored_key, sizeof v->stored_key);
	message_write_raw(&w, v->server_key, sizeof v->server_key);
	message_write_octets(&w, is_crypt ? span_str(v->hash) : SPAN_NONE);
	message_write_u32(&w, settings->has);
	for (int i = 0; i < SETTINGS_N; i++)
		message_write_u64(&w, settings->value[i]);
	lookup_reply_fields(call, &w);
	mem_wipe(&w, sizeof w);
}

/* What the program itself could not find out: never "no such account". */
static bool has_failed(struct lookup_call *call, const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer, "error"));

	if (text == NULL)
		return false;
	log_message(&call->process->process.log, LOG_ERROR, "command",
		    "accounts: it says: %s", text);
	lookup_reply(call, YB_IO, NULL, 0);
	return true;
}

static void on_account(void *ctx, enum yb_err err, const json_t *answer)
{
	struct lookup_call *call = ctx;
	char hash[DIRECTORY_HASH_MAX + 1] = "";
	struct directory_verifier v = { .kind = 0 };
	struct setting_set settings = { .has = 0 };
	const json_t *found;
	const char *wrong = NULL;

	if (err != YB_OK) {
		lookup_reply(call, err, NULL, 0);
		return;
	}
	if (has_failed(call, answer))
		return;
	found = json_object_get(answer, "found");
	if (!json_is_boolean(found))
		wrong = "has no \"found\" that is true or false";
	if (wrong == NULL && json_is_true(found))
		wrong = read_hash(answer, &v, hash);
	if (wrong == NULL && json_is_true(found))
		wrong = read_settings(answer, &settings);
	if (wrong != NULL) {
		lookup_tell_odd(call, "accounts", wrong);
		lookup_reply(call, YB_INVALID, NULL, 0);
	} else {
		reply_account(call, json_is_true(found), &v, &settings);
	}
	mem_wipe(hash, sizeof hash);
	mem_wipe(&v, sizeof v);
}

static bool ask(struct lookup_call *call, json_t *question,
		command_done_fn *done)
{
	if (call->process->accounts == NULL) {
		json_decref(question);
		lookup_reply(call, YB_GONE, NULL, 0);
	} else {
		command_ask(call->process->accounts, question, done, call);
	}
	return true;
}

bool lookup_account(struct lookup_call *call, struct message_reader *fields)
{
	struct span account = message_read_octets(fields);

	return message_read_ended(fields) &&
	       ask(call,
		   json_pack("{s:s, s:o}", "kind", "account", "account",
			     lookup_text(account)),
		   on_account);
}

/* ---- passwords ---- */

static void on_password(void *ctx, enum yb_err err, const json_t *answer)
{
	struct lookup_call *call = ctx;
	UNSET struct message_writer w;
	const json_t *right;

	if (err != YB_OK) {
		lookup_reply(call, err, NULL, 0);
		return;
	}
	if (has_failed(call, answer))
		return;
	right = json_object_get(answer, "right");
	if (!json_is_boolean(right)) {
		lookup_tell_odd(call, "accounts",
				"has no \"right\" that is true or false");
		lookup_reply(call, YB_INVALID, NULL, 0);
		return;
	}
	message_write(&w);
	message_write_u8(&w, json_is_true(right));
	lookup_reply_fields(call, &w);
}

bool lookup_password(struct lookup_call *call, struct message_reader *fields)
{
	struct span account = message_read_octets(fields);
	struct span password = message_read_octets(fields);

	return message_read_ended(fields) &&
	       ask(call,
		   json_pack("{s:s, s:o, s:o}", "kind", "password", "account",
			     lookup_text(account), "password",
			     lookup_text(password)),
		   on_password);
}
