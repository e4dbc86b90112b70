#include "cli/mailboxes.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/clock.h"

enum {
	/* Accounts in one page of the list. */
	ACCOUNTS_MAX = 1024,
	/* Mailboxes of one account. */
	NUMBERS_MAX = 1000,
	PROGRESS_MS = 200,
};

struct account_name {
	uint8_t id[16];
	char address[256];
};

struct walk {
	struct work *work;
	mailbox_fn *each;
	void *ctx;
	uint64_t done, failed;
	int code;
	uint64_t told_ms;
};

int mailboxes_tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)reason;
	if (err == YB_NO_ACCOUNT)
		say_error("there is no account %s; `yubin account list` shows "
			  "all",
			  w->subject);
	else if (err != YB_BUSY) /* whoever asked says it better */
		say_error("%s: %s", w->subject, err_text(err));
	return say_exit(err);
}

static void progress(struct walk *w, bool end)
{
	uint64_t now = clock_mono_ms();

	if (isatty(STDERR_FILENO) == 0)
		return;
	if (end && w->told_ms > 0)
		(void)fputs("\r\033[K", stderr);
	else if (!end && now >= w->told_ms + PROGRESS_MS) {
		(void)fprintf(stderr, "\r%llu mailboxes\033[K",
			      (unsigned long long)w->done);
		w->told_ms = now;
	}
}

static int walk_account(struct walk *w, const struct account_name *name)
{
	struct mailbox_place place = { .address = name->address };
	uint64_t numbers[NUMBERS_MAX];
	struct control_reader reply;
	size_t n = 0;
	int code = COMMAND_OK;

	memcpy(place.account, name->id, sizeof place.account);
	control_begin(&w->work->request, CONTROL_MAILBOXES);
	control_put(&w->work->request, span_of(name->id, sizeof name->id));
	if (work_ask(w->work, CONTROL_STORE, &reply, NULL, &code) != YB_OK)
		return code;
	while (control_has_more(&reply) && n < NUMBERS_MAX)
		numbers[n++] = control_get_u64(&reply);
	if (reply.bad)
		return work_nonsense();
	for (size_t i = 0; i < n; i++) {
		int one;

		place.mailbox = numbers[i];
		one = w->each(w->ctx, &place);
		w->done++;
		w->failed += one != COMMAND_OK;
		if (w->code == COMMAND_OK)
			w->code = one;
		progress(w, false);
	}
	return COMMAND_OK;
}

/* One page of the accounts behind `names[0]`; how many. */
static int read_page(struct walk *w, struct account_name *names, size_t *ret_n,
		     bool *ret_more)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&w->work->request, CONTROL_ACCOUNT_LIST);
	control_put_str(&w->work->request, names[0].address);
	if (work_ask(w->work, CONTROL_AUTH, &reply, ret_more, &code) != YB_OK)
		return code;
	for (*ret_n = 0; control_has_more(&reply) && *ret_n < ACCOUNTS_MAX;) {
		struct account_name *name = &names[(*ret_n)++];

		control_get_into(&reply, name->id, sizeof name->id);
		control_get_str(&reply, name->address, sizeof name->address);
		(void)control_get_u64(&reply);
		(void)control_get_u64(&reply);
		(void)control_get(&reply);
		if (reply.bad)
			return work_nonsense();
	}
	return *ret_more && *ret_n == 0 ? work_nonsense() : COMMAND_OK;
}

static int walk_all(struct walk *w)
{
	AUTO_FREE struct account_name *names =
		calloc(ACCOUNTS_MAX, sizeof *names);
	bool more = true;
	size_t n = 0;
	int code = COMMAND_OK;

	if (names == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	while (more && code == COMMAND_OK) {
		code = read_page(w, names, &n, &more);
		for (size_t i = 0; i < n && code == COMMAND_OK; i++)
			code = walk_account(w, &names[i]);
		if (n > 0)
			names[0] = names[n - 1];
	}
	return code;
}

static int walk_one(struct walk *w)
{
	struct account_name name = { .address = "" };
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&w->work->request, CONTROL_ACCOUNT_GET);
	control_put_str(&w->work->request, w->work->subject);
	if (work_ask(w->work, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	control_get_into(&reply, name.id, sizeof name.id);
	control_get_str(&reply, name.address, sizeof name.address);
	return reply.bad ? work_nonsense() : walk_account(w, &name);
}

int mailboxes_walk(struct work *w, const struct invocation *inv,
		   mailbox_fn *each, void *ctx)
{
	struct walk walk = { .work = w, .each = each, .ctx = ctx };
	bool all = invocation_option(inv, "all") != NULL;
	int code;

	if (all == (inv->args_n > 0)) {
		say_error(all ? "--all and an address exclude each other"
			      : "name an address, or give --all");
		return COMMAND_USAGE;
	}
	code = all ? walk_all(&walk) : walk_one(&walk);
	progress(&walk, true);
	if (code == COMMAND_OK && walk.failed > 0)
		code = walk.failed < walk.done ? COMMAND_PARTLY : walk.code;
	return code;
}
