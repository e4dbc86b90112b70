#include "auth/import.h"

#include "auth/auth_private.h"
#include "auth/password.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/num.h"
#include "crypto/crypt_hash.h"
#include "crypto/random.h"
#include "os/clock.h"

/* ---- into the directory ---- */

static enum yb_err look_at(struct auth *a, const struct auth_import *record,
			   struct name *ret)
{
	const char *reason = NULL;

	return account_name_free(a, record->address, ret, &reason);
}

enum yb_err auth_accounts_import(struct auth *a,
				 const struct auth_import *records, size_t n,
				 bool dry_run, enum yb_err *ret_errs)
{
	struct directory_new_account list[AUTH_IMPORT_MAX];
	struct name names[AUTH_IMPORT_MAX];
	size_t index[AUTH_IMPORT_MAX], good = 0;
	const char *reason;
	enum yb_err err = auth_may_make(a, &reason);

	if (err != YB_OK)
		return err;
	if (n > AUTH_IMPORT_MAX)
		return YB_TOO_BIG;
	for (size_t i = 0; i < n; i++) {
		ret_errs[i] = look_at(a, &records[i], &names[good]);
		if (err_is_temp(ret_errs[i]))
			return ret_errs[i];
		if (ret_errs[i] != YB_OK)
			continue;
		list[good] = (struct directory_new_account){
			.address = name_span(&names[good]),
			.verifier = &records[i].verifier,
		};
		index[good++] = i;
	}
	if (!dry_run)
		err = directory_accounts_add(a->directory, list, good,
					     clock_real_ns() / 1000000000);
	for (size_t i = 0; i < good && err == YB_OK && !dry_run; i++) {
		ret_errs[index[i]] = list[i].err;
		cache_forget(&a->cache, list[i].address);
		if (list[i].err == YB_OK &&
		    list[i].verifier->kind == DIRECTORY_CRYPT)
			imported_count(a, 1);
	}
	return err;
}

/* ---- from text ---- */

enum yb_err auth_import_check(struct span address, struct span password,
			      bool allow_weak, const char **ret_reason)
{
	uint8_t prepared[SASLPREP_OUT_MAX];
	size_t n = 0;
	enum yb_err err = password_prepare(password, address, allow_weak,
					   prepared, &n, ret_reason);

	mem_wipe(prepared, sizeof prepared);
	return err;
}

enum yb_err auth_import_password(struct span address, struct span password,
				 bool allow_weak,
				 struct directory_verifier *ret,
				 const char **ret_reason)
{
	uint8_t prepared[SASLPREP_OUT_MAX];
	size_t n = 0;
	enum yb_err err = password_prepare(password, address, allow_weak,
					   prepared, &n, ret_reason);

	*ret = (struct directory_verifier){ .kind = DIRECTORY_SCRAM_SHA_256,
					    .device = DIRECTORY_MAIN,
					    .name = "main",
					    .iterations = AUTH_ITERATIONS };
	if (err == YB_OK)
		err = crypto_random(ret->salt, sizeof ret->salt);
	if (err == YB_OK)
		err = verifier_make(span_of(prepared, n), ret);
	mem_wipe(prepared, sizeof prepared);
	return err;
}

