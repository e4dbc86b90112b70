#include "unit/unit.h"

#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "server/channel.h"
#include "server/requests.h"

struct end {
	struct channel channel;
	uint64_t ids[20000];
	size_t n;
	size_t octets;
	int fds;
	bool ended;
	enum yb_err why;
	bool refuse;
};

static bool on_message(void *ctx, struct message *m)
{
	struct end *e = ctx;

	e->ids[e->n++ % 20000] = m->id;
	e->octets += m->body.n;
	for (size_t i = 0; i < m->fds_n; i++)
		e->fds += m->fds[i] >= 0;
	return !e->refuse;
}

static void on_end(void *ctx, enum yb_err why)
{
	struct end *e = ctx;

	e->ended = true;
	e->why = why;
}

struct both {
	struct loop *loop;
	struct end a, b;
};

static void open_both(struct both *t)
{
	int pair[2];

	assert_ok(loop_new(&t->loop));
	assert_ok(packet_pair(pair));
	t->a.channel = (struct channel){ .on_message = on_message,
					 .on_end = on_end, .ctx = &t->a };
	t->b.channel = (struct channel){ .on_message = on_message,
					 .on_end = on_end, .ctx = &t->b };
	assert_ok(channel_open(&t->a.channel, t->loop, pair[0]));
	assert_ok(channel_open(&t->b.channel, t->loop, pair[1]));
}

static void close_both(struct both *t)
{
	channel_close(&t->a.channel);
	channel_close(&t->b.channel);
	loop_free(&t->loop);
	free(t);
}

static void turn(struct both *t, int times)
{
	for (int i = 0; i < times; i++)
		loop_turn(t->loop, 0);
}

static void keeps_the_order(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	static uint8_t large[50000];

	(void)state;
	open_both(t);
	for (uint64_t id = 1; id <= 300; id++) {
		/* Small, large and with descriptors: one row. */
		struct span part = span_of(large, id % 7 == 0 ? 40000 : id);
		int fd = 0;

		assert_ok(channel_send(&t->a.channel, MESSAGE_RCPT, id, &part,
				       1, &fd, id % 5 == 0));
	}
	turn(t, 600);
	assert_int_equal(t->b.n, 300);
	for (uint64_t id = 1; id <= 300; id++)
		assert_int_equal(t->b.ids[id - 1], id);
	assert_int_equal(t->b.fds, 60);
	assert_true(channel_is_drained(&t->a.channel));
	close_both(t);
}

static void small_messages_travel_together(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	struct message_writer w;
	static uint8_t buffer[PACKET_MAX];
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n;

	(void)state;
	open_both(t);
	message_write(&w);
	message_write_u64(&w, 1);
	for (uint64_t id = 1; id <= 10; id++)
		assert_ok(channel_send_fields(&t->a.channel, MESSAGE_CLOSE,
					      id, &w));
	loop_unwatch(t->loop, &t->b.channel.io);
	turn(t, 1);
	assert_ok(packet_receive(t->b.channel.fd, buffer, &n, fds, &fds_n));
	assert_int_equal(n, 10 * (sizeof(struct message_head) + 8));
	close_both(t);
}

static void lazy_messages_wait_for_others(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	struct message_writer w;

	(void)state;
	open_both(t);
	message_write(&w);
	assert_ok(channel_send_lazily(&t->a.channel, MESSAGE_CLOSE, 1, &w));
	turn(t, 3);
	assert_int_equal(t->b.n, 0);
	assert_ok(channel_send_fields(&t->a.channel, MESSAGE_RCPT, 2, &w));
	turn(t, 3);
	assert_int_equal(t->b.n, 2);
	assert_int_equal(t->b.ids[0], 1);
	assert_ok(channel_send_lazily(&t->a.channel, MESSAGE_CLOSE, 3, &w));
	channel_flush(&t->a.channel);
	turn(t, 3);
	assert_int_equal(t->b.n, 3);
	close_both(t);
}

