/*
 * Domains, aliases, sub-addresses and catch-alls: what may be made, and where
 * mail then goes.
 */
#include "auth/alias.h"
#include "unit/auth/auth_test.h"

static enum yb_err add_alias(struct office *o, const char *alias,
			     const char *target)
{
	struct span t = span_str(target);

	return auth_alias_add(o->auth, span_str(alias), &t, 1, &why);
}

static enum yb_err remove_alias(struct office *o, const char *alias,
				const char *target)
{
	struct span t = span_str(target);

	return auth_alias_remove(o->auth, span_str(alias), &t, *target != 0,
				 &why);
}

static enum yb_err add_domain(struct office *o, const char *name,
			      const char *of)
{
	return auth_domain_add(o->auth, span_str(name), span_str(of), &why);
}

static enum yb_err remove_account(struct office *o, const char *address)
{
	uint8_t id[16];

	return auth_account_remove(o->auth, span_str(address), id, &why);
}

/* Where mail goes: names in the order they were found, or the error. */
static const char *to(struct office *o, const char *address)
{
	static char text[512];
	struct auth_places *p = calloc(1, sizeof *p);
	enum yb_err err = auth_recipient(o->auth, span_str(address), p);
	struct directory_account *a = NULL;
	char last[AUTH_ADDRESS_MAX + 1] = "";

	*text = 0;
	while (err == YB_OK &&
	       directory_account_next(o->directory, span_str(last), &a) ==
		       YB_OK) {
		for (size_t i = 0; i < p->n; i++) {
			if (memcmp(p->at[i].account, a->id, 16) != 0)
				continue;
			if (*text != 0)
				strcat(text, " ");
			strncat(text, a->address, strcspn(a->address, "@"));
		}
		snprintf(last, sizeof last, "%s", a->address);
		directory_account_free(&a);
	}
	free(p);
	return err == YB_OK ? text : err_name(err);
}

static int village(void **state)
{
	struct office *o;

	if (office_make(state) != 0)
		return 1;
	o = *state;
	o->auth->delimiter = '+';
	add_account(o, "alice@example.org", "pw");
	add_account(o, "bob@example.org", "pw");
	add_account(o, "carol@other.example", "pw");
	return 0;
}

static void test_targets(void **state)
{
	struct office *o = *state;
	const struct span both[] = { SPAN_LIT("bob"),
				     SPAN_LIT("Carol@Other.Example") };

	assert_string_equal(to(o, "sales@example.org"), "NO_ACCOUNT");
	assert_ok(auth_alias_add(o->auth, SPAN_LIT("Sales"), both, 2, &why));
	assert_string_equal(to(o, "SALES@example.org"), "bob carol");
	assert_string_equal(to(o, "\"sales\"@example.org"), "bob carol");
	/* Of an alias, and of what it has already: none gets it twice. */
	assert_ok(add_alias(o, "all@example.org", "sales@example.org"));
	assert_ok(add_alias(o, "all@example.org", "alice"));
	assert_ok(add_alias(o, "all@example.org", "bob"));
	assert_string_equal(to(o, "all"), "alice bob carol");
	assert_ok(remove_alias(o, "all", "sales"));
	assert_string_equal(to(o, "all"), "alice bob");
	assert_int_equal(remove_alias(o, "all", "sales"), YB_NOT_FOUND);
	assert_ok(remove_alias(o, "all", ""));
	assert_string_equal(to(o, "all"), "NO_ACCOUNT");
	assert_int_equal(remove_alias(o, "all", ""), YB_NOT_FOUND);
	/* Nobody logs in as an alias. */
	assert_int_equal(login(o, "sales", "pw"), YB_DENIED);
}

