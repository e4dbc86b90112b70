/*
 * Deliveries, deletes and undeletes: each is an operation with a part for every
 *log that it appends to.
 *
 *	QUEUED                 at the end of its mailbox's queue, in all of
 *	                       them in one go, so that no two operations can
 *	                       wait for each other
 *	QUEUED -> PENDING      written at the tail  [write_parts]
 *	QUEUED -> COPYING -> PENDING    large bodies, by the pool  [copy.c]
 *	PENDING -> DONE        synced, indexed, published  [sync.c]
 *	any -> DONE            failed  [part_fail]
 *
 * An operation is written once every part is at the head of its queue and
 * every log is open; it leaves the queues then and waits for its syncs.
 */
#include "store/private.h"

#include <stdlib.h>

#include "os/random.h"

/* ---- parts ---- */

static void call_operation(struct completion *c);

void part_done(struct part *part, enum yb_err err)
{
	struct operation *op = part->op;

	list_remove(&part->link);
	part->state = PART_DONE;
	part->err = err;
	if (--op->left > 0)
		return;
	op->done.call = call_operation;
	store_finish(op->st, &op->done);
}

void part_fail(struct part *part, enum yb_err err)
{
	struct operation *op = part->op;
	struct mailbox *mb = part->mb;

	if (part->state == PART_PENDING)
		part_forget_pending(part);
	if (mb != NULL)
		mailbox_kick(mb); /* the next in its queue */
	part_done(part, err);
	/* The others may have waited for this one only. */
	for (size_t i = 0; i < op->parts_n; i++)
		if (op->parts[i].state == PART_QUEUED &&
		    op->parts[i].mb != NULL)
			mailbox_kick(op->parts[i].mb);
}

/* Entries that publishing the part adds. */
size_t part_adds(const struct part *part)
{
	if (part->op->type == LOG_MESSAGE)
		return 1;
	return part->op->type == LOG_UNDELETE ? part->op->total : 0;
}

/* Of a message on the way; 0 for what is none. */
static uint64_t part_octets(const struct part *part)
{
	return part->op->type == LOG_MESSAGE ? log_octets(&part->record) : 0;
}

void part_forget_pending(struct part *part)
{
	part->mb->pending_adds -= part_adds(part);
	part->mb->pending_octets -= part_octets(part);
}

/* What is on the way counts as if it were there. */
static enum yb_err check_quota(const struct part *part)
{
	const struct mailbox *mb = part->mb;
	const struct store_quota *q = &part->quota;
	const struct operation *op = part->op;
	uint64_t octets =
		op->prefix.n + op->wire.n + (op->fd >= 0 ? op->wire_n : 0) - 3;

	if (q->octets > 0 && octets > q->octets)
		return YB_OVER_QUOTA;
	if (q->octets > 0 &&
	    mb->table.octets + mb->pending_octets + octets > q->octets)
		return YB_QUOTA;
	if (q->messages > 0 &&
	    mb->table.messages + mb->pending_adds >= q->messages)
		return YB_QUOTA;
	return YB_OK;
}

enum yb_err part_begin(struct part *part)
{
	struct mailbox *mb = part->mb;
	struct log_record *r = &part->record;
	const struct operation *op = part->op;
	size_t adds = part_adds(part);

	/* Publishing must not fail for want of memory: it comes after the
	 * sync, when the message cannot be taken back. */
	if (index_table_reserve(&mb->table, mb->pending_adds + adds) != YB_OK)
		return YB_NOMEM;
	/* What the ballast was given up for is not for mail. */
	if (op->type == LOG_MESSAGE && mb->st->space.given_up)
		return YB_FULL;
	if (op->type == LOG_MESSAGE) {
		enum yb_err err = check_quota(part);

		if (err != YB_OK)
			return err;
	}
	/* A record with a number beyond these could not be read again. */
	if (mb->next_uid + adds > (uint64_t)LOG_UID_MAX + 1 ||
	    mb->next_seq + adds >= LOG_SEQ_MAX)
		return YB_QUOTA;
	mb->next_seq += adds > 1 ? adds - 1 : 0;
	mb->next_uid += adds;
	*r = (struct log_record){
		.type = (uint16_t)op->type,
		.seq = mb->next_seq++,
		.uid = mb->next_uid - 1,
		.received_ns = op->received_ns,
	};
	if (op->has_id)
		memcpy(r->id, op->id, sizeof r->id);
	else if (op->type == LOG_MESSAGE)
		os_random(r->id, sizeof r->id);
	else
		log_put_session(r->id, &op->by);
	part->at = mb->tail;
	part->failures = mb->failures;
	return YB_OK;
}

/*
 * Nobody saw what is cut. Its uid and seq are not given again while this
 * process lives, so that no old octets can pass for a later record.
 */
