/*
 * The journal of syncs that somebody else wrote (threat 56), who knows its key
 * and so makes every sum right. Input: an octet of flags (1: a header from the
 * input), then entries: epoch, where in the log, how many octets, the octets.
 * The store opens, and nothing outside its logs is shown.
 */
#include "fuzz/fuzz_store.h"

#include "store/journal_file.h"

enum {
	HEAD_SIZE = 64,
	HALF = 2 * JOURNAL_BLOCK,
	ENTRIES_MAX = 32,
};

static struct sim_data *make_journal(struct sim_disk *disk)
{
	static const uint8_t end[1];
	struct sim_data *d;
	int root, fd;

	MUST(disk->table.open_root(disk, "/", &root) == YB_OK);
	MUST(disk->table.open(disk, root, "journal", STORAGE_CREATE, &fd) ==
	     YB_OK);
	disk->table.close(disk, fd);
	disk->table.close(disk, root);
	d = sim_file(disk, "journal");
	sim_put(d, JOURNAL_BLOCK + JOURNAL_HALVES * HALF - 1, end, 1);
	return d;
}

static void put_head(struct sim_data *d, uint64_t key, bool odd,
		     struct span *in)
{
	uint8_t head[HEAD_SIZE] = "YUBINJNL";

	put_le16(head + 8, 1);
	put_le64(head + 16, key);
	put_le64(head + 24, HALF);
	for (int i = 0; odd && i < 4; i++)
		head[fuzz_take(in) % 56] ^= fuzz_take(in);
	put_le64(head + 56, log_sum(span_of(head, 56), 0));
	sim_put(d, 0, head, sizeof head);
}

static uint64_t take_some(struct span *in)
{
	uint8_t c = fuzz_take(in);
	uint64_t v = 0;

	if (c < 240)
		return c;
	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | fuzz_take(in);
	return v;
}

/* One entry behind the last; where the next one may stand. */
static uint64_t put_entry(struct sim_data *d, const struct journal_file *j,
			  const struct sim_data *log, uint64_t pos,
			  struct span *in)
{
	uint8_t head[JOURNAL_ENTRY_SIZE], kind = fuzz_take(in);
	struct journal_entry e = { .place = help_place(1),
				   .generation = get_le64(log->p + 48),
				   .epoch = 1 + kind % 3 };
	struct span octets;

	memcpy(e.log_id, log->p + 32, sizeof e.log_id);
	if ((kind & 8) != 0)
		pos = (pos + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
	e.at = take_some(in);
	if ((kind & 16) != 0) /* from its end on, as a real one */
		e.at += log->n;
	octets = fuzz_piece(in, fuzz_take(in));
	e.n = (kind & 32) != 0 ? take_some(in) : octets.n;
	if (octets.n < e.n && octets.n < 4096) {
		uint8_t *whole = calloc(1, 4096);

		MUST(whole != NULL);
		if (octets.n > 0)
			memcpy(whole, octets.p, octets.n);
		fuzz_free(octets);
		octets = span_of(whole, 4096);
	}
	if (e.n > octets.n) { /* more than there is: its sum is wrong */
		uint64_t n = e.n;

		e.n = octets.n;
		journal_entry_encode(j, pos, &e, octets.p, head);
		put_le64(head + 64, n);
	} else {
		journal_entry_encode(j, pos, &e, octets.p, head);
	}
	if (pos + sizeof head + octets.n <= d->n) {
		sim_put(d, pos, head, sizeof head);
		sim_put(d, pos + sizeof head, octets.p, octets.n);
	}
	fuzz_free(octets);
	return pos + journal_entry_size(e.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	uint8_t flags = fuzz_take(&in);
	const struct journal_file j = { .key = 7, .half = HALF };
	struct sim_disk *disk = fuzz_disk();
	struct sim_data *d = make_journal(disk), *log;
	uint64_t pos = JOURNAL_BLOCK;
	const struct store_config config = { .path = "/", .os = &disk->table };
	struct store *st = NULL;
	enum yb_err err;

	put_head(d, j.key, (flags & 1) != 0, &in);
	log = sim_file(disk, FUZZ_LOG);
	for (int n = 0; in.n > 0 && n < ENTRIES_MAX && pos < d->n; n++)
		pos = put_entry(d, &j, log, pos, &in);
	err = store_open(&config, &st);
	/* A newer program's is left alone. */
	MUST(err == YB_OK || err == YB_VERSION);
	if (err == YB_OK) {
		(void)fuzz_look(disk, st, &err);
		(void)help_deliver(st, help_place(1), ".\r\n");
		fuzz_ask(st);
		(void)fuzz_look(disk, st, &err);
	}
	store_close(&st);
	MUST(disk->open_fds == 0);
	sim_free(&disk);
	return 0;
}
