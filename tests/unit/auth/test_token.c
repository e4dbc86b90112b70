/* Logins with access tokens, about which somebody is asked (RFC 7628). */
#include "unit/auth/auth_test.h"

#include "auth/attempt.h"
#include "auth/outside.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "os/clock.h"

/* Who is asked: writes the questions down, and answers when told to. */
struct oracle {
	struct office *office;
	unsigned asked, answered;
	enum yb_err err; /* of asking */
	void *tickets[TOKENS_ASKED_MAX + 64];
	char user[AUTH_ADDRESS_MAX + 1], token[64], mechanism[32];
};

static enum yb_err ask(void *ctx, const struct token_question *q, void *ticket)
{
	struct oracle *oracle = ctx;

	if (oracle->err != YB_OK)
		return oracle->err;
	assert_true(q->from->tls);
	assert_true(oracle->asked < ARRAY_LEN(oracle->tickets));
	oracle->tickets[oracle->asked++] = ticket;
	assert_true(span_to_str(q->user, oracle->user, sizeof oracle->user));
	assert_true(span_to_str(q->token, oracle->token, sizeof oracle->token));
	snprintf(oracle->mechanism, sizeof oracle->mechanism, "%s",
		 q->mechanism);
	return YB_OK;
}

/* Answers the question asked first of those not answered. */
static void answer(struct oracle *oracle, enum token_verdict verdict,
		   const char *user, int64_t expires_s)
{
	const struct token_answer a = { .verdict = verdict,
					.user = span_str(user),
					.expires_s = expires_s };

	assert_true(oracle->answered < oracle->asked);
	auth_token_answered(oracle->office->auth,
			    oracle->tickets[oracle->answered++], YB_OK, &a,
			    oracle->office->now);
}

static void no_answer(struct oracle *oracle, enum yb_err err)
{
	assert_true(oracle->answered < oracle->asked);
	auth_token_answered(oracle->office->auth,
			    oracle->tickets[oracle->answered++], err, NULL,
			    oracle->office->now);
}

static void take_tokens(struct office *o, struct oracle *oracle,
			uint32_t cache_s)
{
	const struct auth_tokens config = {
		.ctx = oracle,
		.ask = ask,
		.cache_s = cache_s,
		.host = "",
		.scope = "mail",
		.configuration = "https://id.example.org/",
	};

	oracle->office = o;
	assert_ok(auth_set_tokens(o->auth, &config));
}

static const char refused[] =
	"{\"status\":\"invalid_token\",\"scope\":\"mail\","
	"\"openid-configuration\":\"https://id.example.org/\"}";

static struct auth_sasl *begin(struct office *o, unsigned peer,
			       const char *user, const char *token,
			       struct outcome *got)
{
	struct auth_peer p = peer_number(peer);
	char message[512];

	snprintf(message, sizeof message,
		 "n,%s%s,\x01"
		 "auth=Bearer %s\x01\x01",
		 *user != 0 ? "a=" : "", user, token);
	*got = (struct outcome){ .calls = 0 };
	return auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
			       SPAN_LIT("OAUTHBEARER"), span_str(message), true,
			       o->now, note, got);
}

