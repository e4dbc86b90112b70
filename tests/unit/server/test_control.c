/*
 * The control protocol: messages and what garbage does to them, connections
 * over real sockets, and the supervisor's door.
 */
#include "unit/unit.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "server/control_client.h"
#include "server/control_hello.h"
#include "server/control_server.h"

/* ---- messages ---- */

static void test_fields(void **state)
{
	struct control_writer w;
	struct control_reader r;
	struct control_head head;
	uint8_t id[4];
	char text[8];

	(void)state;
	control_writer_init(&w);
	control_begin(&w, CONTROL_ACCOUNT_ADD);
	control_put(&w, SPAN_LIT("a\0b"));
	control_put_u64(&w, UINT64_MAX);
	control_put_str(&w, "");
	control_put(&w, SPAN_LIT("1234"));
	control_put_str(&w, "1234567");
	control_set_head(&w, YB_WEAK, true);
	assert_false(w.failed);
	assert_ok(control_read(buf_span(&w.out), &head, &r));
	assert_int_equal(head.type, CONTROL_ACCOUNT_ADD);
	assert_int_equal(head.err, YB_WEAK);
	assert_int_equal(head.more, 1);
	assert_true(span_eq(control_get(&r), SPAN_LIT("a\0b")));
	assert_true(control_get_u64(&r) == UINT64_MAX);
	assert_int_equal(control_get(&r).n, 0);
	control_get_into(&r, id, sizeof id);
	assert_memory_equal(id, "1234", 4);
	assert_true(control_has_more(&r));
	control_get_str(&r, text, sizeof text);
	assert_string_equal(text, "1234567");
	assert_true(control_ended(&r));
	assert_false(control_has_more(&r));
	/* Beyond the end nothing is there, and it shows. */
	assert_int_equal(control_get(&r).n, 0);
	assert_false(control_ended(&r));
	control_writer_done(&w);
}

static void test_wrong_fields(void **state)
{
	struct control_writer w;
	struct control_reader r;
	struct control_head head;
	char text[4];

	(void)state;
	control_writer_init(&w);
	control_begin(&w, CONTROL_STATUS);
	control_put_str(&w, "1234");
	control_put(&w, SPAN_LIT("a\0"));
	assert_ok(control_read(buf_span(&w.out), &head, &r));
	assert_int_equal(control_get_u64(&r), 0);
	assert_true(r.bad);
	/* After a mistake nothing comes any more. */
	assert_int_equal(control_get(&r).n, 0);
	assert_ok(control_read(buf_span(&w.out), &head, &r));
	control_get_str(&r, text, sizeof text); /* needs 5 with its NUL */
	assert_true(r.bad);
	assert_string_equal(text, "");
	assert_ok(control_read(buf_span(&w.out), &head, &r));
	(void)control_get(&r);
	control_get_str(&r, text, sizeof text); /* holds a NUL */
	assert_true(r.bad);
	control_writer_done(&w);
}

static void test_wrong_heads(void **state)
{
	struct control_head head = { .type = CONTROL_STATUS };
	struct control_reader r;
	struct control_head got;

	(void)state;
	for (size_t n = 0; n < sizeof head; n++)
		assert_int_equal(control_read(span_of(&head, n), &got, &r),
				 YB_INVALID);
	assert_ok(control_read(span_of(&head, sizeof head), &got, &r));
	assert_true(control_ended(&r));
	head.type = 0;
	assert_int_equal(control_read(span_of(&head, sizeof head), &got, &r),
			 YB_INVALID);
	head.type = CONTROL_TYPES;
	assert_int_equal(control_read(span_of(&head, sizeof head), &got, &r),
			 YB_INVALID);
	head.type = CONTROL_STATUS;
	head.more = 2;
	assert_int_equal(control_read(span_of(&head, sizeof head), &got, &r),
			 YB_INVALID);
	head.more = 0;
	head.err = YB_ERR_COUNT;
	assert_int_equal(control_read(span_of(&head, sizeof head), &got, &r),
			 YB_INVALID);
}

/* Threat 61: garbage of every length; sanitizers see any step outside. */
static void test_garbage(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % 64;
		uint8_t *octets = malloc(n + 1);
		struct control_head head;
		struct control_reader r;
		size_t eaten = 0;

		for (size_t i = 0; i < n; i++)
			octets[i] = (uint8_t)(rand() % 3 == 0 ? rand() : 0);
		if (n > 0)
			octets[0] = 1 + (uint8_t)(round % 8);
		if (control_read(span_of(octets, n), &head, &r) == YB_OK) {
			while (control_has_more(&r))
				eaten += control_get(&r).n;
			assert_true(eaten <= n);
		}
		free(octets);
	}
}

