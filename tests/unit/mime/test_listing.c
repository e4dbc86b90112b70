#include "unit/unit.h"

#include "base/codec.h"
#include "mime/listing.h"

struct block {
	struct listing_head head;
	struct listing_row rows[2];
	char uidl[24];
	char list[16];
};

#define UIDL_TEXT "1 aaaa\r\n2 bb\r\n"
#define LIST_TEXT "1 120\r\n2 200\r\n"

static struct block block(void)
{
	struct block b = {
		.head = { .magic = LISTING_MAGIC,
			  .count = 2,
			  .octets = 320,
			  .uidl_at = offsetof(struct block, uidl),
			  .uidl_n = sizeof UIDL_TEXT - 1,
			  .list_at = offsetof(struct block, list),
			  .list_n = sizeof LIST_TEXT - 1 },
		.rows = { { .wire_size = 124, .dots = 1 },
			  { .wire_size = 203, .uidl_line = 8 } },
		.uidl = UIDL_TEXT,
		.list = LIST_TEXT,
	};

	return b;
}

static enum yb_err view(const struct block *b, size_t n, struct listing *ret)
{
	return listing_view(span_of(b, n), ret);
}

static void test_view(void **state)
{
	struct block b = block();
	struct listing l;

	(void)state;
	assert_ok(view(&b, sizeof b, &l));
	assert_int_equal(l.head->count, 2);
	assert_int_equal(listing_octets(&l.rows[0]), 120);
	assert_true(span_eq(l.list, SPAN_LIT(LIST_TEXT)));
	assert_true(span_eq(l.uidl, SPAN_LIT(UIDL_TEXT)));
	assert_true(span_eq(listing_uidl(&l, 0), SPAN_LIT("aaaa")));
	assert_true(span_eq(listing_uidl(&l, 1), SPAN_LIT("bb")));
	assert_int_equal(listing_uidl(&l, 2).n, 0);
}

/* Threat 61: what comes from another process is looked at. */
static void test_wrong_blocks(void **state)
{
	struct listing l;
	struct block b;

	(void)state;
	for (size_t n = 0; n < offsetof(struct block, list) + 14; n++) {
		b = block();
		assert_int_equal(view(&b, n, &l), YB_CORRUPT);
	}
	b = block();
	b.head.magic++;
	assert_int_equal(view(&b, sizeof b, &l), YB_CORRUPT);
	b = block();
	b.head.count = UINT32_MAX;
	assert_int_equal(view(&b, sizeof b, &l), YB_CORRUPT);
	b = block();
	b.head.uidl_at = UINT64_MAX;
	assert_int_equal(view(&b, sizeof b, &l), YB_CORRUPT);
	b = block();
	b.head.list_n = UINT64_MAX - b.head.list_at + 1;
	assert_int_equal(view(&b, sizeof b, &l), YB_CORRUPT);
	b = block();
	assert_int_equal(listing_view(span_of((char *)&b + 4, sizeof b - 4),
				      &l),
			 YB_CORRUPT);
}

/* A wrong place in the text gives no octets from outside of it. */
static void test_wrong_uidl_lines(void **state)
{
	struct block b = block();
	struct listing l;

	(void)state;
	assert_ok(view(&b, sizeof b, &l));
	for (uint32_t at = 0; at < 40; at++) {
		struct span uidl;

		b.rows[0].uidl_line = at;
		uidl = listing_uidl(&l, 0);
		assert_true(uidl.n <= UIDL_MAX);
		assert_true(uidl.n == 0 ||
			    (uidl.p >= l.uidl.p &&
			     uidl.p + uidl.n <= l.uidl.p + l.uidl.n));
	}
	b.rows[0].uidl_line = UINT32_MAX;
	assert_int_equal(listing_uidl(&l, 0).n, 0);
}

/* The low half of the id that the UIDL shows, so that the store need not
 * make the text; of another UIDL, something that differs as it does. */
static void test_uidl_hash(void **state)
{
	uint8_t id[16], text[BASE32_ID_LEN];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		id[i] = (uint8_t)(0x11 * i);
	base32_put_id(text, id);
	assert_true(listing_uidl_hash(span_of(text, sizeof text)) ==
		    0x7766554433221100);
	assert_true(listing_uidl_hash(SPAN_LIT("a")) !=
		    listing_uidl_hash(SPAN_LIT("b")));
	assert_true(listing_uidl_hash(SPAN_LIT("a")) ==
		    listing_uidl_hash(SPAN_LIT("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_wrong_blocks),
		cmocka_unit_test(test_wrong_uidl_lines),
		cmocka_unit_test(test_uidl_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