/* One login with one answer; its outcome has come. */
static enum yb_err login_token(struct office *o, struct oracle *oracle,
			       const char *user, enum token_verdict verdict,
			       const char *whose, struct outcome *got)
{
	static unsigned fresh = 1;
	static unsigned tokens;
	char token[32];
	struct auth_sasl *x;

	snprintf(token, sizeof token, "token%u", ++tokens);
	x = begin(o, fresh++, user, token, got);
	assert_non_null(x);
	assert_int_equal(got->calls, 0);
	answer(oracle, verdict, whose, 0);
	for (int i = 0; got->calls == 0 && i < 60; i++)
		pass(o, 1000);
	assert_int_equal(got->calls, 1);
	auth_sasl_free(&x);
	return got->err;
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *user;
		enum token_verdict verdict;
		const char *whose;
		enum auth_reason reason; /* if it is refused */
		const char *granted;     /* NULL: it is refused */
	} rows[] = {
		{ "alice@example.org", TOKEN_GOOD, "alice@example.org", 0,
		  "alice@example.org" },
		{ "alice", TOKEN_GOOD, "Alice@Example.ORG", 0,
		  "alice@example.org" },
		{ "alice@example.org", TOKEN_GOOD, "alice", 0,
		  "alice@example.org" },
		/* The GS2 header "MAY include the username". */
		{ "", TOKEN_GOOD, "alice@example.org", 0, "alice@example.org" },
		{ "", TOKEN_GOOD, "bob@example.org", AUTH_NO_SUCH_USER, NULL },
		{ "", TOKEN_GOOD, "a b", AUTH_NO_SUCH_USER, NULL },
		{ "alice@example.org", TOKEN_GOOD, "bob@example.org",
		  AUTH_TOKEN_USER, NULL },
		{ "alice@example.org", TOKEN_GOOD, "carol@example.org",
		  AUTH_TOKEN_USER, NULL },
		{ "alice@example.org", TOKEN_GOOD, "", AUTH_TOKEN_USER, NULL },
		{ "bob@example.org", TOKEN_GOOD, "bob@example.org",
		  AUTH_NO_SUCH_USER, NULL },
		{ "alice@example.org", TOKEN_INACTIVE, "", AUTH_WRONG_TOKEN,
		  NULL },
		{ "alice@example.org", TOKEN_AUDIENCE, "alice@example.org",
		  AUTH_TOKEN_AUDIENCE, NULL },
		{ "alice@example.org", TOKEN_SCOPE, "alice@example.org",
		  AUTH_TOKEN_SCOPE, NULL },
		{ "alice@example.org", TOKEN_NAMELESS, "", AUTH_TOKEN_USER,
		  NULL },
		{ "bob@example.org", TOKEN_INACTIVE, "", AUTH_WRONG_TOKEN,
		  NULL },
		{ "", TOKEN_INACTIVE, "", AUTH_WRONG_TOKEN, NULL },
	};
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "carol@example.org", "secret");
	take_tokens(o, &oracle, 60);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum yb_err err =
			login_token(o, &oracle, rows[i].user, rows[i].verdict,
				    rows[i].whose, &got);

		assert_string_equal(oracle.mechanism, "OAUTHBEARER");
		if (rows[i].granted != NULL) {
			assert_ok(err);
			assert_string_equal(got.address, rows[i].granted);
			assert_int_equal(got.identity.device, 0);
			assert_true(got.identity.may_delete);
			continue;
		}
		/* Threat 8: one answer, whatever was wrong. */
		assert_int_equal(err, YB_DENIED);
		assert_string_equal(got.challenge, refused);
		assert_int_equal(auth_denied_reason(o->auth), rows[i].reason);
	}
}

/* XOAUTH2's message and its refusal; both forms of AUTH. */
static void test_xoauth2(void **state)
{
	static const char message[] = "user=alice@example.org\x01"
				      "auth=Bearer abc\x01\x01";
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_peer p = peer_number(1);
	struct outcome got = { .calls = 0 };
	struct auth_sasl *x;

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 0);
	x = auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
			    SPAN_LIT("xoauth2"), SPAN_NONE, false, o->now, note,
			    &got);
	assert_int_equal(got.err, YB_AGAIN);
	assert_string_equal(got.challenge, "");
	auth_sasl_step(x, span_str(message), o->now);
	assert_int_equal(got.calls, 1);
	assert_string_equal(oracle.mechanism, "XOAUTH2");
	assert_string_equal(oracle.token, "abc");
	assert_string_equal(oracle.user, "alice@example.org");
	/* A step that nobody asked for changes nothing. */
	auth_sasl_step(x, span_str(message), o->now);
	assert_int_equal(oracle.asked, 1);
	answer(&oracle, TOKEN_INACTIVE, "", 0);
	assert_int_equal(got.calls, 2);
	assert_int_equal(got.err, YB_DENIED);
	assert_string_equal(got.challenge,
			    "{\"status\":\"401\",\"schemes\":\"bearer\","
			    "\"scope\":\"mail\"}");
	auth_sasl_free(&x);
}

