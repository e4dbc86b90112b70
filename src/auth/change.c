/*
 * Changing accounts. The directory is changed first, then the cache forgets:
 * nothing that was right before a change is taken after it.
 */
#include "auth/auth_private.h"

#include "auth/password.h"
#include "base/buf.h"
#include "crypto/random.h"
#include "os/clock.h"

static int64_t now_s(void)
{
	return clock_real_ns() / 1000000000;
}

enum yb_err password_prepare(struct span password, struct span address,
			     bool allow_weak, uint8_t dst[SASLPREP_OUT_MAX],
			     size_t *ret_n, const char **ret_reason)
{
	const char *reason = NULL;
	enum yb_err err;

	if (password.n == 0)
		reason = "it is empty";
	else if (password.n > AUTH_PASSWORD_MAX)
		reason = "it is longer than 1024 octets";
	if (reason != NULL) {
		*ret_reason = reason;
		return YB_INVALID;
	}
	err = saslprep(password, SASLPREP_STORED, dst, ret_n);
	if (err == YB_NOMEM)
		return err;
	if (err != YB_OK || *ret_n == 0) {
		*ret_reason = "it holds control characters, or others that "
			      "cannot be typed everywhere";
		return YB_INVALID;
	}
	reason = allow_weak ? NULL
			    : password_weakness(span_of(dst, *ret_n), address);
	if (reason == NULL)
		return YB_OK;
	*ret_reason = reason;
	return YB_WEAK;
}

enum yb_err verifier_make(struct span prepared, struct directory_verifier *v)
{
	uint8_t salted[SCRAM_KEY_LEN];
	struct scram_verifier keys;
	enum yb_err err = scram_salted_password(
		prepared, span_of(v->salt, sizeof v->salt), v->iterations,
		salted);

	if (err == YB_OK)
		err = scram_verifier_of(salted, &keys);
	if (err == YB_OK) {
		memcpy(v->stored_key, keys.stored_key, sizeof v->stored_key);
		memcpy(v->server_key, keys.server_key, sizeof v->server_key);
	}
	mem_wipe(salted, sizeof salted);
	mem_wipe(&keys, sizeof keys);
	return err;
}

static enum yb_err new_verifier(struct auth *a, struct directory_verifier *v)
{
	*v = (struct directory_verifier){ .kind = DIRECTORY_SCRAM_SHA_256,
					  .device = DIRECTORY_MAIN,
					  .name = "main",
					  .iterations = a->iterations };
	return crypto_random(v->salt, sizeof v->salt);
}

enum yb_err auth_may_make(struct auth *a, const char **ret_reason)
{
	if (!a->elsewhere)
		return YB_OK;
	*ret_reason = "accounts and their passwords come from accounts.command "
		      "of the configuration: make and change them there";
	return YB_INVALID;
}

enum yb_err account_name_free(struct auth *a, struct span address,
			      struct name *ret, const char **ret_reason)
{
	struct directory_account *existing = NULL;
	enum yb_err err =
		name_canonical(address, a->default_domain, NAME_MAKE, ret);

	if (err != YB_OK)
		return err;
	err = directory_account_find(a->directory, name_span(ret), &existing);
	directory_account_free(&existing);
	if (err != YB_NO_ACCOUNT)
		return err == YB_OK ? YB_EXISTS : err;
	return auth_name_is_free(a, ret, ret_reason);
}

enum yb_err auth_account_add(struct auth *a, struct span address,
			     struct span password, bool allow_weak,
			     const char **ret_reason)
{
	uint8_t prepared[SASLPREP_OUT_MAX];
	uint8_t id[DIRECTORY_ID_LEN];
	struct directory_verifier v;
	struct name name;
	size_t n = 0;
	enum yb_err err = auth_may_make(a, ret_reason);

	if (err == YB_OK)
		err = account_name_free(a, address, &name, ret_reason);
	if (err != YB_OK)
		return err;
	err = password_prepare(password, name_span(&name), allow_weak, prepared,
			       &n, ret_reason);
	if (err == YB_OK)
		err = new_verifier(a, &v);
	if (err == YB_OK)
		err = verifier_make(span_of(prepared, n), &v);
	mem_wipe(prepared, sizeof prepared);
	if (err == YB_OK)
		err = directory_account_add(a->directory, name_span(&name), &v,
					    now_s(), id);
	mem_wipe(&v, sizeof v);
	cache_forget(&a->cache, name_span(&name));
	return err;
}

/* Fresh salt and today's count, unless other devices hold on to the old. */
static enum yb_err next_verifier(struct auth *a,
				 const struct directory_account *account,
				 struct directory_verifier *v)
{
	enum yb_err err = new_verifier(a, v);
	bool alone = true;

