#include "store/index.h"

#include <stdlib.h>

#include "base/num.h"

/* "YUBINIDX" as it stands in the file. */
#define INDEX_MAGIC 0x5844494e49425559ull

enum {
	INDEX_MAJOR = 2,
	INDEX_FIRST_CAP = 4, /* most mailboxes are small: one KiB each */
	/* Entries read at a time: octets that the cache still holds when
	 * their sums are checked. */
	INDEX_READ_ENTRIES = 2048,
};

void index_table_init(struct index_table *t, const struct log_keys *keys)
{
	*t = (struct index_table){ .keys = *keys, .oldest_gone_s = UINT32_MAX };
}

void index_table_done(struct index_table *t)
{
	struct log_keys keys = t->keys;

	free(t->entries);
	index_table_init(t, &keys);
}

enum yb_err index_table_reserve(struct index_table *t, size_t more)
{
	size_t cap = t->cap;
	struct index_entry *grown;

	if (more <= t->cap - t->count)
		return YB_OK;
	if (more > SIZE_MAX / sizeof *grown / 2 - t->count)
		return YB_NOMEM;
	cap = cap < INDEX_FIRST_CAP ? INDEX_FIRST_CAP : cap + cap / 2;
	if (cap < t->count + more)
		cap = t->count + more;
	grown = realloc(t->entries, cap * sizeof *grown);
	if (grown == NULL)
		return YB_NOMEM;
	t->entries = grown;
	t->cap = cap;
	return YB_OK;
}

/* The position takes part, so that entries cannot change places. */
static uint64_t entry_sum(const struct index_table *t, size_t i)
{
	return log_sum(span_of(&t->entries[i], INDEX_ENTRY_SIZE - 8),
		       t->keys.entry + i);
}

static uint64_t entry_octets(const struct index_entry *e)
{
	return e->wire_size - 3 - e->dots;
}

/* Into the totals of what is visible, or hidden. */
static void count_entry(struct index_table *t, const struct index_entry *e)
{
	if (e->hidden != INDEX_HIDDEN_ALL) {
		t->messages++;
		t->octets += entry_octets(e);
		t->live_space += index_space(e);
	} else if (index_is_deleted(e)) {
		t->hidden_space += index_space(e);
		if (e->gone_s < t->oldest_gone_s)
			t->oldest_gone_s = e->gone_s;
	}
}

static void discount_entry(struct index_table *t, const struct index_entry *e)
{
	if (e->hidden != INDEX_HIDDEN_ALL) {
		t->messages--;
		t->octets -= entry_octets(e);
		t->live_space -= index_space(e);
	} else if (index_is_deleted(e)) {
		t->hidden_space -= index_space(e);
	}
}

static void change_sum(struct index_table *t, size_t i)
{
	struct index_entry *e = &t->entries[i];

	t->sum -= e->sum;
	e->sum = entry_sum(t, i);
	t->sum += e->sum;
}

void index_table_note(struct index_table *t, const struct log_record *record,
		      uint64_t at, uint64_t head_sum)
{
	t->last_seq = record->seq;
	if (record->uid > t->last_uid)
		t->last_uid = record->uid;
	t->last_at = at;
	t->last_sum = head_sum;
}

void index_table_add(struct index_table *t, const struct log_record *record,
		     uint64_t at)
{
	struct index_entry *e = &t->entries[t->count];

	*e = (struct index_entry){
		.offset = at + LOG_RECORD_SIZE + record->extras_size,
		.seq = record->seq,
		.wire_size = record->wire_size,
		.received_ns = record->received_ns,
		.uid = (uint32_t)record->uid,
		.header_size = record->header_size,
		.dots = record->dots,
		.flags = record->flags,
	};
	memcpy(e->id, record->id, sizeof e->id);
	index_table_put(t, e);
}

void index_table_put(struct index_table *t, const struct index_entry *e)
{
	struct index_entry *put = &t->entries[t->count];

	*put = *e;
	put->sum = entry_sum(t, t->count);
	t->sum += put->sum;
	t->count++;
	count_entry(t, put);
}

void index_table_place(struct index_table *t, size_t i, uint64_t offset)
{
	t->entries[i].offset = offset;
	change_sum(t, i);
}