/* RFC 7628 section 3: "TLS MUST be used"; and off is off. */
static void test_not_offered(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_peer p = peer_number(1);
	struct outcome got = { .calls = 0 };

	assert_null(begin(o, 1, "alice", "t", &got));
	assert_int_equal(got.err, YB_UNSUPPORTED);
	take_tokens(o, &oracle, 0);
	p.tls = false;
	assert_null(auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
				    SPAN_LIT("OAUTHBEARER"), SPAN_NONE, false,
				    o->now, note, &got));
	assert_int_equal(got.err, YB_UNSUPPORTED);
	assert_ok(auth_set_tokens(o->auth, NULL));
	assert_null(begin(o, 1, "alice", "t", &got));
	assert_int_equal(got.err, YB_UNSUPPORTED);
	assert_int_equal(oracle.asked, 0);
}

/* Section 4.3: "how a client can query for the needed scope". Nobody is asked,
 * and what is malformed is no failed login. */
static void test_not_asked(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_peer p = peer_number(1);
	const struct auth_tokens config = { .ctx = &oracle,
					    .ask = ask,
					    .host = "mail.example.org",
					    .scope = "mail",
					    .configuration = "" };
	struct outcome got;

	take_tokens(o, &oracle, 0);
	assert_null(begin(o, 1, "alice", "", &got));
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.err, YB_DENIED);
	assert_string_equal(got.challenge, refused);
	assert_int_equal(auth_denied_reason(o->auth), AUTH_NO_TOKEN);
	assert_string_equal(auth_denied_name(o->auth), "alice@example.org");
	assert_null(begin(o, 1, "alice", "a b", &got));
	assert_int_equal(got.err, YB_SYNTAX);
	assert_string_equal(got.challenge, "{\"status\":\"invalid_request\"}");

	/* Section 3.2: "the hostname can be available via configuration; this
	 * hostname must be validated to match". */
	assert_ok(auth_set_tokens(o->auth, &config));
	got = (struct outcome){ .calls = 0 };
	assert_null(
		auth_sasl_start(o->auth, &p, &(struct sasl_channel){ 0 },
				SPAN_LIT("OAUTHBEARER"),
				SPAN_LIT("n,a=alice,\x01host=example.com\x01"
					 "auth=Bearer t\x01\x01"),
				true, o->now, note, &got));
	assert_int_equal(got.err, YB_DENIED);
	assert_int_equal(auth_denied_reason(o->auth), AUTH_TOKEN_AUDIENCE);
	assert_string_equal(got.challenge, "{\"status\":\"invalid_token\","
					   "\"scope\":\"mail\"}");
	assert_int_equal(oracle.asked, 0);
}

static void test_no_answer(void **state)
{
	static const enum yb_err errs[] = { YB_TIMEOUT, YB_GONE, YB_IO };
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_sasl *x;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
		x = begin(o, 7, "alice", "t", &got);
		no_answer(&oracle, errs[i]);
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.err, errs[i]);
		/* It is no wrong token, so nobody is told what to get. */
		assert_string_equal(got.challenge, "");
		auth_sasl_free(&x);
	}
	oracle.err = YB_OVERLOAD;
	assert_null(begin(o, 7, "alice", "t", &got));
	assert_int_equal(got.err, YB_OVERLOAD);
	/* None of it counts against the address. */
	assert_int_equal(o->auth->peers.map.count, 0);
	assert_int_equal(o->auth->tokens_n, 0);
}

/* ---- what is remembered ---- */

