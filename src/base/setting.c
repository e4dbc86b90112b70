#include "base/setting.h"

#include <stdio.h>

#include "base/num.h"

/* clang-format off */
static const struct {
	const char *name;
	enum setting_type type;
	uint64_t least, most, preset;
	bool is_shared;
} settings[SETTINGS_N] = {
#define X(name, type, least, most, text, value, where, help) \
	[SETTING_##name] = { #name, type, least, most, value, true },
	SETTINGS_SHARED(X)
#undef X
#define X(name, type, least, most, text, value, where, help) \
	[SETTING_##name] = { #name, type, least, most, value, false },
	SETTINGS_OF_ACCOUNTS(X)
#undef X
};
/* clang-format on */

const char *setting_name(enum setting which)
{
	return settings[which].name;
}

uint64_t setting_preset(enum setting which)
{
	return settings[which].preset;
}

bool setting_is_shared(enum setting which)
{
	return settings[which].is_shared;
}

bool setting_find(struct span name, enum setting *ret)
{
	for (int i = 0; i < SETTINGS_N; i++) {
		if (!span_eq(name, span_str(settings[i].name)))
			continue;
		*ret = (enum setting)i;
		return true;
	}
	return false;
}

bool setting_is_valid(enum setting which, uint64_t value)
{
	return value >= settings[which].least && value <= settings[which].most;
}

static bool parse_bool(struct span text, uint64_t *ret)
{
	*ret = span_eq(text, SPAN_LIT("yes"));
	return *ret != 0 || span_eq(text, SPAN_LIT("no"));
}

static bool parse_octets(struct span text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;

	for (unsigned i = 0; text.n > 1 && units[i] != 0; i++)
		if (ascii_upper(text.p[text.n - 1]) == (uint8_t)units[i]) {
			shift = 10 * (i + 1);
			text.n--;
			break;
		}
	if (!num_parse(text, UINT64_MAX >> shift, ret))
		return false;
	*ret <<= shift;
	return true;
}

enum yb_err setting_parse(enum setting which, struct span text, uint64_t *ret,
			  const char **ret_takes)
{
	static const char *const takes[] = {
		[SETTING_BOOL] = "yes or no",
		[SETTING_OCTETS] =
			("octets, such as 500K, 50M or 2G; 0 is no limit"),
		[SETTING_COUNT] = "a number; 0 is no limit",
	};
	uint64_t value = 0;
	bool good = false;

	switch (settings[which].type) {
	case SETTING_BOOL:
		good = parse_bool(text, &value);
		break;
	case SETTING_OCTETS:
		good = parse_octets(text, &value);
		break;
	case SETTING_COUNT:
		good = num_parse(text, UINT64_MAX, &value);
		break;
	}
	if (!good || !setting_is_valid(which, value)) {
		*ret_takes = takes[settings[which].type];
		return YB_INVALID;
	}
	*ret = value;
	return YB_OK;
}

void setting_print(enum setting which, uint64_t value,
		   char ret[SETTING_TEXT_MAX])
{
	static const char units[] = "KMGT";
	size_t unit = 0;

	if (settings[which].type == SETTING_BOOL) {
		(void)snprintf(ret, SETTING_TEXT_MAX, "%s",
			       value != 0 ? "yes" : "no");
		return;
	}
	while (settings[which].type == SETTING_OCTETS && value > 0 &&
	       value % 1024 == 0 && unit < 4) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(ret, SETTING_TEXT_MAX, "%llu%.*s",
		       (unsigned long long)value, unit > 0,
		       units + (unit > 0 ? unit - 1 : 0));
}
