/*
 * Recipients and the mailboxes that they share.
 */
#include "proto/smtp_server.h"
#include "server/recipients.h"
#include "unit/unit.h"

/* One recipient who leads to mailboxes `from` to `to`, as auth tells it. */
static enum yb_err add(struct recipients *r, unsigned from, unsigned to,
		       size_t cut)
{
	static uint8_t octets[64 * 1024];
	struct message m = { .body = { octets, 4 } };
	struct message_reader fields;
	uint32_t n = to - from, mailbox = 1;

	memcpy(octets, &n, sizeof n);
	for (uint32_t i = from; i < to; i++) {
		uint8_t *at = octets + m.body.n;

		memset(at, 0, 16);
		memcpy(at, &i, sizeof i);
		memcpy(at + 16, &mailbox, sizeof mailbox);
		memset(at + 20, 0, 20);
		m.body.n += 40;
	}
	m.body.n -= cut;
	message_read(&fields, &m);
	return recipients_add(r, &fields);
}

static void test_shared(void **state)
{
	enum yb_err of[4] = { YB_OK, YB_OK, YB_OK, YB_OK };
	struct recipients r;

	(void)state;
	recipients_init(&r);
	assert_ok(add(&r, 0, 3, 0));
	assert_ok(add(&r, 2, 4, 0));
	assert_ok(add(&r, 0, 1, 0));
	assert_int_equal(recipients_n(&r), 3);
	assert_int_equal(recipients_places_n(&r), 4);
	for (size_t i = 0; i < 3; i++)
		assert_ok(recipients_outcome(&r, i, of));
	of[2] = YB_QUOTA;
	assert_int_equal(recipients_outcome(&r, 0, of), YB_QUOTA);
	assert_int_equal(recipients_outcome(&r, 1, of), YB_QUOTA);
	assert_ok(recipients_outcome(&r, 2, of));
	/* What may pass decides: the mail comes again. */
	of[1] = YB_TOO_BIG;
	assert_int_equal(recipients_outcome(&r, 0, of), YB_QUOTA);
	of[2] = YB_OK;
	assert_int_equal(recipients_outcome(&r, 0, of), YB_TOO_BIG);
	assert_ok(recipients_outcome(&r, 1, of));
	recipients_reset(&r);
	assert_int_equal(recipients_n(&r), 0);
	assert_int_equal(recipients_places_n(&r), 0);
}

static void test_bounds(void **state)
{
	struct recipients r;
	unsigned n = 0;

	(void)state;
	recipients_init(&r);
	assert_ok(add(&r, 0, STORE_PLACES_MAX - 10, 0));
	assert_int_equal(add(&r, 5000, 5011, 0), YB_TOO_MANY);
	assert_int_equal(recipients_n(&r), 1);
	assert_int_equal(recipients_places_n(&r), STORE_PLACES_MAX - 10);
	assert_ok(add(&r, 5000, 5010, 0));
	/* RFC 5321 section 4.5.3.1.8: at least 100 recipients, also if they
	 * all lead to the same. */
	while (add(&r, 0, 50, 0) == YB_OK)
		n++;
	assert_true(n > 100);
	assert_int_equal(recipients_places_n(&r), STORE_PLACES_MAX);
	recipients_reset(&r);
	for (n = 0; n < SMTP_RECIPIENTS_MAX; n++)
		assert_ok(add(&r, n, n + 1, 0));
	assert_int_equal(add(&r, 0, 1, 0), YB_TOO_MANY);
	recipients_reset(&r);
}

/* Threat 61: whatever does not add up is refused whole. */
static void test_garbage(void **state)
{
	struct recipients r;

	(void)state;
	recipients_init(&r);
	for (size_t cut = 1; cut < 64; cut++)
		assert_int_equal(add(&r, 0, 3, cut), YB_INVALID);
	assert_int_equal(add(&r, 0, 0, 0), YB_INVALID);
	assert_int_equal(recipients_n(&r), 0);
	assert_int_equal(recipients_places_n(&r), 0);
	recipients_reset(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