static bool is_known(struct office *o, struct oracle *oracle, const char *user,
		     const char *token)
{
	unsigned before = oracle->asked;
	struct outcome got;
	struct auth_sasl *x = begin(o, 9, user, token, &got);
	bool known = oracle->asked == before;

	assert_int_equal(got.calls, known);
	if (known)
		assert_ok(got.err);
	else
		no_answer(oracle, YB_TIMEOUT);
	auth_sasl_free(&x);
	return known;
}

static void make_known(struct office *o, struct oracle *oracle,
		       const char *token, int64_t expires_s)
{
	struct outcome got;
	struct auth_sasl *x = begin(o, 9, "alice", token, &got);

	answer(oracle, TOKEN_GOOD, "alice@example.org", expires_s);
	assert_ok(got.err);
	auth_sasl_free(&x);
}

static void test_remembered(void **state)
{
	int64_t now_s = clock_real_ns() / 1000000000;
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	make_known(o, &oracle, "t", 0);
	assert_true(is_known(o, &oracle, "alice", "t"));
	assert_true(is_known(o, &oracle, "", "t"));
	assert_false(is_known(o, &oracle, "alice", "u"));
	pass(o, 59999);
	assert_true(is_known(o, &oracle, "alice", "t"));
	pass(o, 1);
	assert_false(is_known(o, &oracle, "alice", "t"));

	/* No longer than it is good itself. */
	make_known(o, &oracle, "t", now_s + 10);
	pass(o, 8000);
	assert_true(is_known(o, &oracle, "alice", "t"));
	pass(o, 2001);
	assert_false(is_known(o, &oracle, "alice", "t"));
	make_known(o, &oracle, "t", now_s - 1);
	assert_false(is_known(o, &oracle, "alice", "t"));

	/* Not over a change of the account, of what is taken, or at 0 s. */
	make_known(o, &oracle, "t", 0);
	assert_ok(auth_account_password(o->auth, SPAN_LIT("alice@example.org"),
					SPAN_LIT("another"), true, &why));
	assert_false(is_known(o, &oracle, "alice", "t"));
	make_known(o, &oracle, "t", 0);
	take_tokens(o, &oracle, 0);
	assert_false(is_known(o, &oracle, "alice", "t"));
	make_known(o, &oracle, "t", 0);
	assert_false(is_known(o, &oracle, "alice", "t"));
}

/* Of an account whose logins were turned off a token is worth nothing, known
 * or not. */
static void test_known_but_locked(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct cached *cached = NULL;
	struct auth_sasl *x;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	make_known(o, &oracle, "t", 0);
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("alice@example.org"),
			     o->now, &cached));
	cached->settings[SETTING_login] = 0;
	x = begin(o, 10, "alice", "t", &got);
	assert_int_equal(got.err, YB_DENIED);
	assert_int_equal(auth_denied_reason(o->auth), AUTH_LOCKED);
	assert_string_equal(got.challenge, refused);
	auth_sasl_free(&x);
}

static void test_known_are_few(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	char token[16];

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	for (unsigned i = 0; i < TOKENS_KNOWN_MAX + 1; i++) {
		snprintf(token, sizeof token, "t%u", i);
		make_known(o, &oracle, token, 0);
		oracle.asked = oracle.answered = 0;
	}
	/* The one longest unused made room. */
	assert_false(is_known(o, &oracle, "alice", "t0"));
	assert_true(is_known(o, &oracle, "alice", "t1"));
}

/* ---- who waits for whom ---- */