static void test_too_large(void **state)
{
	static uint8_t octets[CONTROL_MESSAGE_MAX];
	struct control_writer w;
	size_t n = 0;

	(void)state;
	control_writer_init(&w);
	control_begin(&w, CONTROL_ACCOUNT_LIST);
	while (control_has_room(&w)) {
		control_put(&w, span_of(octets, CONTROL_ROW_MAX - 4));
		n++;
	}
	assert_false(w.failed);
	assert_int_equal(n, CONTROL_MESSAGE_MAX / CONTROL_ROW_MAX - 1);
	control_put(&w, span_of(octets, sizeof octets));
	assert_true(w.failed);
	/* And stays so, though this one would fit: rows must not vanish. */
	control_put_str(&w, "x");
	assert_true(w.failed);
	assert_false(control_has_room(&w));
	control_begin(&w, CONTROL_ACCOUNT_LIST);
	assert_false(w.failed);
	control_writer_done(&w);
}

/* ---- connections ---- */

struct office {
	struct loop *loop;
	struct control_server server;
	unsigned handled;
	bool later; /* keep the call instead of replying */
	struct control_call *kept;
	size_t reply_n; /* octets to put into each reply */
};

static void handle(void *ctx, struct control_call *call)
{
	static uint8_t octets[CONTROL_MESSAGE_MAX];
	struct office *o = ctx;
	struct span word = control_get(&call->fields);

	o->handled++;
	if (o->reply_n > 0)
		control_put(&call->reply, span_of(octets, o->reply_n));
	else
		control_put(&call->reply, word);
	if (o->later)
		o->kept = call;
	else
		control_reply(call,
			      control_ended(&call->fields) ? YB_OK : YB_SYNTAX);
}

static int open_office(void **state)
{
	struct office *o = calloc(1, sizeof *o);

	*state = o;
	assert_ok(loop_new(&o->loop));
	assert_ok(control_server_init(&o->server, o->loop, handle, o));
	return 0;
}

static int close_office(void **state)
{
	struct office *o = *state;

	control_server_done(&o->server);
	loop_free(&o->loop);
	free(o);
	return 0;
}

static void turn(struct office *o)
{
	for (int i = 0; i < 5; i++)
		loop_turn(o->loop, 1);
}

static int join(struct office *o)
{
	int fds[2];

	assert_ok(packet_pair(fds));
	control_server_take(&o->server, fds[0]);
	return fds[1];
}

static void send_word(int fd, const char *word)
{
	struct control_writer w;
	struct span part;

	control_writer_init(&w);
	control_begin(&w, CONTROL_ACCOUNT_GET);
	control_put_str(&w, word);
	part = buf_span(&w.out);
	assert_ok(packet_send(fd, &part, 1, NULL, 0));
	control_writer_done(&w);
}

static enum yb_err receive(int fd, struct control_head *head, char text[64])
{
	static uint8_t buffer[PACKET_MAX];
	int fds[PACKET_FDS_MAX];
	struct control_reader r;
	size_t n, fds_n;
	enum yb_err err = packet_receive(fd, buffer, &n, fds, &fds_n);

	if (err != YB_OK)
		return err;
	assert_ok(control_read(span_of(buffer, n), head, &r));
	control_get_str(&r, text, 64);
	return YB_OK;
}

static void test_requests_are_answered_in_order(void **state)
{
	static const char *const words[] = { "one", "two", "three" };
	struct office *o = *state;
	struct control_head head;
	AUTO_FD fd = join(o);
	char text[64];

	for (size_t i = 0; i < 3; i++)
		send_word(fd, words[i]);
	turn(o);
	for (size_t i = 0; i < 3; i++) {
		assert_ok(receive(fd, &head, text));
		assert_int_equal(head.err, YB_OK);
		assert_int_equal(head.type, CONTROL_ACCOUNT_GET);
		assert_string_equal(text, words[i]);
	}
	assert_int_equal(receive(fd, &head, text), YB_AGAIN);
	assert_int_equal(o->server.n, 1);
	fd_close(&fd);
	turn(o);
	assert_int_equal(o->server.n, 0);
}

static void test_one_at_a_time(void **state)
{
	struct office *o = *state;
	struct control_head head;
	AUTO_FD fd = join(o);
	char text[64];

	o->later = true;
	send_word(fd, "slow");
	send_word(fd, "next");
	turn(o);
	assert_int_equal(o->handled, 1);
	assert_int_equal(receive(fd, &head, text), YB_AGAIN);
	control_reply(o->kept, YB_NO_ACCOUNT);
	turn(o);
	assert_ok(receive(fd, &head, text));
	assert_int_equal(head.err, YB_NO_ACCOUNT);
	assert_string_equal(text, "slow");
	assert_int_equal(o->handled, 2);
	control_reply(o->kept, YB_OK);
	assert_ok(receive(fd, &head, text));
	assert_string_equal(text, "next");
}

