/* The list of a run: what is written is read, and nothing else is. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "os/storage.h"
#include "store/backup.h"
#include "store/files.h"

static const char name[] = "2026-11-21T17:00:00Z";

static int setup(void **state)
{
	char *path = strdup("/tmp/yubin-unit-XXXXXX");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	*state = path;
	return 0;
}

static enum yb_err remove_one(void *ctx, const char *entry)
{
	return files_remove_tree(storage_disk(), *(int *)ctx, entry);
}

static int teardown(void **state)
{
	const struct os_storage *os = storage_disk();
	int dir;

	assert_ok(os->open_root(os->ctx, *state, &dir));
	assert_ok(os->list(os->ctx, dir, remove_one, &dir));
	os->close(os->ctx, dir);
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static struct backup_log make(uint8_t id, const char *address)
{
	struct backup_log log = { .place.mailbox = STORE_INBOX,
				  .generation = 3,
				  .fork = 7,
				  .size = 4096,
				  .seq = 17,
				  .totals = { 5, 4321 } };

	memset(log.place.account.octets, id, 16);
	(void)snprintf(log.address, sizeof log.address, "%s", address);
	return log;
}

static void commit(const char *path)
{
	/* In no order: the list has one. */
	const struct backup_log logs[] = { make(9, "z@example.org"),
					   make(1, "\"a b\"@example.org") };
	struct backup_run run = { 0 };
	struct backup *b;
	char folder[BACKUP_PATH_MAX];

	assert_ok(backup_open(path, true, &b));
	assert_ok(backup_begin(b, folder));
	buf_init(&run.logs, sizeof logs);
	memcpy(run.name, name, sizeof name);
	assert_ok(buf_add(&run.logs, span_of(logs, sizeof logs)));
	assert_ok(backup_commit(b, &run));
	backup_run_done(&run);
	backup_close(&b);
}

static void test_round_trip(void **state)
{
	const struct backup_log *log;
	struct store_place place = { .mailbox = STORE_INBOX };
	struct backup_run run;
	struct backup *b;

	commit(*state);
	assert_ok(backup_open(*state, false, &b));
	assert_ok(backup_run_read(b, name, &run));
	assert_int_equal(backup_run_count(&run), 2);
	memset(place.account.octets, 1, 16);
	log = backup_run_find(&run, &place);
	assert_non_null(log);
	assert_string_equal(log->address, "\"a b\"@example.org");
	assert_int_equal(log->generation, 3);
	assert_int_equal(log->fork, 7);
	assert_int_equal(log->size, 4096);
	assert_int_equal(log->seq, 17);
	assert_int_equal(log->totals.messages, 5);
	assert_int_equal(log->totals.octets, 4321);
	place.mailbox = 2;
	assert_null(backup_run_find(&run, &place));
	backup_run_done(&run);
	assert_int_equal(backup_run_read(b, "../../2026-11-21T17:", &run),
			 YB_NOT_FOUND);
	backup_close(&b);
}

static void test_every_octet_and_length(void **state)
{
	char path[256];
	struct backup_run run;
	struct backup *b;
	struct buf text;

	commit(*state);
	(void)snprintf(path, sizeof path, "%s/runs/%s/list", (char *)*state,
		       name);
	buf_init(&text, 4096);
	assert_ok(file_read(path, &text));
	assert_ok(backup_open(*state, false, &b));
	for (size_t i = 0; i < text.n; i++) {
		enum yb_err err;

		text.p[i] ^= 1;
		assert_ok(file_replace(path, buf_span(&text), 0600));
		err = backup_run_read(b, name, &run);
		assert_true(err == YB_CORRUPT || err == YB_VERSION);
		text.p[i] ^= 1;
		assert_ok(file_replace(path, span_of(text.p, i), 0600));
		assert_int_equal(backup_run_read(b, name, &run), YB_CORRUPT);
	}
	buf_done(&text);
	backup_close(&b);
}

static void test_one_writer(void **state)
{
	struct backup *a, *b;

	assert_ok(backup_open(*state, true, &a));
	assert_int_equal(backup_open(*state, true, &b), YB_BUSY);
	assert_ok(backup_open(*state, false, &b)); /* reading is no matter */
	backup_close(&b);
	backup_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_every_octet_and_length,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_writer, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
