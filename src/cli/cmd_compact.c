#include "cli/cmd.h"
#include "cli/mailboxes.h"
#include "os/clock.h"

enum {
	/* A mailbox is at work on its files: that passes. */
	BUSY_TRIES = 50,
	BUSY_PAUSE_MS = 100,
};

struct compacting {
	struct work work;
	uint64_t before, after;
};

static enum yb_err ask(struct compacting *c, const struct mailbox_place *place,
		       uint64_t *ret_before, uint64_t *ret_after, int *ret_code)
{
	struct control_reader reply;
	enum yb_err err = YB_BUSY;

	for (int i = 0; err == YB_BUSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			clock_sleep_ns(BUSY_PAUSE_MS * 1000000ull);
		control_begin(&c->work.request, CONTROL_COMPACT);
		control_put(&c->work.request,
			    span_of(place->account, sizeof place->account));
		control_put_u64(&c->work.request, place->mailbox);
		err = work_ask(&c->work, CONTROL_STORE, &reply, NULL, ret_code);
	}
	if (err != YB_OK)
		return err;
	*ret_before = control_get_u64(&reply);
	*ret_after = control_get_u64(&reply);
	if (!control_ended(&reply)) {
		*ret_code = work_nonsense();
		return YB_INVALID;
	}
	return YB_OK;
}

static int compact_one(void *ctx, const struct mailbox_place *place)
{
	struct compacting *c = ctx;
	uint64_t before, after;
	int code = COMMAND_OK;
	enum yb_err err;

	c->work.subject = place->address;
	err = ask(c, place, &before, &after, &code);
	if (err == YB_BUSY)
		say_error("%s: mailbox %llu is in use by the server for too "
			  "long; try again later",
			  place->address, (unsigned long long)place->mailbox);
	if (err != YB_OK)
		return code;
	c->before += before;
	c->after += after;
	if (c->work.as_json) {
		struct json *j = &c->work.json;

		json_open(j, NULL, '{');
		json_str(j, "address", place->address);
		json_u64(j, "mailbox", place->mailbox);
		json_u64(j, "before", before);
		json_u64(j, "after", after);
		json_close(j, '}');
	} else if (after < before) {
		(void)printf("%s: %llu octets, %llu before\n", place->address,
			     (unsigned long long)after,
			     (unsigned long long)before);
	}
	return COMMAND_OK;
}

int cmd_compact(const struct invocation *inv)
{
	struct compacting c = { 0 };
	int code = work_begin(inv, mailboxes_tell, &c.work);

	if (code != COMMAND_OK)
		return work_end(&c.work, code);
	if (c.work.as_json)
		json_open(&c.work.json, NULL, '[');
	code = mailboxes_walk(&c.work, inv, compact_one, &c);
	if (c.work.as_json && code != COMMAND_USAGE)
		json_close(&c.work.json, ']');
	else if (code == COMMAND_OK && c.before == c.after)
		say_note("There was nothing to give back.");
	return work_end(&c.work, code);
}
