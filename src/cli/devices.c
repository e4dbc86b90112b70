#include "cli/devices.h"

#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "cli/cmd.h"

enum {
	DAY_S = 24 * 60 * 60,
	/* A hundred years: who wants more wants no end. */
	DAYS_MAX = 36525,
};

static const struct protocol {
	const char *name;
	uint32_t bit;
} protocols[] = {
	{ "pop3", AUTH_POP3 },
	{ "submission", AUTH_SUBMISSION },
};

int devices_tell(const struct work *w, enum yb_err err, const char *reason)
{
	if (err == YB_NO_ACCOUNT)
		say_error("there is no account %s; `yubin account list` shows "
			  "all",
			  w->subject);
	else if (err == YB_EXISTS)
		say_error("%s has a device of that name already; revoke it "
			  "first, or take another name",
			  w->subject);
	else if (err == YB_NOT_FOUND)
		say_error("%s has no device of that name; `yubin account "
			  "app-password list %s` shows all",
			  w->subject, w->subject);
	else if (err == YB_QUOTA)
		say_error("%s has as many devices as an account may have; "
			  "revoke one first",
			  w->subject);
	else if (err == YB_UNSUPPORTED)
		say_error("\"main\" is the account's own password; `yubin "
			  "account password %s` changes it",
			  w->subject);
	else
		say_refusal(w->subject, *reason != 0 ? reason : err_text(err));
	return say_exit(err);
}

/* ---- adding ---- */

bool devices_read_end(const char *text, uint64_t *ret)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	uint64_t days;
	time_t at;

	if (num_parse(span_str(text), DAYS_MAX, &days) && days > 0) {
		*ret = (uint64_t)time(NULL) + days * DAY_S;
		return true;
	}
	if (rest != NULL && *rest == 0) {
		tm.tm_mday++;
		at = mktime(&tm);
		if (at > 0) {
			*ret = (uint64_t)at;
			return true;
		}
	}
	say_error("--expires takes a date such as 2031-12-31, or a number of "
		  "days, not \"%s\"",
		  text);
	return false;
}

bool devices_read_protocols(const char *text, uint64_t *ret)
{
	struct span rest = span_str(text);

	*ret = 0;
	while (rest.n > 0) {
		struct span word = span_trim(span_cut(&rest, ','));
		size_t i = 0;

		while (i < ARRAY_LEN(protocols) &&
		       !span_eq(word, span_str(protocols[i].name)))
			i++;
		if (i == ARRAY_LEN(protocols))
			break;
		*ret |= protocols[i].bit;
		if (rest.n == 0)
			return true;
	}
	say_error("--protocols takes pop3 or submission, or both with a comma "
		  "between, not \"%s\"",
		  text);
	return false;
}

void devices_put(const struct invocation *inv, struct work *w, const char *name,
		 const char *legacy, struct span fingerprint, uint64_t set,
		 uint64_t end_s)
{
	const char *from = invocation_option(inv, "from");

	control_begin(&w->request, CONTROL_DEVICE_ADD);
	control_put_str(&w->request, w->subject);
	control_put_str(&w->request, name);
	control_put_u64(&w->request, invocation_option(inv, "no-delete") != NULL
					     ? AUTH_NO_DELETE
					     : 0);
	control_put_u64(&w->request, set);
	control_put_str(&w->request, from != NULL ? from : "");
	control_put_u64(&w->request, end_s);
	control_put_str(&w->request, legacy);
	control_put(&w->request, fingerprint);
}

static void print_made(struct work *w, const char *legacy, const char *name,
		       const char *secret)
{
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "address", w->subject);
		json_str(&w->json, "name", name);
		if (*legacy != 0)
			json_str(&w->json, "mechanism", legacy);
		if (*secret != 0)
			json_str(&w->json, "password", secret);
		json_close(&w->json, '}');
		return;
	}
	if (*secret == 0) {
		say_note("%s may log in by this certificate, as \"%s\".",
			 w->subject, name);
		return;
	}
	if (*legacy != 0)
		say_note("%s may log in by %s as \"%s\". The secret is shown "
			 "only now:",
			 w->subject, legacy, name);
	else
		say_note("%s has an app password \"%s\". It is shown only "
			 "now:",
			 w->subject, name);
	(void)puts(secret);
}

int devices_make(struct work *w, const char *legacy)
{
	char name[AUTH_DEVICE_NAME_MAX + 1];
	char secret[AUTH_GENERATED_LEN + 1];
	struct control_reader reply;
	int code = COMMAND_OK;

	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	control_get_str(&reply, name, sizeof name);
	control_get_str(&reply, secret, sizeof secret);
	if (control_ended(&reply))
		print_made(w, legacy, name, secret);
	else
		code = work_nonsense();
	mem_wipe(secret, sizeof secret);
	return code;
}

/* ---- listing ---- */

static const char *kind_name(uint64_t kind)
{
	switch (kind) {
	case AUTH_DEVICE_PASSWORD:
		return "password";
	case AUTH_DEVICE_IMPORTED:
		return "imported";
	case AUTH_DEVICE_CERTIFICATE:
		return "certificate";
	case AUTH_DEVICE_LEGACY:
		return "legacy";
	}
	return "unknown";
}

