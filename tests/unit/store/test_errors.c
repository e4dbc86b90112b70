/*
 * Scenarios, each run again and again while the k-th call to the disk
 * fails, for each k and several errors, and while the k-th allocation fails:
 * no crash, nothing left open, and what was acknowledged is there afterwards,
 * octet for octet and once.
 */
#include "unit/unit.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_MALLOC 0
#endif
#endif
#ifndef HAS_OWN_MALLOC
#define HAS_OWN_MALLOC 1
#endif

#if HAS_OWN_MALLOC
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

/* What belongs to the test does not fail. */
#define malloc  __libc_malloc
#define calloc  __libc_calloc
#define realloc __libc_realloc
#endif
/* clang-format off */
#include "unit/store/sim_disk.h"
#include "unit/store/store_help.h"
/* clang-format on */
#undef malloc
#undef calloc
#undef realloc

#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"

/* ---- allocations that fail ---- */

static size_t allocations, failing; /* the number of the one; 0: none */

#if HAS_OWN_MALLOC
static bool fails(void)
{
	return failing != 0 && ++allocations == failing;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
#endif

/* ---- scenarios ---- */

/*
 * d, e: a message to account 0, to both; l: one in a file; x, X: deletes the
 * first, all of account 0; u: brings all back; c: compacts; r: the process
 * starts anew; i: and has lost its index; o: opens and reads; a: one comes out
 * of a backup.
 */
static const char *const scenarios[] = {
	"d",      "dd",      "e",      "ee",    "l",      "dl",    "ledo",
	"dx",     "ddX",     "dxu",    "ddXu",  "exd",    "dxc",   "ddxc",
	"ddXc",   "eeXcd",   "dxcu",   "ddXuc", "drd",    "dir",   "dxrd",
	"ddXir",  "dxruc",   "ddxcrd", "lXcr",  "eXuceo", "didxc", "dcdcd",
	"ddxcix", "lexucro", "a",      "dXaca", "daxuar",
};

enum { MESSAGES_MAX = 16 };

struct run {
	struct sim_disk *disk;
	struct store *st;
	unsigned sent;
	bool acked[MESSAGES_MAX][2];
};

static void wire_of(unsigned n, char wire[64])
{
	(void)snprintf(wire, 64, "X-Id: %u\r\n\r\n..text of %u\r\n.\r\n", n, n);
}

static enum yb_err open_store(struct run *r)
{
	struct store_config config = { .path = "/",
				       .os = &r->disk->table,
				       .undelete_days = 7 };

	return store_open(&config, &r->st);
}

struct answer {
	bool done;
	enum yb_err errs[2];
	struct store_snapshot *snapshot;
};

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct answer *a = ctx;

	memcpy(a->errs, errs, n * sizeof *errs);
	a->done = true;
}

static void on_opened(void *ctx, enum yb_err err, struct store_snapshot *s)
{
	struct answer *a = ctx;

	a->errs[0] = err;
	a->snapshot = s;
	a->done = true;
}

static void on_changed(void *ctx, enum yb_err err, struct store_change change)
{
	(void)change;
	((struct answer *)ctx)->errs[0] = err;
	((struct answer *)ctx)->done = true;
}

static void on_compacted(void *ctx, enum yb_err err, struct store_compacted c)
{
	(void)c;
	((struct answer *)ctx)->errs[0] = err;
	((struct answer *)ctx)->done = true;
}

/* Every question is answered, once. */
static void wait(struct run *r, struct answer *a)
{
	for (int i = 0; !a->done; i++) {
		assert_true(i < 1000);
		store_run(r->st);
	}
}

static void deliver(struct run *r, bool both, bool in_file)
{
	struct store_place places[] = { help_place(0), help_place(1) };
	struct answer a = { 0 };
	char wire[64];
	AUTO_FD fd = -1;
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = places,
				    .places_n = both ? 2 : 1,
				    .fd = -1 };

	wire_of(r->sent, wire);
	d.wire = span_str(wire);
	if (in_file) {
		if (memfd_make("body", d.wire, &fd) != YB_OK)
			return;
		d.fd = fd;
		d.wire_n = d.wire.n;
		d.wire = SPAN_NONE;
	}
	store_deliver(r->st, &d, on_delivered, &a);
	wait(r, &a);
	for (size_t i = 0; i < d.places_n; i++)
		r->acked[r->sent][i] = a.errs[i] == YB_OK;
	r->sent++;
}

/* Out of a backup, under an id that it had. */
static void add(struct run *r)
{
	struct store_copy copy = { .id = { 9, (uint8_t)r->sent } };
	struct answer a = { 0 };
	char wire[64];
	AUTO_FD fd = -1;

	wire_of(r->sent, wire);
	copy.n = strlen(wire);
	if (memfd_make("backup", span_str(wire), &fd) != YB_OK)
		return;
	store_add(r->st, help_place(0), fd, &copy, 1, on_delivered, &a);
	wait(r, &a);
	r->acked[r->sent][0] = a.errs[0] == YB_OK;
	r->sent++;
}