size_t index_table_find(const struct index_table *t, uint64_t uid)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->entries[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct index_range find_range(const struct index_table *t,
				     struct uid_range uids)
{
	return (struct index_range){
		index_table_find(t, uids.first),
		index_table_find(t, (uint64_t)uids.last + 1),
	};
}

struct index_range index_table_hide(struct index_table *t,
				    struct uid_range uids,
				    const struct log_record *expunge)
{
	struct index_range range = find_range(t, uids);
	int64_t when = expunge->received_ns / 1000000000;
	struct store_session by;

	log_get_session(expunge->id, &by);
	for (size_t i = range.first; i < range.end; i++) {
		struct index_entry *e = &t->entries[i];

		if (e->hidden == INDEX_HIDDEN_ALL)
			continue;
		discount_entry(t, e);
		e->hidden = INDEX_HIDDEN_ALL;
		e->gone_seq = expunge->seq;
		e->gone_s = when < 0             ? 0
			    : when >= UINT32_MAX ? UINT32_MAX - 1
						 : (uint32_t)when;
		e->gone_start = by.start;
		e->gone_number = by.number;
		e->gone_worker = by.worker;
		e->gone_kind = by.kind;
		change_sum(t, i);
		count_entry(t, e);
	}
	return range;
}

struct index_range index_table_unhide(struct index_table *t,
				      struct log_undelete_range range,
				      uint64_t seq)
{
	struct uid_range uids = { range.first, range.last };
	struct index_range old = find_range(t, uids);

	for (size_t i = old.first; i < old.end; i++) {
		struct index_entry *e = &t->entries[i];
		struct index_entry *fresh = &t->entries[t->count];
		uint32_t n = e->uid - range.first;

		/* Uids rise: one that was given already is not believed. */
		if (!index_is_deleted(e) || range.fresh > UINT32_MAX - n ||
		    range.fresh + n <= t->entries[t->count - 1].uid)
			continue;
		*fresh = *e;
		fresh->uid = range.fresh + n;
		fresh->seq = seq + n;
		fresh->hidden = 0;
		fresh->gone_seq = 0;
		fresh->gone_s = fresh->gone_start = fresh->gone_number = 0;
		fresh->gone_worker = fresh->gone_kind = 0;
		fresh->sum = entry_sum(t, t->count);
		t->sum += fresh->sum;
		t->count++;
		discount_entry(t, e);
		e->flags |= INDEX_MOVED;
		change_sum(t, i);
		count_entry(t, fresh);
	}
	return old;
}

size_t index_table_count(const struct index_table *t, struct uid_range uids)
{
	struct index_range range = find_range(t, uids);
	size_t n = 0;

	for (size_t i = range.first; i < range.end; i++)
		n += t->entries[i].hidden != INDEX_HIDDEN_ALL;
	return n;
}

void index_head_encode(const struct index_head *head,
		       const struct index_table *t,
		       uint8_t dst[INDEX_HEAD_SIZE])
{
	memset(dst, 0, INDEX_HEAD_SIZE);
	put_le64(dst, INDEX_MAGIC);
	put_le16(dst + 8, INDEX_MAJOR);
	put_le32(dst + 12, INDEX_HEAD_SIZE);
	put_le32(dst + 16, INDEX_ENTRY_SIZE);
	put_le64(dst + 24, t->count);
	memcpy(dst + 32, head->log_id, sizeof head->log_id);
	put_le64(dst + 48, head->generation);
	put_le64(dst + 56, head->covers_upto);
	put_le64(dst + 64, head->durable_upto);
	put_le64(dst + 72, t->messages);
	put_le64(dst + 80, t->octets);
	put_le64(dst + 88, t->last_at);
	put_le64(dst + 96, t->last_sum);
	put_le64(dst + 104, t->sum);
	put_le64(dst + 112, t->last_seq);
	put_le64(dst + 120, t->last_uid);
	put_le64(dst + 128, t->live_space);
	put_le64(dst + 136, t->hidden_space);
	put_le32(dst + 144, t->oldest_gone_s);
	put_le64(dst + 152, log_sum(span_of(dst, 152), 0));
}

/*
 * A derived file needs no care for versions: what this program would not
 * have written is rebuilt.
 */
enum yb_err index_head_decode(const uint8_t src[INDEX_HEAD_SIZE],
			      struct index_head *ret)
{
	if (get_le64(src) != INDEX_MAGIC || get_le16(src + 8) != INDEX_MAJOR ||
	    get_le32(src + 12) != INDEX_HEAD_SIZE ||
	    get_le32(src + 16) != INDEX_ENTRY_SIZE || get_le32(src + 20) != 0 ||
	    get_le64(src + 152) != log_sum(span_of(src, 152), 0))
		return YB_CORRUPT;
	*ret = (struct index_head){
		.generation = get_le64(src + 48),
		.covers_upto = get_le64(src + 56),
		.durable_upto = get_le64(src + 64),
		.count = get_le64(src + 24),
		.totals = {
			.messages = get_le64(src + 72),
			.octets = get_le64(src + 80),
			.last_at = get_le64(src + 88),
			.last_sum = get_le64(src + 96),
			.sum = get_le64(src + 104),
			.last_seq = get_le64(src + 112),
			.last_uid = get_le64(src + 120),
			.live_space = get_le64(src + 128),
			.hidden_space = get_le64(src + 136),
			.oldest_gone_s = get_le32(src + 144),
		},
	};
	memcpy(ret->log_id, src + 32, sizeof ret->log_id);
	return YB_OK;
}

enum yb_err index_read_head(const struct os_storage *os, int fd,
			    struct index_head *ret)
{
	uint8_t octets[INDEX_HEAD_SIZE];
	size_t n;
	enum yb_err err = os->read(os->ctx, fd, octets, sizeof octets, 0, &n);

	if (err != YB_OK)
		return err;
	return n < sizeof octets ? YB_CORRUPT : index_head_decode(octets, ret);
}

/* Reads and checks `n` entries behind those that `t` has. */
static enum yb_err read_chunk(const struct os_storage *os, int fd,
			      struct index_table *t, size_t n)
{
	size_t octets = n * INDEX_ENTRY_SIZE, got;
	enum yb_err err;

	err = os->read(os->ctx, fd, &t->entries[t->count], octets,
		       INDEX_HEAD_SIZE + (uint64_t)t->count * INDEX_ENTRY_SIZE,
		       &got);
	if (err != YB_OK)
		return err;
	if (got < octets)
		return YB_CORRUPT;
	for (size_t i = t->count; i < t->count + n; i++) {
		const struct index_entry *e = &t->entries[i];

		if (e->sum != entry_sum(t, i))
			return YB_CORRUPT;
		t->sum += e->sum;
		count_entry(t, e);
	}
	t->count += n;
	return YB_OK;
}

static enum yb_err read_all(const struct os_storage *os, int fd,
			    const struct index_head *head,
			    struct index_table *t)
{
	uint64_t size;
	enum yb_err err = os->size(os->ctx, fd, &size);

	if (err != YB_OK)
		return err;
	/* A count from a file asks for no more memory than the file has. */
	if (size < INDEX_HEAD_SIZE ||
	    head->count > (size - INDEX_HEAD_SIZE) / INDEX_ENTRY_SIZE)
		return YB_CORRUPT;
	err = index_table_reserve(t, head->count);
	while (err == YB_OK && t->count < head->count) {
		size_t left = head->count - t->count;

		err = read_chunk(
			os, fd, t,
			left < INDEX_READ_ENTRIES ? left : INDEX_READ_ENTRIES);
	}
	if (err != YB_OK)
		return err;
	/*
	 * The sum over all entries catches what single sums cannot: an old
	 * state of an entry, whole in itself, that a power cut left behind.
	 */
	if (t->sum != head->totals.sum ||
	    t->messages != head->totals.messages ||
	    t->octets != head->totals.octets)
		return YB_CORRUPT;
	return YB_OK;
}

enum yb_err index_read_entries(const struct os_storage *os, int fd,
			       const struct index_head *head,
			       struct index_table *t)
{
	enum yb_err err = read_all(os, fd, head, t);

	if (err != YB_OK) {
		index_table_done(t);
		return err;
	}
	t->last_seq = head->totals.last_seq;
	t->last_uid = head->totals.last_uid;
	t->last_at = head->totals.last_at;
	t->last_sum = head->totals.last_sum;
	return YB_OK;
}

enum yb_err index_write_entries(const struct os_storage *os, int fd,
				const struct index_table *t,
				struct index_range range)
{
	struct iovec iov;

	if (range.first == range.end) /* without entries there is no table */
		return YB_OK;
	iov = (struct iovec){
		.iov_base = &t->entries[range.first],
		.iov_len = (range.end - range.first) * INDEX_ENTRY_SIZE,
	};
	return os->write(os->ctx, fd, &iov, 1,
			 INDEX_HEAD_SIZE +
				 (uint64_t)range.first * INDEX_ENTRY_SIZE);
}

enum yb_err index_write_head(const struct os_storage *os, int fd,
			     const struct index_head *head,
			     const struct index_table *t)
{
	uint8_t octets[INDEX_HEAD_SIZE];
	struct iovec iov = { .iov_base = octets, .iov_len = sizeof octets };

	index_head_encode(head, t, octets);
	return os->write(os->ctx, fd, &iov, 1, 0);
}
