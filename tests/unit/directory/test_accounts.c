/*
 * Accounts, credentials and logins as rows.
 */
#include "unit/directory/directory_test.h"

static void test_add_and_find(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_verifier v = verifier(9);
	struct directory_account *a = NULL;
	uint8_t id[DIRECTORY_ID_LEN];

	assert_int_equal(directory_domain_find(d, SPAN_LIT("example.org")),
			 YB_NOT_FOUND);
	assert_ok(directory_account_add(d, SPAN_LIT("alice@example.org"), &v,
					1700000000, id));
	assert_ok(directory_domain_find(d, SPAN_LIT("example.org")));
	assert_int_equal(directory_domain_find(d, SPAN_LIT("example.or")),
			 YB_NOT_FOUND);

	assert_ok(directory_account_find(d, SPAN_LIT("alice@example.org"),
					 &a));
	assert_string_equal(a->address, "alice@example.org");
	assert_memory_equal(a->id, id, sizeof id);
	assert_memory_equal(a->salt, v.salt, sizeof v.salt);
	assert_int_equal(a->iterations, 100000);
	assert_int_equal(a->created_s, 1700000000);
	assert_int_equal(a->last_login_s, 0);
	assert_int_equal(a->credentials_n, 1);
	assert_int_equal(a->credentials[0].device, DIRECTORY_MAIN);
	assert_int_equal(a->credentials[0].kind, DIRECTORY_SCRAM_SHA_256);
	assert_string_equal(a->credentials[0].name, "main");
	assert_memory_equal(a->credentials[0].stored_key, v.stored_key, 32);
	assert_memory_equal(a->credentials[0].server_key, v.server_key, 32);
	assert_int_equal(a->credentials[0].created_s, 1700000000);
	assert_int_equal(a->credentials[0].last_used_s, 0);
	directory_account_free(&a);
	assert_null(a);
	directory_account_free(&a);
	directory_close(&d);
}

static void test_exists(void **state)
{
	struct directory *d = place_open(*state);

	assert_ok(add(d, "a@example.org", 1));
	assert_int_equal(add(d, "a@example.org", 2), YB_EXISTS);
	/* The failed one left nothing behind and no transaction open. */
	assert_ok(add(d, "b@example.org", 3));
	assert_false(has(d, "c@example.org"));
	directory_close(&d);
}

/* Names are octets: no pattern, no case, no end at a NUL (threat 13). */
static void test_exact_names(void **state)
{
	static const char *const others[] = {
		"Alice@example.org", "alice@example.or", "alice@example.orgg",
		"%@example.org", "alice@example._rg", "alice", "",
		"alice@example.org' OR '1'='1", "*@*",
	};
	struct directory *d = place_open(*state);
	struct directory_account *a = NULL;

	assert_ok(add(d, "alice@example.org", 1));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(has(d, others[i]));
	assert_int_equal(directory_account_find(
		d, SPAN_LIT("alice@example.org\0x"), &a), YB_NO_ACCOUNT);
	assert_int_equal(directory_account_find(d, SPAN_NONE, &a),
			 YB_NO_ACCOUNT);
	assert_null(a);
	directory_close(&d);
}

static enum yb_err add_span(struct directory *d, struct span address,
			    const struct directory_verifier *v)
{
	uint8_t id[DIRECTORY_ID_LEN];

	return directory_account_add(d, address, v, 1, id);
}

static void test_bounds(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_verifier v = verifier(1);
	char text[DIRECTORY_ADDRESS_MAX + 2];
	char name[DIRECTORY_NAME_MAX + 2];

	memset(text, 'a', sizeof text);
	memcpy(text, "x@", 2);
	assert_int_equal(add_span(d, span_of(text, DIRECTORY_ADDRESS_MAX),
				  &v),
			 YB_OK);
	assert_int_equal(add_span(d, span_of(text, DIRECTORY_ADDRESS_MAX + 1),
				  &v),
			 YB_INVALID);
	assert_int_equal(add_span(d, SPAN_LIT("x"), &v), YB_INVALID);
	assert_int_equal(add_span(d, SPAN_LIT("@x"), &v), YB_INVALID);
	assert_int_equal(add_span(d, SPAN_LIT("x@"), &v), YB_INVALID);
	assert_int_equal(add_span(d, SPAN_LIT("a\0b@x"), &v), YB_INVALID);
	assert_int_equal(add_span(d, SPAN_NONE, &v), YB_INVALID);

	v.device = DIRECTORY_DEVICES_MAX;
	assert_int_equal(add_span(d, SPAN_LIT("a@x"), &v), YB_INVALID);
	v = verifier(1);
	v.iterations = DIRECTORY_ITERATIONS_MIN - 1;
	assert_int_equal(add_span(d, SPAN_LIT("a@x"), &v), YB_INVALID);
	v.iterations = DIRECTORY_ITERATIONS_MAX + 1;
	assert_int_equal(add_span(d, SPAN_LIT("a@x"), &v), YB_INVALID);
	v = verifier(1);
	v.name = "";
	assert_int_equal(add_span(d, SPAN_LIT("a@x"), &v), YB_INVALID);
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = 0;
	v.name = name;
	assert_int_equal(add_span(d, SPAN_LIT("a@x"), &v), YB_INVALID);
	name[sizeof name - 2] = 0;
	assert_ok(add_span(d, SPAN_LIT("a@x"), &v));
	directory_close(&d);
}