void part_cut_back(struct part *part)
{
	struct mailbox *mb = part->mb;
	const struct os_storage *os = mb->st->os;

	if (part->failures != mb->failures)
		return; /* the whole log above `durable` is being cut */
	if (os->cut(os->ctx, mb->log->fd, part->at) != YB_OK) {
		/* Octets that nobody wants are in the way. */
		mailbox_fail(mb);
		return;
	}
	mb->tail = mb->reserved = part->at;
}

void mailbox_reserve(struct mailbox *mb, uint64_t end)
{
	const struct os_storage *os = mb->st->os;
	uint64_t ahead = STORE_RESERVE_MIN;

	/* From the second append on: many mailboxes get one and no more. */
	if (mb->appended > 0 && end > mb->reserved) {
		while (ahead < mb->appended && ahead < STORE_RESERVE_MAX)
			ahead *= 2;
		mb->reserved = end + ahead;
		/* Refused on a full disk or a file system that cannot: the
		 * write itself will tell. */
		(void)os->reserve(os->ctx, mb->log->fd, mb->tail,
				  mb->reserved - mb->tail);
	}
	mb->appended += end - mb->tail;
}

void part_written(struct part *part)
{
	struct mailbox *mb = part->mb;

	mb->tail = part->end;
	mb->pending_adds += part_adds(part);
	mb->pending_octets += part_octets(part);
	part->state = PART_PENDING;
	list_remove(&part->link);
	list_push(&mb->pending, &part->link);
	mailbox_kick(mb);
}

/* The uids that an UNDELETE gives are known only now. */
static void give_uids(struct operation *op, uint64_t first)
{
	uint8_t *p = op->owned + LOG_CHANGE_SIZE;

	for (; p < op->owned + op->wire.n;
	     p += sizeof(struct log_undelete_range)) {
		struct log_undelete_range range;

		memcpy(&range, p, sizeof range);
		range.fresh += (uint32_t)first;
		memcpy(p, &range, sizeof range);
	}
}

static enum yb_err write_part(struct part *part)
{
	static const uint8_t zeros[LOG_ALIGN];
	struct operation *op = part->op;
	struct mailbox *mb = part->mb;
	struct log_record *r = &part->record;
	uint8_t head[LOG_RECORD_SIZE];
	struct log_summer *summer;
	struct iovec iov[4];
	enum yb_err err = part_begin(part);

	if (err != YB_OK)
		return err;
	if (op->type == LOG_UNDELETE)
		give_uids(op, r->uid - op->total + 1);
	r->wire_size = op->prefix.n + op->wire.n;
	r->header_size = (uint32_t)op->check.header_size;
	r->dots = (uint32_t)op->check.dots;
	r->flags = (uint16_t)op->check.flags;
	summer = log_summer_new(&mb->table.keys);
	if (summer == NULL)
		return YB_NOMEM;
	log_summer_add(summer, op->prefix);
	log_summer_add(summer, op->wire);
	r->body_sum = log_summer_end(summer);
	log_summer_free(&summer);
	part->head_sum = log_record_encode(&mb->table.keys, part->at, r, head);
	part->end = part->at + log_record_size(r);
	mailbox_reserve(mb, part->end);
	iov[0] = (struct iovec){ head, sizeof head };
	iov[1] =
		(struct iovec){ (void *)(uintptr_t)op->prefix.p, op->prefix.n };
	iov[2] = (struct iovec){ (void *)(uintptr_t)op->wire.p, op->wire.n };
	iov[3] = (struct iovec){ (void *)(uintptr_t)zeros,
				 log_align(r->wire_size) - r->wire_size };
	err = mb->st->os->write(mb->st->os->ctx, mb->log->fd, iov, 4, part->at);
	if (err != YB_OK)
		part_cut_back(part);
	return err;
}

/* ---- operations ---- */

/* I10: one fails, all fail, and what was written of it is cut. */
static void fail_all(struct operation *op, enum yb_err err)
{
	for (size_t i = op->parts_n; i-- > 0;) {
		struct part *part = &op->parts[i];

		if (part->state == PART_PENDING)
			part_cut_back(part);
		/* Unless a cut that failed has failed it already. */
		if (part->state == PART_PENDING || part->state == PART_QUEUED)
			part_fail(part, err);
	}
}

static enum yb_err first_error(const struct operation *op)
{
	for (size_t i = 0; i < op->parts_n; i++)
		if (op->parts[i].state == PART_DONE &&
		    op->parts[i].err != YB_OK)
			return op->parts[i].err;
	return YB_OK;
}

void operation_written(struct operation *op)
{
	enum yb_err err = first_error(op);

	if (err != YB_OK && op->mode == STORE_ALL_OR_NONE) {
		fail_all(op, err);
		return;
	}
	/* Behind the last append, so that cutting back never crosses a sync
	 * that was begun for it. */
	for (size_t i = 0; i < op->parts_n; i++)
		if (op->parts[i].state == PART_PENDING)
			mailbox_sync(op->parts[i].mb);
}

