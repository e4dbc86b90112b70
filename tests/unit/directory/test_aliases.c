/*
 * Domains and aliases as rows.
 */
#include "unit/directory/directory_test.h"

static enum yb_err add_domain(struct directory *d, const char *name,
			      const char *alias_of)
{
	return directory_domain_add(d, span_str(name), span_str(alias_of), 7);
}

static enum yb_err add_alias(struct directory *d, const char *address,
			     const char *target)
{
	struct span t = span_str(target);

	return directory_alias_add(d, span_str(address), &t, 1, 7, NULL, NULL);
}

static void test_domains(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_domain at;
	char of[DIRECTORY_DOMAIN_MAX + 1];

	assert_int_equal(add_domain(d, "b.example", "a.example"),
			 YB_NOT_FOUND);
	assert_ok(add_domain(d, "a.example", ""));
	assert_int_equal(add_domain(d, "a.example", ""), YB_EXISTS);
	assert_ok(add_domain(d, "b.example", "a.example"));
	assert_int_equal(add_domain(d, "c.example", "b.example"), YB_INVALID);
	assert_int_equal(add_domain(d, "", ""), YB_INVALID);

	assert_ok(directory_domain_alias_of(d, SPAN_LIT("a.example"), of));
	assert_string_equal(of, "");
	assert_ok(directory_domain_alias_of(d, SPAN_LIT("b.example"), of));
	assert_string_equal(of, "a.example");
	assert_int_equal(
		directory_domain_alias_of(d, SPAN_LIT("c.example"), of),
		YB_NOT_FOUND);

	assert_ok(add(d, "x@a.example", 1));
	assert_ok(add_alias(d, "y@a.example", "x@a.example"));
	assert_ok(directory_domain_next(d, SPAN_NONE, &at));
	assert_string_equal(at.name, "a.example");
	assert_int_equal(at.created_s, 7);
	assert_int_equal(at.accounts_n, 1);
	assert_int_equal(at.aliases_n, 1);
	assert_int_equal(at.names_n, 1);
	assert_ok(directory_domain_next(d, span_str(at.name), &at));
	assert_string_equal(at.name, "b.example");
	assert_string_equal(at.alias_of, "a.example");
	assert_int_equal(directory_domain_next(d, span_str(at.name), &at),
			 YB_NOT_FOUND);
	directory_close(&d);
}

/* Nothing that hangs on a domain is ever left hanging. */
static void test_domain_remove(void **state)
{
	struct directory *d = place_open(*state);
	struct span a = SPAN_LIT("a.example");
	uint8_t id[DIRECTORY_ID_LEN];

	assert_int_equal(directory_domain_remove(d, a), YB_NOT_FOUND);
	assert_ok(add(d, "x@a.example", 1));
	assert_int_equal(directory_domain_remove(d, a), YB_INVALID);
	assert_ok(add_alias(d, "y@a.example", "x@a.example"));
	assert_ok(directory_account_remove(d, SPAN_LIT("x@a.example"), id));
	assert_int_equal(directory_domain_remove(d, a), YB_INVALID);
	assert_ok(directory_alias_remove(d, SPAN_LIT("y@a.example"), NULL, 0));
	assert_ok(add_domain(d, "b.example", "a.example"));
	assert_int_equal(directory_domain_remove(d, a), YB_INVALID);
	assert_ok(directory_domain_find(d, a));
	assert_ok(directory_domain_remove(d, SPAN_LIT("b.example")));
	assert_ok(directory_domain_remove(d, a));
	assert_int_equal(directory_domain_find(d, a), YB_NOT_FOUND);
	directory_close(&d);
}

static void check_alias(struct directory *d, const char *address,
			const char *first, const char *second)
{
	struct directory_alias *a = NULL;

	assert_ok(directory_alias_find(d, span_str(address), &a));
	assert_string_equal(a->address, address);
	assert_int_equal(a->targets_n, second != NULL ? 2 : 1);
	assert_string_equal(a->targets[0], first);
	if (second != NULL)
		assert_string_equal(a->targets[1], second);
	directory_alias_free(&a);
	assert_null(a);
}