static void test_refused(void **state)
{
	static const struct {
		const char *alias, *target;
		enum yb_err err;
		const char *reason;
	} rows[] = {
		{ "sales", "carol@gmail.example", YB_NOT_FOUND,
		  "not at a domain of this server" },
		{ "sales", "dave", YB_NOT_FOUND, "neither an account" },
		{ "sales", "a b", YB_INVALID, "no address" },
		{ "alice", "bob", YB_EXISTS, "account of that name" },
		{ "sales@nowhere.example", "bob", YB_NOT_FOUND,
		  "yubin domain add" },
		{ "sa les", "bob", YB_INVALID, "no address" },
		{ "@", "bob", YB_INVALID, "no address" },
		{ "sales", "sales", YB_INVALID, "for ever" },
		{ "@example.org", "x@example.org", YB_NOT_FOUND, "neither" },
	};
	struct office *o = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		why = "";
		assert_int_equal(add_alias(o, rows[i].alias, rows[i].target),
				 rows[i].err);
		if (strstr(why, rows[i].reason) == NULL)
			fail_msg("%s: %s", rows[i].alias, why);
	}
	assert_int_equal(auth_alias_add(o->auth, SPAN_LIT("sales"), NULL, 0,
					&why),
			 YB_INVALID);
	assert_string_equal(to(o, "sales"), "NO_ACCOUNT");
}

