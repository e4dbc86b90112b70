#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "os/clock.h"
#include "os/fd.h"
#include "server/drain.h"

enum {
	LOOK_MS = 50,
	/* Draining, the keepers' last syncs, and the start. */
	WAIT_MS = DRAIN_MS + 50 * 1000,
	WORD_MAX = 64,
};

/* What the old server, or the new program, has against it. */
static void print_problems(struct control_reader r, const char *file)
{
	while (control_has_more(&r)) {
		struct config_problem p = { 0 };
		char kind[WORD_MAX];

		control_get_str(&r, kind, sizeof kind);
		(void)control_get_u64(&r);
		(void)control_get_u64(&r);
		control_get_str(&r, p.text, sizeof p.text);
		if (!r.bad)
			say_problem((void *)(uintptr_t)file, &p);
	}
}

static int begin(const struct config *c, uint8_t *buffer)
{
	struct control_reader reply;
	enum yb_err err;
	int code = supervise_order(c, CONTROL_RESTART, buffer, &reply, &err);

	if (code != COMMAND_OK || err == YB_OK)
		return code;
	print_problems(reply, c->file);
	if (err == YB_BUSY)
		say_error("the server is starting, ending, or reloading; try "
			  "again");
	else
		say_error("nothing was changed: %s",
			  err == YB_INVALID ? "the program on the disk cannot "
					      "take over"
					    : err_text(err));
	return err == YB_INVALID ? COMMAND_CONFIG : say_exit(err);
}

/* Whether the new program runs already: it is younger than the question. */
static bool has_restarted(const struct config *c, uint64_t since_ms,
			  struct live *l)
{
	bool all_ready = true;

	if (live_open(l, c) != YB_OK || live_status(l) != YB_OK ||
	    l->processes_n == 0)
		return false;
	for (size_t i = 0; i < l->processes_n; i++)
		all_ready = all_ready && l->processes[i].ready != 0;
	return all_ready &&
	       l->processes[0].uptime_ms < clock_mono_ms() - since_ms;
}

static int tell(const struct live *l, uint64_t ms, bool as_json)
{
	struct json json = { .to = stdout };

	if (!as_json) {
		(void)printf("restarted: yubin %s, after %llu ms\n", l->version,
			     (unsigned long long)ms);
		return COMMAND_OK;
	}
	json_open(&json, NULL, '{');
	json_str(&json, "version", l->version);
	json_u64(&json, "ms", ms);
	json_close(&json, '}');
	return COMMAND_OK;
}

int cmd_restart(const struct invocation *inv)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	AUTO_FREE struct config *c = say_config(inv);
	AUTO_FREE uint8_t *buffer = malloc(PACKET_MAX);
	AUTO_FREE struct live *l = calloc(1, sizeof *l);
	uint64_t began = clock_mono_ms(), now = began;
	bool done;
	int code;

	if (c == NULL)
		return COMMAND_CONFIG;
	if (buffer == NULL || l == NULL)
		return COMMAND_FAILED;
	code = begin(c, buffer);
	if (code != COMMAND_OK)
		return code;
	while (now < began + WAIT_MS) {
		(void)nanosleep(&pause, NULL);
		now = clock_mono_ms();
		done = has_restarted(c, began, l);
		if (done)
			code = tell(l, now - began,
				    invocation_option(inv, "json") != NULL);
		live_close(l);
		if (done)
			return code;
	}
	say_error("the server did not come back in time; its log says why");
	return COMMAND_FAILED;
}
