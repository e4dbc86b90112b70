#include "cli/cmd.h"
#include "cli/mailboxes.h"
#include "os/clock.h"

enum {
	/* A log that is being replaced: that passes. */
	GONE_TRIES = 50,
	GONE_PAUSE_MS = 100,
};

struct checking {
	struct work work;
	bool repair, slowly;
	uint64_t mailboxes, octets, messages;
};

/* The numbers of an answer, in its order. */
struct checked {
	uint64_t octets, records, messages, damaged, index_wrong;
};

static void ask_for(struct checking *c, const struct mailbox_place *place,
		    bool repair)
{
	control_begin(&c->work.request, CONTROL_FSCK);
	control_put(&c->work.request,
		    span_of(place->account, sizeof place->account));
	control_put_u64(&c->work.request, place->mailbox);
	control_put_u64(&c->work.request, repair ? 1 : c->slowly ? 2 : 0);
}

/* Asks until the log stays the same for as long as it is read. */
static enum yb_err ask(struct checking *c, const struct mailbox_place *place,
		       bool repair, struct control_reader *reply, int *code)
{
	enum yb_err err = YB_SNAPSHOT_GONE;

	for (int i = 0; i < GONE_TRIES; i++) {
		if (err != YB_SNAPSHOT_GONE && err != YB_BUSY &&
		    err != YB_AGAIN)
			break;
		if (i > 0)
			clock_sleep_ns(GONE_PAUSE_MS * 1000000ull);
		ask_for(c, place, repair);
		err = work_ask(&c->work, CONTROL_STORE, reply, NULL, code);
	}
	return err;
}

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	if (err == YB_SNAPSHOT_GONE || err == YB_BUSY || err == YB_AGAIN)
		return COMMAND_BUSY; /* tried again */
	if (err == YB_CORRUPT) {
		say_error("%s: the header of the mailbox's log is damaged, or "
			  "is another's; the store's log says where. Put the "
			  "log back from a backup",
			  w->subject);
		return COMMAND_FAILED;
	}
	return mailboxes_tell(w, err, reason);
}

static void tell_faults(struct checking *c, const struct mailbox_place *place,
			struct control_reader *reply)
{
	struct json *j = &c->work.json;

	if (c->work.as_json)
		json_open(j, "faults", '[');
	while (control_has_more(reply)) {
		uint64_t at = control_get_u64(reply);
		uint64_t end = control_get_u64(reply);
		uint64_t uid = control_get_u64(reply);

		if (c->work.as_json) {
			json_open(j, NULL, '{');
			json_u64(j, "from", at);
			json_u64(j, "to", end);
			if (uid != 0)
				json_u64(j, "uid", uid);
			json_close(j, '}');
		} else if (uid != 0) {
			(void)printf("%s: message %llu is damaged (octets "
				     "%llu to %llu of the log)\n",
				     place->address, (unsigned long long)uid,
				     (unsigned long long)at,
				     (unsigned long long)end);
		} else {
			(void)printf("%s: octets %llu to %llu of the log are "
				     "damaged\n",
				     place->address, (unsigned long long)at,
				     (unsigned long long)end);
		}
	}
	if (c->work.as_json)
		json_close(j, ']');
}

static int repair(struct checking *c, const struct mailbox_place *place)
{
	struct control_reader reply;
	int code = COMMAND_OK;
	enum yb_err err = ask(c, place, true, &reply, &code);

	if (err == YB_OK && !c->work.as_json)
		(void)printf("%s: log and index are made anew; the damage is "
			     "in damaged.* beside the log\n",
			     place->address);
	else if (err != YB_OK)
		say_error("%s: could not be repaired: %s", place->address,
			  err_text(err));
	return err == YB_OK ? COMMAND_OK : COMMAND_FAILED;
}

static int check_one(void *ctx, const struct mailbox_place *place)
{
	struct checking *c = ctx;
	struct json *j = &c->work.json;
	struct control_reader reply;
	struct checked got;
	int code = COMMAND_OK;
	bool bad;

	c->work.subject = place->address;
	if (ask(c, place, false, &reply, &code) != YB_OK)
		return code;
	got.octets = control_get_u64(&reply);
	got.records = control_get_u64(&reply);
	got.messages = control_get_u64(&reply);
	got.damaged = control_get_u64(&reply);
	got.index_wrong = control_get_u64(&reply);
	if (reply.bad)
		return work_nonsense();
	bad = got.damaged > 0 || got.index_wrong != 0;
	c->mailboxes++;
	c->octets += got.octets;
	c->messages += got.messages;
	if (c->work.as_json) {
		json_open(j, NULL, '{');
		json_str(j, "address", place->address);
		json_u64(j, "mailbox", place->mailbox);
		json_u64(j, "octets", got.octets);
		json_u64(j, "records", got.records);
		json_u64(j, "messages", got.messages);
		json_u64(j, "damaged", got.damaged);
		json_bool(j, "index_wrong", got.index_wrong != 0);
	} else if (got.index_wrong != 0) {
		(void)printf("%s: the index is not what the log says\n",
			     place->address);
	}
	tell_faults(c, place, &reply);
	if (bad)
		code = c->repair ? repair(c, place) : COMMAND_FAILED;
	if (c->work.as_json) {
		json_bool(j, "repaired", bad && code == COMMAND_OK);
		json_close(j, '}');
	}
	return code;
}

int cmd_fsck(const struct invocation *inv)
{
	struct checking c = { 0 };
	int code = work_begin(inv, tell, &c.work);

	if (code != COMMAND_OK)
		return work_end(&c.work, code);
	c.repair = invocation_option(inv, "repair") != NULL;
	c.slowly = invocation_option(inv, "slowly") != NULL;
	if (c.work.as_json)
		json_open(&c.work.json, NULL, '[');
	code = mailboxes_walk(&c.work, inv, check_one, &c);
	if (c.work.as_json && code != COMMAND_USAGE)
		json_close(&c.work.json, ']');
	else if (code == COMMAND_OK)
		say_note("%llu mailboxes with %llu messages are whole.",
			 (unsigned long long)c.mailboxes,
			 (unsigned long long)c.messages);
	return work_end(&c.work, code);
}
