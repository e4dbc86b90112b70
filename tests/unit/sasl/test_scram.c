/* The server half of SCRAM-SHA-256 (RFC 5802, 7677), and bindings. */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/codec.h"
#include "crypto/pbkdf2.h"
#include "sasl/server.h"

static const struct sasl_channel none;

/* The exchange of RFC 7677 section 3. */
static const char client_nonce[] = "rOprNGfwEbeRWgbNEkqO";
static const char server_nonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char answer[] =
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char final[] =
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char last[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

struct exchange {
	struct sasl_server s;
	struct sasl_result r;
	struct hmac *h;
	uint8_t salt[16];
	size_t salt_n;
	struct scram_verifier keys;
};

/* Begins without an initial response, so that the nonce can be the RFC's. */
static void begin(struct exchange *x, enum sasl_mechanism m,
		  const struct sasl_channel *channel)
{
	uint8_t salted[SCRAM_KEY_LEN];

	assert_true(base64_parse(SPAN_LIT("W22ZaJ0SNY7soEsUEjb6gQ=="), x->salt,
				 &x->salt_n));
	assert_ok(scram_salted_password(
		SPAN_LIT("pencil"), span_of(x->salt, x->salt_n), 4096, salted));
	assert_ok(scram_verifier_of(salted, &x->keys));
	assert_ok(hmac_new(SPAN_NONE, &x->h));
	assert_int_equal(
		sasl_server_start(&x->s, m, channel, SPAN_NONE, false, &x->r),
		SASL_CHALLENGE);
	assert_int_equal(x->r.challenge.n, 0);
	assert_int_equal(strlen(x->s.scram.nonce), SCRAM_NONCE_LEN);
	strcpy(x->s.scram.nonce, server_nonce);
}

static void end(struct exchange *x)
{
	sasl_server_done(&x->s);
	hmac_free(&x->h);
}

static enum sasl_outcome step(struct exchange *x, const char *text)
{
	return sasl_server_step(&x->s, span_str(text), &x->r);
}

static enum sasl_outcome salt(struct exchange *x)
{
	return sasl_server_salt(&x->s, span_of(x->salt, x->salt_n), 4096,
				&x->r);
}

static void test_rfc7677(void **state)
{
	struct exchange x;
	bool fits = false;

	(void)state;
	begin(&x, SASL_SCRAM_SHA_256, &none);
	assert_int_equal(step(&x, first), SASL_WANTS_SALT);
	assert_true(span_eq(x.r.user, SPAN_LIT("user")));
	assert_int_equal(x.r.authzid.n, 0);
	assert_int_equal(salt(&x), SASL_CHALLENGE);
	assert_true(span_eq(x.r.challenge, span_str(answer)));
	assert_int_equal(step(&x, final), SASL_PROOF);
	assert_ok(sasl_server_try(&x.s, x.h, x.keys.server_key, &fits));
	assert_false(fits);
	assert_ok(sasl_server_try(&x.s, x.h, x.keys.stored_key, &fits));
	assert_true(fits);
	assert_int_equal(sasl_server_accept(&x.s, x.h, x.keys.server_key, &x.r),
			 SASL_CHALLENGE);
	assert_true(span_eq(x.r.challenge, span_str(last)));
	assert_int_equal(step(&x, ""), SASL_DONE);
	end(&x);
}

/* RFC 5802 section 5: the same with SHA-1, which has shorter keys. */
static void test_rfc5802(void **state)
{
	static const char server[] = "3rfcNHYJY1ZVvWVs7j";
	struct scram_sha_1_verifier keys;
	uint8_t stored[SCRAM_KEY_LEN] = { 0 }, own[SCRAM_KEY_LEN] = { 0 };
	uint8_t octets[16];
	size_t octets_n = 0;
	struct sasl_server s;
	struct sasl_result r;
	bool fits = false;

	(void)state;
	assert_true(
		base64_parse(SPAN_LIT("QSXCR+Q6sek8bf92"), octets, &octets_n));
	assert_ok(scram_sha_1_verifier_of(
		SPAN_LIT("pencil"), span_of(octets, octets_n), 4096, &keys));
	memcpy(stored, keys.stored_key, sizeof keys.stored_key);
	memcpy(own, keys.server_key, sizeof keys.server_key);
	assert_int_equal(sasl_server_start(&s, SASL_SCRAM_SHA_1, &none,
					   SPAN_NONE, false, &r),
			 SASL_CHALLENGE);
	strcpy(s.scram.nonce, server);
	assert_int_equal(
		sasl_server_step(
			&s, SPAN_LIT("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"),
			&r),
		SASL_WANTS_SALT);
	assert_int_equal(
		sasl_server_salt(&s, span_of(octets, octets_n), 4096, &r),
		SASL_CHALLENGE);
	assert_true(
		span_eq(r.challenge,
			SPAN_LIT("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
				 "s=QSXCR+Q6sek8bf92,i=4096")));
	assert_int_equal(
		sasl_server_step(&s,
				 SPAN_LIT("c=biws,r=fyko+d2lbbFgONRv9qkxdawL"
					  "3rfcNHYJY1ZVvWVs7j,"
					  "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
				 &r),
		SASL_PROOF);
	assert_ok(sasl_server_try(&s, NULL, own, &fits));
	assert_false(fits);
	assert_ok(sasl_server_try(&s, NULL, stored, &fits));
	assert_true(fits);
	assert_int_equal(sasl_server_accept(&s, NULL, own, &r), SASL_CHALLENGE);
	assert_true(span_eq(r.challenge,
			    SPAN_LIT("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")));
	assert_int_equal(sasl_server_step(&s, SPAN_NONE, &r), SASL_DONE);
	sasl_server_done(&s);
}

/* "y" means that no -PLUS was seen: there is none of SHA-1, on whatever. */
static void test_sha_1_binds_nothing(void **state)
{
	struct sasl_channel tls = { .exporter_n = SCRAM_EXPORTER_LEN };
	struct sasl_server s;
	struct sasl_result r;

	(void)state;
	assert_int_equal(sasl_server_start(&s, SASL_SCRAM_SHA_1, &tls,
					   SPAN_LIT("y,,n=user,r=abc"), true,
					   &r),
			 SASL_WANTS_SALT);
	sasl_server_done(&s);
	assert_int_equal(
		sasl_server_start(&s, SASL_SCRAM_SHA_1, &tls,
				  SPAN_LIT("p=tls-exporter,,n=user,r=abc"),
				  true, &r),
		SASL_REFUSED);
	sasl_server_done(&s);
}

/* RFC 5034: nothing is said behind the server's last word. */
static void test_words_behind_the_end(void **state)
{
	struct exchange x;

	(void)state;
	begin(&x, SASL_SCRAM_SHA_256, &none);
	assert_int_equal(step(&x, first), SASL_WANTS_SALT);
	assert_int_equal(salt(&x), SASL_CHALLENGE);
	assert_int_equal(step(&x, final), SASL_PROOF);
	assert_int_equal(sasl_server_accept(&x.s, x.h, x.keys.server_key, &x.r),
			 SASL_CHALLENGE);
	assert_int_equal(step(&x, final), SASL_FAIL);
	end(&x);
}

struct row {
	const char *message;
	const char *error; /* NULL: it is good */
	const char *user, *authzid;
};

static const struct row firsts[] = {
	{ "n,,n=user,r=abc", NULL, "user", "" },
	{ "y,,n=user,r=abc", NULL, "user", "" },   /* no TLS, no -PLUS */
	{ "n,a=,n=user,r=abc", NULL, "user", "" }, /* GNU SASL */
	{ "n,a=boss,n=user,r=abc", NULL, "user", "boss" },
	{ "n,a=b=2Cc=3Dd,n=a=2Cb=3D,r=abc", NULL, "a,b=", "b,c=d" },
	{ "n,,n=\xc3\xa9,r=abc", NULL, "\xc3\xa9", "" },
	{ "n,,n=user,r=!#=~", NULL, "user", "" },
	/* "unknown optional extensions MUST be ignored upon receipt" */
	{ "n,,n=user,r=abc,x=y", NULL, "user", "" },
	{ "n,,n=user,r=abc,x=y,z==", NULL, "user", "" },
	/* "=" that is neither =2C nor =3D: "MUST fail the authentication" */
	{ "n,,n=us=er,r=abc", "invalid-username-encoding", 0, 0 },
	{ "n,,n=user=,r=abc", "invalid-username-encoding", 0, 0 },
	{ "n,,n=user=2,r=abc", "invalid-username-encoding", 0, 0 },
	{ "n,,n=user=2c,r=abc", "invalid-username-encoding", 0, 0 },
	{ "n,,n=,r=abc", "invalid-username-encoding", 0, 0 },
	{ "n,b=c,n=user,r=abc", "invalid-username-encoding", 0, 0 },
	/* section 5.1: "m: ... reserved for future extensibility" */
	{ "n,,m=x,n=user,r=abc", "extensions-not-supported", 0, 0 },
	{ "n,,n=user,r=abc,m=x", "extensions-not-supported", 0, 0 },
	/* Order, and nothing twice. */
	{ "n,,r=abc,n=user", "invalid-encoding", 0, 0 },
	{ "n,,n=user,n=bob,r=abc", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,n=bob", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,r=abc", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,p=x", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,,x=y", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,x=", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=abc,1=x", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r= abc", "invalid-encoding", 0, 0 },
	{ "n,,n=user,r=\xc3\xa9", "invalid-encoding", 0, 0 },
	{ "n,,n=user", "invalid-encoding", 0, 0 },
	{ "n,n=user,r=abc", "invalid-username-encoding", 0, 0 },
	{ "N,,n=user,r=abc", "invalid-encoding", 0, 0 },
	{ "p=,,n=user,r=abc", "invalid-encoding", 0, 0 },
	{ "p=a_b,,n=user,r=abc", "invalid-encoding", 0, 0 },
	{ "p,,n=user,r=abc", "invalid-encoding", 0, 0 },
	{ ",,n=user,r=abc", "invalid-encoding", 0, 0 },
	{ "n,,n=\xff,r=abc", "invalid-encoding", 0, 0 },
	{ "n,,n=\xc0\x80,r=abc", "invalid-encoding", 0, 0 },
	{ "", "invalid-encoding", 0, 0 },
	{ ",", "invalid-encoding", 0, 0 },
	{ ",,,,,,", "invalid-encoding", 0, 0 },
	{ "n", "invalid-encoding", 0, 0 },
	/* Section 6: p= needs the -PLUS form. */
	{ "p=tls-exporter,,n=user,r=abc", "channel-binding-not-supported", 0,
	  0 },
};

static void expect_error(const struct exchange *x, enum sasl_outcome outcome,
			 const char *error)
{
	char want[64];

	snprintf(want, sizeof want, "e=%s", error);
	assert_true(span_eq(x->r.challenge, span_str(want)));
	assert_int_equal(outcome, strstr(error, "channel-binding") != NULL
					  ? SASL_REFUSED
					  : SASL_FAIL);
}

static void test_first_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
		const struct row *row = &firsts[i];
		struct exchange x;
		enum sasl_outcome out;

		begin(&x, SASL_SCRAM_SHA_256, &none);
		out = step(&x, row->message);
		if (row->error != NULL) {
			expect_error(&x, out, row->error);
		} else {
			assert_int_equal(out, SASL_WANTS_SALT);
			assert_true(span_eq(x.r.user, span_str(row->user)));
			assert_true(
				span_eq(x.r.authzid, span_str(row->authzid)));
		}
		end(&x);
	}
}

#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PROOF "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static const struct row finals[] = {
	{ "c=biws,r=" NONCE "," PROOF, NULL, 0, 0 },
	{ "c=biws,r=" NONCE ",x=y," PROOF, NULL, 0, 0 },
	{ "c=biws,r=" NONCE ",m=y," PROOF, "extensions-not-supported", 0, 0 },
	/* Another nonce than ours, or only the client's part of it. */
	{ "c=biws,r=rOprNGfwEbeRWgbNEkqO," PROOF, "other-error", 0, 0 },
	{ "c=biws,r=" NONCE "x," PROOF, "other-error", 0, 0 },
	/* c= is "y,," or "n,a=x,", or not in canonical base64. */
	{ "c=eSws,r=" NONCE "," PROOF, "channel-bindings-dont-match", 0, 0 },
	{ "c=bixhPXgs,r=" NONCE "," PROOF, "channel-bindings-dont-match", 0,
	  0 },
	{ "c=biwt,r=" NONCE "," PROOF, "channel-bindings-dont-match", 0, 0 },
	{ "c=,r=" NONCE "," PROOF, "channel-bindings-dont-match", 0, 0 },
	{ "c=biws,r=" NONCE, "invalid-encoding", 0, 0 },
	{ "r=" NONCE ",c=biws," PROOF, "invalid-encoding", 0, 0 },
	{ "c=biws," PROOF, "invalid-encoding", 0, 0 },
	{ PROOF, "invalid-encoding", 0, 0 },
	{ "c=biws," PROOF ",r=" NONCE, "invalid-encoding", 0, 0 },
	{ "c=biws,r=" NONCE "," PROOF ",x=y", "invalid-encoding", 0, 0 },
	{ "c=biws,r=" NONCE "," PROOF "," PROOF, "invalid-encoding", 0, 0 },
	{ "c=biws,r=" NONCE ",p=", "invalid-encoding", 0, 0 },
	{ "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=",
	  "invalid-encoding", 0, 0 },
	{ "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7And",
	  "invalid-encoding", 0, 0 },
	{ "", "invalid-encoding", 0, 0 },
};

