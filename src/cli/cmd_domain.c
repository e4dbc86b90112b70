#include <stdlib.h>

#include "auth/alias.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/settings.h"
#include "sasl/idna.h"

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	if (err == YB_EXISTS)
		say_error("%s is a domain of this server already", w->subject);
	else if (err == YB_NOT_FOUND && *reason == 0)
		say_error("%s is not a domain of this server; `yubin domain "
			  "list` shows all",
			  w->subject);
	else
		say_refusal(w->subject, *reason != 0 ? reason : err_text(err));
	return say_exit(err);
}

/* What was done, as JSON or for a person. */
static void print_done(struct work *w, const char *done)
{
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "domain", w->subject);
		json_close(&w->json, '}');
	} else {
		say_note("%s %s.", w->subject, done);
	}
}

static int change(const struct invocation *inv, enum control_type type,
		  const char *done)
{
	const char *alias_of = NULL;
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, type);
	control_put_str(&w.request, w.subject);
	if (type == CONTROL_DOMAIN_ADD) {
		alias_of = invocation_option(inv, "alias-of");
		control_put_str(&w.request, alias_of != NULL ? alias_of : "");
	}
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK)
		print_done(&w, done);
	return work_end(&w, code);
}

int cmd_domain_add(const struct invocation *inv)
{
	return change(inv, CONTROL_DOMAIN_ADD, "is a domain of this server");
}

int cmd_domain_remove(const struct invocation *inv)
{
	return change(inv, CONTROL_DOMAIN_REMOVE,
		      "is no domain of this server any more");
}

int cmd_domain_set(const struct invocation *inv)
{
	return settings_change(inv, true, tell);
}

/* ---- listing ---- */

struct row {
	char name[IDNA_DOMAIN_MAX + 1];
	char shown[IDNA_SHOWN_MAX + 1];
	char alias_of[IDNA_DOMAIN_MAX + 1];
	int64_t created_s;
	uint64_t accounts, aliases;
	struct setting_set settings;
};

enum {
	/* A page of the server's answer has fewer. */
	PAGE_MAX = CONTROL_MESSAGE_MAX / 32,
};

static bool read_row(struct control_reader *r, struct row *row)
{
	control_get_str(r, row->name, sizeof row->name);
	control_get_str(r, row->shown, sizeof row->shown);
	control_get_str(r, row->alias_of, sizeof row->alias_of);
	row->created_s = (int64_t)control_get_u64(r);
	row->accounts = control_get_u64(r);
	row->aliases = control_get_u64(r);
	return !r->bad;
}

static void row_json(struct json *j, const struct row *row)
{
	json_open(j, NULL, '{');
	json_str(j, "domain", row->name);
	json_str(j, "shown", row->shown);
	if (*row->alias_of != 0)
		json_str(j, "alias_of", row->alias_of);
	else
		json_null(j, "alias_of");
	json_u64(j, "created", (uint64_t)row->created_s);
	json_u64(j, "accounts", row->accounts);
	json_u64(j, "aliases", row->aliases);
	settings_json(j, &row->settings);
	json_close(j, '}');
}

static void print_row(struct work *w, const struct row *row)
{
	if (w->as_json) {
		row_json(&w->json, row);
		return;
	}
	say_text(stdout, row->name);
	if (strcmp(row->name, row->shown) != 0) {
		(void)fputs(" (", stdout);
		say_text(stdout, row->shown);
		(void)fputs(")", stdout);
	}
	if (*row->alias_of != 0)
		(void)printf("  another name of %s", row->alias_of);
	else
		(void)printf("  %llu account%s, %llu alias%s",
			     (unsigned long long)row->accounts,
			     row->accounts == 1 ? "" : "s",
			     (unsigned long long)row->aliases,
			     row->aliases == 1 ? "" : "es");
	(void)fputs(row->settings.has != 0 ? "  " : "", stdout);
	settings_print(&row->settings);
	(void)fputc('\n', stdout);
}

/* All rows of a page are read before the next question takes its place. */
static int take_page(struct work *w, struct control_reader *reply,
		     struct row *rows, size_t *ret_n)
{
	size_t n = 0;
	int code = COMMAND_OK;

	while (control_has_more(reply) && n < PAGE_MAX)
		if (!read_row(reply, &rows[n++]))
			return work_nonsense();
	for (size_t i = 0; i < n && code == COMMAND_OK; i++) {
		code = settings_read(w, true, rows[i].name, &rows[i].settings);
		if (code == COMMAND_OK)
			print_row(w, &rows[i]);
	}
	*ret_n = n;
	return code;
}

static int list_all(struct work *w)
{
	AUTO_FREE struct row *rows = calloc(PAGE_MAX, sizeof *rows);
	struct control_reader reply;
	const char *after = "";
	size_t n = 0;
	bool more = true;
	int code = rows != NULL ? COMMAND_OK : COMMAND_FAILED;

	while (more && code == COMMAND_OK) {
		control_begin(&w->request, CONTROL_DOMAIN_LIST);
		control_put_str(&w->request, after);
		if (work_ask(w, CONTROL_AUTH, &reply, &more, &code) != YB_OK)
			return code;
		/* A page without a row would go on for ever. */
		if (more && !control_has_more(&reply))
			return work_nonsense();
		code = take_page(w, &reply, rows, &n);
		after = n > 0 ? rows[n - 1].name : after;
	}
	return code;
}

int cmd_domain_list(const struct invocation *inv)
{
	return work_list(inv, tell, list_all);
}
