#include "cli/settings.h"

int settings_read(struct work *w, bool of_domain, const char *name,
		  struct setting_set *ret)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	*ret = (struct setting_set){ .has = 0 };
	control_begin(&w->request, CONTROL_SETTINGS_GET);
	control_put_u64(&w->request, of_domain);
	control_put_str(&w->request, name);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	while (control_has_more(&reply)) {
		enum setting which;
		struct span text = control_get(&reply);
		uint64_t value = control_get_u64(&reply);

		if (reply.bad || !setting_find(text, &which))
			return work_nonsense();
		ret->has |= 1u << which;
		ret->value[which] = value;
	}
	return reply.bad ? work_nonsense() : COMMAND_OK;
}

void settings_print(const struct setting_set *set)
{
	const char *before = "";

	for (int i = 0; i < SETTINGS_N; i++) {
		char text[SETTING_TEXT_MAX];

		if ((set->has & 1u << i) == 0)
			continue;
		setting_print((enum setting)i, set->value[i], text);
		(void)printf("%s%s=%s", before, setting_name((enum setting)i),
			     text);
		before = ", ";
	}
}

void settings_json(struct json *j, const struct setting_set *set)
{
	json_open(j, "settings", '{');
	for (int i = 0; i < SETTINGS_N; i++) {
		char text[SETTING_TEXT_MAX];

		if ((set->has & 1u << i) == 0)
			continue;
		setting_print((enum setting)i, set->value[i], text);
		json_str(j, setting_name((enum setting)i), text);
	}
	json_close(j, '}');
}

/* What is set there now: more than was given, perhaps. */
static int print_now(struct work *w, bool of_domain)
{
	struct setting_set set;
	int code = settings_read(w, of_domain, w->subject, &set);

	if (code != COMMAND_OK)
		return code;
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, of_domain ? "domain" : "address",
			 w->subject);
		settings_json(&w->json, &set);
		json_close(&w->json, '}');
		return code;
	}
	say_text(stdout, w->subject);
	(void)fputs(set.has != 0 ? ": " : ": nothing is set", stdout);
	settings_print(&set);
	(void)fputc('\n', stdout);
	return code;
}

int settings_change(const struct invocation *inv, bool of_domain,
		    work_tell_fn *tell)
{
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, CONTROL_SETTINGS_SET);
	control_put_u64(&w.request, of_domain);
	for (unsigned i = 0; i < inv->args_n; i++)
		control_put_str(&w.request, inv->args[i]);
	if (inv->args_n == 1 ||
	    work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK)
		code = print_now(&w, of_domain);
	return work_end(&w, code);
}