static void test_final_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(finals); i++) {
		const struct row *row = &finals[i];
		struct exchange x;
		enum sasl_outcome out;

		begin(&x, SASL_SCRAM_SHA_256, &none);
		assert_int_equal(step(&x, first), SASL_WANTS_SALT);
		assert_int_equal(salt(&x), SASL_CHALLENGE);
		out = step(&x, row->message);
		if (row->error != NULL)
			expect_error(&x, out, row->error);
		else
			assert_int_equal(out, SASL_PROOF);
		end(&x);
	}
}

/* A NUL within, and messages that are as long as they may be, and longer. */
static void test_lengths(void **state)
{
	char text[SASL_RESPONSE_MAX + 2];
	struct exchange x;

	(void)state;
	begin(&x, SASL_SCRAM_SHA_256, &none);
	assert_int_equal(
		sasl_server_step(&x.s, SPAN_LIT("n,,n=us\0er,r=abc"), &x.r),
		SASL_FAIL);
	end(&x);
	for (size_t n = SCRAM_CLIENT_NONCE_MAX; n < SCRAM_CLIENT_NONCE_MAX + 2;
	     n++) {
		int at = snprintf(text, sizeof text, "n,,n=user,r=");

		memset(text + at, 'x', n);
		text[(size_t)at + n] = 0;
		begin(&x, SASL_SCRAM_SHA_256, &none);
		assert_int_equal(step(&x, text), n <= SCRAM_CLIENT_NONCE_MAX
							 ? SASL_WANTS_SALT
							 : SASL_FAIL);
		end(&x);
	}
	for (size_t n = SASL_USER_MAX; n < SASL_USER_MAX + 2; n++) {
		char *at = stpcpy(text, "n,a=");

		for (size_t i = 0; i < n; i++)
			at = stpcpy(at, "=2C");
		at = stpcpy(at, ",n=");
		for (size_t i = 0; i < n; i++)
			at = stpcpy(at, "=3D");
		(void)stpcpy(at, ",r=abc");
		begin(&x, SASL_SCRAM_SHA_256, &none);
		assert_int_equal(step(&x, text), n <= SASL_USER_MAX
							 ? SASL_WANTS_SALT
							 : SASL_FAIL);
		if (n <= SASL_USER_MAX)
			assert_int_equal(salt(&x), SASL_CHALLENGE);
		end(&x);
	}
	memset(text, 'n', sizeof text);
	text[SASL_RESPONSE_MAX + 1] = 0;
	begin(&x, SASL_SCRAM_SHA_256, &none);
	assert_int_equal(step(&x, text), SASL_FAIL);
	end(&x);
}

