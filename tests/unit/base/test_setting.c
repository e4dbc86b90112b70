/*
 * Settings as text.
 */
#include "base/setting.h"
#include "unit/unit.h"

static void test_rows(void **state)
{
	static const struct {
		enum setting which;
		const char *text;
		uint64_t value;
		const char *printed; /* NULL: INVALID */
	} rows[] = {
		{ SETTING_login, "yes", 1, "yes" },
		{ SETTING_login, "no", 0, "no" },
		{ SETTING_login, "YES", 0, NULL },
		{ SETTING_login, "1", 0, NULL },
		{ SETTING_login, "", 0, NULL },
		{ SETTING_quota_octets, "0", 0, "0" },
		{ SETTING_quota_octets, "1023", 1023, "1023" },
		{ SETTING_quota_octets, "1024", 1024, "1K" },
		{ SETTING_quota_octets, "3g", 3ull << 30, "3G" },
		{ SETTING_quota_octets, "1500M", 1500ull << 20, "1500M" },
		{ SETTING_quota_octets, "1024T", 1ull << 50, "1024T" },
		{ SETTING_quota_octets, "1025T", 0, NULL },
		{ SETTING_quota_octets, "99999999999999T", 0, NULL },
		{ SETTING_quota_octets, "K", 0, NULL },
		{ SETTING_quota_octets, "-1", 0, NULL },
		{ SETTING_quota_octets, "1 G", 0, NULL },
		{ SETTING_quota_messages, "1000", 1000, "1000" },
		{ SETTING_quota_messages, "4294967296", 0, NULL },
		{ SETTING_quota_messages, "1K", 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *takes = NULL;
		char text[SETTING_TEXT_MAX];
		uint64_t value = 77;
		enum yb_err err = setting_parse(
			rows[i].which, span_str(rows[i].text), &value, &takes);

		if (rows[i].printed == NULL) {
			assert_int_equal(err, YB_INVALID);
			assert_non_null(takes);
			assert_int_equal(value, 77);
			continue;
		}
		assert_ok(err);
		assert_true(value == rows[i].value);
		setting_print(rows[i].which, value, text);
		assert_string_equal(text, rows[i].printed);
	}
}

/* The table's text and value of each default are the same. */
static void test_presets(void **state)
{
#define X(name, type, least, most, text, value, where, help) #text,
	static const char *const texts[] = { SETTINGS(X) };
#undef X
	enum setting which;

	(void)state;
	for (int i = 0; i < SETTINGS_N; i++) {
		char printed[SETTING_TEXT_MAX], quoted[SETTING_TEXT_MAX + 2];

		setting_print((enum setting)i,
			      setting_preset((enum setting)i), printed);
		snprintf(quoted, sizeof quoted, "\"%s\"", printed);
		assert_string_equal(quoted, texts[i]);
		assert_true(setting_find(
			span_str(setting_name((enum setting)i)), &which));
		assert_int_equal(which, i);
	}
	assert_false(setting_find(SPAN_LIT("quota"), &which));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_presets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
