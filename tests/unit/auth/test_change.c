/*
 * Accounts made, changed, removed and shown; where mail goes; and that the
 * caches never outlive a change.
 */
#include "unit/auth/auth_test.h"

static const char *const no_reason = "untouched";

static void test_add(void **state)
{
	struct office *o = *state;
	const char *reason = no_reason;

	assert_ok(auth_account_add(o->auth, SPAN_LIT("Alice@Example.ORG"),
				   SPAN_LIT("nagori yuki 84"), false,
				   &reason));
	assert_ptr_equal(reason, no_reason);
	assert_ok(login(o, "alice", "nagori yuki 84"));
	assert_int_equal(auth_account_add(o->auth,
					  SPAN_LIT("alice@example.org"),
					  SPAN_LIT("x"), false, &reason),
			 YB_EXISTS);
	assert_int_equal(auth_account_add(o->auth, SPAN_LIT("alice"),
					  SPAN_LIT("x"), false, &reason),
			 YB_EXISTS);
	assert_ok(login(o, "alice", "nagori yuki 84"));
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = { "", "@", "a b@x", "../x@x", "a@",
					   "a+b@x", "a@[127.0.0.1]", "%u@x",
					   "a@x..y", "\xff@x" };
	struct office *o = *state;
	const char *reason = no_reason;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(auth_account_add(o->auth, span_str(bad[i]),
						  SPAN_LIT("nagori yuki 84"),
						  true, &reason), YB_INVALID);
	assert_ptr_equal(reason, no_reason);
}

static void test_weak_passwords(void **state)
{
	struct office *o = *state;
	const char *reason = no_reason;
	const struct span alice = SPAN_LIT("alice@example.org");

	assert_int_equal(auth_account_add(o->auth, alice, SPAN_LIT("short"),
					  false, &reason), YB_WEAK);
	assert_non_null(strstr(reason, "shorter"));
	assert_int_equal(auth_account_add(o->auth, alice,
					  SPAN_LIT("my alice 2026!"), false,
					  &reason), YB_WEAK);
	assert_non_null(strstr(reason, "name"));
	assert_ok(auth_account_add(o->auth, alice, SPAN_LIT("short"), true,
				   &reason));
	assert_int_equal(auth_account_password(o->auth, alice,
					       SPAN_LIT("also short"), false,
					       &reason), YB_WEAK);
	assert_ok(login(o, "alice", "short"));
}

/* What cannot be a password is refused however weak ones are allowed. */
static void test_impossible_passwords(void **state)
{
	struct office *o = *state;
	const struct span alice = SPAN_LIT("alice@example.org");
	const char *reason;
	char text[AUTH_PASSWORD_MAX + 2];
	const struct span bad[] = { SPAN_NONE, SPAN_LIT("a\0b"),
				    SPAN_LIT("\xff\xfe"), SPAN_LIT("a\tb"),
				    SPAN_LIT("\xc2\xad"), /* prepares to "" */
				    span_of(text, AUTH_PASSWORD_MAX + 1) };

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		reason = no_reason;
		assert_int_equal(auth_account_add(o->auth, alice, bad[i], true,
						  &reason), YB_INVALID);
		assert_ptr_not_equal(reason, no_reason);
	}
	assert_int_equal(login(o, "alice", ""), YB_DENIED);
}

/* Changing a password forgets the success of the old one at once. */
static void test_password_change_forgets(void **state)
{
	struct office *o = *state;
	const char *reason = NULL;

	add_account(o, "a@example.org", "old one");
	add_account(o, "b@example.org", "old one");
	assert_ok(login(o, "a", "old one"));
	assert_ok(login(o, "b", "old one"));
	assert_ok(auth_account_password(o->auth, SPAN_LIT("A@example.org"),
					SPAN_LIT("new one"), true, &reason));
	assert_int_equal(login(o, "a", "old one"), YB_DENIED);
	assert_ok(login(o, "a", "new one"));
	assert_ok(login(o, "b", "old one"));
	assert_int_equal(auth_account_password(o->auth, SPAN_LIT("c"),
					       SPAN_LIT("x"), true, &reason),
			 YB_NO_ACCOUNT);
	assert_int_equal(auth_account_password(o->auth, SPAN_LIT("a/b"),
					       SPAN_LIT("x"), true, &reason),
			 YB_NO_ACCOUNT);
	/* Even the same password again is a new credential. */
	assert_ok(auth_account_password(o->auth, SPAN_LIT("b@example.org"),
					SPAN_LIT("old one"), true, &reason));
	assert_ok(login(o, "b", "old one"));
}