static void test_password_is_replaced(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_verifier v = verifier(50);
	struct directory_account *a = NULL;
	uint64_t generation;

	assert_ok(add(d, "a@example.org", 1));
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	generation = a->generation;
	directory_account_free(&a);

	v.iterations = 200000; /* the only one may bring salt and count */
	assert_ok(directory_credential_put(d, SPAN_LIT("a@example.org"), &v,
					   77));
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	assert_true(a->generation > generation);
	assert_int_equal(a->iterations, 200000);
	assert_int_equal(a->credentials_n, 1);
	assert_memory_equal(a->salt, v.salt, sizeof v.salt);
	assert_memory_equal(a->credentials[0].stored_key, v.stored_key, 32);
	assert_int_equal(a->credentials[0].created_s, 77);
	directory_account_free(&a);

	assert_int_equal(directory_credential_put(
		d, SPAN_LIT("b@example.org"), &v, 77), YB_NO_ACCOUNT);
	directory_close(&d);
}

/* All mail passwords of an account share salt and count. */
static void test_devices_share_the_salt(void **state)
{
	struct directory *d = place_open(*state);
	const struct span address = SPAN_LIT("a@example.org");
	struct directory_verifier v = verifier(1);
	struct directory_account *a = NULL;
	char names[DIRECTORY_DEVICES_MAX][16];

	assert_ok(add(d, "a@example.org", 1));
	for (uint32_t i = 1; i < DIRECTORY_DEVICES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "device %u", i);
		v.device = i;
		v.name = names[i];
		v.stored_key[0] = (uint8_t)i;
		assert_ok(directory_credential_put(d, address, &v, i));
	}
	assert_ok(directory_account_find(d, address, &a));
	assert_int_equal(a->credentials_n, DIRECTORY_DEVICES_MAX);
	for (uint32_t i = 1; i < DIRECTORY_DEVICES_MAX; i++) {
		assert_int_equal(a->credentials[i].device, i);
		assert_string_equal(a->credentials[i].name, names[i]);
		assert_int_equal(a->credentials[i].stored_key[0], i);
		assert_int_equal(a->credentials[i].created_s, i);
	}
	directory_account_free(&a);

	v.salt[0] ^= 1;
	assert_int_equal(directory_credential_put(d, address, &v, 1),
			 YB_INVALID);
	v.salt[0] ^= 1;
	v.iterations++;
	assert_int_equal(directory_credential_put(d, address, &v, 1),
			 YB_INVALID);
	v.iterations--;
	v.name = "main"; /* the name of another device */
	assert_int_equal(directory_credential_put(d, address, &v, 1),
			 YB_EXISTS);
	v.name = names[63];
	assert_ok(directory_credential_put(d, address, &v, 1));
	directory_close(&d);
}

static void test_remove(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_verifier v = verifier(1);
	uint8_t id[DIRECTORY_ID_LEN], removed[DIRECTORY_ID_LEN];
	uint8_t again[DIRECTORY_ID_LEN];
	const struct span address = SPAN_LIT("a@example.org");
	struct directory_account *a = NULL;

	assert_int_equal(directory_account_remove(d, address, removed),
			 YB_NO_ACCOUNT);
	assert_ok(directory_account_add(d, address, &v, 1, id));
	assert_ok(directory_account_remove(d, address, removed));
	assert_memory_equal(id, removed, sizeof id);
	assert_false(has(d, "a@example.org"));
	assert_ok(directory_domain_find(d, SPAN_LIT("example.org")));

	/* One of the same name is another account, with nothing of the old. */
	assert_ok(directory_account_add(d, address, &v, 2, again));
	assert_memory_not_equal(id, again, sizeof id);
	assert_ok(directory_account_find(d, address, &a));
	assert_int_equal(a->credentials_n, 1);
	directory_account_free(&a);
	directory_close(&d);
}