/* A process that does not read costs no more than CHANNEL_QUEUE_MAX. */
static void a_full_queue_is_an_error(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	static uint8_t large[60000];
	struct span part = span_of(large, sizeof large);
	enum yb_err err = YB_OK;
	int sent = 0;

	(void)state;
	open_both(t);
	while (err == YB_OK && sent < 10000) {
		err = channel_send(&t->a.channel, MESSAGE_RCPT, 1, &part, 1,
				   NULL, 0);
		sent++;
	}
	assert_int_equal(err, YB_OVERLOAD);
	assert_true(t->a.channel.queued <= CHANNEL_QUEUE_MAX);
	/* What was taken on arrives once there is room. */
	turn(t, 2000);
	assert_int_equal(t->b.n, sent - 1);
	close_both(t);
}

/* What was accepted while the queue filled up is not lost. */
static void a_full_queue_keeps_what_was_accepted(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	static uint8_t large[60000];
	struct span part = span_of(large, sizeof large);
	struct message_writer w;
	int sent = 0;

	(void)state;
	open_both(t);
	message_write(&w);
	loop_unwatch(t->loop, &t->b.channel.io);
	while (channel_send(&t->a.channel, MESSAGE_RCPT, 1, &part, 1, NULL,
			    0) == YB_OK)
		sent++;
	assert_ok(channel_send_fields(&t->a.channel, MESSAGE_CLOSE, 2, &w));
	turn(t, 3);
	assert_false(t->a.ended);
	assert_ok(loop_watch(t->loop, &t->b.channel.io, t->b.channel.fd,
			     EPOLLIN | EPOLLOUT));
	turn(t, 2000);
	assert_int_equal(t->b.n, sent + 1);
	assert_int_equal(t->b.ids[sent], 2);
	assert_true(channel_is_drained(&t->a.channel));
	close_both(t);
}

/* Each packet may hold descriptors, however few octets it has. */
static void small_packets_have_a_limit_too(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	enum yb_err err = YB_OK;
	int fd = 0, sent = 0;

	(void)state;
	open_both(t);
	loop_unwatch(t->loop, &t->b.channel.io);
	while (err == YB_OK && sent < 2 * CHANNEL_PACKETS_MAX) {
		err = channel_send(&t->a.channel, MESSAGE_RCPT, 1, NULL, 0,
				   &fd, 1);
		sent += err == YB_OK;
	}
	/* Each holds a descriptor: the process's own limit may come first. */
	assert_int_equal(err, YB_OVERLOAD);
	assert_true(t->a.channel.queued_n <= CHANNEL_PACKETS_MAX);
	close_both(t);
}

static void garbage_ends_the_channel(void **state)
{
	static const struct message_head heads[] = {
		{ .size = 8, .type = MESSAGE_RCPT },
		{ .size = 24, .type = MESSAGE_RCPT },
		{ .size = 17, .type = MESSAGE_RCPT },
		{ .size = UINT32_MAX, .type = MESSAGE_RCPT },
		{ .size = 16, .type = MESSAGE_NONE },
		{ .size = 16, .type = MESSAGE_TYPE_COUNT },
		{ .size = 16, .type = MESSAGE_RCPT, .fds = 1 },
	};

	(void)state;
	for (size_t i = 0; i <= sizeof heads / sizeof heads[0]; i++) {
		struct both *t = calloc(1, sizeof *t);
		struct span packet = i < sizeof heads / sizeof heads[0]
					     ? span_of(&heads[i], 16)
					     : SPAN_LIT("short");

		open_both(t);
		assert_ok(packet_send(t->a.channel.fd, &packet, 1, NULL, 0));
		turn(t, 3);
		assert_true(t->b.ended);
		assert_int_equal(t->b.why, YB_INVALID);
		assert_int_equal(t->b.n, 0);
		close_both(t);
	}
}

static void a_refused_message_ends_the_channel(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	struct message_writer w;

	(void)state;
	open_both(t);
	t->b.refuse = true;
	message_write(&w);
	assert_ok(channel_send_fields(&t->a.channel, MESSAGE_RCPT, 1, &w));
	turn(t, 3);
	assert_true(t->b.ended);
	assert_true(t->a.ended);
	assert_int_equal(t->a.why, YB_GONE);
	assert_int_equal(channel_send_fields(&t->a.channel, MESSAGE_RCPT, 1,
					     &w), YB_GONE);
	close_both(t);
}

