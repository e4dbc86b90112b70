/*
 * Accounts that came with a password hash from another server.
 */
#include "auth/auth_private.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "crypto/crypt_hash.h"
#include "crypto/random.h"
#include "os/clock.h"

uint64_t auth_imported(const struct auth *a)
{
	return a->imported_n;
}

void imported_count(struct auth *a, int more)
{
	if (more > 0)
		a->imported_n += (uint64_t)more;
	else if (a->imported_n >= (uint64_t)-more)
		a->imported_n -= (uint64_t)-more;
}

void imported_recount(struct auth *a)
{
	uint64_t n = 0;

	if (a->imported_n > 0 && directory_imported(a->directory, &n) == YB_OK)
		a->imported_n = n;
}

/* ---- Dovecot's schemes ---- */

enum scheme { SCHEME_CRYPT, SCHEME_PLAIN };

static const struct {
	const char *name;
	enum scheme scheme;
} schemes[] = {
	{ "CRYPT", SCHEME_CRYPT },        { "SHA512-CRYPT", SCHEME_CRYPT },
	{ "SHA256-CRYPT", SCHEME_CRYPT }, { "BLF-CRYPT", SCHEME_CRYPT },
	{ "PLAIN", SCHEME_PLAIN },        { "CLEARTEXT", SCHEME_PLAIN },
	{ "CLEAR", SCHEME_PLAIN },
};

/* What stands behind "{SCHEME}"; false for one that is not known here. */
static bool read_scheme(struct span hash, enum scheme *ret, struct span *ret_n)
{
	size_t end = span_find(hash, '}');
	struct span name;

	*ret = SCHEME_CRYPT;
	*ret_n = hash;
	if (hash.n == 0 || hash.p[0] != '{')
		return true;
	if (end == hash.n)
		return false;
	name = span_of(hash.p + 1, end - 1);
	*ret_n = span_skip(hash, end + 1);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (!span_eq_nocase(name, span_str(schemes[i].name)))
			continue;
		*ret = schemes[i].scheme;
		return true;
	}
	return false;
}

enum yb_err auth_account_import(struct auth *a, struct span address,
				struct span hash, const char **ret_reason)
{
	char text[DIRECTORY_HASH_MAX + 1];
	struct directory_verifier v = { .kind = DIRECTORY_CRYPT,
					.device = DIRECTORY_MAIN,
					.name = "main",
					.hash = text,
					.iterations = a->iterations };
	uint8_t id[DIRECTORY_ID_LEN];
	enum scheme scheme;
	struct name name;
	enum yb_err err;

	if (!read_scheme(hash, &scheme, &hash) ||
	    (scheme == SCHEME_CRYPT && !crypt_hash_is_known(hash)) ||
	    !span_to_str(hash, text, sizeof text)) {
		*ret_reason = "its password hash is of a kind that is not "
			      "checked here; yescrypt, bcrypt, SHA-512 and "
			      "SHA-256 of crypt(3) are";
		return YB_UNSUPPORTED;
	}
	if (scheme == SCHEME_PLAIN)
		return auth_account_add(a, address, hash, true, ret_reason);
	err = account_name_free(a, address, &name, ret_reason);
	if (err == YB_OK)
		err = crypto_random(v.salt, sizeof v.salt);
	if (err == YB_OK)
		err = directory_account_add(a->directory, name_span(&name), &v,
					    clock_real_ns() / 1000000000, id);
	if (err == YB_OK)
		imported_count(a, 1);
	if (err == YB_OK)
		cache_forget(&a->cache, name_span(&name));
	mem_wipe(text, sizeof text);
	return err;
}