/* ---- bindings ---- */

static struct sasl_channel channel_with(bool exporter, bool end_point)
{
	struct sasl_channel c = { 0 };

	c.exporter_n = exporter ? SCRAM_EXPORTER_LEN : 0;
	c.end_point_n = end_point ? 32 : 0;
	memset(c.exporter, 'E', sizeof c.exporter);
	memset(c.end_point, 'P', sizeof c.end_point);
	return c;
}

struct binding_row {
	enum sasl_mechanism mechanism;
	bool exporter, end_point; /* what the channel has */
	const char *header;
	const char *error;
};

static const struct binding_row bindings[] = {
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "p=tls-exporter,,", NULL },
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "p=tls-server-end-point,,",
	  NULL },
	{ SASL_SCRAM_SHA_256_PLUS, false, true, "p=tls-server-end-point,,",
	  NULL },
	{ SASL_SCRAM_SHA_256_PLUS, false, true, "p=tls-exporter,,",
	  "unsupported-channel-binding-type" },
	{ SASL_SCRAM_SHA_256_PLUS, true, false, "p=tls-server-end-point,,",
	  "unsupported-channel-binding-type" },
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "p=tls-unique,,",
	  "unsupported-channel-binding-type" },
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "p=TLS-EXPORTER,,",
	  "unsupported-channel-binding-type" },
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "n,,",
	  "channel-bindings-dont-match" },
	{ SASL_SCRAM_SHA_256_PLUS, true, true, "y,,",
	  "channel-bindings-dont-match" },
	/* "y" while -PLUS was offered: somebody cut it from the list. */
	{ SASL_SCRAM_SHA_256, true, true, "y,,",
	  "server-does-support-channel-binding" },
	{ SASL_SCRAM_SHA_256, false, true, "y,,",
	  "server-does-support-channel-binding" },
	{ SASL_SCRAM_SHA_256, true, true, "n,,", NULL },
	{ SASL_SCRAM_SHA_256, true, true, "p=tls-exporter,,",
	  "channel-binding-not-supported" },
};