/* Descriptors that nobody sent for are closed, not kept. */
static void unexpected_descriptors_are_closed(void **state)
{
	struct both *t = calloc(1, sizeof *t);
	struct message_head head = { .size = 16, .type = MESSAGE_RCPT };
	struct span packet = span_of(&head, sizeof head);
	int before, after;

	(void)state;
	open_both(t);
	before = dup(0);
	fd_close(&before);
	before = dup(0);
	assert_ok(packet_send(t->a.channel.fd, &packet, 1, (int[]){ 0 }, 1));
	turn(t, 3);
	assert_true(t->b.ended);
	after = dup(0);
	assert_true(after <= before + 1);
	fd_close(&before);
	fd_close(&after);
	close_both(t);
}

/* ---- requests ---- */

struct asker {
	int answers;
	enum yb_err err;
};

static bool on_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct asker *a = ctx;

	a->answers++;
	a->err = m == NULL ? err : YB_OK;
	return true;
}

static void answers_find_their_question(void **state)
{
	struct loop *loop;
	struct requests r;
	struct asker one = { 0 }, two = { 0 };
	struct message m = { .type = MESSAGE_RCPT_DONE };
	uint64_t first, second;
	bool unwanted;

	(void)state;
	assert_ok(loop_new(&loop));
	assert_ok(requests_init(&r, loop));
	first = requests_begin(&r, ASKED_AUTH, on_answer, &one);
	second = requests_begin(&r, ASKED_STORE, on_answer, &two);
	assert_true(first != 0 && second != 0 && first != second);
	m.id = first;
	/* An answer from the wrong process ends its channel. */
	assert_false(requests_answer(&r, ASKED_STORE, &m, &unwanted));
	assert_true(requests_answer(&r, ASKED_AUTH, &m, &unwanted));
	assert_false(unwanted);
	assert_int_equal(one.answers, 1);
	/* The slot is used again; the old answer means nothing to it. */
	assert_true(requests_begin(&r, ASKED_AUTH, on_answer, &one) != first);
	assert_true(requests_answer(&r, ASKED_AUTH, &m, &unwanted));
	assert_true(unwanted);
	assert_int_equal(one.answers, 1);
	requests_cancel(&r, second);
	m.id = second;
	assert_true(requests_answer(&r, ASKED_STORE, &m, &unwanted));
	assert_true(unwanted);
	requests_cancel(&r, 0);
	requests_fail(&r, ASKED_STORE);
	assert_int_equal(one.answers, 1);
	requests_fail(&r, ASKED_AUTH);
	assert_int_equal(one.answers, 2);
	assert_int_equal(one.err, YB_GONE);
	assert_int_equal(two.answers, 0);
	/* Only a login waits for what auth has sent to the store. */
	(void)requests_begin(&r, ASKED_AUTH, on_answer, &one);
	(void)requests_begin(&r, ASKED_STORE, on_answer, &one);
	(void)requests_begin(&r, ASKED_LOGIN, on_answer, &two);
	requests_fail_logins(&r);
	assert_int_equal(one.answers, 2);
	assert_int_equal(two.answers, 1);
	assert_int_equal(two.err, YB_GONE);
	free(r.slots);
	loop_free(&loop);
}

static void questions_are_bounded(void **state)
{
	struct loop *loop;
	struct requests r;
	struct asker a = { 0 };
	size_t n = 0;

	(void)state;
	assert_ok(loop_new(&loop));
	assert_ok(requests_init(&r, loop));
	while (requests_begin(&r, ASKED_LOGIN, on_answer, &a) != 0)
		n++;
	assert_int_equal(n, REQUESTS_MAX);
	requests_fail(&r, ASKED_STORE);
	assert_int_equal(a.answers, REQUESTS_MAX);
	assert_true(requests_begin(&r, ASKED_AUTH, on_answer, &a) != 0);
	free(r.slots);
	loop_free(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(small_messages_travel_together),
		cmocka_unit_test(lazy_messages_wait_for_others),
		cmocka_unit_test(a_full_queue_is_an_error),
		cmocka_unit_test(a_full_queue_keeps_what_was_accepted),
		cmocka_unit_test(small_packets_have_a_limit_too),
		cmocka_unit_test(garbage_ends_the_channel),
		cmocka_unit_test(a_refused_message_ends_the_channel),
		cmocka_unit_test(unexpected_descriptors_are_closed),
		cmocka_unit_test(answers_find_their_question),
		cmocka_unit_test(questions_are_bounded),
	};

	return cmocka_run_group_tests_name("server/channel", tests, NULL,
					   NULL);
}