static void test_loops(void **state)
{
	struct office *o = *state;
	char name[24], before[24] = "bob";

	assert_ok(add_alias(o, "a", "bob"));
	assert_ok(add_alias(o, "b", "a"));
	assert_ok(add_alias(o, "c", "b"));
	assert_int_equal(add_alias(o, "a", "c"), YB_INVALID);
	assert_int_equal(add_alias(o, "a", "a"), YB_INVALID);
	assert_string_equal(to(o, "c"), "bob");

	/* So many steps, and no more, from wherever the chain grows. */
	for (int i = 0; i < AUTH_ALIAS_DEPTH_MAX; i++) {
		snprintf(name, sizeof name, "step%d", i);
		assert_ok(add_alias(o, name, before));
		snprintf(before, sizeof before, "%s", name);
	}
	assert_int_equal(add_alias(o, "over", before), YB_TOO_MANY);
	assert_ok(add_alias(o, "alone", "alice"));
	assert_int_equal(add_alias(o, "step0", "alone"), YB_TOO_MANY);
	assert_string_equal(to(o, "step0"), "bob");
	assert_string_equal(to(o, before), "bob");

	/* One that came into the file in another way does no harm. */
	assert_int_equal(sqlite3_exec(o->directory->db,
				      "INSERT INTO alias_targets "
				      "SELECT number, 'c@example.org' FROM "
				      "aliases WHERE address = 'a@example.org'",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_string_equal(to(o, "a"), "TOO_MANY");
}

static void test_wide(void **state)
{
	struct office *o = *state;
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256,
					.name = "main",
					.iterations = 4096 };
	uint8_t id[16];
	char name[40];

	assert_int_equal(sqlite3_exec(o->directory->db,
				      "PRAGMA synchronous = OFF", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	for (int i = 0; i < AUTH_PLACES_MAX; i++) {
		snprintf(name, sizeof name, "u%04d@example.org", i);
		assert_ok(directory_account_add(o->directory, span_str(name),
						&v, 1, id));
		assert_ok(add_alias(o, i % 2 ? "odd" : "even", name));
	}
	assert_ok(add_alias(o, "all", "odd"));
	assert_ok(add_alias(o, "all", "even"));
	assert_int_equal(add_alias(o, "all", "alice"), YB_TOO_MANY);
	/* Not by the back door, either. */
	assert_int_equal(add_alias(o, "odd", "alice"), YB_TOO_MANY);
	assert_ok(add_alias(o, "odd", "u0000"));
	assert_ok(remove_alias(o, "all", "even"));
	assert_ok(add_alias(o, "odd", "alice"));
}

/* What an alias leads to stays. */
static void test_still_needed(void **state)
{
	struct office *o = *state;

	assert_ok(add_alias(o, "sales", "bob"));
	assert_ok(add_alias(o, "office", "sales"));
	assert_int_equal(remove_account(o, "bob"), YB_IN_USE);
	assert_non_null(strstr(why, "sales@example.org"));
	assert_int_equal(remove_alias(o, "sales", ""), YB_IN_USE);
	assert_int_equal(remove_alias(o, "sales", "bob"), YB_IN_USE);
	assert_non_null(strstr(why, "office@example.org"));
	assert_string_equal(to(o, "office"), "bob");
	assert_ok(remove_alias(o, "office", "sales"));
	assert_ok(remove_alias(o, "sales", "bob"));
	assert_ok(remove_account(o, "bob"));

	assert_ok(add_alias(o, "bob", "alice"));
	assert_int_equal(auth_account_add(o->auth, SPAN_LIT("bob"),
					  SPAN_LIT("pw"), true, &why),
			 YB_IN_USE);
	assert_non_null(strstr(why, "it is an alias"));
}

static void test_detail(void **state)
{
	struct office *o = *state;

	assert_string_equal(to(o, "alice+list@example.org"), "alice");
	assert_string_equal(to(o, "alice+a+b@example.org"), "alice");
	assert_string_equal(to(o, "alice+"), "alice");
	assert_string_equal(to(o, "dave+list"), "NO_ACCOUNT");
	assert_string_equal(to(o, "+list"), "NO_ACCOUNT");
	/* A name of its own comes first. */
	assert_ok(add_alias(o, "alice+list", "bob"));
	assert_string_equal(to(o, "alice+list"), "bob");
	assert_string_equal(to(o, "alice+lists"), "alice");
	assert_ok(add_alias(o, "sales", "carol@other.example"));
	assert_string_equal(to(o, "sales+x"), "carol");
	o->auth->delimiter = '-';
	assert_string_equal(to(o, "alice-list"), "alice");
	assert_string_equal(to(o, "alice+lists"), "NO_ACCOUNT");
	o->auth->delimiter = 0;
	assert_string_equal(to(o, "alice-list"), "NO_ACCOUNT");
}

static void test_catch_all(void **state)
{
	struct office *o = *state;

	assert_ok(add_alias(o, "@Example.ORG", "bob"));
	assert_string_equal(to(o, "whoever@example.org"), "bob");
	assert_string_equal(to(o, "alice@example.org"), "alice");
	assert_string_equal(to(o, "alice+x@example.org"), "alice");
	assert_string_equal(to(o, "whoever@other.example"), "NO_ACCOUNT");
	assert_string_equal(to(o, "whoever@nowhere.example"), "DENIED");
	/* It comes before the rule of last resort. */
	assert_string_equal(to(o, "postmaster@example.org"), "bob");
	assert_string_equal(to(o, "postmaster"), "bob");
	/* Such a target would not mean a person. */
	assert_int_equal(add_alias(o, "x", "@example.org"), YB_INVALID);
	assert_ok(remove_alias(o, "@example.org", ""));
	assert_string_equal(to(o, "whoever@example.org"), "NO_ACCOUNT");
}

static void test_domains(void **state)
{
	struct office *o = *state;

	assert_ok(add_domain(o, "Example.NET", "example.org"));
	assert_string_equal(to(o, "alice@example.net"), "alice");
	assert_string_equal(to(o, "alice+x@example.net"), "alice");
	assert_string_equal(to(o, "dave@example.net"), "NO_ACCOUNT");
	assert_string_equal(to(o, "postmaster@example.net"), "alice");
	assert_ok(add_alias(o, "@example.org", "bob"));
	assert_string_equal(to(o, "dave@example.net"), "bob");
	/* Accounts and aliases have one domain only. */
	assert_int_equal(auth_account_add(o->auth, SPAN_LIT("a@example.net"),
					  SPAN_LIT("pw"), true, &why),
			 YB_IN_USE);
	assert_int_equal(add_alias(o, "a@example.net", "bob"), YB_INVALID);
	assert_int_equal(login(o, "alice@example.net", "pw"), YB_DENIED);
	/* As a target it means the one. */
	assert_ok(add_alias(o, "sales", "alice@example.net"));
	assert_ok(remove_alias(o, "sales", "alice"));

	assert_int_equal(add_domain(o, "example.net", ""), YB_EXISTS);
	assert_int_equal(add_domain(o, "x", "nowhere.example"), YB_NOT_FOUND);
	assert_int_equal(add_domain(o, "x", "example.net"), YB_INVALID);
	assert_int_equal(add_domain(o, "x", "x"), YB_INVALID);
	assert_int_equal(add_domain(o, "x..y", ""), YB_INVALID);
	assert_int_equal(add_domain(o, "a@b", ""), YB_INVALID);

	assert_ok(add_domain(o, "empty.example", ""));
	assert_string_equal(to(o, "x@empty.example"), "NO_ACCOUNT");
	/* RFC 5321 section 4.5.1 */
	assert_string_equal(to(o, "postmaster@empty.example"), "alice");
}

static void test_domain_remove(void **state)
{
	struct office *o = *state;
	struct span other = SPAN_LIT("other.example");

	assert_int_equal(auth_domain_remove(o->auth, other, &why), YB_IN_USE);
	assert_non_null(strstr(why, "1 account, 0 aliases"));
	assert_non_null(strstr(why, "carol@other.example"));
	assert_ok(add_alias(o, "@other.example", "alice"));
	assert_ok(remove_account(o, "carol@other.example"));
	assert_int_equal(auth_domain_remove(o->auth, other, &why), YB_IN_USE);
	assert_non_null(strstr(why, "@other.example"));
	assert_ok(remove_alias(o, "@other.example", ""));
	assert_ok(auth_domain_remove(o->auth, other, &why));
	assert_string_equal(to(o, "carol@other.example"), "DENIED");
	assert_int_equal(auth_domain_remove(o->auth, other, &why),
			 YB_NOT_FOUND);
}

/* U-label, A-label and any case: one domain. */
static void test_international(void **state)
{
	struct office *o = *state;

	assert_ok(add_domain(o, "M\xc3\xbcnchen.Example", ""));
	assert_int_equal(add_domain(o, "XN--mnchen-3ya.example", ""),
			 YB_EXISTS);
	add_account(o, "dora@m\xc3\xbcnchen.example", "pw");
	assert_string_equal(to(o, "dora@xn--mnchen-3ya.EXAMPLE"), "dora");
	assert_string_equal(to(o, "dora@M\xc3\x9cNCHEN.example"), "dora");
	assert_ok(login(o, "dora@m\xc3\xbcnchen.example", "pw"));
	assert_ok(login(o, "dora@xn--mnchen-3ya.example", "pw"));
}

struct seen {
	char text[512];
	size_t left;
};

static bool see_alias(void *ctx, const char *alias, const char *target)
{
	struct seen *s = ctx;

	if (s->left-- == 0)
		return false;
	strcat(s->text, alias);
	strcat(s->text, ">");
	strcat(s->text, target);
	strcat(s->text, " ");
	return true;
}

static bool see_domain(void *ctx, const struct auth_domain *domain)
{
	struct seen *s = ctx;

	strcat(s->text, domain->shown);
	strcat(s->text, *domain->alias_of != 0 ? ">" : " ");
	return true;
}

static void test_lists(void **state)
{
	struct office *o = *state;
	struct seen s = { .left = 99 };

	assert_ok(add_alias(o, "b@example.org", "alice"));
	assert_ok(add_alias(o, "b@example.org", "bob"));
	assert_ok(add_alias(o, "a@example.org", "bob"));
	assert_ok(auth_alias_each(o->auth, SPAN_NONE, SPAN_NONE, see_alias,
				  &s));
	assert_string_equal(s.text, "a@example.org>bob@example.org "
				    "b@example.org>alice@example.org "
				    "b@example.org>bob@example.org ");
	/* A page that ends within an alias, and the next one. */
	s = (struct seen){ .left = 99 };
	assert_ok(auth_alias_each(o->auth, SPAN_LIT("b@example.org"),
				  SPAN_LIT("alice@example.org"), see_alias,
				  &s));
	assert_string_equal(s.text, "b@example.org>bob@example.org ");
	s = (struct seen){ .left = 1 };
	assert_ok(auth_alias_each(o->auth, SPAN_NONE, SPAN_NONE, see_alias,
				  &s));
	assert_string_equal(s.text, "a@example.org>bob@example.org ");

	assert_ok(add_domain(o, "m\xc3\xbcnchen.example", "example.org"));
	s = (struct seen){ .left = 99 };
	assert_ok(auth_domain_each(o->auth, SPAN_NONE, see_domain, &s));
	assert_string_equal(s.text, "example.org other.example "
				    "m\xc3\xbcnchen.example>");
}

#define IN_VILLAGE(test) \
	cmocka_unit_test_setup_teardown(test, village, office_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_VILLAGE(test_targets),    IN_VILLAGE(test_refused),
		IN_VILLAGE(test_loops),	     IN_VILLAGE(test_wide),
		IN_VILLAGE(test_still_needed), IN_VILLAGE(test_detail),
		IN_VILLAGE(test_catch_all),  IN_VILLAGE(test_domains),
		IN_VILLAGE(test_domain_remove),
		IN_VILLAGE(test_international), IN_VILLAGE(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
