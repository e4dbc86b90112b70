#include "unit/unit.h"

#include "os/fd.h"
#include "os/memfd.h"
#include "server/listings.h"

static int make(const char *text)
{
	int fd = -1;

	assert_ok(memfd_make("listing", span_str(text), &fd));
	return fd;
}

static struct mapped_listing *open_one(struct listings *l, uint64_t number,
				       const char *text)
{
	struct mapped_listing *m = NULL;
	AUTO_FD fd = make(text);

	assert_ok(listings_open(l, number, fd, &m));
	return m;
}

static void one_number_one_mapping(void **state)
{
	struct listings l;
	struct mapped_listing *a, *b, *c;
	const uint8_t *at;

	(void)state;
	listings_init(&l);
	a = open_one(&l, 1, "one");
	b = open_one(&l, 1, "one");
	c = open_one(&l, 2, "two");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_true(span_eq(c->mapping, SPAN_LIT("two")));
	at = a->mapping.p;
	listings_close(&l, &a);
	assert_null(a);
	assert_int_equal(l.kept_n, 0); /* b has it */
	listings_close(&l, &b);
	listings_close(&l, &c);
	listings_close(&l, &c); /* harmless */
	assert_int_equal(l.kept_n, 2);
	assert_int_equal(l.kept_octets, 6);
	a = open_one(&l, 1, "one");
	assert_ptr_equal(a->mapping.p, at);
	assert_int_equal(l.kept_n, 1);
	listings_close(&l, &a);
	listings_forget(&l);
	assert_int_equal(l.kept_n, 0);
	assert_int_equal(l.kept_octets, 0);
}

/* A number means nothing to the store that comes after: what it was the
 * number of may be somebody else's mail. */
static void numbers_end_with_their_store(void **state)
{
	struct listings l;
	struct mapped_listing *kept, *used, *new;

	(void)state;
	listings_init(&l);
	kept = open_one(&l, 1, "old 1");
	listings_close(&l, &kept);
	used = open_one(&l, 2, "old 2");
	listings_forget(&l);
	assert_true(span_eq(used->mapping, SPAN_LIT("old 2")));
	new = open_one(&l, 1, "new 1");
	assert_true(span_eq(new->mapping, SPAN_LIT("new 1")));
	listings_close(&l, &new);
	new = open_one(&l, 2, "new 2");
	assert_true(span_eq(new->mapping, SPAN_LIT("new 2")));
	listings_close(&l, &used);
	assert_int_equal(l.kept_n, 1); /* the old one is not kept */
	listings_close(&l, &new);
	listings_forget(&l);
}

static void few_are_kept(void **state)
{
	struct listings l;

	(void)state;
	listings_init(&l);
	for (uint64_t i = 1; i <= LISTINGS_KEPT_MAX + 10; i++) {
		struct mapped_listing *m = open_one(&l, i, "text");

		listings_close(&l, &m);
	}
	assert_int_equal(l.kept_n, LISTINGS_KEPT_MAX);
	assert_int_equal(l.kept_octets, LISTINGS_KEPT_MAX * 4);
	listings_forget(&l);
}

static void what_is_no_listing_is_refused(void **state)
{
	struct listings l;
	struct mapped_listing *m = NULL;
	AUTO_FD open = -1, good = make("text");

	(void)state;
	listings_init(&l);
	assert_ok(memfd_open("open", &open)); /* not sealed */
	assert_int_equal(listings_open(&l, 1, open, &m), YB_INVALID);
	assert_int_equal(listings_open(&l, 0, good, &m), YB_INVALID);
	assert_null(m);
	assert_true(list_empty(&l.used));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_number_one_mapping),
		cmocka_unit_test(numbers_end_with_their_store),
		cmocka_unit_test(few_are_kept),
		cmocka_unit_test(what_is_no_listing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
