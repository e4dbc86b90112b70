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
		    SPAN_NONE, AUTH_POP3, at);
	return work_end(&w, devices_make(&w, inv->args[1]));
}

int cmd_legacy_list(const struct invocation *inv)
{
	return devices_list(inv, AUTH_DEVICE_LEGACY);
}

int cmd_legacy_revoke(const struct invocation *inv)
{
	struct work w;
	int code = work_begin(inv, devices_tell, &w);

	if (code == COMMAND_OK)
		code = devices_revoke(&w, inv->args[1], "legacy secret");
	return work_end(&w, code);
}
