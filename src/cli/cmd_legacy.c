/*
 * `yubin account legacy`: who still logs in with what old programs know, and
 * until when.
 */
#include <stdlib.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/devices.h"

enum {
	/* Long enough to replace a machine, short enough not to be forgotten.
	 */
	PRESET_S = 365 * 24 * 60 * 60,
};

static bool is_mechanism(const char *word)
{
	enum auth_legacy which;

	if (auth_legacy_find(span_str(word), &which))
		return true;
	say_error("\"%s\" is none of apop, cram-md5, scram-sha-1 and "
		  "without-tls",
		  word);
	return false;
}

int cmd_legacy_allow(const struct invocation *inv)
{
	const char *end = invocation_option(inv, "expires");
	uint64_t at = (uint64_t)time(NULL) + PRESET_S;
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if (!is_mechanism(inv->args[1]) ||
	    (end != NULL && !devices_read_end(end, &at)))
		return work_end(&w, COMMAND_USAGE);
	devices_put(inv, &w, inv->args_n > 2 ? inv->args[2] : "", inv->args[1],
		    AUTH_POP3, at);
	return work_end(&w, devices_make(&w, inv->args[1]));
}

/* ---- listing ---- */

static int list_account(struct work *w, const char *address)
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
		else if (row.kind == AUTH_DEVICE_LEGACY)
			devices_print(w, address, &row);
	}
	return code;
}

/* Those that have such devices, one behind the other. */
static int list_all(struct work *w)
{
	char address[AUTH_ADDRESS_MAX + 1];
	struct control_reader reply;
	uint64_t at = 0;
	int code = COMMAND_OK;

	while (code == COMMAND_OK) {
		control_begin(&w->request, CONTROL_DEVICE_NEXT);
		control_put_u64(&w->request, AUTH_DEVICE_LEGACY);
		control_put_u64(&w->request, at);
		if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
			return code;
		if (!control_has_more(&reply))
			break;
		at = control_get_u64(&reply);
		control_get_str(&reply, address, sizeof address);
		code = control_ended(&reply) ? list_account(w, address)
					     : work_nonsense();
	}
	return code;
}

int cmd_legacy_list(const struct invocation *inv)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if (w.as_json)
		json_open(&w.json, NULL, '[');
	code = inv->args_n > 0 ? list_account(&w, inv->args[0]) : list_all(&w);
	if (w.as_json && code == COMMAND_OK)
		json_close(&w.json, ']');
	return work_end(&w, code);
}

int cmd_legacy_revoke(const struct invocation *inv)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code == COMMAND_OK)
		code = devices_revoke(&w, inv->args[1], "legacy secret");
	return work_end(&w, code);
}
