/*
 * Logins of old programs, whose mechanisms know nothing better. Each has a
 * secret of its own, made here, good for one mechanism and until a day: what
 * somebody learns from it opens nothing else. Never the other way round
 * either: no mail password is looked at here.
 *
 * What the directory's `hash` says of a legacy credential:
 *
 *	apop SECRET         the digest is over the secret itself
 *	cram-md5 SECRET     likewise
 *	scram-sha-1 SALT    in base64; stored_key and server_key have 20 octets
 *	without-tls         stored_key is the SHA-256 of the secret
 *
 * A secret has 100 random bits (auth_generate_password()): no slow hash has
 * to hide it, and none is begun for those who guess.
 */
#include "auth/attempt.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/codec.h"
#include "crypto/compare.h"
#include "crypto/hash.h"
#include "crypto/legacy.h"

enum {
	/* Secrets tried for an account at least, so that one without takes as
	 * long as one with a few (threat 8). Each costs a microsecond. */
	SECRETS_TRIED_MIN = 8,
};

/* Looks like one, and is nobody's: what takes the place of none. */
static const char no_secret[AUTH_GENERATED_LEN + 1] =
	"0000-0000-0000-0000-0000";

static const char *const words[] = {
#define X(id, word) word,
	AUTH_LEGACIES(X)
#undef X
};

const char *auth_legacy_word(enum auth_legacy which)
{
	return words[which];
}

bool auth_legacy_find(struct span word, enum auth_legacy *ret)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (!span_eq(word, span_str(words[i])))
			continue;
		*ret = (enum auth_legacy)i;
		return true;
	}
	return false;
}

bool legacy_of(const struct directory_credential *c, enum auth_legacy *ret)
{
	struct span text = span_str(c->hash);

	return c->kind == DIRECTORY_LEGACY &&
	       auth_legacy_find(span_cut(&text, ' '), ret);
}

/* Whether it is one of `which`; then what stands behind its word. */
static bool is_of(const struct directory_credential *c, enum auth_legacy which,
		  struct span *ret)
{
	enum auth_legacy own;

	if (!legacy_of(c, &own) || own != which)
		return false;
	*ret = span_str(c->hash);
	(void)span_cut(ret, ' ');
	return true;
}

/* ---- secrets that are made ---- */

/* The same for all of an account, and for one that has none yet. */
static bool find_salt(const struct directory_account *account,
		      uint8_t ret[DIRECTORY_SALT_LEN])
{
	uint8_t octets[DIRECTORY_SALT_LEN + 3];
	struct span text;
	size_t n = 0;

	for (uint32_t i = 0; i < account->credentials_n; i++) {
		if (!is_of(&account->credentials[i], AUTH_LEGACY_SCRAM_SHA_1,
			   &text) ||
		    text.n != base64_len(DIRECTORY_SALT_LEN) ||
		    !base64_parse(text, octets, &n) || n != DIRECTORY_SALT_LEN)
			continue;
		memcpy(ret, octets, n);
		return true;
	}
	return false;
}

enum yb_err legacy_salt(struct auth *a, const struct directory_account *account,
			uint8_t ret[DIRECTORY_SALT_LEN])
{
	const struct span parts[] = { SPAN_LIT("scram-sha-1 "),
				      span_str(account->address) };
	uint8_t sum[HMAC_LEN];
	enum yb_err err = hmac_sum(a->cache.fake, parts, 2, sum);

	if (err == YB_OK && !find_salt(account, ret))
		memcpy(ret, sum, DIRECTORY_SALT_LEN);
	return err;
}

static enum yb_err make_scram(struct auth *a,
			      const struct directory_account *account,
			      struct span secret, struct directory_verifier *v,
			      char ret[DIRECTORY_HASH_MAX + 1])
{
	struct scram_sha_1_verifier keys;
	uint8_t salt[DIRECTORY_SALT_LEN];
	uint8_t text[2 * DIRECTORY_SALT_LEN];
	enum yb_err err = legacy_salt(a, account, salt);
	int n;

	if (err == YB_OK)
		err = scram_sha_1_verifier_of(secret,
					      span_of(salt, sizeof salt),
					      AUTH_LEGACY_ITERATIONS, &keys);
	if (err != YB_OK)
		return err;
	memcpy(v->stored_key, keys.stored_key, sizeof keys.stored_key);
	memcpy(v->server_key, keys.server_key, sizeof keys.server_key);
	mem_wipe(&keys, sizeof keys);
	n = (int)base64_put(text, span_of(salt, sizeof salt));
	(void)snprintf(ret, DIRECTORY_HASH_MAX + 1, "%s %.*s",
		       words[AUTH_LEGACY_SCRAM_SHA_1], n, (const char *)text);
	return YB_OK;
}

enum yb_err legacy_make(struct auth *a, const struct directory_account *account,
			enum auth_legacy which, struct span secret,
			struct directory_verifier *v,
			char ret_hash[DIRECTORY_HASH_MAX + 1])
{
	v->kind = DIRECTORY_LEGACY;
	v->hash = ret_hash;
	/* Nothing is made with them; the directory wants valid ones. */
	v->iterations = account->iterations;
	switch (which) {
	case AUTH_LEGACY_APOP:
	case AUTH_LEGACY_CRAM_MD5:
		(void)snprintf(ret_hash, DIRECTORY_HASH_MAX + 1, "%s %.*s",
			       words[which], (int)secret.n,
			       (const char *)secret.p);
		return YB_OK;
	case AUTH_LEGACY_SCRAM_SHA_1:
		return make_scram(a, account, secret, v, ret_hash);
	case AUTH_LEGACY_WITHOUT_TLS:
		(void)stpcpy(ret_hash, words[which]);
		return hash_sha256(secret, v->stored_key);
	}
	return YB_INVALID;
}

/* ---- secrets that are proved ---- */

bool legacy_scram_fits(const struct directory_credential *c)
{
	struct span salt;

	return is_of(c, AUTH_LEGACY_SCRAM_SHA_1, &salt);
}

enum yb_err legacy_check_digest(const struct sasl_server *s,
				const struct cached *at, int *ret_index)
{
	enum auth_legacy which = s->mechanism == SASL_APOP
					 ? AUTH_LEGACY_APOP
					 : AUTH_LEGACY_CRAM_MD5;
	uint32_t n = at->account->credentials_n;
	enum yb_err err = YB_OK;
	int found = -1;

	/* All are tried, whichever fits. */
	for (uint32_t i = 0; (i < n || i < SECRETS_TRIED_MIN) && err == YB_OK;
	     i++) {
		struct span secret = span_str(no_secret);
		bool own = i < n &&
			   is_of(&at->account->credentials[i], which, &secret);
		bool fits = false;

		err = sasl_server_fits(s, secret, &fits);
		if (fits && own)
			found = (int)i;
	}
	*ret_index = found;
	return err;
}

enum yb_err legacy_check_clear(const struct attempt *at,
			       const struct cached *cached, int *ret_index)
{
	uint8_t sum[SHA256_LEN];
	struct span rest;
	int found = -1;
	enum yb_err err =
		hash_sha256(span_of(at->password, at->password_n), sum);

	for (uint32_t i = 0; i < cached->account->credentials_n && err == YB_OK;
	     i++) {
		const struct directory_credential *c =
			&cached->account->credentials[i];

		if (compare_equal(sum, c->stored_key, sizeof sum) &&
		    is_of(c, AUTH_LEGACY_WITHOUT_TLS, &rest))
			found = (int)i;
	}
	mem_wipe(sum, sizeof sum);
	*ret_index = found;
	return err;
}
