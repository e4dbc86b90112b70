#include "auth/alias.h"
#include "cli/cmd.h"
#include "cli/work.h"

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	if (err == YB_NOT_FOUND && *reason == 0)
		say_error("there is no alias %s, or it has no such target; "
			  "`yubin alias list` shows all",
			  w->subject);
	else
		say_refusal(w->subject, *reason != 0 ? reason : err_text(err));
	return say_exit(err);
}

static void print_done(struct work *w, const struct invocation *inv,
		       const char *done)
{
	if (!w->as_json) {
		say_note("%s %s.", w->subject, done);
		return;
	}
	json_open(&w->json, NULL, '{');
	json_str(&w->json, "alias", w->subject);
	json_open(&w->json, "targets", '[');
	for (unsigned i = 1; i < inv->args_n; i++)
		json_str(&w->json, NULL, inv->args[i]);
	json_close(&w->json, ']');
	json_close(&w->json, '}');
}

static int change(const struct invocation *inv, enum control_type type,
		  const char *done)
{
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, type);
	for (unsigned i = 0; i < inv->args_n; i++)
		control_put_str(&w.request, inv->args[i]);
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK)
		print_done(&w, inv, done);
	return work_end(&w, code);
}

int cmd_alias_add(const struct invocation *inv)
{
	return change(inv, CONTROL_ALIAS_ADD, "leads there");
}

int cmd_alias_remove(const struct invocation *inv)
{
	return change(inv, CONTROL_ALIAS_REMOVE,
		      inv->args_n > 1 ? "leads there no more" : "is removed");
}

/* ---- listing ---- */

struct list {
	struct work *work;
	char alias[AUTH_ADDRESS_MAX + 1]; /* of the last row */
	char target[AUTH_ADDRESS_MAX + 1];
	bool open; /* an alias has been begun */
};

static void end_alias(struct list *l)
{
	struct json *j = &l->work->json;

	if (!l->open)
		return;
	l->open = false;
	if (!l->work->as_json) {
		(void)fputc('\n', stdout);
		return;
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void print_row(struct list *l, const char *alias, const char *target)
{
	struct json *j = &l->work->json;
	bool same = l->open && strcmp(l->alias, alias) == 0;

	if (!same)
		end_alias(l);
	if (l->work->as_json) {
		if (!same) {
			json_open(j, NULL, '{');
			json_str(j, "alias", alias);
			json_open(j, "targets", '[');
		}
		json_str(j, NULL, target);
	} else {
		if (!same)
			say_text(stdout, alias);
		(void)fputs(same ? ", " : "  ", stdout);
		say_text(stdout, target);
	}
	l->open = true;
}

static int list_page(struct list *l, struct control_reader *reply)
{
	while (control_has_more(reply)) {
		char alias[sizeof l->alias], target[sizeof l->target];

		control_get_str(reply, alias, sizeof alias);
		control_get_str(reply, target, sizeof target);
		if (reply->bad)
			return work_nonsense();
		print_row(l, alias, target);
		memcpy(l->alias, alias, sizeof alias);
		memcpy(l->target, target, sizeof target);
	}
	return COMMAND_OK;
}

static int list_all(struct work *w)
{
	struct list l = { .work = w };
	struct control_reader reply;
	bool more = true;
	int code = COMMAND_OK;

	while (more && code == COMMAND_OK) {
		control_begin(&w->request, CONTROL_ALIAS_LIST);
		control_put_str(&w->request, l.alias);
		control_put_str(&w->request, l.target);
		if (work_ask(w, CONTROL_AUTH, &reply, &more, &code) != YB_OK)
			return code;
		/* A page without a row would go on for ever. */
		if (more && !control_has_more(&reply))
			return work_nonsense();
		code = list_page(&l, &reply);
	}
	end_alias(&l);
	return code;
}

int cmd_alias_list(const struct invocation *inv)
{
	return work_list(inv, tell, list_all);
}