/* The client's final with c= over `header` and `data`. */
static enum sasl_outcome finish(struct exchange *x, const char *header,
				struct span data)
{
	uint8_t input[256], text[400];
	size_t n = strlen(header);
	char message[800];

	memcpy(input, header, n);
	if (data.n > 0)
		memcpy(input + n, data.p, data.n);
	n = base64_put(text, span_of(input, n + data.n));
	snprintf(message, sizeof message, "c=%.*s,r=%s%s,%s", (int)n, text,
		 client_nonce, server_nonce, PROOF);
	return step(x, message);
}

static void test_bindings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bindings); i++) {
		const struct binding_row *row = &bindings[i];
		struct sasl_channel channel =
			channel_with(row->exporter, row->end_point);
		struct span data = SPAN_NONE;
		struct exchange x;
		char message[200];
		enum sasl_outcome out;

		if (strstr(row->header, "tls-exporter") != NULL)
			data = span_of(channel.exporter, channel.exporter_n);
		else if (strstr(row->header, "end-point") != NULL)
			data = span_of(channel.end_point, channel.end_point_n);
		snprintf(message, sizeof message, "%sn=user,r=%s", row->header,
			 client_nonce);
		begin(&x, row->mechanism, &channel);
		out = step(&x, message);
		if (row->error != NULL) {
			expect_error(&x, out, row->error);
			end(&x);
			continue;
		}
		assert_int_equal(out, SASL_WANTS_SALT);
		assert_int_equal(salt(&x), SASL_CHALLENGE);
		assert_int_equal(finish(&x, row->header, data), SASL_PROOF);
		end(&x);
		if (data.n == 0)
			continue;
		/* Another channel's, cut short, or none. */
		for (int k = 0; k < 3; k++) {
			channel.exporter[31] ^= k == 0;
			channel.end_point[31] ^= k == 0;
			begin(&x, row->mechanism, &channel);
			assert_int_equal(step(&x, message), SASL_WANTS_SALT);
			channel.exporter[31] ^= k == 0;
			channel.end_point[31] ^= k == 0;
			assert_int_equal(salt(&x), SASL_CHALLENGE);
			out = finish(&x, row->header,
				     k == 0 ? data
					    : span_head(data, k == 1 ? 31 : 0));
			expect_error(&x, out, "channel-bindings-dont-match");
			end(&x);
		}
	}
}

static void test_nonces_differ(void **state)
{
	struct exchange x;
	char before[64];

	(void)state;
	assert_int_equal(sasl_server_start(&x.s, SASL_SCRAM_SHA_256, &none,
					   SPAN_NONE, false, &x.r),
			 SASL_CHALLENGE);
	strcpy(before, x.s.scram.nonce);
	sasl_server_done(&x.s);
	assert_int_equal(sasl_server_start(&x.s, SASL_SCRAM_SHA_256, &none,
					   SPAN_NONE, false, &x.r),
			 SASL_CHALLENGE);
	assert_string_not_equal(before, x.s.scram.nonce);
	sasl_server_done(&x.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7677),
		cmocka_unit_test(test_rfc5802),
		cmocka_unit_test(test_sha_1_binds_nothing),
		cmocka_unit_test(test_words_behind_the_end),
		cmocka_unit_test(test_first_messages),
		cmocka_unit_test(test_final_messages),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_nonces_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