static void test_order(void **state)
{
	static const char *const in[] = { "m@b.example", "z@a.example",
					  "a@b.example", "\xc3\xa4@a.example",
					  "a@a.example" };
	static const char *const out[] = { "a@a.example", "a@b.example",
					   "m@b.example", "z@a.example",
					   "\xc3\xa4@a.example" };
	struct directory *d = place_open(*state);
	struct directory_account *a = NULL;
	char after[64] = "";

	assert_int_equal(directory_account_first(d, SPAN_NONE, &a),
			 YB_NO_ACCOUNT);
	for (unsigned i = 0; i < 5; i++)
		assert_ok(add(d, in[i], i));
	for (unsigned i = 0; i < 5; i++) {
		assert_ok(directory_account_next(d, span_str(after), &a));
		assert_string_equal(a->address, out[i]);
		strcpy(after, a->address);
		directory_account_free(&a);
	}
	assert_int_equal(directory_account_next(d, span_str(after), &a),
			 YB_NO_ACCOUNT);

	assert_ok(directory_account_first(d, SPAN_NONE, &a));
	assert_string_equal(a->address, "m@b.example");
	directory_account_free(&a);
	assert_ok(directory_account_first(d, SPAN_LIT("a.example"), &a));
	assert_string_equal(a->address, "z@a.example");
	directory_account_free(&a);
	assert_int_equal(directory_account_first(d, SPAN_LIT("c.example"), &a),
			 YB_NO_ACCOUNT);
	directory_close(&d);
}

static void test_logins(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_account *a = NULL;
	struct directory_login logins[3] = { { .device = 0, .at_s = 500 },
					     { .device = 0, .at_s = 400 },
					     { .device = 5, .at_s = 600 } };

	assert_ok(add(d, "a@example.org", 1));
	assert_ok(add(d, "b@example.org", 1));
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	memcpy(logins[0].id, a->id, sizeof a->id);
	memcpy(logins[1].id, a->id, sizeof a->id); /* earlier: no change */
	memset(logins[2].id, 0xee, sizeof a->id);  /* gone meanwhile */
	directory_account_free(&a);
	assert_ok(directory_logins(d, logins, 3));
	assert_ok(directory_logins(d, logins, 0));
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	assert_int_equal(a->last_login_s, 500);
	assert_int_equal(a->credentials[0].last_used_s, 500);
	directory_account_free(&a);
	assert_ok(directory_account_find(d, SPAN_LIT("b@example.org"), &a));
	assert_int_equal(a->last_login_s, 0);
	directory_account_free(&a);
	directory_close(&d);
}