static void test_remove_forgets(void **state)
{
	struct office *o = *state;
	struct outcome got;
	uint8_t id[16], none[16] = { 0 };

	add_account(o, "a@example.org", "first life");
	login_from(o, 1, "a", "first life", &got);
	assert_ok(got.err);
	assert_ok(auth_account_remove(o->auth, SPAN_LIT("A"), id, &why));
	assert_memory_equal(id, got.identity.account, sizeof id);
	assert_int_equal(login(o, "a", "first life"), YB_DENIED);
	assert_int_equal(auth_account_remove(o->auth, SPAN_LIT("a"), none, &why),
			 YB_NO_ACCOUNT);
	/* A negative entry of before does not hide the next one. */
	add_account(o, "a@example.org", "second life");
	assert_int_equal(login(o, "a", "first life"), YB_DENIED);
	login_from(o, 2, "a", "second life", &got);
	assert_ok(got.err);
	assert_memory_not_equal(id, got.identity.account, sizeof id);
}

/* ---- recipients ---- */

static enum yb_err recipient(struct office *o, const char *address,
			     uint8_t id[16])
{
	struct auth_places box;
	enum yb_err err = auth_recipient(o->auth, span_str(address), &box);

	if (err == YB_OK) {
		assert_int_equal(box.n, 1);
		assert_int_equal(box.at[0].mailbox, 1);
		memcpy(id, box.at[0].account, 16);
	}
	return err;
}

static void id_of(struct office *o, const char *address, uint8_t id[16])
{
	struct directory_account *a = NULL;

	assert_ok(directory_account_find(o->directory, span_str(address), &a));
	memcpy(id, a->id, 16);
	directory_account_free(&a);
}

static void test_recipients(void **state)
{
	static const struct {
		const char *address;
		enum yb_err err;
	} rows[] = {
		{ "alice@example.org", YB_OK },
		{ "ALICE@EXAMPLE.ORG", YB_OK },
		{ "\"alice\"@example.org", YB_OK },
		{ "\"Al\\ice\"@example.org", YB_OK },
		{ "alice", YB_OK },
		{ "bob@example.org", YB_NO_ACCOUNT },
		{ "bob", YB_NO_ACCOUNT },
		{ "alice+list@example.org", YB_NO_ACCOUNT },
		{ "\"a b\"@example.org", YB_NO_ACCOUNT },
		{ "\"\"@example.org", YB_NO_ACCOUNT },
		{ "a/../b@example.org", YB_NO_ACCOUNT },
		/* Threat 38: nothing that could be a route is followed. */
		{ "alice%other.example@example.org", YB_NO_ACCOUNT },
		{ "other.example!alice@example.org", YB_NO_ACCOUNT },
		{ "\"alice@other.example\"@example.org", YB_NO_ACCOUNT },
		{ "@other.example:alice@example.org", YB_NO_ACCOUNT },
		{ "alice@example.org@other.example", YB_DENIED },
		{ "alice@other.example", YB_DENIED },
		{ "alice@sub.example.org", YB_DENIED },
		{ "alice@example.orgx", YB_DENIED },
		{ "alice@[127.0.0.1]", YB_DENIED },
		{ "alice@", YB_DENIED },
		{ "postmaster@other.example", YB_DENIED },
	};
	struct office *o = *state;
	uint8_t want[16], got[16];

	add_account(o, "alice@example.org", "pw");
	id_of(o, "alice@example.org", want);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			enum yb_err err = recipient(o, rows[i].address, got);

			if (err != rows[i].err)
				fail_msg("%s: %s", rows[i].address,
					 err_name(err));
			if (err == YB_OK)
				assert_memory_equal(got, want, 16);
		}
	}
}

/* RFC 5321 section 4.5.1: "postmaster" at each of our domains, in any case,
 * and without a domain. */