static void write_parts(struct operation *op)
{
	for (size_t i = 0; i < op->parts_n; i++) {
		struct part *part = &op->parts[i];
		enum yb_err err;

		if (part->state != PART_QUEUED)
			continue;
		err = write_part(part);
		/* I8: deleting always works. */
		if (err == YB_FULL && op->type == LOG_EXPUNGE &&
		    space_give_up(op->st))
			err = write_part(part);
		else if (err == YB_FULL)
			space_note(op->st);
		if (err == YB_OK)
			part_written(part);
		else
			part_fail(part, err);
		if (err != YB_OK && op->mode == STORE_ALL_OR_NONE)
			break;
	}
	operation_written(op);
}

static bool is_at_head(const struct part *part)
{
	return part->mb->queue.next == &part->link;
}

/* Long ranges of an expunge are no wire form and rare: written at once. */
static bool is_for_pool(const struct operation *op)
{
	return op->type == LOG_MESSAGE &&
	       (op->fd >= 0 || op->wire.n > STORE_INLINE_MAX);
}

bool operation_try(struct operation *op)
{
	bool waits = false;

	if (op->copying)
		return false;
	/* `op` is not freed in here: its completion is called later. */
	for (size_t i = 0; i < op->parts_n; i++) {
		struct part *part = &op->parts[i];
		enum yb_err err;

		if (part->state != PART_QUEUED)
			continue;
		err = mailbox_prepare(part->mb, true);
		if (err == YB_AGAIN || (err == YB_OK && !is_at_head(part)))
			waits = true;
		else if (err != YB_OK)
			part_fail(part, err);
	}
	if (op->mode == STORE_ALL_OR_NONE && first_error(op) != YB_OK)
		fail_all(op, first_error(op));
	if (op->left == 0)
		return true;
	if (waits)
		return false;
	if (!is_for_pool(op)) {
		write_parts(op);
		return true;
	}
	if (operation_copy(op) != YB_OK) {
		fail_all(op, YB_NOMEM);
		return true;
	}
	return false;
}

/* The caller's memory is not used behind its call. */
static enum yb_err own_memory(struct operation *op)
{
	size_t n = op->prefix.n + op->wire.n;

	if (op->owned != NULL) /* ranges */
		return YB_OK;
	op->owned = malloc(n > 0 ? n : 1);
	if (op->owned == NULL)
		return YB_NOMEM;
	if (op->prefix.n > 0)
		memcpy(op->owned, op->prefix.p, op->prefix.n);
	if (op->wire.n > 0)
		memcpy(op->owned + op->prefix.n, op->wire.p, op->wire.n);
	op->prefix.p = op->owned;
	op->wire.p = op->owned + op->prefix.n;
	return YB_OK;
}

struct operation *operation_new(struct store *st, unsigned type, size_t parts_n)
{
	struct operation *op;

	op = calloc(1, sizeof *op + parts_n * sizeof(struct part) +
			       parts_n * sizeof(enum yb_err));
	if (op == NULL)
		return NULL;
	op->st = st;
	op->type = type;
	op->fd = -1;
	op->parts_n = op->left = parts_n;
	op->errs = (void *)&op->parts[parts_n];
	for (size_t i = 0; i < parts_n; i++) {
		op->parts[i].op = op;
		list_init(&op->parts[i].link);
	}
	st->operations++;
	return op;
}

static void call_operation(struct completion *c)
{
	struct operation *op = list_entry(c, struct operation, done);
	enum yb_err all =
		op->mode == STORE_ALL_OR_NONE ? first_error(op) : YB_OK;

	op->st->operations--;
	for (size_t i = 0; i < op->parts_n; i++) {
		const struct part *part = &op->parts[i];

		if (part->twin != NULL)
			part = part->twin;
		op->errs[i] = all != YB_OK ? all : part->err;
		if (op->parts[i].mb != NULL)
			mailbox_unuse(&op->parts[i].mb);
	}
	if (op->type != LOG_MESSAGE)
		op->changed(op->ctx, op->errs[0], op->change);
	else
		op->delivered(op->ctx, op->errs, op->parts_n);
	free(op->owned);
	free(op);
}

/* Puts every part that has a mailbox into its queue. */
static void enqueue(struct operation *op)
{
	for (size_t i = 0; i < op->parts_n; i++) {
		struct part *part = &op->parts[i];

		if (part->state == PART_QUEUED)
			list_push(&part->mb->queue, &part->link);
	}
}

void operation_start(struct operation *op)
{
	bool by_pool = is_for_pool(op);
	enum yb_err err = YB_OK;

	enqueue(op);
	if (by_pool)
		err = own_memory(op);
	/* A small one that is not written at once has to wait. */
	if (err == YB_OK && !operation_try(op) && !by_pool)
		err = own_memory(op);
	if (err != YB_OK)
		fail_all(op, err);
}