/* Questions without an answer: passwords go on, from the same address too. */
static void test_hanging(void **state)
{
	enum { CLIENTS = TOKENS_ASKED_PEER + 12 };
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_sasl *x[CLIENTS];
	struct outcome got[CLIENTS], password;
	char token[16];

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	for (unsigned i = 0; i < CLIENTS; i++) {
		snprintf(token, sizeof token, "t%u", i);
		x[i] = begin(o, 5, "alice", token, &got[i]);
		assert_int_equal(got[i].calls, 0);
	}
	assert_int_equal(oracle.asked, TOKENS_ASKED_PEER);
	login_from(o, 5, "alice", "secret", &password);
	assert_int_equal(password.calls, 1);
	assert_ok(password.err);
	/* An answer makes way for the next question. */
	answer(&oracle, TOKEN_GOOD, "alice@example.org", 0);
	assert_ok(got[0].err);
	assert_int_equal(oracle.asked, TOKENS_ASKED_PEER + 1);
	/* Who waits too long is told so. */
	pass(o, AUTH_WAIT_MS);
	assert_int_equal(got[CLIENTS - 1].err, YB_TIMEOUT);
	while (oracle.answered < oracle.asked)
		no_answer(&oracle, YB_TIMEOUT);
	for (unsigned i = 0; i < CLIENTS; i++) {
		assert_int_equal(got[i].calls, 1);
		auth_sasl_free(&x[i]);
	}
	assert_int_equal(o->auth->tokens_n, 0);
	assert_int_equal(o->auth->asked_n, 0);
	assert_int_equal(o->auth->proofs_n, 0);
}

static void test_limits(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_sasl **x = calloc(TOKENS_MAX, sizeof *x);
	struct outcome *got = calloc(TOKENS_MAX + 1, sizeof *got);
	char token[16];

	assert_true(x != NULL && got != NULL);
	take_tokens(o, &oracle, 60);
	for (unsigned i = 0; i < TOKENS_MAX; i++) {
		snprintf(token, sizeof token, "t%u", i);
		x[i] = begin(o, i / 4, "alice", token, &got[i]);
		assert_non_null(x[i]);
	}
	assert_int_equal(oracle.asked, TOKENS_ASKED_MAX);
	assert_null(begin(o, 5000, "alice", "t", &got[TOKENS_MAX]));
	assert_int_equal(got[TOKENS_MAX].err, YB_OVERLOAD);
	/* A client that goes away makes room, unless somebody was asked. */
	auth_sasl_free(&x[0]);
	assert_int_equal(o->auth->tokens_n, TOKENS_MAX);
	auth_sasl_free(&x[TOKENS_MAX - 1]);
	assert_int_equal(o->auth->tokens_n, TOKENS_MAX - 1);
	for (unsigned i = 0; i < TOKENS_MAX; i++)
		auth_sasl_free(&x[i]);
	assert_int_equal(o->auth->tokens_n, TOKENS_ASKED_MAX);
	while (oracle.answered < oracle.asked)
		answer(&oracle, TOKEN_GOOD, "nobody@example.org", 0);
	free(x);
	free(got);
}

/* Whoever hangs up before the answer has guessed all the same. */
static void test_hung_up(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_peer p = peer_number(3);
	struct auth_sasl *x;
	struct outcome got;
	struct peer *peer;

	take_tokens(o, &oracle, 60);
	x = begin(o, 3, "alice", "t", &got);
	auth_sasl_free(&x);
	answer(&oracle, TOKEN_INACTIVE, "", 0);
	assert_int_equal(got.calls, 0);
	peer = peers_hold(&o->auth->peers, p.address, o->now);
	assert_int_equal(peer_failures(peer, o->now), 1);
	assert_int_equal(peer->asked, 0);
	peers_release(&o->auth->peers, peer, o->now);
}