/* Devices with limits, under numbers that are not given again at once. */
static void test_devices(void **state)
{
	struct directory *d = place_open(*state);
	struct directory_account *a = NULL;
	struct directory_verifier v = verifier(1);
	uint32_t device = 0, second = 0;

	assert_ok(add(d, "a@example.org", 1));
	v.name = "phone";
	v.limits = (struct directory_limits){ .refused = DIRECTORY_NO_DELETE,
					      .protocols = 1,
					      .expires_s = 99,
					      .networks = "192.0.2.0/24" };
	assert_ok(directory_device_add(d, SPAN_LIT("a@example.org"), &v, 5,
				       &device));
	assert_int_equal(device, 1);
	assert_int_equal(directory_device_add(d, SPAN_LIT("a@example.org"), &v,
					      5, &second),
			 YB_EXISTS);
	assert_int_equal(directory_device_add(d, SPAN_LIT("b@example.org"), &v,
					      5, &second),
			 YB_NO_ACCOUNT);
	v.name = "x";
	v.salt[0] ^= 1; /* the account has one salt */
	assert_int_equal(directory_device_add(d, SPAN_LIT("a@example.org"), &v,
					      5, &second),
			 YB_INVALID);
	v.kind = DIRECTORY_LEGACY;
	assert_int_equal(directory_device_add(d, SPAN_LIT("a@example.org"), &v,
					      5, &second),
			 YB_INVALID);
	v.hash = "plain";
	assert_ok(directory_device_add(d, SPAN_LIT("a@example.org"), &v, 5,
				       &second));
	assert_int_equal(second, 2);
	directory_close(&d);

	d = place_open(*state);
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	assert_int_equal(a->credentials_n, 3);
	assert_int_equal(a->generation, 3);
	assert_string_equal(a->credentials[1].name, "phone");
	assert_int_equal(a->credentials[1].limits.refused, DIRECTORY_NO_DELETE);
	assert_int_equal(a->credentials[1].limits.protocols, 1);
	assert_int_equal(a->credentials[1].limits.expires_s, 99);
	assert_string_equal(a->credentials[1].limits.networks, "192.0.2.0/24");
	assert_string_equal(a->credentials[1].hash, "");
	assert_string_equal(a->credentials[2].hash, "plain");
	assert_int_equal(a->credentials[0].limits.refused, 0);
	directory_account_free(&a);

	assert_ok(directory_device_remove(d, SPAN_LIT("a@example.org"), 1));
	assert_int_equal(directory_device_remove(
				 d, SPAN_LIT("a@example.org"), 1),
			 YB_NOT_FOUND);
	assert_ok(directory_account_find(d, SPAN_LIT("a@example.org"), &a));
	assert_int_equal(a->credentials_n, 2);
	assert_int_equal(a->generation, 4);
	directory_account_free(&a);
	v = verifier(1);
	for (uint32_t i = 3; i < DIRECTORY_DEVICES_MAX + 1; i++) {
		char name[16];

		snprintf(name, sizeof name, "d%u", i);
		v.name = name;
		assert_ok(directory_device_add(d, SPAN_LIT("a@example.org"),
					       &v, 5, &device));
		/* The one that was freed comes last. */
		assert_int_equal(device, i < DIRECTORY_DEVICES_MAX ? i : 1);
	}
	v.name = "more";
	assert_int_equal(directory_device_add(d, SPAN_LIT("a@example.org"), &v,
					      5, &device),
			 YB_QUOTA);
	directory_close(&d);
}

/* A row that the program never wrote is damage, not a login. */
static void test_bad_rows(void **state)
{
	static const char *const damage[] = {
		"UPDATE credentials SET stored_key = x'00'",
		"UPDATE credentials SET kind = 2",
		"UPDATE credentials SET kind = 5",
		"UPDATE credentials SET hash = 'x'",
		"UPDATE credentials SET networks = printf('%.*c', 513, '1')",
		"UPDATE credentials SET device = 64",
		"UPDATE accounts SET salt = x''",
		"UPDATE accounts SET id = x'00'",
		"UPDATE accounts SET iterations = 1",
		"UPDATE credentials SET name = printf('%.*c', 65, 'x')",
	};
	struct directory *d = place_open(*state);
	struct directory_account *a = NULL;

	assert_ok(add(d, "a@example.org", 1));
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		assert_int_equal(sqlite3_exec(d->db,
			"PRAGMA ignore_check_constraints = ON; BEGIN",
			NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_exec(d->db, damage[i], NULL, NULL,
					      NULL), SQLITE_OK);
		assert_int_equal(directory_account_find(
			d, SPAN_LIT("a@example.org"), &a), YB_CORRUPT);
		assert_null(a);
		assert_int_equal(sqlite3_exec(d->db, "ROLLBACK", NULL, NULL,
					      NULL), SQLITE_OK);
		assert_true(has(d, "a@example.org"));
	}
	directory_close(&d);
}

/* And the schema refuses such rows to begin with. */
static void test_schema_checks(void **state)
{
	static const char *const bad[] = {
		"UPDATE credentials SET stored_key = x'00'",
		"UPDATE credentials SET device = 64",
		"UPDATE accounts SET salt = x''",
		"UPDATE accounts SET iterations = 1",
		"UPDATE accounts SET domain = 99",
		"UPDATE credentials SET account = 99",
		"DELETE FROM domains",
	};
	struct directory *d = place_open(*state);

	assert_ok(add(d, "a@example.org", 1));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_not_equal(sqlite3_exec(d->db, bad[i], NULL, NULL,
						  NULL), SQLITE_OK);
	directory_close(&d);
}

#define IN_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_add_and_find),
		IN_PLACE(test_exists),
		IN_PLACE(test_exact_names),
		IN_PLACE(test_bounds),
		IN_PLACE(test_password_is_replaced),
		IN_PLACE(test_devices_share_the_salt),
		IN_PLACE(test_remove),
		IN_PLACE(test_order),
		IN_PLACE(test_logins),
		IN_PLACE(test_devices),
		IN_PLACE(test_bad_rows),
		IN_PLACE(test_schema_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