bool devices_read_row(struct control_reader *r, struct device_row *row)
{
	control_get_str(r, row->name, sizeof row->name);
	row->kind = control_get_u64(r);
	row->refused = control_get_u64(r);
	row->protocols = control_get_u64(r);
	control_get_str(r, row->networks, sizeof row->networks);
	row->created_s = (int64_t)control_get_u64(r);
	row->last_used_s = (int64_t)control_get_u64(r);
	row->expires_s = (int64_t)control_get_u64(r);
	control_get_str(r, row->detail, sizeof row->detail);
	return !r->bad;
}

static void print_time(struct json *j, const char *key, int64_t s)
{
	if (s > 0)
		json_u64(j, key, (uint64_t)s);
	else
		json_null(j, key);
}

static void print_json(struct json *j, const char *address,
		       const struct device_row *row)
{
	json_open(j, NULL, '{');
	if (address != NULL)
		json_str(j, "address", address);
	json_str(j, "name", row->name);
	json_str(j, "kind", kind_name(row->kind));
	if (row->kind == AUTH_DEVICE_LEGACY)
		json_str(j, "mechanism", row->detail);
	if (row->kind == AUTH_DEVICE_CERTIFICATE)
		json_str(j, "fingerprint", row->detail);
	json_open(j, "protocols", '[');
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (row->protocols == 0 ||
		    (row->protocols & protocols[i].bit) != 0)
			json_str(j, NULL, protocols[i].name);
	json_close(j, ']');
	json_bool(j, "may_delete", (row->refused & AUTH_NO_DELETE) == 0);
	json_str(j, "from", row->networks);
	json_u64(j, "created", (uint64_t)row->created_s);
	print_time(j, "last_used", row->last_used_s);
	print_time(j, "expires", row->expires_s);
	json_close(j, '}');
}

static void print_limits(const struct device_row *row)
{
	char end[SAY_TEXT_MAX];
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if ((row->protocols & protocols[i].bit) == 0)
			continue;
		(void)printf("%s%s", *comma != 0 ? "," : "  only ",
			     protocols[i].name);
		comma = ",";
	}
	if ((row->refused & AUTH_NO_DELETE) != 0)
		(void)printf("  no DELE");
	if (row->networks[0] != 0)
		(void)printf("  from %s", row->networks);
	if (row->expires_s > 0) {
		say_time(end, row->expires_s);
		(void)printf("  until %s", end);
	}
}

static void print_row(const struct device_row *row)
{
	enum { COLUMN = 24 };
	char last[SAY_TEXT_MAX];
	int n = (int)strlen(row->name);

	say_time(last, row->last_used_s);
	say_text(stdout, row->name);
	(void)printf("%*s %-11s last used %s", n < COLUMN ? COLUMN - n : 0, "",
		     row->kind == AUTH_DEVICE_LEGACY ? row->detail
						     : kind_name(row->kind),
		     last);
	print_limits(row);
	(void)putchar('\n');
}

void devices_print(struct work *w, const char *address,
		   const struct device_row *row)
{
	if (w->as_json) {
		print_json(&w->json, address, row);
		return;
	}
	if (address != NULL)
		(void)printf("%s  ", address);
	print_row(row);
}

static int list_account(struct work *w, enum auth_device_kind kind,
			const char *address)
{
	struct control_reader reply;
	struct device_row row;
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_DEVICE_LIST);
	control_put_str(&w->request, address);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	while (code == COMMAND_OK && control_has_more(&reply)) {
		if (!devices_read_row(&reply, &row))
			code = work_nonsense();
		else if (row.kind == kind)
			devices_print(w, address, &row);
	}
	return code;
}

/* Those that have such devices, one behind the other. */
static int list_all(struct work *w, enum auth_device_kind kind)
{
	char address[AUTH_ADDRESS_MAX + 1];
	struct control_reader reply;
	uint64_t at = 0;
	int code = COMMAND_OK;

	while (code == COMMAND_OK) {
		control_begin(&w->request, CONTROL_DEVICE_NEXT);
		control_put_u64(&w->request, kind);
		control_put_u64(&w->request, at);
		if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
			return code;
		if (!control_has_more(&reply))
			break;
		at = control_get_u64(&reply);
		control_get_str(&reply, address, sizeof address);
		code = control_ended(&reply) ? list_account(w, kind, address)
					     : work_nonsense();
	}
	return code;
}

int devices_list(const struct invocation *inv, enum auth_device_kind kind)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if (w.as_json)
		json_open(&w.json, NULL, '[');
	code = inv->args_n > 0 ? list_account(&w, kind, inv->args[0])
			       : list_all(&w, kind);
	if (w.as_json && code == COMMAND_OK)
		json_close(&w.json, ']');
	return work_end(&w, code);
}

/* ---- revoking ---- */

int devices_revoke(struct work *w, const char *name, const char *what)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_DEVICE_REVOKE);
	control_put_str(&w->request, w->subject);
	control_put_str(&w->request, name);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "address", w->subject);
		json_str(&w->json, "revoked", name);
		json_close(&w->json, '}');
	}
	say_note("The %s \"%s\" is revoked, and its sessions have ended.", what,
		 name);
	return code;
}
