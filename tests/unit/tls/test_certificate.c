/*
 * The certificates of `yubin init`, looked at as a client does: chain, names,
 * purpose, times (RFC 5280).
 */
#include "unit/unit.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/certificate.h"

enum { DAY_S = 24 * 60 * 60 };

struct pair {
	struct buf certificate, key;
	X509 *x;
};

static const int64_t now_s = 1700000000;

static void pair_init(struct pair *p)
{
	buf_init(&p->certificate, CERTIFICATE_PEM_MAX);
	buf_init(&p->key, CERTIFICATE_PEM_MAX);
	p->x = NULL;
}

static void pair_read(struct pair *p)
{
	BIO *bio = BIO_new_mem_buf(p->certificate.p, (int)p->certificate.n);

	p->x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(p->x);
	BIO_free(bio);
}

static void pair_done(struct pair *p)
{
	X509_free(p->x);
	buf_done(&p->certificate);
	buf_done(&p->key);
}

static void make(struct certificate_request *request, struct pair *ca,
		 struct pair *server)
{
	pair_init(ca);
	pair_init(server);
	assert_ok(certificate_make_ca(request, &ca->certificate, &ca->key));
	assert_ok(certificate_make_server(request, buf_span(&ca->certificate),
					  buf_span(&ca->key),
					  &server->certificate, &server->key));
	pair_read(ca);
	pair_read(server);
}

/* The error of a client at that time; X509_V_OK if it would go on. */
static int verify(const struct pair *ca, const struct pair *server,
		  int64_t at_s, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	assert_int_equal(X509_STORE_add_cert(store, ca->x), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, server->x, NULL), 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx),
				   (time_t)at_s);
	/* As strict as Python 3.13 and GnuTLS are. */
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
				    X509_V_FLAG_X509_STRICT |
					    X509_V_FLAG_CHECK_SS_SIGNATURE);
	assert_int_equal(X509_STORE_CTX_set_purpose(ctx, purpose), 1);
	(void)X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

static void test_chain_and_times(void **state)
{
	struct certificate_request request = { .hostname = "mail.example.org",
					       .now_s = now_s };
	struct pair ca, server, other_ca, other;

	(void)state;
	make(&request, &ca, &server);
	assert_int_equal(verify(&ca, &server, now_s, X509_PURPOSE_SSL_SERVER),
			 X509_V_OK);
	/* A clock that is a little behind does not matter. */
	assert_int_equal(
		verify(&ca, &server, now_s - 3600, X509_PURPOSE_SSL_SERVER),
		X509_V_OK);
	assert_int_equal(verify(&ca, &server,
				now_s + (CERTIFICATE_SERVER_DAYS - 2ll) * DAY_S,
				X509_PURPOSE_SSL_SERVER),
			 X509_V_OK);
	assert_int_equal(verify(&ca, &server,
				now_s + CERTIFICATE_SERVER_DAYS * 1ll * DAY_S,
				X509_PURPOSE_SSL_SERVER),
			 X509_V_ERR_CERT_HAS_EXPIRED);
	/* It is a server's, and no authority. */
	assert_int_not_equal(
		verify(&ca, &server, now_s, X509_PURPOSE_SSL_CLIENT),
		X509_V_OK);
	assert_int_equal(X509_check_ca(server.x), 0);
	assert_int_equal(X509_check_ca(ca.x), 1);
	assert_int_equal(X509_get_pathlen(ca.x), 0);
	/* Another host's authority of the same name vouches for nothing. */
	make(&request, &other_ca, &other);
	assert_int_not_equal(
		verify(&other_ca, &server, now_s, X509_PURPOSE_SSL_SERVER),
		X509_V_OK);
	pair_done(&ca);
	pair_done(&server);
	pair_done(&other_ca);
	pair_done(&other);
}

static void test_names(void **state)
{
	struct certificate_request request = { .hostname = "mail.example.org",
					       .now_s = now_s };
	struct pair ca, server;

	(void)state;
	make(&request, &ca, &server);
	assert_int_equal(
		X509_check_host(server.x, "mail.example.org", 0, 0, NULL), 1);
	assert_int_equal(
		X509_check_host(server.x, "MAIL.example.ORG", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server.x, "example.org", 0, 0, NULL),
			 0);
	assert_int_equal(X509_check_host(server.x, "localhost", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(server.x, "127.0.0.1", 0), 0);
	pair_done(&ca);
	pair_done(&server);
	request.loopback = true;
	make(&request, &ca, &server);
	assert_int_equal(
		X509_check_host(server.x, "mail.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(server.x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(server.x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(server.x, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(server.x, "127.0.0.2", 0), 0);
	pair_done(&ca);
	pair_done(&server);
	request.hostname = "localhost";
	make(&request, &ca, &server);
	assert_int_equal(X509_check_host(server.x, "localhost", 0, 0, NULL), 1);
	pair_done(&ca);
	pair_done(&server);
}

static void test_key_fits(void **state)
{
	struct certificate_request request = { .hostname = "localhost",
					       .loopback = true,
					       .now_s = now_s };
	struct pair ca, server;
	EVP_PKEY *key;
	BIO *bio;

	(void)state;
	make(&request, &ca, &server);
	bio = BIO_new_mem_buf(server.key.p, (int)server.key.n);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	assert_non_null(key);
	assert_int_equal(X509_check_private_key(server.x, key), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	/* RFC 5280 4.1.2.2: positive, at most 20 octets, unique. */
	assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(server.x)),
			 16);
	assert_int_not_equal(X509_cmp(ca.x, server.x), 0);
	EVP_PKEY_free(key);
	BIO_free(bio);
	pair_done(&ca);
	pair_done(&server);
}

/* RFC 5280: a common name has at most 64 characters; DNS names have 253. */
static void test_long_name(void **state)
{
	char name[254];
	struct certificate_request request = { .hostname = name,
					       .loopback = true,
					       .now_s = now_s };
	struct pair ca, server;

	(void)state;
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = 0;
	make(&request, &ca, &server);
	assert_int_equal(X509_check_host(server.x, name, 0, 0, NULL), 1);
	assert_int_equal(verify(&ca, &server, now_s, X509_PURPOSE_SSL_SERVER),
			 X509_V_OK);
	pair_done(&ca);
	pair_done(&server);
}

static void test_wrong_authority(void **state)
{
	struct certificate_request request = { .hostname = "localhost",
					       .now_s = now_s };
	struct pair ca, server, out;

	(void)state;
	make(&request, &ca, &server);
	pair_init(&out);
	/* The key of another certificate. */
	assert_int_equal(certificate_make_server(&request,
						 buf_span(&ca.certificate),
						 buf_span(&server.key),
						 &out.certificate, &out.key),
			 YB_INVALID);
	assert_int_equal(certificate_make_server(&request, SPAN_LIT("nonsense"),
						 buf_span(&ca.key),
						 &out.certificate, &out.key),
			 YB_INVALID);
	assert_int_equal(certificate_make_server(&request, SPAN_NONE, SPAN_NONE,
						 &out.certificate, &out.key),
			 YB_INVALID);
	assert_int_equal(out.certificate.n, 0);
	assert_int_equal(out.key.n, 0);
	pair_done(&ca);
	pair_done(&server);
	pair_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_and_times),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_key_fits),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_wrong_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
