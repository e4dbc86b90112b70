/*
 * `yubin account app-password`: devices of an account, each with a password
 * of its own.
 */
#include "cli/cmd.h"
#include "cli/devices.h"

int cmd_app_password_add(const struct invocation *inv)
{
	const char *list = invocation_option(inv, "protocols");
	const char *end = invocation_option(inv, "expires");
	uint64_t set = 0, at = 0;
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	if ((list != NULL && !devices_read_protocols(list, &set)) ||
	    (end != NULL && !devices_read_end(end, &at)))
		return work_end(&w, COMMAND_USAGE);
	devices_put(inv, &w, inv->args_n > 1 ? inv->args[1] : "", "", SPAN_NONE,
		    set, at);
	return work_end(&w, devices_make(&w, ""));
}

int cmd_app_password_list(const struct invocation *inv)
{
	struct control_reader reply;
	struct device_row row;
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, CONTROL_DEVICE_LIST);
	control_put_str(&w.request, w.subject);
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return work_end(&w, code);
	if (w.as_json)
		json_open(&w.json, NULL, '[');
	while (code == COMMAND_OK && control_has_more(&reply)) {
		if (!devices_read_row(&reply, &row))
			code = work_nonsense();
		else
			devices_print(&w, NULL, &row);
	}
	if (w.as_json && code == COMMAND_OK)
		json_close(&w.json, ']');
	return work_end(&w, code);
}

int cmd_app_password_revoke(const struct invocation *inv)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code == COMMAND_OK)
		code = devices_revoke(&w, inv->args[1], "app password");
	return work_end(&w, code);
}