/* An address that failed asks about one at a time, and is answered late. */
static void test_failing(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct auth_sasl *x[4];
	struct outcome got[4];
	char token[16];

	take_tokens(o, &oracle, 60);
	x[0] = begin(o, 3, "alice", "t", &got[0]);
	answer(&oracle, TOKEN_INACTIVE, "", 0);
	assert_int_equal(got[0].err, YB_DENIED); /* everybody errs once */
	for (unsigned i = 1; i < 4; i++) {
		snprintf(token, sizeof token, "t%u", i);
		x[i] = begin(o, 3, "alice", token, &got[i]);
	}
	assert_int_equal(oracle.asked, 2);
	answer(&oracle, TOKEN_INACTIVE, "", 0);
	assert_int_equal(got[1].calls, 0);
	/* The next begins once the one before was answered. */
	assert_int_equal(oracle.asked, 2);
	pass(o, 1000);
	assert_int_equal(got[1].err, YB_DENIED);
	assert_int_equal(oracle.asked, 3);
	for (unsigned i = 0; i < 4; i++)
		auth_sasl_free(&x[i]);
	no_answer(&oracle, YB_GONE);
}

/* ---- rules of others ---- */

/* Where an app password is required, a token will do; what is refused is told
 * as all else there. */
static void test_app_password(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	uint64_t defaults[SETTINGS_N];
	struct outcome got;

	memcpy(defaults, o->auth->cache.defaults, sizeof defaults);
	defaults[SETTING_require_app_password] = 1;
	auth_set_defaults(o->auth, defaults);
	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	assert_int_equal(login(o, "alice", "secret"), YB_APP_PASSWORD);
	assert_ok(login_token(o, &oracle, "alice", TOKEN_GOOD, "alice", &got));
	assert_int_equal(
		login_token(o, &oracle, "alice", TOKEN_INACTIVE, "", &got),
		YB_APP_PASSWORD);
	assert_string_equal(got.challenge, refused);
	assert_int_equal(
		login_token(o, &oracle, "nobody", TOKEN_INACTIVE, "", &got),
		YB_APP_PASSWORD);
}

/* RFC 4422 section 2: a master's token acts as whom he asks to be. */
static void test_master(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct cached *cached = NULL;
	struct outcome got;

	add_account(o, "alice@example.org", "secret");
	add_account(o, "root@example.org", "secret");
	take_tokens(o, &oracle, 60);
	assert_ok(cache_find(&o->auth->cache, SPAN_LIT("root@example.org"),
			     o->now, &cached));
	cached->settings[SETTING_master] = 1;
	assert_ok(login_token(o, &oracle, "alice", TOKEN_GOOD, "root", &got));
	assert_string_equal(got.address, "alice@example.org");
	assert_int_equal(
		login_token(o, &oracle, "nobody", TOKEN_GOOD, "root", &got),
		YB_DENIED);
	assert_int_equal(
		login_token(o, &oracle, "root", TOKEN_GOOD, "alice", &got),
		YB_DENIED);
}

/* The process ends, or tokens are taken no more, while questions are open. */
static void test_ends(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .err = YB_OK };
	struct outcome got[2];
	struct auth_sasl *x[2];

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 60);
	x[0] = begin(o, 1, "alice", "t", &got[0]);
	x[1] = begin(o, 2, "alice", "u", &got[1]);
	assert_ok(auth_set_tokens(o->auth, NULL));
	answer(&oracle, TOKEN_GOOD, "alice", 0);
	assert_ok(got[0].err);
	office_shut(o);
	office_open(o, 0);
	assert_int_equal(got[1].calls, 0);
	for (int i = 0; i < 2; i++)
		free(x[i]);
}

/* ---- who else is asked ---- */

static enum yb_err ask_policy(void *ctx, const struct policy_login *login,
			      void *ticket)
{
	assert_string_equal(login->mechanism, "OAUTHBEARER");
	*(void **)ctx = ticket;
	return YB_OK;
}

