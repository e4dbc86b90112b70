#include "unit/unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os/fd.h"
#include "tls/certificate.h"
#include "tls/connection.h"

struct ends {
	struct tls_context *server_context, *client_context;
	struct tls_connection *server, *client;
	int fds[2];
};

static struct buf ca_pem, ca_key, pem, key;

static int make_certificates(void **state)
{
	const struct certificate_request request = {
		.hostname = "mail.test",
		.loopback = true,
		.now_s = time(NULL),
	};

	(void)state;
	buf_init(&ca_pem, CERTIFICATE_PEM_MAX);
	buf_init(&ca_key, CERTIFICATE_PEM_MAX);
	buf_init(&pem, CERTIFICATE_PEM_MAX);
	buf_init(&key, CERTIFICATE_PEM_MAX);
	return certificate_make_ca(&request, &ca_pem, &ca_key) != YB_OK ||
	       certificate_make_server(&request, buf_span(&ca_pem),
				       buf_span(&ca_key), &pem, &key) != YB_OK;
}

static int drop_certificates(void **state)
{
	(void)state;
	buf_done(&ca_pem);
	buf_done(&ca_key);
	buf_done(&pem);
	buf_done(&key);
	return 0;
}

static void open_ends(struct ends *e, const char *host)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK;
	const char *reason = NULL;

	memset(e, 0, sizeof *e);
	assert_int_equal(socketpair(AF_UNIX, type, 0, e->fds), 0);
	assert_ok(tls_context_server(buf_span(&pem), buf_span(&key), "test",
				     NULL, &reason, &e->server_context));
	assert_ok(tls_context_client(buf_span(&ca_pem), &e->client_context));
	assert_ok(tls_connection_accept(e->server_context, e->fds[0],
					&e->server));
	assert_ok(tls_connection_connect(e->client_context, e->fds[1], host,
					 &e->client));
}

static void close_ends(struct ends *e)
{
	tls_connection_free(&e->server);
	tls_connection_free(&e->client);
	tls_context_free(&e->server_context);
	tls_context_free(&e->client_context);
	fd_close(&e->fds[0]);
	fd_close(&e->fds[1]);
}

static enum yb_err shake(struct ends *e)
{
	enum yb_err c = YB_AGAIN, s = YB_AGAIN;

	for (int i = 0; i < 10 && (c == YB_AGAIN || s == YB_AGAIN); i++) {
		if (c == YB_AGAIN)
			c = tls_connection_handshake(e->client);
		if (s == YB_AGAIN)
			s = tls_connection_handshake(e->server);
	}
	return c != YB_OK ? c : s;
}

static void carries_octets_both_ways(void **state)
{
	struct ends e;
	uint8_t got[64];
	size_t n;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_string_equal(tls_connection_version(e.server), "TLSv1.3");
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_AGAIN);
	assert_ok(tls_connection_write(e.client, SPAN_LIT("hello"), &n));
	assert_int_equal(n, 5);
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_true(span_eq(span_of(got, n), SPAN_LIT("hello")));
	assert_ok(tls_connection_write(e.server, SPAN_LIT("world"), &n));
	assert_ok(tls_connection_read(e.client, got, sizeof got, &n));
	assert_true(span_eq(span_of(got, n), SPAN_LIT("world")));
	close_ends(&e);
}

/* A second connection of the same contexts, in place of the first. */
static void open_again(struct ends *e, struct tls_session *session)
{
	tls_connection_free(&e->server);
	tls_connection_free(&e->client);
	fd_close(&e->fds[0]);
	fd_close(&e->fds[1]);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, e->fds), 0);
	assert_ok(tls_connection_accept(e->server_context, e->fds[0],
					&e->server));
	assert_ok(tls_connection_connect(e->client_context, e->fds[1],
					 "mail.test", &e->client));
	if (session != NULL)
		tls_connection_resume(e->client, session);
	assert_ok(shake(e));
}

/* One octet to the client, whose reading also takes the tickets. */
static void say_one(struct ends *e)
{
	uint8_t got[8];
	size_t n = 0;

	assert_ok(tls_connection_write(e->server, SPAN_LIT("+"), &n));
	assert_ok(tls_connection_read(e->client, got, sizeof got, &n));
}

static void sessions_resume(void **state)
{
	static const struct {
		enum tls_version version;
		const char *name;
	} versions[] = { { TLS_VERSION_1_2, "TLSv1.2" },
			 { TLS_VERSION_1_3, "TLSv1.3" } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_session *session;
		struct ends e;

		open_ends(&e, "mail.test");
		tls_context_only(e.client_context, versions[i].version);
		open_again(&e, NULL);
		assert_string_equal(tls_connection_version(e.client),
				    versions[i].name);
		assert_false(tls_connection_resumed(e.client));
		say_one(&e);
		session = tls_connection_session(e.client);
		assert_non_null(session);
		open_again(&e, session);
		assert_true(tls_connection_resumed(e.client));
		assert_true(tls_connection_resumed(e.server));
		tls_session_free(&session);
		assert_null(session);
		/* Nothing offered, nothing resumed. */
		open_again(&e, NULL);
		assert_false(tls_connection_resumed(e.client));
		close_ends(&e);
	}
}

