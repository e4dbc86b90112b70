#include "proto/pop3_texts.h"

#include "base/cleanup.h"

/* clang-format off */
static const char *const texts[POP3_LANGUAGES][POP3_TEXT_COUNT] = {
	[POP3_EN] = {
#define X(name, en, ja) [POP3_SAY_##name] = en,
		POP3_TEXTS(X)
#undef X
	},
	[POP3_JA] = {
#define X(name, en, ja) [POP3_SAY_##name] = ja,
		POP3_TEXTS(X)
#undef X
	},
};

static const char *const errors_ja[YB_ERR_COUNT] = {
	[YB_OK] = "正常です",
#define X(name, text) [YB_##name] = text,
	POP3_ERR_TEXTS_JA(X)
#undef X
};
/* clang-format on */

static const struct language {
	const char *tag, *name;
} languages[POP3_LANGUAGES] = {
	[POP3_EN] = { "en", "English" },
	[POP3_JA] = { "ja", "日本語" },
};

struct span pop3_text(enum pop3_language language, enum pop3_text text)
{
	return span_str(texts[language][text]);
}

struct span pop3_err_text(enum pop3_language language, enum yb_err err)
{
	if (language == POP3_JA && errors_ja[err] != NULL)
		return span_str(errors_ja[err]);
	return span_str(err_text(err));
}

struct span pop3_language_tag(enum pop3_language language)
{
	return span_str(languages[language].tag);
}

struct span pop3_language_name(enum pop3_language language)
{
	return span_str(languages[language].name);
}

static bool is_subtag(struct span s, bool first)
{
	if (s.n == 0 || s.n > 8)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && (first || !ascii_digit(c)))
			return false;
	}
	return true;
}

/* RFC 4647 section 2.1: (1*8ALPHA *("-" 1*8alphanum)) */
static bool is_range(struct span s)
{
	bool first = true;

	if (s.n == 0 || s.p[s.n - 1] == '-')
		return false;
	for (; s.n > 0; first = false)
		if (!is_subtag(span_cut(&s, '-'), first))
			return false;
	return true;
}

bool pop3_language_find(struct span range, enum pop3_language *ret)
{
	/* All our tags are one subtag: that is where truncation ends. */
	struct span primary = span_head(range, span_find(range, '-'));

	if (!is_range(range))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		if (!span_eq_nocase(primary, span_str(languages[i].tag)))
			continue;
		*ret = (enum pop3_language)i;
		return true;
	}
	return false;
}