	for (uint32_t i = 0; i < account->credentials_n; i++)
		if (account->credentials[i].device != DIRECTORY_MAIN &&
		    account->credentials[i].kind == DIRECTORY_SCRAM_SHA_256)
			alone = false;
	if (!alone) {
		memcpy(v->salt, account->salt, sizeof v->salt);
		v->iterations = account->iterations;
	}
	return err;
}

enum yb_err auth_account_password(struct auth *a, struct span address,
				  struct span password, bool allow_weak,
				  const char **ret_reason)
{
	uint8_t prepared[SASLPREP_OUT_MAX];
	struct directory_account *account = NULL;
	struct directory_verifier v;
	uint8_t id[DIRECTORY_ID_LEN];
	struct name name;
	size_t n = 0;
	enum yb_err err = auth_may_make(a, ret_reason);

	if (err != YB_OK)
		return err;
	err = name_canonical(address, a->default_domain, NAME_FIND, &name);
	if (err != YB_OK)
		return err == YB_INVALID ? YB_NO_ACCOUNT : err;
	err = directory_account_find(a->directory, name_span(&name), &account);
	if (err != YB_OK)
		return err;
	err = password_prepare(password, name_span(&name), allow_weak, prepared,
			       &n, ret_reason);
	if (err == YB_OK)
		err = next_verifier(a, account, &v);
	if (err == YB_OK)
		err = verifier_make(span_of(prepared, n), &v);
	memcpy(id, account->id, sizeof id);
	directory_account_free(&account);
	mem_wipe(prepared, sizeof prepared);
	if (err == YB_OK)
		err = directory_credential_put(a->directory, name_span(&name),
					       &v, now_s());
	mem_wipe(&v, sizeof v);
	cache_forget(&a->cache, name_span(&name));
	if (err == YB_OK) {
		imported_recount(a);
		devices_tell_ended(a, id, 1ull << DIRECTORY_MAIN);
	}
	return err;
}

enum yb_err auth_account_remove(struct auth *a, struct span address,
				uint8_t ret_id[16], const char **ret_reason)
{
	struct name name;
	enum yb_err err =
		name_canonical(address, a->default_domain, NAME_FIND, &name);

	if (err != YB_OK)
		return err == YB_INVALID ? YB_NO_ACCOUNT : err;
	err = auth_still_needed(a, &name, ret_reason);
	if (err != YB_OK)
		return err;
	err = directory_account_remove(a->directory, name_span(&name), ret_id);
	cache_forget(&a->cache, name_span(&name));
	if (err == YB_OK) {
		imported_recount(a);
		devices_tell_ended(a, ret_id, UINT64_MAX);
	}
	return err;
}

enum {
	/* All names of devices, and ", " between them. */
	DEVICES_TEXT_MAX = DIRECTORY_DEVICES_MAX * (DIRECTORY_NAME_MAX + 2) + 1,
};

static bool show(const struct directory_account *account, auth_account_fn *each,
		 void *ctx)
{
	char devices[DEVICES_TEXT_MAX];
	char *at = devices;
	struct auth_account shown = { .address = account->address,
				      .created_s = account->created_s,
				      .last_login_s = account->last_login_s,
				      .devices = devices };

	*at = 0;
	for (uint32_t i = 0; i < account->credentials_n; i++) {
		if (i > 0)
			at = stpcpy(at, ", ");
		at = stpcpy(at, account->credentials[i].name);
	}
	memcpy(shown.id, account->id, sizeof shown.id);
	return each(ctx, &shown);
}

enum yb_err auth_account_get(struct auth *a, struct span address,
			     auth_account_fn *each, void *ctx)
{
	struct directory_account *account = NULL;
	struct name name;
	enum yb_err err =
		name_canonical(address, a->default_domain, NAME_FIND, &name);

	if (err != YB_OK)
		return err == YB_INVALID ? YB_NO_ACCOUNT : err;
	logins_flush(a);
	err = directory_account_find(a->directory, name_span(&name), &account);
	if (err == YB_OK)
		(void)show(account, each, ctx); /* there is no second */
	directory_account_free(&account);
	return err;
}

/* One by one, each found by its index: nothing is held open meanwhile, so
 * that the callback may change accounts. */
enum yb_err auth_account_each(struct auth *a, struct span after,
			      auth_account_fn *each, void *ctx)
{
	char last[AUTH_ADDRESS_MAX + 1];
	bool more = true;
	enum yb_err err = YB_OK;

	if (!span_to_str(after, last, sizeof last))
		return YB_INVALID;
	logins_flush(a);
	while (more && err == YB_OK) {
		struct directory_account *account = NULL;

		err = directory_account_next(a->directory, span_str(last),
					     &account);
		if (err != YB_OK)
			break;
		memccpy(last, account->address, 0, sizeof last);
		more = show(account, each, ctx);
		directory_account_free(&account);
	}
	return err == YB_NO_ACCOUNT ? YB_OK : err;
}

enum yb_err auth_directory_copy(struct auth *a, int *ret_fd)
{
	return directory_copy(a->directory, ret_fd);
}
