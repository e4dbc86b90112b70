#include "unit/unit.h"

#include <sys/socket.h>
#include <time.h>

#include <openssl/ssl.h>

#include "os/fd.h"
#include "tls/certificate.h"
#include "tls/connection.h"
#include "tls/pair.h"

struct pair {
	struct buf ca, ca_key, pem, key;
};

static void make_pair(struct pair *p, const char *hostname)
{
	const struct certificate_request request = {
		.hostname = hostname,
		.now_s = time(NULL),
	};

	buf_init(&p->ca, CERTIFICATE_PEM_MAX);
	buf_init(&p->ca_key, CERTIFICATE_PEM_MAX);
	buf_init(&p->pem, CERTIFICATE_PEM_MAX);
	buf_init(&p->key, CERTIFICATE_PEM_MAX);
	assert_ok(certificate_make_ca(&request, &p->ca, &p->ca_key));
	assert_ok(certificate_make_server(&request, buf_span(&p->ca),
					  buf_span(&p->ca_key), &p->pem,
					  &p->key));
}

static void drop_pair(struct pair *p)
{
	buf_done(&p->ca);
	buf_done(&p->ca_key);
	buf_done(&p->pem);
	buf_done(&p->key);
}

/* A handshake that trusts only `trusted` and asks for `name`. */
static bool is_served(struct tls_context *server, const struct pair *trusted,
		      const char *name)
{
	struct tls_context *client_context;
	struct tls_connection *s, *c;
	enum yb_err done[2] = { YB_AGAIN, YB_AGAIN };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	assert_ok(tls_context_client(buf_span(&trusted->ca), &client_context));
	assert_ok(tls_connection_accept(server, fds[0], &s));
	assert_ok(tls_connection_connect(client_context, fds[1], name, &c));
	for (int i = 0; i < 10; i++) {
		if (done[0] == YB_AGAIN)
			done[0] = tls_connection_handshake(c);
		if (done[1] == YB_AGAIN)
			done[1] = tls_connection_handshake(s);
	}
	tls_connection_free(&s);
	tls_connection_free(&c);
	tls_context_free(&client_context);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return done[0] == YB_OK && done[1] == YB_OK;
}

static void certificates_are_chosen_by_name(void **state)
{
	struct pair first, second, wild;
	struct tls_context *server;
	const char *reason = NULL;

	(void)state;
	make_pair(&first, "mail.example.org");
	make_pair(&second, "mail.example.net");
	make_pair(&wild, "*.example.com");
	assert_ok(tls_context_server(buf_span(&first.pem), buf_span(&first.key),
				     "pop3", NULL, &reason, &server));
	assert_ok(tls_context_add(server, buf_span(&second.pem),
				  buf_span(&second.key), &reason));
	assert_ok(tls_context_add(server, buf_span(&wild.pem),
				  buf_span(&wild.key), &reason));
	assert_true(is_served(server, &first, "mail.example.org"));
	assert_true(is_served(server, &second, "mail.example.net"));
	assert_true(is_served(server, &second, "MAIL.Example.NET"));
	assert_false(is_served(server, &first, "mail.example.net"));
	assert_true(is_served(server, &wild, "pop.example.com"));
	/* RFC 6125 6.4.3: a wildcard stands for one label. */
	assert_false(is_served(server, &wild, "a.b.example.com"));
	assert_false(is_served(server, &wild, "example.com"));
	/* A name that nobody has: the default, which does not fit it. */
	assert_false(is_served(server, &second, "nobody.example.net"));
	tls_context_free(&server);
	drop_pair(&first);
	drop_pair(&second);
	drop_pair(&wild);
}

static void a_key_has_to_fit(void **state)
{
	struct tls_pair_facts facts;
	char reason[TLS_REASON_MAX];
	struct tls_context *server;
	const char *why = NULL;
	struct pair a, b;

	(void)state;
	make_pair(&a, "a.example.org");
	make_pair(&b, "b.example.org");
	assert_ok(tls_context_server(buf_span(&a.pem), buf_span(&a.key), "pop3",
				     NULL, &why, &server));
	assert_int_equal(tls_context_add(server, buf_span(&b.pem),
					 buf_span(&a.key), &why),
			 YB_INVALID);
	assert_non_null(why);
	assert_int_equal(tls_pair_check(buf_span(&b.pem), buf_span(&a.key),
					reason, &facts),
			 YB_INVALID);
	assert_ok(tls_pair_check(buf_span(&b.pem), buf_span(&b.key), reason,
				 &facts));
	assert_string_equal(facts.name, "b.example.org");
	tls_context_free(&server);
	drop_pair(&a);
	drop_pair(&b);
}

static void a_chain_has_to_be_in_order(void **state)
{
	struct tls_pair_facts facts;
	char reason[TLS_REASON_MAX];
	struct pair a, b;
	struct buf chain;

	(void)state;
	make_pair(&a, "a.example.org");
	make_pair(&b, "b.example.org");
	buf_init(&chain, CERTIFICATE_PEM_MAX);
	assert_ok(buf_add(&chain, buf_span(&a.pem)));
	assert_ok(buf_add(&chain, buf_span(&a.ca)));
	assert_ok(tls_pair_check(buf_span(&chain), buf_span(&a.key), reason,
				 &facts));
	assert_ok(buf_add(&chain, buf_span(&b.ca)));
	assert_int_equal(tls_pair_check(buf_span(&chain), buf_span(&a.key),
					reason, &facts),
			 YB_INVALID);
	assert_non_null(strstr(reason, "certificate 3"));
	buf_done(&chain);
	drop_pair(&a);
	drop_pair(&b);
}

static void the_end_of_a_certificate_is_told(void **state)
{
	const int64_t day = 24 * 60 * 60;
	const struct tls_pair_facts facts = { .from_s = 100 * day,
					      .until_s = 200 * day };
	char text[TLS_REASON_MAX];

	(void)state;
	assert_false(tls_pair_tell_time(&facts, 150 * day, text));
	assert_true(tls_pair_tell_time(&facts, 99 * day, text));
	assert_non_null(strstr(text, "is valid from 1970-04-11"));
	assert_true(tls_pair_tell_time(&facts, 190 * day, text));
	assert_non_null(strstr(text, "ends in 10 days, on 1970-07-20"));
	assert_true(tls_pair_tell_time(&facts, 200 * day, text));
	assert_non_null(strstr(text, "has ended on 1970-07-20"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_chosen_by_name),
		cmocka_unit_test(a_key_has_to_fit),
		cmocka_unit_test(a_chain_has_to_be_in_order),
		cmocka_unit_test(the_end_of_a_certificate_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
