#include "crypto/crypt_hash.h"

#include <crypt.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "crypto/compare.h"

enum {
	/* 2^13 rounds of bcrypt take half a second here. */
	BCRYPT_COST_MAX = 13,
	/* Ten times what mkpasswd offers; a second and a half. */
	SHA_ROUNDS_MAX = 1000000,
	/* yescrypt "j9T" is Debian's, 16 MiB; "jBT" takes 64 MiB. */
	YESCRYPT_SIZE_MAX = 'B',
	/* A key longer than libxcrypt takes fits no hash. */
	KEY_MAX = CRYPT_MAX_PASSPHRASE_SIZE,
};

static bool is_bcrypt(struct span s)
{
	uint64_t cost;

	/* $2b$12$ and 53 characters. */
	return s.n == 60 &&
	       (span_starts(s, SPAN_LIT("$2a$")) ||
		span_starts(s, SPAN_LIT("$2b$")) ||
		span_starts(s, SPAN_LIT("$2y$"))) &&
	       s.p[6] == '$' && ascii_digit(s.p[4]) && ascii_digit(s.p[5]) &&
	       num_parse(span_of(s.p + (s.p[4] == '0' ? 5 : 4),
				 s.p[4] == '0' ? 1 : 2),
			 BCRYPT_COST_MAX, &cost);
}

static bool is_sha(struct span s, struct span prefix)
{
	static const struct span rounds = SPAN_LIT("rounds=");
	uint64_t n;

	if (!span_starts(s, prefix))
		return false;
	s = span_skip(s, prefix.n);
	if (!span_starts(s, rounds))
		return true;
	s = span_skip(s, rounds.n);
	return num_parse(span_head(s, span_find(s, '$')), SHA_ROUNDS_MAX, &n);
}

static bool is_yescrypt(struct span s)
{
	static const struct span prefix = SPAN_LIT("$y$j");

	return span_starts(s, prefix) && s.n > prefix.n + 2 &&
	       s.p[prefix.n] <= YESCRYPT_SIZE_MAX && s.p[prefix.n + 1] == 'T' &&
	       s.p[prefix.n + 2] == '$';
}

bool crypt_hash_is_known(struct span hash)
{
	char text[CRYPT_OUTPUT_SIZE];

	if (!span_to_str(hash, text, sizeof text))
		return false;
	for (size_t i = 0; i < hash.n; i++)
		if (hash.p[i] <= 0x20 || hash.p[i] >= 0x7f)
			return false;
	return (is_bcrypt(hash) || is_sha(hash, SPAN_LIT("$5$")) ||
		is_sha(hash, SPAN_LIT("$6$")) || is_yescrypt(hash)) &&
	       crypt_checksalt(text) != CRYPT_SALT_INVALID &&
	       /* The hash itself stands behind the last $. */
	       hash.n - span_find_last(hash, '$') > 20;
}

enum yb_err crypt_hash_check(const char *hash, struct span password,
			     bool *ret_fits)
{
	struct crypt_data *data;
	char key[KEY_MAX];
	const char *got;

	if (!crypt_hash_is_known(span_str(hash)))
		return YB_INVALID;
	data = calloc(1, sizeof *data);
	if (data == NULL)
		return YB_NOMEM;
	*ret_fits = false;
	/* What is too long, or holds a NUL, gave no hash. */
	if (span_to_str(password, key, sizeof key)) {
		got = crypt_rn(key, hash, data, (int)sizeof *data);
		*ret_fits = got != NULL && strlen(got) == strlen(hash) &&
			    compare_equal(got, hash, strlen(hash));
	}
	mem_wipe(key, sizeof key);
	mem_wipe(data, sizeof *data);
	free(data);
	return YB_OK;
}
