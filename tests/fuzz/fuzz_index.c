/*
 * A mailbox index that somebody else wrote (threats 26 and 56). Input: an
 * octet of flags (1: the sums are made right, as by somebody who knows the
 * log's id; 2: repair), then changes: where, how many octets, the octets.
 * Whatever it says, the mailbox opens, and nothing outside its log is shown;
 * once it is gone all is as it was.
 */
#include "fuzz/fuzz_store.h"

enum { CHANGES_MAX = 32 };

static void change(struct sim_data *d, struct span *in)
{
	size_t at = (size_t)fuzz_take(in) << 8 | fuzz_take(in);
	uint8_t n = fuzz_take(in) % 9;

	if (n == 0) { /* another length */
		sim_truncate(d, at % 1024);
		return;
	}
	if (d->n == 0)
		return;
	for (; n > 0 && in->n > 0; n--, at++)
		d->p[at % d->n] = fuzz_take(in);
}

/* As store/index.c sums; the totals are those of the entries. */
static void seal(struct sim_data *d, const struct log_keys *keys)
{
	uint64_t count, sum = 0, messages = 0, octets = 0;

	if (d->n < INDEX_HEAD_SIZE)
		return;
	count = get_le64(d->p + 24);
	for (uint64_t i = 0; i < count; i++) {
		uint8_t *p = d->p + INDEX_HEAD_SIZE + i * INDEX_ENTRY_SIZE;
		struct index_entry e;

		if ((i + 1) * INDEX_ENTRY_SIZE > d->n - INDEX_HEAD_SIZE)
			break;
		put_le64(p + 104, log_sum(span_of(p, 104), keys->entry + i));
		memcpy(&e, p, sizeof e);
		sum += e.sum;
		if (e.hidden == INDEX_HIDDEN_ALL)
			continue;
		messages++;
		octets += e.wire_size - 3 - e.dots;
	}
	put_le64(d->p + 72, messages);
	put_le64(d->p + 80, octets);
	put_le64(d->p + 104, sum);
	put_le64(d->p + 152, log_sum(span_of(d->p, 152), 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	uint8_t flags = fuzz_take(&in);
	struct sim_disk *disk = fuzz_disk();
	struct sim_data *d = sim_file(disk, FUZZ_INDEX), log = { 0 };
	struct log_keys keys;
	struct store *st;
	enum yb_err err;

	sim_put(&log, 0, sim_file(disk, FUZZ_LOG)->p,
		sim_file(disk, FUZZ_LOG)->n);
	fuzz_keys(disk, &keys);
	for (int n = 0; in.n > 0 && n < CHANGES_MAX; n++)
		change(d, &in);
	if ((flags & 1) != 0)
		seal(d, &keys);
	st = help_store(&disk->table, NULL, NULL);
	(void)fuzz_look(disk, st, &err);
	MUST(err == YB_OK);
	store_close(&st);
	/* The log is the truth (I5). */
	d = sim_file(disk, FUZZ_LOG);
	MUST(d->n == log.n && memcmp(d->p, log.p, log.n) == 0);
	free(log.p);
	st = help_store(&disk->table, NULL, NULL);
	fuzz_ask(st);
	(void)help_deliver(st, help_place(1), "g: h\r\n\r\ni\r\n.\r\n");
	if ((flags & 2) != 0)
		fuzz_repair(st);
	(void)fuzz_look(disk, st, &err);
	store_close(&st);
	MUST(disk->open_fds == 0);
	sim_free(&disk);
	return 0;
}
