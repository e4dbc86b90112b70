#include "server/control_store.h"

#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "os/fd.h"
#include "os/random.h"
#include "store/store.h"

enum {
	/* Of a message, in one answer: leaves room for the row before it. */
	READ_PART = CONTROL_MESSAGE_MAX - 1024,
	/* Rows of one answer: about 200 octets each. */
	LIST_PAGE = 256,
};

/* The fields that nearly every request begins with. */
static bool read_place(struct control_call *call, struct store_place *ret)
{
	uint64_t mailbox;

	control_get_into(&call->fields, ret->account.octets,
			 sizeof ret->account.octets);
	mailbox = control_get_u64(&call->fields);
	ret->mailbox = (uint32_t)mailbox;
	return !call->fields.bad && mailbox > 0 && mailbox <= UINT32_MAX;
}

static void on_totals(void *ctx, enum yb_err err, struct store_totals totals)
{
	struct control_call *call = ctx;

	if (err == YB_OK) {
		control_put_u64(&call->reply, totals.messages);
		control_put_u64(&call->reply, totals.octets);
	}
	control_reply(call, err);
}

static void read_totals(struct store *store, struct control_call *call)
{
	struct store_place place;

	if (!read_place(call, &place) || !control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else
		store_totals(store, place, on_totals, call);
}

static void on_removed(void *ctx, enum yb_err err)
{
	control_reply(ctx, err);
}

static void remove_mail(struct store *store, struct control_call *call)
{
	struct account_id account;

	control_get_into(&call->fields, account.octets, sizeof account.octets);
	if (!control_ended(&call->fields)) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	store_remove_account(store, account, on_removed, call);
}

/* ---- looking at messages ---- */

static void put_row(struct control_writer *w, const struct store_row *row)
{
	char by[STORE_SESSION_TEXT];

	control_put_u64(w, row->uid);
	control_put_u64(w, row->octets);
	control_put_u64(w, row->wire_size);
	control_put_u64(w, row->header_size);
	control_put_u64(w, (uint64_t)row->received_ns);
	control_put_u64(w, row->deleted ? (uint64_t)row->deleted_s : 0);
	control_put_str(w, row->uidl);
	store_session_print(&row->by, by);
	control_put_str(w, by);
}

static void on_rows(void *ctx, enum yb_err err, const struct store_row *rows,
		    size_t n, bool more)
{
	struct control_call *call = ctx;

	for (size_t i = 0; i < n; i++)
		put_row(&call->reply, &rows[i]);
	call->more = more;
	control_reply(call, err);
}

static void list_mail(struct store *store, struct control_call *call)
{
	struct store_place place;
	bool good = read_place(call, &place);
	uint64_t after = control_get_u64(&call->fields);
	uint64_t deleted = control_get_u64(&call->fields);

	if (!good || !control_ended(&call->fields) || after > UINT32_MAX)
		control_reply(call, YB_SYNTAX);
	else
		store_list(store, place, (uint32_t)after, deleted != 0,
			   LIST_PAGE, on_rows, call);
}

static void on_octets(void *ctx, enum yb_err err, const struct store_row *row,
		      struct span octets)
{
	struct control_call *call = ctx;

	if (err == YB_OK) {
		put_row(&call->reply, row);
		control_put(&call->reply, octets);
	}
	control_reply(call, err);
}

static void read_mail(struct store *store, struct control_call *call)
{
	struct store_place place;
	bool good = read_place(call, &place);
	uint64_t uid = control_get_u64(&call->fields);
	uint64_t at = control_get_u64(&call->fields);

	if (!good || !control_ended(&call->fields) || uid > UINT32_MAX)
		control_reply(call, YB_SYNTAX);
	else
		store_read(store, place, (uint32_t)uid, at, READ_PART,
			   on_octets, call);
}

/* ---- deleting and bringing back ---- */

/* Ranges as they came; aligned, for the store. */
static bool read_ranges(struct control_call *call,
			struct uid_range ranges[CONTROL_RANGES_MAX],
			size_t *ret_n)
{
	struct span octets = control_get(&call->fields);

	if (octets.n % sizeof *ranges != 0 ||
	    octets.n > CONTROL_RANGES_MAX * sizeof *ranges)
		return false;
	if (octets.n > 0)
		memcpy(ranges, octets.p, octets.n);
	*ret_n = octets.n / sizeof *ranges;
	return true;
}

static struct store_session make_name(void)
{
	uint64_t random = os_random_u64();

	return (struct store_session){ .start = (uint32_t)random,
				       .number = (uint32_t)(random >> 32),
				       .kind = STORE_COMMAND };
}

static void on_changed(void *ctx, enum yb_err err, struct store_change change)
{
	struct control_call *call = ctx;

	control_put_u64(&call->reply, change.messages);
	control_put_u64(&call->reply, change.before);
	control_reply(call, err);
}

static void delete_mail(struct store *store, struct control_call *call)
{
	struct uid_range ranges[CONTROL_RANGES_MAX];
	struct store_session by = make_name();
	char name[STORE_SESSION_TEXT];
	struct store_place place;
	bool good = read_place(call, &place);
	size_t n;

	if (!good || !read_ranges(call, ranges, &n) ||
	    !control_ended(&call->fields)) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	store_session_print(&by, name);
	control_put_str(&call->reply, name);
	store_delete(store, place, &by, ranges, n, on_changed, call);
}

static void undelete_mail(struct store *store, struct control_call *call)
{
	struct uid_range ranges[CONTROL_RANGES_MAX];
	struct store_session by = make_name();
	struct store_undelete what = { 0 };
	struct store_place place;
	bool good = read_place(call, &place) &&
		    read_ranges(call, ranges, &what.ranges_n);
	struct span from;

	what.since_s = (int64_t)control_get_u64(&call->fields);
	from = control_get(&call->fields);
	if (what.ranges_n > 0)
		what.ranges = ranges;
	if (!good || !control_ended(&call->fields) ||
	    (from.n > 0 && !store_session_parse(from, &what.from)))
		control_reply(call, YB_SYNTAX);
	else
		store_undelete(store, place, &by, &what, on_changed, call);
}

/* ---- space ---- */

static void on_mailboxes(void *ctx, enum yb_err err, const uint32_t *numbers,
			 size_t n)
{
	struct control_call *call = ctx;

	for (size_t i = 0; i < n; i++)
		control_put_u64(&call->reply, numbers[i]);
	control_reply(call, err);
}

static void list_mailboxes(struct store *store, struct control_call *call)
{
	struct account_id account;

	control_get_into(&call->fields, account.octets, sizeof account.octets);
	if (!control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else
		store_mailboxes(store, account, on_mailboxes, call);
}

static void on_compacted(void *ctx, enum yb_err err,
			 struct store_compacted compacted)
{
	struct control_call *call = ctx;

	control_put_u64(&call->reply, compacted.before);
	control_put_u64(&call->reply, compacted.after);
	control_reply(call, err);
}

static void compact(struct store *store, struct control_call *call)
{
	struct store_place place;

	if (!read_place(call, &place) || !control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else
		store_compact(store, place, on_compacted, call);
}

/* ---- backup ---- */

static void on_lent(void *ctx, enum yb_err err, const struct store_log *log)
{
	struct control_call *call = ctx;
	int fd = -1;

	if (err == YB_OK)
		err = fd_duplicate(log->fd, &fd);
	if (err == YB_OK) {
		control_put_u64(&call->reply, log->generation);
		control_put_u64(&call->reply, log->upto);
		control_put_u64(&call->reply, log->totals.messages);
		control_put_u64(&call->reply, log->totals.octets);
		control_put_fd(&call->reply, fd);
	}
	control_reply(call, err);
}

static void lend_log(struct store *store, struct control_call *call)
{
	struct store_place place;

	if (!read_place(call, &place) || !control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else
		store_lend(store, place, on_lent, call);
}

static void on_added(void *ctx, const enum yb_err *errs, size_t n)
{
	struct control_call *call = ctx;
	uint8_t octets[CONTROL_COPIES_MAX];

	for (size_t i = 0; i < n; i++)
		octets[i] = (uint8_t)errs[i];
	control_put(&call->reply, span_of(octets, n));
	control_reply(call, YB_OK);
}

/* The store makes room for a message before it reads it: whoever claimed what
 * its file does not have could fill the disk by one request. */
static bool lies_within(const struct store_copy *copy, const struct stat *st)
{
	uint64_t size = (uint64_t)st->st_size;

	return S_ISREG(st->st_mode) && copy->at <= size &&
	       copy->n <= size - copy->at;
}

static void add_mail(struct store *store, struct control_call *call)
{
	UNSET struct store_copy copies[CONTROL_COPIES_MAX];
	struct store_place place;
	bool good = read_place(call, &place);
	struct span rows = control_get(&call->fields);
	size_t n = rows.n / CONTROL_COPY_SIZE;
	struct stat st;

	if (!good || !control_ended(&call->fields) || call->fd < 0 ||
	    fstat(call->fd, &st) < 0 || rows.n % CONTROL_COPY_SIZE != 0 ||
	    n > CONTROL_COPIES_MAX) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = rows.p + i * CONTROL_COPY_SIZE;

		memcpy(copies[i].id, p, sizeof copies[i].id);
		copies[i].received_ns = (int64_t)get_le64(p + 16);
		copies[i].at = get_le64(p + 24);
		copies[i].n = get_le64(p + 32);
		if (!lies_within(&copies[i], &st)) {
			control_reply(call, YB_SYNTAX);
			return;
		}
	}
	store_add(store, place, call->fd, copies, n, on_added, call);
}

static void on_checked(void *ctx, enum yb_err err,
		       const struct store_checked *checked)
{
	struct control_call *call = ctx;

	control_put_u64(&call->reply, checked->octets);
	control_put_u64(&call->reply, checked->records);
	control_put_u64(&call->reply, checked->messages);
	control_put_u64(&call->reply, checked->damaged);
	control_put_u64(&call->reply, checked->index_wrong);
	for (size_t i = 0; i < checked->faults_n; i++) {
		control_put_u64(&call->reply, checked->faults[i].at);
		control_put_u64(&call->reply, checked->faults[i].end);
		control_put_u64(&call->reply, checked->faults[i].uid);
	}
	control_reply(call, err);
}

static void fsck(struct store *store, struct control_call *call)
{
	struct store_place place;
	bool good = read_place(call, &place);
	uint64_t what = control_get_u64(&call->fields);

	if (!good || !control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else if (what == 1)
		store_repair(store, place, on_compacted, call);
	else
		store_check(store, place, what == 2, on_checked, call);
}

static void on_aside(void *ctx, enum yb_err err,
		     const struct store_aside *aside, struct span octets)
{
	struct control_call *call = ctx;

	if (err == YB_OK) {
		control_put_str(&call->reply, aside->name);
		control_put_u64(&call->reply, aside->uid);
		control_put(&call->reply, octets);
	}
	control_reply(call, err);
}

static void read_damaged(struct store *store, struct control_call *call)
{
	struct store_place place;
	bool good = read_place(call, &place);
	uint64_t number = control_get_u64(&call->fields);
	uint64_t at = control_get_u64(&call->fields);

	if (!good || !control_ended(&call->fields))
		control_reply(call, YB_SYNTAX);
	else
		store_read_aside(store, place, number, at, READ_PART, on_aside,
				 call);
}

typedef void handle_fn(struct store *store, struct control_call *call);

static handle_fn *const handlers[CONTROL_TYPES] = {
	[CONTROL_MAILBOX_TOTALS] = read_totals,
	[CONTROL_MAIL_REMOVE] = remove_mail,
	[CONTROL_MAIL_LIST] = list_mail,
	[CONTROL_MAIL_READ] = read_mail,
	[CONTROL_MAIL_DELETE] = delete_mail,
	[CONTROL_MAIL_UNDELETE] = undelete_mail,
	[CONTROL_LOG_LEND] = lend_log,
	[CONTROL_MAIL_ADD] = add_mail,
	[CONTROL_MAILBOXES] = list_mailboxes,
	[CONTROL_COMPACT] = compact,
	[CONTROL_FSCK] = fsck,
	[CONTROL_MAIL_DAMAGED] = read_damaged,
};

void control_store_handle(struct store *store, struct control_call *call)
{
	if (handlers[call->type] != NULL)
		handlers[call->type](store, call);
	else
		control_reply(call, YB_UNSUPPORTED);
}
