/*
 * Messages of a backup that come back (I4): an id never names two messages,
 * and what is there stays as it is.
 */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"

#include <stdio.h>
#include <unistd.h>

#include "os/memfd.h"

static const char wire[] = "Subject: old\r\n\r\n..dot\r\n.\r\n";
enum { WIRE_N = sizeof wire - 1, OLD_S = 1500000000 };

struct fixture {
	struct sim_disk *disk;
	struct store *st;
	int fd; /* two messages, one behind the other */
};

struct outcome {
	bool done;
	size_t n;
	enum yb_err errs[8];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct store_config config = { .path = "/", .undelete_days = 7 };
	char both[2 * WIRE_N + 1];

	assert_non_null(f);
	f->disk = sim_new();
	config.os = &f->disk->table;
	assert_ok(store_open(&config, &f->st));
	(void)snprintf(both, sizeof both, "%s%s", wire, wire);
	assert_ok(memfd_make("test", span_of(both, 2 * WIRE_N), &f->fd));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(&f->st);
	assert_int_equal(f->disk->open_fds, 0);
	sim_free(&f->disk);
	(void)close(f->fd);
	free(f);
	return 0;
}

static struct store_copy copy(uint8_t id, uint64_t at)
{
	struct store_copy c = { .received_ns = (int64_t)OLD_S * 1000000000,
				.at = at,
				.n = WIRE_N };

	memset(c.id, id, sizeof c.id);
	return c;
}

static void on_added(void *ctx, const enum yb_err *errs, size_t n)
{
	struct outcome *o = ctx;

	memcpy(o->errs, errs, n * sizeof *errs);
	o->n = n;
	o->done = true;
}

static struct outcome add(struct fixture *f, const struct store_copy *copies,
			  size_t n)
{
	struct outcome o = { 0 };

	store_add(f->st, help_place(0), f->fd, copies, n, on_added, &o);
	help_wait(f->st, &o.done);
	assert_int_equal(o.n, n);
	return o;
}

struct rows {
	bool done;
	struct store_row row[8];
	size_t n;
};

static void on_rows(void *ctx, enum yb_err err, const struct store_row *rows,
		    size_t n, bool more)
{
	struct rows *r = ctx;

	assert_ok(err);
	assert_false(more);
	if (n > 0)
		memcpy(r->row, rows, n * sizeof *rows);
	r->n = n;
	r->done = true;
}

static struct rows list(struct fixture *f)
{
	struct rows r = { 0 };

	store_list(f->st, help_place(0), 0, false, 8, on_rows, &r);
	help_wait(f->st, &r.done);
	return r;
}

static void on_deleted(void *ctx, enum yb_err err, struct store_change change)
{
	(void)change;
	assert_ok(err);
	*(bool *)ctx = true;
}

static void delete_uid(struct fixture *f, uint32_t uid)
{
	const struct uid_range range = { uid, uid };
	bool done = false;

	store_delete(f->st, help_place(0), NULL, &range, 1, on_deleted, &done);
	help_wait(f->st, &done);
}

static void test_added_with_what_it_was(void **state)
{
	struct fixture *f = *state;
	const struct store_copy c[] = { copy(1, 0), copy(2, WIRE_N) };
	struct outcome o = add(f, c, 2);
	struct rows r = list(f);

	assert_ok(o.errs[0]);
	assert_ok(o.errs[1]);
	assert_int_equal(r.n, 2);
	assert_string_not_equal(r.row[0].uidl, r.row[1].uidl);
	assert_int_equal(r.row[0].received_ns / 1000000000, OLD_S);
	assert_int_equal(r.row[0].octets, WIRE_N - 3 - 1);
}

static void test_what_is_there_stays(void **state)
{
	struct fixture *f = *state;
	const struct store_copy c[] = { copy(1, 0), copy(2, WIRE_N) };
	struct outcome o = add(f, c, 1);

	assert_ok(o.errs[0]);
	o = add(f, c, 2);
	assert_int_equal(o.errs[0], YB_EXISTS);
	assert_ok(o.errs[1]);
	assert_int_equal(list(f).n, 2);
}

/* The deleted one itself comes back, so that it cannot come back once more. */
static void test_deleted_is_undeleted(void **state)
{
	struct fixture *f = *state;
	const struct store_copy c[] = { copy(1, 0), copy(2, WIRE_N) };
	struct rows before, after;
	struct outcome o = add(f, c, 2);

	assert_ok(o.errs[1]);
	before = list(f);
	delete_uid(f, before.row[0].uid);
	assert_int_equal(list(f).n, 1);
	o = add(f, c, 2);
	assert_ok(o.errs[0]);
	assert_int_equal(o.errs[1], YB_EXISTS);
	after = list(f);
	assert_int_equal(after.n, 2);
	assert_string_equal(after.row[1].uidl, before.row[0].uidl);
	assert_true(after.row[1].uid > before.row[1].uid);
	/* And not twice. */
	assert_int_equal(add(f, c, 1).errs[0], YB_EXISTS);
}

static void test_twice_in_one_request(void **state)
{
	struct fixture *f = *state;
	const struct store_copy c[] = { copy(1, 0), copy(1, WIRE_N) };
	struct outcome o = add(f, c, 2);

	assert_int_equal(o.errs[0], YB_INVALID);
	assert_int_equal(o.errs[1], YB_INVALID);
	assert_int_equal(list(f).n, 0);
}

/* What the file says is not believed: it has to be a message. */
static void test_no_message(void **state)
{
	struct fixture *f = *state;
	struct store_copy c[] = { copy(1, 3), copy(2, 0), copy(3, 1000) };
	struct outcome o;

	c[0].n = WIRE_N - 5;
	o = add(f, c, 3);
	assert_int_equal(o.errs[0], YB_INVALID);
	assert_ok(o.errs[1]);
	assert_int_equal(o.errs[2], YB_INVALID);
	assert_int_equal(list(f).n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_added_with_what_it_was,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_there_stays, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deleted_is_undeleted,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice_in_one_request,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_message, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