/* The command is gone before the answer: nobody is told, nothing is lost. */
static void test_gone_while_busy(void **state)
{
	struct office *o = *state;
	int fd = join(o);

	o->later = true;
	send_word(fd, "x");
	turn(o);
	assert_int_equal(o->handled, 1);
	fd_close(&fd);
	turn(o);
	control_reply(o->kept, YB_OK);
	turn(o);
	assert_int_equal(o->server.n, 0);
}

/* The server ends before the answer: the call may still be ended. */
static void test_done_while_busy(void **state)
{
	struct office *o = *state;
	AUTO_FD fd = join(o);
	struct control_head head;
	char text[64];

	o->later = true;
	send_word(fd, "x");
	turn(o);
	control_server_done(&o->server);
	assert_int_equal(receive(fd, &head, text), YB_GONE);
	control_reply(o->kept, YB_OK);
	assert_ok(control_server_init(&o->server, o->loop, handle, o));
}

static void test_garbage_ends_the_connection(void **state)
{
	static const uint8_t garbage[] = { 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1 };
	struct office *o = *state;

	for (size_t n = 1; n <= sizeof garbage; n++) {
		AUTO_FD fd = join(o);
		struct span part = span_of(garbage, n);
		struct control_head head;
		char text[64];

		assert_ok(packet_send(fd, &part, 1, NULL, 0));
		turn(o);
		assert_int_equal(receive(fd, &head, text), YB_GONE);
		assert_int_equal(o->server.n, 0);
	}
	/* No command has more than one descriptor to give. */
	AUTO_FD fd = join(o);
	const int two[] = { fd, fd };
	struct control_head head = { .type = CONTROL_STATUS };
	struct span part = span_of(&head, sizeof head);
	assert_ok(packet_send(fd, &part, 1, two, 2));
	turn(o);
	assert_int_equal(o->server.n, 0);
	assert_int_equal(o->handled, 0);
}

static void test_connections_are_few(void **state)
{
	struct office *o = *state;
	int fds[CONTROL_CONNECTIONS_MAX + 1];
	struct control_head head;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = join(o);
	assert_int_equal(o->server.n, CONTROL_CONNECTIONS_MAX);
	assert_int_equal(receive(fds[CONTROL_CONNECTIONS_MAX], &head, text),
			 YB_GONE);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
	turn(o);
	assert_int_equal(o->server.n, 0);
}

/* One who asks and never reads holds one reply, not all of them. */
static void test_unread_replies_are_bounded(void **state)
{
	struct office *o = *state;
	AUTO_FD fd = join(o);
	static uint8_t buffer[PACKET_MAX];
	unsigned sent = 0, got = 0;

	o->reply_n = 60 * 1024;
	for (; sent < 40; sent++)
		send_word(fd, "x");
	turn(o);
	assert_true(o->handled < 20);
	for (int i = 0; i < 1000 && got < sent; i++) {
		int fds[PACKET_FDS_MAX];
		size_t n, fds_n;

		while (packet_receive(fd, buffer, &n, fds, &fds_n) == YB_OK)
			got++;
		turn(o);
	}
	assert_int_equal(got, sent);
}

static void test_reply_that_is_too_large(void **state)
{
	struct office *o = *state;
	AUTO_FD fd = join(o);
	struct control_head head;
	char text[64];

	o->reply_n = CONTROL_MESSAGE_MAX;
	send_word(fd, "x");
	turn(o);
	assert_ok(receive(fd, &head, text));
	assert_int_equal(head.err, YB_NOMEM);
}

/* ---- the door ---- */

struct house {
	struct loop *loop;
	struct control_door door;
	struct config config;
	char folder[64], socket[80];
	enum role passed_role;
	int passed_fd;
	bool refuse;
};

static bool pass_on(void *ctx, enum role owner, uint32_t number, int fd)
{
	struct house *h = ctx;

	(void)number;
	if (h->refuse)
		return false;
	h->passed_role = owner;
	h->passed_fd = dup(fd);
	return true;
}

static void report(void *ctx, control_process_fn *each, void *each_ctx)
{
	const struct control_process p = { .role = "worker",
					   .number = 1,
					   .pid = 42,
					   .uptime_ms = 7,
					   .restarts = 3,
					   .ready = true };

	(void)ctx;
	each(each_ctx, &p);
}