static void use_tickets(struct ends *e, const char *service, uint8_t secret)
{
	const char *reason = NULL;
	struct tls_context *fresh;

	assert_ok(tls_context_server(buf_span(&pem), buf_span(&key), service,
				     NULL, &reason, &fresh));
	tls_connection_free(&e->server);
	tls_context_free(&e->server_context);
	e->server_context = fresh;
	assert_ok(tls_context_tickets(fresh, span_of(&secret, 1)));
}

/* Threat 6: a ticket is good for all servers of a service, and no other. */
static void tickets_go_by_their_secret(void **state)
{
	static const struct {
		const char *service;
		uint8_t secret;
		bool resumed;
	} rows[] = { { "pop3", 1, true },
		     { "pop3", 2, false },
		     { "smtp", 1, false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_session *session;
		struct ends e;

		open_ends(&e, "mail.test");
		use_tickets(&e, "pop3", 1);
		open_again(&e, NULL);
		say_one(&e);
		session = tls_connection_session(e.client);
		assert_non_null(session);
		use_tickets(&e, rows[i].service, rows[i].secret);
		open_again(&e, session);
		assert_int_equal(tls_connection_resumed(e.server),
				 rows[i].resumed);
		tls_session_free(&session);
		close_ends(&e);
	}
}

/* What came behind a record that OpenSSL had already is not forgotten. */
static void drained_is_of_this_read(void **state)
{
	struct ends e;
	uint8_t got[8];
	size_t n = 0;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_ok(tls_connection_write(e.client, SPAN_LIT("1"), &n));
	assert_ok(tls_connection_write(e.client, SPAN_LIT("2"), &n));
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_ok(tls_connection_write(e.client, SPAN_LIT("3"), &n));
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_false(tls_connection_is_drained(e.server));
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_int_equal(got[0], '3');
	assert_true(tls_connection_is_drained(e.server));
	close_ends(&e);
}

static void all_is_read(void **state)
{
	struct ends e;
	uint8_t got[64];
	size_t n;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_ok(tls_connection_write(e.client, SPAN_LIT("one"), &n));
	assert_ok(tls_connection_write(e.client, SPAN_LIT("two"), &n));
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_true(span_eq(span_of(got, n), SPAN_LIT("one")));
	/* The second came along, and no event will tell of it. */
	assert_false(tls_connection_is_drained(e.server));
	assert_ok(tls_connection_read(e.server, got, sizeof got, &n));
	assert_true(span_eq(span_of(got, n), SPAN_LIT("two")));
	/* It was there already: the socket was not looked at again. */
	assert_false(tls_connection_is_drained(e.server));
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_AGAIN);
	assert_true(tls_connection_is_drained(e.server));
	close_ends(&e);
}

/* The two ends of a connection by TCP, in place of those of open_ends(). */
static void open_tcp(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	AUTO_FD listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&a, n), 0);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fds[0] >= 0);
}

static bool is_there(int fd)
{
	uint8_t octet;

	return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void what_is_followed_waits(void **state)
{
	struct ends e;
	struct tls_connection *c = NULL;
	int fds[2];
	size_t n;

	(void)state;
	open_ends(&e, "mail.test");
	open_tcp(fds);
	assert_ok(tls_connection_connect(e.client_context, fds[0], NULL, &c));
	/* Nothing was said yet: the first flight goes whatever follows it. */
	tls_connection_follow(c, true);
	assert_int_equal(tls_connection_handshake(c), YB_AGAIN);
	assert_true(is_there(fds[1]));
	tls_connection_free(&c);
	fd_close(&fds[0]);
	fd_close(&fds[1]);

	assert_ok(shake(&e));
	/* The socket is exchanged under the connection. */
	open_tcp(fds);
	assert_true(dup2(fds[0], e.fds[0]) >= 0);
	tls_connection_follow(e.server, true);
	assert_ok(tls_connection_write(e.server, SPAN_LIT("hello"), &n));
	assert_false(is_there(fds[1]));
	tls_connection_follow(e.server, false);
	assert_ok(tls_connection_write(e.server, SPAN_LIT("world"), &n));
	assert_true(is_there(fds[1]));
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	close_ends(&e);
}

/* Threat 3: after the close notice nothing is read, not even in clear. */
static void nothing_is_read_after_the_notice(void **state)
{
	struct ends e;
	uint8_t got[64];
	size_t n = 0;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_ok(tls_connection_close(e.client));
	assert_int_equal(write(e.fds[1], "QUIT\r\n", 6), 6);
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_GONE);
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_GONE);
	assert_int_equal(n, 0);
	close_ends(&e);
}

