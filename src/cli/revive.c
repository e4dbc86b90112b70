#include "cli/revive.h"

#include "directory/directory.h"

static void put_credential(struct control_writer *w,
			   const struct directory_credential *c)
{
	control_put_u64(w, c->device);
	control_put_u64(w, c->kind);
	control_put_str(w, c->name);
	control_put_str(w, c->hash);
	control_put_u64(w, c->limits.refused);
	control_put_u64(w, c->limits.protocols);
	control_put_u64(w, (uint64_t)c->limits.expires_s);
	control_put_str(w, c->limits.networks);
	control_put(w, span_of(c->stored_key, sizeof c->stored_key));
	control_put(w, span_of(c->server_key, sizeof c->server_key));
}

static int make_account(struct work *w, const struct directory_account *a)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_ACCOUNT_RESTORE);
	control_put_str(&w->request, a->address);
	control_put(&w->request, span_of(a->salt, sizeof a->salt));
	control_put_u64(&w->request, a->iterations);
	for (uint32_t i = 0; i < a->credentials_n; i++)
		put_credential(&w->request, &a->credentials[i]);
	return work_ask(w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK
		       ? COMMAND_OK
		       : code;
}

static int make_settings(struct work *w, const char *address,
			 const struct setting_set *set)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	if (set->has == 0)
		return COMMAND_OK;
	control_begin(&w->request, CONTROL_SETTINGS_SET);
	control_put_u64(&w->request, 0); /* of an account */
	control_put_str(&w->request, address);
	for (int i = 0; i < SETTINGS_N; i++) {
		char value[SETTING_TEXT_MAX], text[SETTING_TEXT_MAX + 64];

		if ((set->has & 1u << i) == 0)
			continue;
		setting_print((enum setting)i, set->value[i], value);
		(void)snprintf(text, sizeof text, "%s=%s",
			       setting_name((enum setting)i), value);
		control_put_str(&w->request, text);
	}
	return work_ask(w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK
		       ? COMMAND_OK
		       : code;
}

int revive_account(struct work *w, const char *directory, const char *address)
{
	struct directory_account *account = NULL;
	struct setting_set set = { .has = 0 };
	struct directory *d = NULL;
	enum yb_err err = directory_open(directory, &d);
	int code;

	if (err == YB_OK)
		err = directory_account_find(d, span_str(address), &account);
	if (err == YB_OK)
		err = directory_settings_get(d, DIRECTORY_ACCOUNT,
					     span_str(address), &set);
	if (err == YB_OK) {
		code = make_account(w, account);
		/* A lock or a quota belongs to it. */
		if (code == COMMAND_OK)
			code = make_settings(w, address, &set);
	} else {
		say_error("cannot read the account %s in the backup: %s",
			  address, err_text(err));
		code = say_exit(err);
	}
	directory_account_free(&account);
	directory_close(&d);
	return code;
}