static int open_house(void **state)
{
	struct house *h = calloc(1, sizeof *h);

	*state = h;
	strcpy(h->folder, "/tmp/yubin-control-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	(void)snprintf(h->socket, sizeof h->socket, "%s/control", h->folder);
	(void)snprintf(h->config.file, sizeof h->config.file, "/y.yaml");
	h->config.listeners_n = 1;
	h->config.listeners[0] =
		(struct config_listener){ .service = CONFIG_POP3S,
					  .tls = CONFIG_TLS_IMPLICIT,
					  .address = "127.0.0.1:995" };
	h->passed_fd = -1;
	assert_ok(loop_new(&h->loop));
	h->door = (struct control_door){ .loop = h->loop,
					 .config = &h->config,
					 .pass_on = pass_on,
					 .report = report,
					 .ctx = h };
	assert_ok(control_door_open(&h->door, h->socket, 0660,
				    (struct process_user){ 0 }));
	return 0;
}

static int close_house(void **state)
{
	struct house *h = *state;

	control_door_close(&h->door);
	control_door_close(&h->door);
	fd_close(&h->passed_fd);
	(void)unlink(h->socket);
	(void)rmdir(h->folder);
	loop_free(&h->loop);
	free(h);
	return 0;
}

static void turn_house(struct house *h)
{
	for (int i = 0; i < 6; i++)
		loop_turn(h->loop, 1);
}

static void test_door_passes_on(void **state)
{
	struct house *h = *state;
	struct stat st;
	int fd;

	assert_int_equal(stat(h->socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_ok(control_connect(h->folder, CONTROL_STORE, &fd));
	turn_house(h);
	assert_int_equal(h->passed_role, ROLE_STORE);
	assert_true(h->passed_fd >= 0);
	fd_close(&h->passed_fd);
	fd_close(&fd);
	assert_ok(control_connect(h->folder, CONTROL_AUTH, &fd));
	/* What comes with the hello stays for the owner. */
	send_word(fd, "early");
	turn_house(h);
	assert_int_equal(h->passed_role, ROLE_AUTH);
	assert_ok(fd_set_nonblocking(h->passed_fd, true));
	struct control_head head;
	char text[64];
	assert_ok(receive(h->passed_fd, &head, text));
	assert_string_equal(text, "early");
	fd_close(&fd);
	/* Nobody takes it: the command sees the end, not silence. */
	h->refuse = true;
	assert_ok(control_connect(h->folder, CONTROL_STORE, &fd));
	turn_house(h);
	assert_int_equal(receive(fd, &head, text), YB_GONE);
	fd_close(&fd);
}

static void test_door_tells_status(void **state)
{
	struct house *h = *state;
	static uint8_t buffer[PACKET_MAX];
	struct control_writer request;
	struct control_reader r;
	struct control_head head;
	struct span part;
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n;
	int fd;

	assert_ok(control_connect(h->folder, CONTROL_SUPERVISOR, &fd));
	control_writer_init(&request);
	control_begin(&request, CONTROL_STATUS);
	part = buf_span(&request.out);
	assert_ok(packet_send(fd, &part, 1, NULL, 0));
	turn_house(h);
	assert_ok(packet_receive(fd, buffer, &n, fds, &fds_n));
	assert_ok(control_read(span_of(buffer, n), &head, &r));
	assert_int_equal(head.err, YB_OK);
	assert_true(span_eq(control_get(&r), SPAN_LIT(YUBIN_VERSION)));
	assert_true(span_eq(control_get(&r), SPAN_LIT("/y.yaml")));
	assert_int_equal(control_get_u64(&r), 1);
	assert_true(span_eq(control_get(&r), SPAN_LIT("pop3s")));
	assert_true(span_eq(control_get(&r), SPAN_LIT("127.0.0.1:995")));
	assert_true(span_eq(control_get(&r), SPAN_LIT("implicit")));
	assert_true(span_eq(control_get(&r), SPAN_LIT("worker")));
	assert_int_equal(control_get_u64(&r), 1);
	assert_int_equal(control_get_u64(&r), 42);
	assert_int_equal(control_get_u64(&r), 7);
	assert_int_equal(control_get_u64(&r), 3);
	assert_int_equal(control_get_u64(&r), 1);
	assert_int_equal(control_get_u64(&r), 0); /* not silent */
	assert_true(control_ended(&r));
	/* What it does not own it refuses. */
	control_begin(&request, CONTROL_ACCOUNT_LIST);
	part = buf_span(&request.out);
	assert_ok(packet_send(fd, &part, 1, NULL, 0));
	turn_house(h);
	assert_ok(packet_receive(fd, buffer, &n, fds, &fds_n));
	assert_ok(control_read(span_of(buffer, n), &head, &r));
	assert_int_equal(head.err, YB_UNSUPPORTED);
	control_writer_done(&request);
	fd_close(&fd);
}

static int connect_raw(const char *path, const void *p, size_t n)
{
	struct sockaddr_storage storage = { .ss_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy((char *)&storage + 2, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&storage, 110), 0);
	if (n > 0)
		assert_int_equal(send(fd, p, n, 0), n);
	return fd;
}

static void test_door_refuses_nonsense(void **state)
{
	struct house *h = *state;
	const struct control_hello good = { CONTROL_MAGIC, CONTROL_VERSION,
					    CONTROL_STORE };
	struct control_hello hellos[] = { good, good, good };
	uint8_t long_one[sizeof good + 1] = { 0 };
	struct control_head head;
	char text[64];
	int fd;

	hellos[0].magic++;
	hellos[1].version++;
	hellos[2].owner = CONTROL_OWNERS;
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++) {
		fd = connect_raw(h->socket, &hellos[i], sizeof hellos[i]);
		turn_house(h);
		assert_int_equal(receive(fd, &head, text), YB_GONE);
		fd_close(&fd);
	}
	memcpy(long_one, &good, sizeof good);
	fd = connect_raw(h->socket, long_one, sizeof long_one);
	turn_house(h);
	assert_int_equal(receive(fd, &head, text), YB_GONE);
	fd_close(&fd);
	fd = connect_raw(h->socket, &good, sizeof good - 1);
	turn_house(h);
	assert_int_equal(receive(fd, &head, text), YB_GONE);
	fd_close(&fd);
	assert_int_equal(h->passed_fd, -1);
	assert_int_equal(h->door.waiting_n, 0);
}

/* Those who say nothing are few, and go when they hang up. */
static void test_door_bounds_the_silent(void **state)
{
	struct house *h = *state;
	int fds[CONTROL_HELLOS_MAX + 4];
	struct control_head head;
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_raw(h->socket, "", 0);
		turn_house(h);
	}
	assert_int_equal(h->door.waiting_n, CONTROL_HELLOS_MAX);
	assert_ok(fd_set_nonblocking(fds[0], true));
	assert_int_equal(receive(fds[0], &head, text), YB_AGAIN);
	assert_int_equal(receive(fds[CONTROL_HELLOS_MAX], &head, text),
			 YB_GONE);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
	for (size_t i = 0; i < 10; i++)
		turn_house(h);
	assert_int_equal(h->door.waiting_n, 0);
}

static void test_second_door(void **state)
{
	struct house *h = *state;
	struct control_door second = h->door;
	int fd;

	/* While a server listens there is no second one. */
	assert_int_equal(control_door_open(&second, h->socket, 0660,
					   (struct process_user){ 0 }),
			 YB_BUSY);
	control_door_close(&h->door);
	/* A killed server leaves its socket: nobody answers there. */
	assert_int_equal(control_connect(h->folder, CONTROL_STORE, &fd),
			 YB_GONE);
	assert_ok(control_door_open(&h->door, h->socket, 0600,
				    (struct process_user){ 0 }));
	assert_int_equal(unlink(h->socket), 0);
	assert_int_equal(control_connect(h->folder, CONTROL_STORE, &fd),
			 YB_NOT_FOUND);
	/* A file of somebody is not removed. */
	fclose(fopen(h->socket, "w"));
	assert_int_equal(control_door_open(&second, h->socket, 0660,
					   (struct process_user){ 0 }),
			 YB_BUSY);
	assert_int_equal(access(h->socket, F_OK), 0);
}

int main(void)
{
#define OFFICE(test) \
	cmocka_unit_test_setup_teardown(test, open_office, close_office)
#define HOUSE(test) \
	cmocka_unit_test_setup_teardown(test, open_house, close_house)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_wrong_heads),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_too_large),
		OFFICE(test_requests_are_answered_in_order),
		OFFICE(test_one_at_a_time),
		OFFICE(test_gone_while_busy),
		OFFICE(test_done_while_busy),
		OFFICE(test_garbage_ends_the_connection),
		OFFICE(test_connections_are_few),
		OFFICE(test_unread_replies_are_bounded),
		OFFICE(test_reply_that_is_too_large),
		HOUSE(test_door_passes_on),
		HOUSE(test_door_tells_status),
		HOUSE(test_door_refuses_nonsense),
		HOUSE(test_door_bounds_the_silent),
		HOUSE(test_second_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
