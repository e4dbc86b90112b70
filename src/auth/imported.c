/*
 * Accounts that came with a password hash from another server.
 */
#include "auth/auth_private.h"
#include "auth/import.h"

#include "base/buf.h"
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

enum yb_err auth_account_import(struct auth *a, struct span address,
				struct span hash, const char **ret_reason)
{
	char text[DIRECTORY_HASH_MAX + 1];
	struct directory_verifier v;
	uint8_t id[DIRECTORY_ID_LEN];
	struct span plain;
	struct name name;
	enum yb_err err = auth_may_make(a, ret_reason);

	if (err == YB_OK)
		err = auth_import_scheme(hash, &v, text, &plain, ret_reason);
	if (err != YB_OK)
		return err;
	if (v.kind == 0)
		return auth_account_add(a, address, plain, true, ret_reason);
	err = account_name_free(a, address, &name, ret_reason);
	if (err == YB_OK)
		err = directory_account_add(a->directory, name_span(&name), &v,
					    clock_real_ns() / 1000000000, id);
	if (err == YB_OK && v.kind == DIRECTORY_CRYPT)
		imported_count(a, 1);
	if (err == YB_OK)
		cache_forget(&a->cache, name_span(&name));
	mem_wipe(text, sizeof text);
	return err;
}

enum yb_err auth_account_restore(struct auth *a, struct span address,
				 const struct directory_verifier *credentials,
				 size_t n, const char **ret_reason)
{
	int64_t now_s = clock_real_ns() / 1000000000;
	uint8_t id[DIRECTORY_ID_LEN];
	struct name name;
	enum yb_err err;

	*ret_reason = "";
	if (n == 0)
		return YB_INVALID;
	err = account_name_free(a, address, &name, ret_reason);
	if (err != YB_OK)
		return err;
	err = directory_account_add(a->directory, name_span(&name),
				    &credentials[0], now_s, id);
	if (err != YB_OK)
		return err;
	for (size_t i = 1; i < n && err == YB_OK; i++)
		err = directory_credential_put(a->directory, name_span(&name),
					       &credentials[i], now_s);
	/* All of its devices, or no account. */
	if (err != YB_OK)
		(void)directory_account_remove(a->directory, name_span(&name),
					       id);
	for (size_t i = 0; i < n && err == YB_OK; i++)
		if (credentials[i].kind == DIRECTORY_CRYPT)
			imported_count(a, 1);
	cache_forget(&a->cache, name_span(&name));
	return err;
}