static void test_postmaster(void **state)
{
	struct office *o = *state;
	uint8_t zoe[16], adam[16], master[16], got[16], removed[16];

	assert_int_equal(recipient(o, "postmaster", got), YB_DENIED);
	add_account(o, "zoe@other.example", "pw");
	id_of(o, "zoe@other.example", zoe);
	/* The default domain has nobody: the oldest account of all. */
	assert_ok(recipient(o, "Postmaster", got));
	assert_memory_equal(got, zoe, 16);

	add_account(o, "mia@example.org", "pw");
	add_account(o, "adam@example.org", "pw");
	id_of(o, "mia@example.org", adam);
	assert_ok(recipient(o, "POSTMASTER", got));
	assert_memory_equal(got, adam, 16);
	assert_ok(recipient(o, "postmaster@example.org", got));
	assert_memory_equal(got, adam, 16);
	assert_ok(recipient(o, "\"postmaster\"@example.org", got));
	assert_memory_equal(got, adam, 16);
	assert_ok(recipient(o, "postmaster@other.example", got));
	assert_memory_equal(got, zoe, 16);

	/* Whoever has the name has the mail. */
	add_account(o, "postmaster@example.org", "pw");
	id_of(o, "postmaster@example.org", master);
	assert_ok(recipient(o, "postmaster", got));
	assert_memory_equal(got, master, 16);
	assert_ok(auth_account_remove(o->auth, SPAN_LIT("postmaster"),
				      removed, &why));
	assert_ok(recipient(o, "postmaster", got));
	assert_memory_equal(got, adam, 16);

	/* A domain of ours without accounts: the default domain's. */
	assert_ok(auth_account_remove(o->auth, SPAN_LIT("zoe@other.example"),
				      removed, &why));
	assert_ok(recipient(o, "postmaster@other.example", got));
	assert_memory_equal(got, adam, 16);
	assert_int_equal(login(o, "postmaster", "pw"), YB_DENIED);
}

static void test_recipient_follows_changes(void **state)
{
	struct office *o = *state;
	uint8_t id[16];

	assert_int_equal(recipient(o, "a@new.example", id), YB_DENIED);
	assert_int_equal(recipient(o, "b@new.example", id), YB_DENIED);
	add_account(o, "a@new.example", "pw");
	assert_ok(recipient(o, "a@new.example", id));
	assert_int_equal(recipient(o, "b@new.example", id), YB_NO_ACCOUNT);
	add_account(o, "b@new.example", "pw");
	assert_ok(recipient(o, "b@new.example", id));
	assert_ok(auth_account_remove(o->auth, SPAN_LIT("a@new.example"), id, &why));
	assert_int_equal(recipient(o, "a@new.example", id), YB_NO_ACCOUNT);
}

static void test_unknown_names_are_bounded(void **state)
{
	struct office *o = *state;
	uint8_t id[16];

	add_account(o, "a@example.org", "pw");
	for (unsigned i = 0; i < CACHE_UNKNOWN_MAX + 500; i++) {
		char address[32];

		snprintf(address, sizeof address, "x%u@example.org", i);
		assert_int_equal(recipient(o, address, id), YB_NO_ACCOUNT);
		assert_true(o->auth->cache.unknown_n <= CACHE_UNKNOWN_MAX);
	}
	assert_int_equal(o->auth->cache.unknown_n, CACHE_UNKNOWN_MAX);
	assert_ok(recipient(o, "a@example.org", id));
}

/* ---- showing ---- */

struct seen {
	char text[512];
	int64_t last_login_s;
	unsigned n, stop_after;
	struct auth *change; /* removes each account as it is shown */
};

static bool see(void *ctx, const struct auth_account *account)
{
	struct seen *s = ctx;
	size_t n = strlen(s->text);
	uint8_t id[16];

	snprintf(s->text + n, sizeof s->text - n, "%s(%s) ", account->address,
		 account->devices);
	s->last_login_s = account->last_login_s;
	assert_true(account->created_s > 1600000000);
	if (s->change != NULL)
		assert_ok(auth_account_remove(s->change,
					      span_str(account->address), id, &why));
	return ++s->n != s->stop_after;
}