/* Threat 7: an end without a notice is no orderly end. */
/* Threat 3, of what ends TLS by an alert: here a record that is none. */
static void nothing_is_read_after_an_alert(void **state)
{
	static const uint8_t forged[] = { 23,  3,   3,   0,   20,  'x', 'x',
					  'x', 'x', 'x', 'x', 'x', 'x', 'x',
					  'x', 'x', 'x', 'x', 'x', 'x', 'x',
					  'x', 'x', 'x', 'x' };
	struct ends e;
	uint8_t got[64];
	size_t n = 0;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_int_equal(write(e.fds[1], forged, sizeof forged), sizeof forged);
	assert_int_equal(write(e.fds[1], "QUIT\r\n", 6), 6);
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_INVALID);
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_GONE);
	assert_int_equal(n, 0);
	close_ends(&e);
}

static void truncation_is_noticed(void **state)
{
	struct ends e;
	uint8_t got[64];
	size_t n;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	assert_int_equal(shutdown(e.fds[1], SHUT_WR), 0);
	assert_int_equal(tls_connection_read(e.server, got, sizeof got, &n),
			 YB_INVALID);
	close_ends(&e);
}

static void garbage_ends_the_handshake(void **state)
{
	struct ends e;

	(void)state;
	open_ends(&e, "mail.test");
	assert_int_equal(write(e.fds[1], "USER alice\r\n", 12), 12);
	assert_int_equal(tls_connection_handshake(e.server), YB_INVALID);
	assert_int_equal(tls_connection_handshake(e.server), YB_GONE);
	close_ends(&e);
}

static void the_name_is_checked(void **state)
{
	struct ends e;

	(void)state;
	open_ends(&e, "other.test");
	assert_int_equal(shake(&e), YB_INVALID);
	close_ends(&e);
	open_ends(&e, "localhost");
	assert_ok(shake(&e));
	close_ends(&e);
}

static void partial_writes_go_on(void **state)
{
	static uint8_t large[1 << 20], got[1 << 16];
	struct ends e;
	size_t sent = 0, received = 0, n;

	(void)state;
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (uint8_t)(i * 7);
	open_ends(&e, "mail.test");
	assert_ok(shake(&e));
	while (received < sizeof large) {
		struct span rest = span_of(large + sent, sizeof large - sent);

		if (rest.n > 0 &&
		    tls_connection_write(e.server, rest, &n) == YB_OK)
			sent += n;
		while (tls_connection_read(e.client, got, sizeof got, &n) ==
		       YB_OK) {
			assert_memory_equal(got, large + received, n);
			received += n;
		}
	}
	assert_int_equal(sent, sizeof large);
	close_ends(&e);
}

static void bad_pem_is_explained(void **state)
{
	struct tls_context *context = NULL;
	const char *reason = NULL;

	(void)state;
	assert_int_equal(tls_context_server(SPAN_LIT("nothing"), buf_span(&key),
					    "test", NULL, &reason, &context),
			 YB_INVALID);
	assert_true(strlen(reason) > 3);
	reason = NULL;
	assert_int_equal(tls_context_server(buf_span(&pem), buf_span(&ca_key),
					    "test", NULL, &reason, &context),
			 YB_INVALID);
	assert_true(strlen(reason) > 3);
	assert_null(context);
}

static void warms_up(void **state)
{
	struct ends e;

	(void)state;
	open_ends(&e, "mail.test");
	assert_ok(tls_context_warm_up(e.server_context));
	close_ends(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_octets_both_ways),
		cmocka_unit_test(sessions_resume),
		cmocka_unit_test(drained_is_of_this_read),
		cmocka_unit_test(tickets_go_by_their_secret),
		cmocka_unit_test(all_is_read),
		cmocka_unit_test(what_is_followed_waits),
		cmocka_unit_test(nothing_is_read_after_the_notice),
		cmocka_unit_test(nothing_is_read_after_an_alert),
		cmocka_unit_test(truncation_is_noticed),
		cmocka_unit_test(garbage_ends_the_handshake),
		cmocka_unit_test(the_name_is_checked),
		cmocka_unit_test(partial_writes_go_on),
		cmocka_unit_test(bad_pem_is_explained),
		cmocka_unit_test(warms_up),
	};

	return cmocka_run_group_tests_name(
		"tls/connection", tests, make_certificates, drop_certificates);
}
