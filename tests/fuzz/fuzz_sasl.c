/*
 * The server half of every SASL mechanism. Input: an octet that chooses the
 * mechanism, whether there is an initial response, and TLS; then responses,
 * each behind an octet of its length. What comes out is answered as auth
 * does, with a user that exists. A token that was taken is put into a message
 * by the client's side and has to come out of it again.
 */
#include "fuzz/fuzz.h"

#include "sasl/server.h"

static void check_text(struct span s, size_t most)
{
	MUST(s.n <= most);
	for (size_t i = 0; i < s.n; i++)
		MUST(s.p[i] != 0);
}

static void check_token(const struct sasl_server *s,
			const struct sasl_result *r)
{
	enum oauth_form form =
		s->mechanism == SASL_XOAUTH2 ? OAUTH_XOAUTH2 : OAUTH_BEARER;
	struct oauth_claim again;
	struct buf message;

	check_text(r->user, SASL_USER_MAX);
	check_text(r->token, OAUTH_MESSAGE_MAX);
	if (r->token.n == 0)
		return;
	/* Names that needed no escaping may need one now. */
	buf_init(&message, 4 * OAUTH_MESSAGE_MAX);
	MUST(oauth_put_message(&message, form, r->user, SPAN_NONE, 0,
			       r->token) == YB_OK);
	MUST(oauth_read(form, buf_span(&message), &again));
	MUST(span_eq(again.token, r->token));
	MUST(span_eq(span_of(again.user, again.user_n), r->user));
	buf_done(&message);
}

/* A digest that nobody made fits no secret, and reads nothing outside. */
static void check_digest(const struct sasl_server *s)
{
	bool fits = true;

	MUST(s->digest.stamp_n <= sizeof s->digest.stamp);
	MUST(sasl_server_fits(s, SPAN_LIT("k7qf-m2xw-9trd-hz4c-p8vn"), &fits) ==
	     YB_OK);
	MUST(!fits);
}

/* What auth would do; whether the exchange goes on. */
static bool answer(struct sasl_server *s, enum sasl_outcome *outcome,
		   struct sasl_result *r)
{
	static const uint8_t salt[16] = "0123456789abcdef";

	switch (*outcome) {
	case SASL_CHALLENGE:
		return true;
	case SASL_WANTS_SALT:
		check_text(r->user, SASL_USER_MAX);
		*outcome = sasl_server_salt(s, span_of(salt, sizeof salt), 4096,
					    r);
		return *outcome == SASL_CHALLENGE;
	case SASL_CREDENTIALS:
		check_text(r->user, SASL_USER_MAX);
		check_text(r->authzid, SASL_USER_MAX);
		MUST(r->password.n <= SASL_PASSWORD_MAX);
		return false;
	case SASL_TOKEN:
		check_token(s, r);
		return false;
	case SASL_IDENTITY:
		check_text(r->authzid, SASL_USER_MAX);
		return false;
	case SASL_DIGEST:
		check_text(r->user, SASL_USER_MAX);
		check_digest(s);
		return false;
	case SASL_PROOF:
		sasl_server_refuse(s, r);
		return false;
	case SASL_DONE:
	case SASL_REFUSED:
	case SASL_FAIL:
		return false;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	uint8_t how = fuzz_take(&in);
	enum sasl_mechanism mechanism = how % SASL_MECHANISM_COUNT;
	struct sasl_channel channel = { .exporter_n = 0 };
	struct sasl_server s;
	struct sasl_result r = { .challenge = SPAN_NONE };
	struct span response = fuzz_piece(&in, fuzz_take(&in) * 4u);
	enum sasl_outcome outcome;

	if ((how & 64) != 0) {
		channel.exporter_n = sizeof channel.exporter;
		channel.end_point_n = 32;
	}
	outcome = sasl_server_start(&s, mechanism, &channel, response,
				    (how & 128) != 0, &r);
	for (int steps = 0; answer(&s, &outcome, &r) && steps < 8; steps++) {
		fuzz_free(response);
		response = fuzz_piece(&in, fuzz_take(&in) * 4u);
		outcome = sasl_server_step(&s, response, &r);
	}
	sasl_server_done(&s);
	fuzz_free(response);
	return 0;
}