static void test_each(void **state)
{
	struct office *o = *state;
	struct seen s = { .n = 0 };

	assert_ok(auth_account_each(o->auth, SPAN_NONE, see, &s));
	assert_string_equal(s.text, "");
	add_account(o, "m@example.org", "pw");
	add_account(o, "z@example.org", "pw");
	add_account(o, "a@example.org", "pw");
	assert_ok(auth_account_each(o->auth, SPAN_NONE, see, &s));
	assert_string_equal(s.text, "a@example.org(main) m@example.org(main) "
				    "z@example.org(main) ");
	/* A page, and the one behind it. */
	s = (struct seen){ .stop_after = 2 };
	assert_ok(auth_account_each(o->auth, SPAN_NONE, see, &s));
	assert_string_equal(s.text, "a@example.org(main) "
				    "m@example.org(main) ");
	s = (struct seen){ .n = 0 };
	assert_ok(auth_account_each(o->auth, SPAN_LIT("m@example.org"), see,
				    &s));
	assert_string_equal(s.text, "z@example.org(main) ");
	/* The callback may change what is walked over. */
	s = (struct seen){ .change = o->auth };
	assert_ok(auth_account_each(o->auth, SPAN_NONE, see, &s));
	assert_int_equal(s.n, 3);
	s = (struct seen){ .n = 0 };
	assert_ok(auth_account_each(o->auth, SPAN_NONE, see, &s));
	assert_int_equal(s.n, 0);
}

static void test_get_and_last_login(void **state)
{
	struct office *o = *state;
	struct seen s = { .n = 0 };
	int64_t now_s = clock_real_ns() / 1000000000;

	add_account(o, "a@example.org", "pw");
	assert_int_equal(auth_account_get(o->auth, SPAN_LIT("b"), see, &s),
			 YB_NO_ACCOUNT);
	assert_ok(auth_account_get(o->auth, SPAN_LIT("A@example.org"), see,
				   &s));
	assert_string_equal(s.text, "a@example.org(main) ");
	assert_int_equal(s.last_login_s, 0);
	assert_ok(login(o, "a", "pw"));
	assert_ok(auth_account_get(o->auth, SPAN_LIT("a"), see, &s));
	assert_true(s.last_login_s >= now_s);
}

/* One write for many logins, later; none for those that follow soon. */
static void test_logins_are_batched(void **state)
{
	struct office *o = *state;
	struct directory_account *a = NULL;

	add_account(o, "a@example.org", "pw");
	add_account(o, "b@example.org", "pw");
	assert_int_equal(auth_deadline(o->auth), UINT64_MAX);
	for (int i = 0; i < 100; i++) {
		assert_ok(login(o, "a", "pw"));
		assert_ok(login(o, "b", "pw"));
	}
	assert_int_equal(o->auth->logins_n, 2);
	assert_int_equal(o->auth->logins_due_ms, o->now + AUTH_LOGINS_MS);
	pass(o, AUTH_LOGINS_MS - 1);
	assert_int_equal(o->auth->logins_n, 2);
	pass(o, 1);
	assert_int_equal(o->auth->logins_n, 0);
	assert_int_equal(auth_deadline(o->auth), UINT64_MAX);
	assert_ok(directory_account_find(o->directory,
					 SPAN_LIT("a@example.org"), &a));
	assert_true(a->last_login_s > 0);
	assert_true(a->credentials[0].last_used_s > 0);
	directory_account_free(&a);
	/* The time survives the cache: still the same hour. */
	cache_forget(&o->auth->cache, SPAN_LIT("a@example.org"));
	assert_ok(login(o, "a", "pw"));
	assert_int_equal(o->auth->logins_n, 0);
}

static void test_open_refuses_bad_settings(void **state)
{
	struct office *o = *state;
	struct auth *a = NULL;
	struct auth_config config = { .directory = o->directory,
				      .default_domain = "not a domain" };

	assert_int_equal(auth_open(&config, &a), YB_INVALID);
	config.default_domain = "example.org";
	config.threads = HASH_THREADS_MAX + 1;
	assert_int_equal(auth_open(&config, &a), YB_INVALID);
	assert_null(a);
	config.threads = 0;
	config.default_domain = "";
	assert_ok(auth_open(&config, &a));
	assert_int_equal(auth_fd(a), -1);
	auth_close(&a);
	assert_null(a);
	auth_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OFFICE(test_add),
		IN_OFFICE(test_bad_addresses),
		IN_OFFICE(test_weak_passwords),
		IN_OFFICE(test_impossible_passwords),
		IN_OFFICE(test_password_change_forgets),
		IN_OFFICE(test_remove_forgets),
		IN_OFFICE(test_recipients),
		IN_OFFICE(test_postmaster),
		IN_OFFICE(test_recipient_follows_changes),
		IN_OFFICE(test_unknown_names_are_bounded),
		IN_OFFICE(test_each),
		IN_OFFICE(test_get_and_last_login),
		IN_OFFICE(test_logins_are_batched),
		IN_OFFICE(test_open_refuses_bad_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