/* Takes quotes off a field of CSV, in place; false if they do not match. */
static bool unquote(struct span *field)
{
	uint8_t *p = (uint8_t *)(uintptr_t)field->p;
	size_t n = 0;

	if (field->n == 0 || p[0] != '"')
		return true;
	if (field->n < 2 || p[field->n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < field->n; i++) {
		if (p[i] == '"' && (i + 2 >= field->n || p[++i] != '"'))
			return false;
		p[n++] = p[i];
	}
	field->n = n;
	return true;
}

bool auth_import_line(struct span line, struct span *ret_address,
		      struct span *ret_secret)
{
	size_t comma = span_find(line, ','), colon = span_find(line, ':');
	struct span rest = line;

	*ret_address = span_trim(span_cut(&rest, comma < colon ? ',' : ':'));
	*ret_secret = comma < colon ? rest : span_cut(&rest, ':');
	return colon <= comma || (unquote(ret_address) && unquote(ret_secret));
}

static bool take_base64(struct span text, uint8_t *dst, size_t n)
{
	uint8_t octets[64];
	size_t got = 0;

	if (text.n > 64 || !base64_parse(text, octets, &got) || got != n)
		return false;
	memcpy(dst, octets, n);
	return true;
}

/* Dovecot: "iterations,salt,stored key,server key", the three in base64. */
static enum yb_err take_scram(struct span text, struct directory_verifier *ret,
			      const char **ret_reason)
{
	uint64_t iterations = 0;
	struct span rest = text;

	*ret_reason = "its SCRAM-SHA-256 has another form than iterations, "
		      "16 octets of salt and two keys";
	if (!num_parse(span_cut(&rest, ','), DIRECTORY_ITERATIONS_MAX,
		       &iterations) ||
	    iterations < DIRECTORY_ITERATIONS_MIN ||
	    !take_base64(span_cut(&rest, ','), ret->salt, sizeof ret->salt) ||
	    !take_base64(span_cut(&rest, ','), ret->stored_key,
			 sizeof ret->stored_key) ||
	    !take_base64(rest, ret->server_key, sizeof ret->server_key))
		return YB_UNSUPPORTED;
	ret->kind = DIRECTORY_SCRAM_SHA_256;
	ret->iterations = (uint32_t)iterations;
	return YB_OK;
}

static enum yb_err take_crypt(struct span text, struct directory_verifier *ret,
			      char ret_hash[DIRECTORY_HASH_MAX + 1],
			      const char **ret_reason)
{
	*ret_reason = "it is not a hash of yescrypt, bcrypt, SHA-512 or "
		      "SHA-256";
	if (!crypt_hash_is_known(text) ||
	    !span_to_str(text, ret_hash, DIRECTORY_HASH_MAX + 1))
		return YB_UNSUPPORTED;
	ret->kind = DIRECTORY_CRYPT;
	ret->hash = ret_hash;
	/* For app passwords that come later. */
	return crypto_random(ret->salt, sizeof ret->salt);
}

enum scheme { SCHEME_PLAIN, SCHEME_CRYPT, SCHEME_SCRAM, SCHEME_UNKNOWN };

/* The scheme; what is behind it stays in `text`. */
static enum scheme cut_scheme(struct span *text)
{
	static const struct {
		const char *name;
		enum scheme scheme;
	} known[] = {
		{ "PLAIN", SCHEME_PLAIN },
		{ "CLEAR", SCHEME_PLAIN },
		{ "CLEARTEXT", SCHEME_PLAIN },
		{ "CRYPT", SCHEME_CRYPT },
		{ "SHA512-CRYPT", SCHEME_CRYPT },
		{ "SHA256-CRYPT", SCHEME_CRYPT },
		{ "BLF-CRYPT", SCHEME_CRYPT },
		{ "SCRAM-SHA-256", SCHEME_SCRAM },
	};
	size_t end = span_find(*text, '}');
	struct span name;

	if (text->n == 0 || text->p[0] != '{' || end == text->n)
		return SCHEME_CRYPT; /* Dovecot's default */
	name = span_skip(span_head(*text, end), 1);
	*text = span_skip(*text, end + 1);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (span_eq_nocase(name, span_str(known[i].name)))
			return known[i].scheme;
	return SCHEME_UNKNOWN;
}

enum yb_err auth_import_scheme(struct span text, struct directory_verifier *ret,
			       char ret_hash[DIRECTORY_HASH_MAX + 1],
			       struct span *ret_plain, const char **ret_reason)
{
	struct span rest = text;
	enum scheme scheme = cut_scheme(&rest);

	*ret_plain = SPAN_NONE;
	*ret = (struct directory_verifier){ .device = DIRECTORY_MAIN,
					    .name = "main",
					    .iterations = AUTH_ITERATIONS };
	switch (scheme) {
	case SCHEME_PLAIN:
		*ret_plain = rest;
		return YB_OK;
	case SCHEME_CRYPT:
		return take_crypt(rest, ret, ret_hash, ret_reason);
	case SCHEME_SCRAM:
		return take_scram(rest, ret, ret_reason);
	case SCHEME_UNKNOWN:
		break;
	}
	*ret_reason = "its scheme cannot be taken; those of crypt(3), PLAIN "
		      "and SCRAM-SHA-256 can";
	return YB_UNSUPPORTED;
}
