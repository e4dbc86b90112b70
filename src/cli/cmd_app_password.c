/*
 * `yubin account app-password`: devices of an account, each with a password
 * of its own.
 */
#include <stdlib.h>
#include <time.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/work.h"

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

static int tell(const struct work *w, enum yb_err err, const char *reason)
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

static bool read_protocols(const char *text, uint64_t *ret)
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

/* A date, whose day is the last, or so many days from now. */
static bool read_end(const char *text, uint64_t *ret)
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

static bool put_device(const struct invocation *inv, struct work *w)
{
	const char *list = invocation_option(inv, "protocols");
	const char *from = invocation_option(inv, "from");
	const char *end = invocation_option(inv, "expires");
	uint64_t set = 0, at = 0;

	if ((list != NULL && !read_protocols(list, &set)) ||
	    (end != NULL && !read_end(end, &at)))
		return false;
	control_begin(&w->request, CONTROL_DEVICE_ADD);
	control_put_str(&w->request, w->subject);
	control_put_str(&w->request, inv->args_n > 1 ? inv->args[1] : "");
	control_put_u64(&w->request, invocation_option(inv, "no-delete") != NULL
					     ? AUTH_NO_DELETE
					     : 0);
	control_put_u64(&w->request, set);
	control_put_str(&w->request, from != NULL ? from : "");
	control_put_u64(&w->request, at);
	return true;
}

static void print_added(struct work *w, const char *name, const char *password)
{
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "address", w->subject);
		json_str(&w->json, "name", name);
		json_str(&w->json, "password", password);
		json_close(&w->json, '}');
		return;
	}
	say_note("%s has an app password \"%s\". It is shown only now:",
		 w->subject, name);
	(void)puts(password);
}

int cmd_app_password_add(const struct invocation *inv)
{
	char name[AUTH_DEVICE_NAME_MAX + 1];
	char password[AUTH_GENERATED_LEN + 1];
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if (!put_device(inv, &w))
		return work_end(&w, COMMAND_USAGE);
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return work_end(&w, code);
	control_get_str(&reply, name, sizeof name);
	control_get_str(&reply, password, sizeof password);
	if (control_ended(&reply))
		print_added(&w, name, password);
	else
		code = work_nonsense();
	mem_wipe(password, sizeof password);
	return work_end(&w, code);
}

/* ---- listing ---- */

struct device_row {
	char name[AUTH_DEVICE_NAME_MAX + 1];
	char networks[1024];
	uint64_t kind, refused, protocols;
	int64_t created_s, last_used_s, expires_s;
};

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

static bool read_row(struct control_reader *r, struct device_row *row)
{
	control_get_str(r, row->name, sizeof row->name);
	row->kind = control_get_u64(r);
	row->refused = control_get_u64(r);
	row->protocols = control_get_u64(r);
	control_get_str(r, row->networks, sizeof row->networks);
	row->created_s = (int64_t)control_get_u64(r);
	row->last_used_s = (int64_t)control_get_u64(r);
	row->expires_s = (int64_t)control_get_u64(r);
	return !r->bad;
}

static void print_time(struct json *j, const char *key, int64_t s)
{
	if (s > 0)
		json_u64(j, key, (uint64_t)s);
	else
		json_null(j, key);
}

static void print_json(struct json *j, const struct device_row *row)
{
	json_open(j, NULL, '{');
	json_str(j, "name", row->name);
	json_str(j, "kind", kind_name(row->kind));
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
		     kind_name(row->kind), last);
	print_limits(row);
	(void)putchar('\n');
}

int cmd_app_password_list(const struct invocation *inv)
{
	struct control_reader reply;
	struct device_row row;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, CONTROL_DEVICE_LIST);
	control_put_str(&w.request, w.subject);
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return work_end(&w, code);
	if (w.as_json)
		json_open(&w.json, NULL, '[');
	while (code == COMMAND_OK && control_has_more(&reply)) {
		if (!read_row(&reply, &row))
			code = work_nonsense();
		else if (w.as_json)
			print_json(&w.json, &row);
		else
			print_row(&row);
	}
	if (w.as_json && code == COMMAND_OK)
		json_close(&w.json, ']');
	return work_end(&w, code);
}

/* ---- revoking ---- */

int cmd_app_password_revoke(const struct invocation *inv)
{
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, CONTROL_DEVICE_REVOKE);
	control_put_str(&w.request, w.subject);
	control_put_str(&w.request, inv->args[1]);
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return work_end(&w, code);
	if (w.as_json) {
		json_open(&w.json, NULL, '{');
		json_str(&w.json, "address", w.subject);
		json_str(&w.json, "revoked", inv->args[1]);
		json_close(&w.json, '}');
	}
	say_note("The app password \"%s\" is revoked, and its sessions have "
		 "ended.",
		 inv->args[1]);
	return work_end(&w, code);
}