/* Before a token, known or not, is looked at. */
static void test_policy_comes_first(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .asked = 0 };
	void *ticket = NULL;
	const struct auth_policy policy = { .ctx = &ticket, .ask = ask_policy };
	struct policy_answer verdict = { .may = true };
	struct outcome got;
	struct auth_sasl *x;

	add_account(o, "alice@example.org", "secret");
	take_tokens(o, &oracle, 300);
	auth_set_policy(o->auth, &policy);
	x = begin(o, 1, "alice@example.org", "good", &got);
	assert_int_equal(oracle.asked, 0);
	auth_policy_answered(o->auth, ticket, YB_OK, &verdict, o->now);
	assert_int_equal(oracle.asked, 1);
	answer(&oracle, TOKEN_GOOD, "alice@example.org", 0);
	assert_ok(got.err);
	auth_sasl_free(&x);
	/* It is remembered by now, and needs no second answer. */
	x = begin(o, 1, "alice@example.org", "good", &got);
	assert_int_equal(got.calls, 0);
	auth_policy_answered(o->auth, ticket, YB_OK, &verdict, o->now);
	assert_ok(got.err);
	auth_sasl_free(&x);
	/* Denied, it takes as long as one that is not good. */
	verdict.may = false;
	x = begin(o, 1, "alice@example.org", "good", &got);
	auth_policy_answered(o->auth, ticket, YB_OK, &verdict, o->now);
	assert_int_equal(oracle.asked, 2);
	answer(&oracle, TOKEN_GOOD, "alice@example.org", 0);
	for (int i = 0; got.calls == 0 && i < 60; i++)
		pass(o, 1000);
	assert_string_equal(got.challenge, refused);
	auth_sasl_free(&x);
}

static enum yb_err ask_account(void *ctx, struct span address, void *ticket)
{
	(void)address;
	*(void **)ctx = ticket;
	return YB_OK;
}

/* Whose a token is may be somebody that others know of. */
static void test_account_of_others(void **state)
{
	struct office *o = *state;
	struct oracle oracle = { .asked = 0 };
	struct outside_account account = { .found = true };
	void *ticket = NULL;
	const struct auth_outside outside = { .ctx = &ticket,
					      .ask_account = ask_account,
					      .cache_s = 60,
					      .cache_unknown_s = 60 };
	struct outcome got;
	struct auth_sasl *x;

	assert_ok(directory_domain_add(o->directory, SPAN_LIT("example.org"),
				       SPAN_NONE, 1));
	take_tokens(o, &oracle, 300);
	assert_ok(auth_set_outside(o->auth, &outside));
	x = begin(o, 1, "", "good", &got);
	assert_int_equal(oracle.asked, 1);
	answer(&oracle, TOKEN_GOOD, "alice@example.org", 0);
	assert_int_equal(got.calls, 0);
	auth_account_answered(o->auth, ticket, YB_OK, &account, o->now);
	assert_ok(got.err);
	assert_string_equal(got.address, "alice@example.org");
	auth_sasl_free(&x);
	/* Nobody can say: later, and not "no". */
	x = begin(o, 2, "", "other", &got);
	answer(&oracle, TOKEN_GOOD, "bob@example.org", 0);
	auth_account_answered(o->auth, ticket, YB_TIMEOUT, NULL, o->now);
	assert_int_equal(got.err, YB_TIMEOUT);
	auth_sasl_free(&x);
	/* Given up meanwhile. */
	x = begin(o, 3, "", "third", &got);
	answer(&oracle, TOKEN_GOOD, "bob@example.org", 0);
	auth_sasl_free(&x);
	auth_account_answered(o->auth, ticket, YB_OK, &account, o->now);
	assert_int_equal(got.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_verdicts),
		IN_OFFICE(test_xoauth2),
		IN_OFFICE(test_not_offered),
		IN_OFFICE(test_not_asked),
		IN_OFFICE(test_no_answer),
		IN_OFFICE(test_remembered),
		IN_OFFICE(test_known_but_locked),
		IN_OFFICE(test_known_are_few),
		IN_OFFICE(test_hanging),
		IN_OFFICE(test_limits),
		IN_OFFICE(test_hung_up),
		IN_OFFICE(test_failing),
		IN_OFFICE(test_app_password),
		IN_OFFICE(test_master),
		IN_OFFICE(test_ends),
		IN_OFFICE(test_policy_comes_first),
		IN_OFFICE(test_account_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