static void test_aliases(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_alias *a = NULL;
	struct span gone[] = { SPAN_LIT("x@a.example"),
			       SPAN_LIT("never@a.example") };

	assert_int_equal(add_alias(d, "all@a.example", "x@a.example"),
			 YB_NOT_FOUND);
	assert_ok(add(d, "x@a.example", 1));
	assert_int_equal(directory_alias_add(d, SPAN_LIT("all@a.example"),
					     NULL, 0, 7, NULL, NULL),
			 YB_INVALID);
	assert_ok(add_alias(d, "all@a.example", "x@a.example"));
	assert_ok(add_alias(d, "all@a.example", "w@a.example"));
	assert_ok(add_alias(d, "all@a.example", "x@a.example"));
	assert_ok(add_alias(d, "@a.example", "x@a.example"));
	check_alias(d, "all@a.example", "w@a.example", "x@a.example");

	assert_ok(directory_alias_next(d, SPAN_NONE, &a));
	assert_string_equal(a->address, "@a.example");
	directory_alias_free(&a);
	assert_ok(directory_alias_next(d, SPAN_LIT("@a.example"), &a));
	assert_string_equal(a->address, "all@a.example");
	directory_alias_free(&a);
	assert_int_equal(directory_alias_next(d, SPAN_LIT("all@a.example"),
					      &a),
			 YB_NOT_FOUND);

	/* One that is not there: all stays as it was. */
	assert_int_equal(directory_alias_remove(d, SPAN_LIT("all@a.example"),
						gone, 2),
			 YB_NOT_FOUND);
	check_alias(d, "all@a.example", "w@a.example", "x@a.example");
	assert_ok(directory_alias_remove(d, SPAN_LIT("all@a.example"), gone,
					 1));
	check_alias(d, "all@a.example", "w@a.example", NULL);
	gone[0] = SPAN_LIT("w@a.example");
	assert_ok(directory_alias_remove(d, SPAN_LIT("all@a.example"), gone,
					 1));
	assert_int_equal(directory_alias_find(d, SPAN_LIT("all@a.example"),
					      &a),
			 YB_NOT_FOUND);
	directory_close(&d);
}

static void test_using(void **state)
{
	struct directory *d = place_open(*state);
	char by[DIRECTORY_ADDRESS_MAX + 1];
	int64_t at = 0;

	assert_ok(add(d, "x@a.example", 1));
	assert_int_equal(
		directory_alias_using(d, SPAN_LIT("x@a.example"), &at, by),
		YB_NOT_FOUND);
	assert_ok(add_alias(d, "b@a.example", "x@a.example"));
	assert_ok(add_alias(d, "c@a.example", "y@a.example"));
	assert_ok(add_alias(d, "a@a.example", "x@a.example"));
	assert_ok(directory_alias_using(d, SPAN_LIT("x@a.example"), &at, by));
	assert_string_equal(by, "b@a.example");
	assert_ok(directory_alias_using(d, SPAN_LIT("x@a.example"), &at, by));
	assert_string_equal(by, "a@a.example");
	assert_int_equal(
		directory_alias_using(d, SPAN_LIT("x@a.example"), &at, by),
		YB_NOT_FOUND);
	directory_close(&d);
}

static void test_too_many_targets(void **state)
{
	struct directory *d = place_open(*state);
	static char text[DIRECTORY_TARGETS_MAX + 1][24];
	static struct span targets[DIRECTORY_TARGETS_MAX + 1];
	struct directory_alias *a = NULL;

	for (size_t i = 0; i <= DIRECTORY_TARGETS_MAX; i++) {
		snprintf(text[i], sizeof text[i], "u%04zu@a.example", i);
		targets[i] = span_str(text[i]);
	}
	assert_ok(add_domain(d, "a.example", ""));
	assert_int_equal(directory_alias_add(d, SPAN_LIT("all@a.example"),
					     targets,
					     DIRECTORY_TARGETS_MAX + 1, 7, NULL,
					     NULL),
			 YB_TOO_BIG);
	assert_int_equal(directory_alias_find(d, SPAN_LIT("all@a.example"),
					      &a),
			 YB_NOT_FOUND);
	assert_ok(directory_alias_add(d, SPAN_LIT("all@a.example"), targets,
				      DIRECTORY_TARGETS_MAX, 7, NULL, NULL));
	assert_ok(directory_alias_find(d, SPAN_LIT("all@a.example"), &a));
	assert_int_equal(a->targets_n, DIRECTORY_TARGETS_MAX);
	assert_string_equal(a->targets[999], "u0999@a.example");
	directory_alias_free(&a);
	directory_close(&d);
}

#define IN_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_domains),	       IN_PLACE(test_domain_remove),
		IN_PLACE(test_aliases),	       IN_PLACE(test_using),
		IN_PLACE(test_too_many_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
