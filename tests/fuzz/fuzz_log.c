/*
 * A mailbox log that somebody else wrote (threat 56), who knows its secret id
 * and so makes every sum right. Input: an octet of flags (1: the index is
 * gone; 2: a header from the input; 4: repair), then records, each an octet of
 * its kind with what follows: see add(). What was there before stays, mail is
 * still taken, and the next opening sees the same.
 */
#include "fuzz/fuzz_store.h"

enum {
	/* More would only take longer. */
	RECORDS_MAX = 64,
};

static uint64_t take_number(struct span *in, unsigned octets)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < octets; i++)
		v = v << 8 | fuzz_take(in);
	return v;
}

/* Small numbers mostly, since those mean something. */
static uint64_t take_some(struct span *in)
{
	uint8_t c = fuzz_take(in);

	return c < 240 ? c : take_number(in, 8);
}

static void put_record(struct sim_disk *disk, const struct log_keys *keys,
		       struct log_record *r, struct span body)
{
	struct sim_data *d = sim_file(disk, FUZZ_LOG);
	static const uint8_t zeros[LOG_ALIGN];
	uint8_t head[LOG_RECORD_SIZE];
	size_t at = (size_t)log_align(d->n);

	if (r->body_sum == 0)
		r->body_sum = log_sum(body, keys->body);
	(void)log_record_encode(keys, at, r, head);
	sim_put(d, at, head, sizeof head);
	sim_put(d, d->n, body.p, body.n);
	sim_put(d, d->n, zeros, (size_t)(log_align(d->n) - d->n));
}

/* One record, or a run of octets. */
static void add(struct sim_disk *disk, const struct log_keys *keys,
		struct span *in, uint64_t *seq)
{
	static const uint16_t types[] = { LOG_MESSAGE,  LOG_EXPUNGE,
					  LOG_UNDELETE, LOG_COLLECTED,
					  LOG_FLAGS,    0x8009 };
	uint8_t kind = fuzz_take(in);
	uint64_t seq_more = take_some(in), uid = take_some(in);
	struct log_record r = { .type = types[kind % ARRAY_LEN(types)] };
	struct span body = fuzz_piece(in, fuzz_take(in));

	*seq += seq_more;
	r.seq = *seq;
	r.uid = uid;
	r.wire_size = body.n;
	r.received_ns = 1;
	memset(r.id, (uint8_t)uid, sizeof r.id);
	if ((kind & 8) != 0) {
		r.extras_size = (uint32_t)take_some(in);
		r.wire_size -= r.extras_size;
	}
	if ((kind & 16) != 0)
		r.header_size = (uint32_t)take_some(in);
	if ((kind & 32) != 0)
		r.dots = (uint32_t)take_some(in);
	if ((kind & 64) != 0) {
		r.wire_size = take_number(in, 8);
		r.body_sum = take_number(in, 8);
		r.received_ns = (int64_t)take_number(in, 8);
	}
	if ((kind & 128) != 0) {
		struct sim_data *d = sim_file(disk, FUZZ_LOG);

		sim_put(d, d->n, body.p, body.n);
	} else {
		put_record(disk, keys, &r, body);
	}
	fuzz_free(body);
}

/* The log's header, with its sum. */
static void put_head(struct sim_disk *disk, struct span *in)
{
	struct sim_data *d = sim_file(disk, FUZZ_LOG);

	for (int i = 0; i < 8; i++)
		d->p[fuzz_take(in) % 120] ^= fuzz_take(in);
	put_le64(d->p + 120, log_sum(span_of(d->p, 120), 0));
}

/* Mail is taken, and is there when the log is read from its beginning. */
static void deliver(struct sim_disk *disk)
{
	struct store *st = help_store(&disk->table, NULL, NULL);
	enum yb_err err, opened;
	uint32_t before = fuzz_look(disk, st, &opened), after;

	err = help_deliver(st, help_place(1), "g: h\r\n\r\ni\r\n.\r\n");
	MUST(err != YB_NOMEM);
	MUST(err == YB_OK || opened != YB_OK || err == YB_READ_ONLY ||
	     err == YB_QUOTA);
	after = fuzz_look(disk, st, &opened);
	MUST(opened != YB_OK || after == before + (err == YB_OK));
	store_close(&st);
	if (opened != YB_OK)
		return;
	sim_truncate(sim_file(disk, FUZZ_INDEX), 0);
	st = help_store(&disk->table, NULL, NULL);
	MUST(fuzz_look(disk, st, &opened) == after);
	MUST(opened == YB_OK);
	store_close(&st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	uint8_t flags = fuzz_take(&in);
	struct sim_disk *disk = fuzz_disk();
	struct log_keys keys;
	struct store *st;
	enum yb_err err;
	uint64_t seq = 4;

	if ((flags & 1) != 0)
		sim_truncate(sim_file(disk, FUZZ_INDEX), 0);
	if ((flags & 2) != 0)
		put_head(disk, &in);
	fuzz_keys(disk, &keys);
	for (int n = 0; in.n > 0 && n < RECORDS_MAX; n++)
		add(disk, &keys, &in, &seq);
	deliver(disk);
	st = help_store(&disk->table, NULL, NULL);
	fuzz_ask(st);
	if ((flags & 4) != 0)
		fuzz_repair(st);
	(void)fuzz_look(disk, st, &err);
	store_close(&st);
	MUST(disk->open_fds == 0);
	sim_free(&disk);
	return 0;
}