static void drop(struct run *r, uint32_t last)
{
	struct uid_range range = { 1, last };
	struct answer a = { 0 };

	store_delete(r->st, help_place(0), NULL, &range, 1, on_changed, &a);
	wait(r, &a);
}

static enum yb_err undelete(struct run *r, uint8_t account)
{
	const struct store_undelete all = { 0 };
	struct answer a = { 0 };

	store_undelete(r->st, help_place(account), NULL, &all, on_changed, &a);
	wait(r, &a);
	return a.errs[0];
}

static void compact(struct run *r)
{
	struct answer a = { 0 };

	store_compact(r->st, help_place(0), on_compacted, &a);
	wait(r, &a);
}

static void look(struct run *r)
{
	struct answer a = { 0 };
	int fd;

	store_snapshot_open(r->st, help_place(0), 0, on_opened, &a);
	wait(r, &a);
	if (a.errs[0] == YB_OK)
		(void)!store_snapshot_log(a.snapshot, &fd);
	store_snapshot_close(&a.snapshot);
}

static void restart(struct run *r, bool lose_index)
{
	static const char path[] =
		"00/00/00000000000000000000000000000000/1/index";

	store_close(&r->st);
	if (lose_index && sim_file(r->disk, path) != NULL)
		sim_truncate(sim_file(r->disk, path), 7);
	if (open_store(r) != YB_OK) {
		/* It does not start; a second try does. */
		failing = 0;
		r->disk->fail_at = 0;
		assert_ok(open_store(r));
	}
}

static void play(struct run *r, const char *scenario)
{
	for (const char *p = scenario; *p != 0; p++) {
		if (*p == 'd' || *p == 'e' || *p == 'l')
			deliver(r, *p == 'e', *p == 'l');
		else if (*p == 'x' || *p == 'X')
			drop(r, *p == 'x' ? 1 : UINT32_MAX);
		else if (*p == 'u')
			(void)!undelete(r, 0);
		else if (*p == 'a')
			add(r);
		else if (*p == 'c')
			compact(r);
		else if (*p == 'o')
			look(r);
		else
			restart(r, *p == 'i');
	}
}

/* What was acknowledged is there, octet for octet and once. */
static void check(struct run *r, const char *scenario, size_t k)
{
	restart(r, false);
	for (uint8_t a = 0; a < 2; a++) {
		unsigned seen[MESSAGES_MAX] = { 0 };
		struct store_snapshot *s;
		struct listing l;

		assert_ok(undelete(r, a));
		assert_ok(help_open(r->st, help_place(a), &s));
		l = help_listing(s);
		for (uint32_t i = 0; i < l.head->count; i++) {
			char *text = help_read(&r->disk->table, s, i);
			char want[64];
			unsigned n;

			assert_int_equal(sscanf(text, "X-Id: %u", &n), 1);
			assert_true(n < r->sent);
			wire_of(n, want);
			assert_string_equal(text, want);
			free(text);
			seen[n]++;
		}
		store_snapshot_close(&s);
		for (unsigned n = 0; n < r->sent; n++)
			if (seen[n] > 1 || seen[n] < r->acked[n][a])
				fail_msg(
					"%s, %zu: message %u is there %u times",
					scenario, k, n, seen[n]);
	}
}

/* Whether there was a k-th call, or allocation. */
static bool run(const char *scenario, size_t k, enum yb_err err)
{
	struct run r = { .disk = sim_new() };
	bool happened;

	assert_ok(open_store(&r));
	if (err != YB_NOMEM) {
		r.disk->calls = 0;
		r.disk->fail_at = k;
		r.disk->fail_err = err;
	} else {
		allocations = 0;
		failing = k;
	}
	play(&r, scenario);
	happened = err == YB_NOMEM ? allocations >= k : r.disk->calls >= k;
	failing = 0;
	r.disk->fail_at = 0;
	check(&r, scenario, k);
	/* It goes on by itself. */
	deliver(&r, true, false);
	for (int i = 0; i < 30 && !r.acked[r.sent - 1][0]; i++) {
		clock_sleep_ns(100 * 1000000);
		deliver(&r, true, false);
		if (r.sent == MESSAGES_MAX)
			break;
	}
	assert_true(r.acked[r.sent - 1][0] && r.acked[r.sent - 1][1]);
	store_close(&r.st);
	assert_int_equal(r.disk->open_fds, 0);
	sim_free(&r.disk);
	return happened;
}

static void run_all(enum yb_err err)
{
	size_t runs = 0;

	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		size_t k = 1;

		while (run(scenarios[i], k, err))
			k++;
		runs += k;
	}
	print_message("%zu runs\n", runs);
}

static void test_calls(void **state)
{
	(void)state;
	run_all(YB_IO);
	run_all(YB_FULL);
	run_all(YB_READ_ONLY);
	run_all(YB_OVERLOAD);
}

static void test_allocations(void **state)
{
	(void)state;
	if (HAS_OWN_MALLOC)
		run_all(YB_NOMEM);
	else
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
