#include "auth/password.h"

#include "auth/auth.h"
#include "base/buf.h"
#include "os/random.h"

/* Letters and digits that look like no other, in any common typeface. */
static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

enum { GROUP = 4 };

_Static_assert(sizeof alphabet - 1 == 32, "five bits a character");

void auth_generate_password(char ret[AUTH_GENERATED_LEN + 1])
{
	uint8_t random[AUTH_GENERATED_LEN];

	os_random(random, sizeof random);
	for (size_t i = 0; i < AUTH_GENERATED_LEN; i++)
		ret[i] = i % (GROUP + 1) == GROUP ? '-'
						  : alphabet[random[i] & 31];
	ret[AUTH_GENERATED_LEN] = 0;
	mem_wipe(random, sizeof random);
}

static size_t characters(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Octets stand for characters: good enough for a count of patterns. */
static size_t different(struct span s)
{
	bool seen[256] = { false };
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n += !seen[s.p[i]];
		seen[s.p[i]] = true;
	}
	return n;
}

static bool holds(struct span s, struct span what)
{
	for (size_t at = 0; at + what.n <= s.n; at++)
		if (span_eq_nocase(span_of(s.p + at, what.n), what))
			return true;
	return false;
}

/* Every character the next after, or before, the one before: 123456789012. */
static bool is_sequence(struct span s)
{
	size_t up = 1, down = 1;

	for (size_t i = 1; i < s.n; i++) {
		bool wrap_up = s.p[i - 1] == '9' && s.p[i] == '0';
		bool wrap_down = s.p[i - 1] == '0' && s.p[i] == '9';

		up += s.p[i] == s.p[i - 1] + 1 || wrap_up;
		down += s.p[i] + 1 == s.p[i - 1] || wrap_down;
	}
	return up == s.n || down == s.n;
}

/* The shortest piece that gives `s` when it is repeated; s.n if none does. */
static size_t period(struct span s)
{
	for (size_t n = 1; n < s.n; n++)
		if (memcmp(s.p, s.p + n, s.n - n) == 0)
			return n;
	return s.n;
}

static bool is_letter(uint8_t c)
{
	return c >= 0x80 || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Without the digits and signs that people put around a word. */
static struct span core(struct span s)
{
	while (s.n > 0 && !is_letter(s.p[0]))
		s = span_skip(s, 1);
	while (s.n > 0 && !is_letter(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The whole, its core, or what it repeats is a much used password. */
static bool is_common(struct span password)
{
	uint8_t lower[AUTH_PASSWORD_MAX];
	struct span s = span_head(password, sizeof lower);
	bool common;

	for (size_t i = 0; i < s.n; i++)
		lower[i] = ascii_lower(s.p[i]);
	s.p = lower;
	common = password_is_common(s) || password_is_common(core(s)) ||
		 password_is_common(span_head(s, period(s))) ||
		 password_is_common(span_head(core(s), period(core(s))));
	mem_wipe(lower, sizeof lower);
	return common;
}

const char *password_weakness(struct span password, struct span address)
{
	struct span name = span_head(address, span_find_last(address, '@'));

	if (characters(password) < PASSWORD_CHARACTERS_MIN)
		return "it is shorter than 12 characters";
	if (different(password) < PASSWORD_DIFFERENT_MIN)
		return "it has fewer than 5 different characters";
	if (name.n >= PASSWORD_NAME_MIN && holds(password, name))
		return "the name of the account is inside";
	if (is_sequence(password))
		return "its characters just follow one another";
	if (period(password) < PASSWORD_CHARACTERS_MIN / 2)
		return "it repeats one short piece";
	if (is_common(password))
		return "it is made of one of the most used passwords";
	return NULL;
}
