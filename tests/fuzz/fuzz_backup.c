/*
 * The list of a backup's run. Input: an octet (1: the sum at its end is made
 * right, as by somebody who writes a list of his own), then the list. What is
 * taken names logs that a path can be made of.
 */
#include "fuzz/fuzz.h"

#include <inttypes.h>

#include "store/backup_private.h"
#include "store/log.h"

enum { TEXT_MAX = 64 * 1024, LOGS_MAX = 16 * 1024 * 1024 };

static void check(const struct backup_run *run)
{
	MUST(run->logs.n % sizeof(struct backup_log) == 0);
	for (size_t i = 0; i < backup_run_count(run); i++) {
		const struct backup_log *l = backup_run_log(run, i);

		MUST(l->place.mailbox > 0);
		MUST(l->size >= LOG_HEAD_SIZE && l->size <= INT64_MAX);
		MUST(memchr(l->address, 0, sizeof l->address) != NULL);
		/* Whatever their order is, looking for one ends. */
		(void)backup_run_find(run, &l->place);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), piece;
	bool seal = (fuzz_take(&in) & 1) != 0;
	struct backup_run run = { 0 };
	size_t lines = 0;
	struct buf text;
	enum yb_err err;

	buf_init(&text, TEXT_MAX);
	buf_init(&run.logs, LOGS_MAX);
	if (seal)
		MUST(buf_addf(&text, "yubin-backup 1\n") == YB_OK);
	MUST(buf_add(&text, in) == YB_OK);
	for (size_t i = 0; i < in.n; i++)
		lines += in.p[i] == '\n';
	if (seal)
		MUST(buf_addf(&text, "end %zu %016" PRIx64 "\n", lines,
			      log_sum(buf_span(&text), 0)) == YB_OK);
	in = buf_span(&text);
	piece = fuzz_piece(&in, SIZE_MAX);
	err = backup_list_parse(piece, &run);
	MUST(err == YB_OK || err == YB_CORRUPT || err == YB_VERSION);
	if (err == YB_OK)
		check(&run);
	fuzz_free(piece);
	backup_run_done(&run);
	buf_done(&text);
	return 0;
}
