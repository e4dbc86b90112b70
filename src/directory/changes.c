/*
 * Changing: one transaction a call, on disk when it returns.
 */
#include "directory/directory_private.h"

#include "os/random.h"

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= DIRECTORY_NAME_MAX;
}

static bool is_text(const char *text, size_t max)
{
	return text == NULL || strlen(text) <= max;
}

static bool has_hash(const struct directory_verifier *v)
{
	return v->hash != NULL && *v->hash != 0;
}

static bool is_verifier(const struct directory_verifier *v)
{
	bool wants_hash =
		v->kind == DIRECTORY_CRYPT || v->kind == DIRECTORY_LEGACY;

	return v->kind >= DIRECTORY_SCRAM_SHA_256 &&
	       v->kind <= DIRECTORY_LEGACY && has_hash(v) == wants_hash &&
	       is_text(v->hash, DIRECTORY_HASH_MAX) &&
	       is_text(v->limits.networks, DIRECTORY_NETWORKS_MAX) &&
	       v->device < DIRECTORY_DEVICES_MAX && is_name(v->name) &&
	       v->iterations >= DIRECTORY_ITERATIONS_MIN &&
	       v->iterations <= DIRECTORY_ITERATIONS_MAX;
}

static bool is_address(struct span address)
{
	return address.n > 0 && address.n <= DIRECTORY_ADDRESS_MAX &&
	       memchr(address.p, 0, address.n) == NULL &&
	       directory_domain_of(address).n > 0 &&
	       directory_domain_of(address).n < address.n - 1;
}

static struct span optional(const char *text)
{
	return text == NULL ? SPAN_NONE : span_str(text);
}

static enum yb_err credential_put(struct directory *d, int64_t number,
				  const struct directory_verifier *v,
				  int64_t now_s)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_CREDENTIAL_PUT);

	(void)sqlite3_bind_int64(s, 1, number);
	(void)sqlite3_bind_int64(s, 2, v->device);
	(void)sqlite3_bind_int64(s, 3, v->kind);
	statement_text(s, 4, span_str(v->name));
	statement_blob(s, 5, v->stored_key, DIRECTORY_KEY_LEN);
	statement_blob(s, 6, v->server_key, DIRECTORY_KEY_LEN);
	(void)sqlite3_bind_int64(s, 7, now_s);
	(void)sqlite3_bind_int64(s, 8, v->limits.refused);
	(void)sqlite3_bind_int64(s, 9, v->limits.protocols);
	(void)sqlite3_bind_int64(s, 10, v->limits.expires_s);
	statement_text(s, 11, optional(v->limits.networks));
	statement_text(s, 12, optional(v->hash));
	return statement_run(s);
}

static enum yb_err account_insert(struct directory *d, struct span address,
				  const struct directory_verifier *v,
				  int64_t now_s, const uint8_t *id)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_ADD);
	int64_t domain = 0;
	enum yb_err err =
		domain_ensure(d, directory_domain_of(address), now_s, &domain);

	if (err != YB_OK)
		return err;
	statement_blob(s, 1, id, DIRECTORY_ID_LEN);
	(void)sqlite3_bind_int64(s, 2, domain);
	statement_text(s, 3, address);
	statement_blob(s, 4, v->salt, DIRECTORY_SALT_LEN);
	(void)sqlite3_bind_int64(s, 5, v->iterations);
	(void)sqlite3_bind_int64(s, 6, now_s);
	err = statement_run(s);
	if (err != YB_OK)
		return err;
	return credential_put(d, sqlite3_last_insert_rowid(d->db), v, now_s);
}

enum yb_err directory_account_add(struct directory *d, struct span address,
				  const struct directory_verifier *v,
				  int64_t now_s,
				  uint8_t ret_id[DIRECTORY_ID_LEN])
{
	uint8_t id[DIRECTORY_ID_LEN];
	enum yb_err err;

	if (!is_address(address) || !is_verifier(v))
		return YB_INVALID;
	os_random(id, sizeof id);
	err = transaction_begin(d);
	if (err != YB_OK)
		return err;
	err = account_insert(d, address, v, now_s, id);
	err = transaction_end(d, err);
	if (err == YB_OK)
		memcpy(ret_id, id, sizeof id);
	return err;
}

enum yb_err directory_accounts_add(struct directory *d,
				   struct directory_new_account *list, size_t n,
				   int64_t now_s)
{
	enum yb_err err = transaction_begin(d);

	for (size_t i = 0; i < n && err == YB_OK; i++) {
		uint8_t id[DIRECTORY_ID_LEN];

		os_random(id, sizeof id);
		list[i].err = YB_INVALID;
		if (is_address(list[i].address) &&
		    is_verifier(list[i].verifier))
			list[i].err =
				account_insert(d, list[i].address,
					       list[i].verifier, now_s, id);
		/* SQLite takes back the one statement that a name stands in
		 * the way of; anything else is the end of all. */
		if (list[i].err != YB_EXISTS && list[i].err != YB_INVALID)
			err = list[i].err;
	}
	return transaction_end(d, err);
}

/* Finds an account inside a transaction. */
static enum yb_err find(struct directory *d, struct span address,
			int64_t *ret_number, struct directory_account **ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_FIND);

	statement_text(s, 1, address);
	return account_load(d, s, ret_number, ret);
}

/*
 * SCRAM tells salt and count before it knows the password: those of all
 * verifiers of an account have to be the same. Only the last one left may
 * bring others along.
 */
static bool may_share(const struct directory_account *a,
		      const struct directory_verifier *v)
{
	if (v->kind != DIRECTORY_SCRAM_SHA_256)
		return true;
	if (a->iterations == v->iterations &&
	    memcmp(a->salt, v->salt, sizeof a->salt) == 0)
		return true;
	for (uint32_t i = 0; i < a->credentials_n; i++)
		if (a->credentials[i].device != v->device &&
		    a->credentials[i].kind == DIRECTORY_SCRAM_SHA_256)
			return false;
	return true;
}

static enum yb_err touch(struct directory *d, int64_t number)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_TOUCH);

	(void)sqlite3_bind_int64(s, 1, number);
	return statement_run(s);
}

/* Puts a credential, and notes that the account has changed. */
static enum yb_err verifier_replace(struct directory *d, int64_t number,
				    const struct directory_verifier *v,
				    int64_t now_s)
{
	sqlite3_stmt *s;
	enum yb_err err;

	if (v->kind != DIRECTORY_SCRAM_SHA_256) {
		err = touch(d, number);
		return err == YB_OK ? credential_put(d, number, v, now_s) : err;
	}
	s = statement_take(d, STATEMENT_ACCOUNT_SALT);
	(void)sqlite3_bind_int64(s, 1, number);
	statement_blob(s, 2, v->salt, DIRECTORY_SALT_LEN);
	(void)sqlite3_bind_int64(s, 3, v->iterations);
	err = statement_run(s);
	return err == YB_OK ? credential_put(d, number, v, now_s) : err;
}

/* The free number that comes next behind the one given last. */
static enum yb_err free_device(struct directory *d, int64_t number,
			       const struct directory_account *a, uint32_t *ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_DEVICE);
	uint64_t used = 1u << DIRECTORY_MAIN;
	uint32_t at = 0;
	enum yb_err err;

	(void)sqlite3_bind_int64(s, 1, number);
	err = statement_row(s);
	if (err == YB_OK)
		at = (uint32_t)sqlite3_column_int64(s, 0);
	statement_end(s);
	for (uint32_t i = 0; i < a->credentials_n; i++)
		used |= 1ull << a->credentials[i].device;
	if (err != YB_OK || used == UINT64_MAX)
		return err == YB_OK ? YB_QUOTA : err;
	do
		at = (at + 1) % DIRECTORY_DEVICES_MAX;
	while ((used & 1ull << at) != 0);
	*ret = at;
	return YB_OK;
}

static enum yb_err device_insert(struct directory *d, int64_t number,
				 const struct directory_account *a,
				 const struct directory_verifier *v,
				 int64_t now_s, uint32_t *ret_device)
{
	struct directory_verifier with = *v;
	enum yb_err err = free_device(d, number, a, &with.device);
	sqlite3_stmt *s;

	if (err == YB_OK)
		err = verifier_replace(d, number, &with, now_s);
	if (err != YB_OK)
		return err;
	s = statement_take(d, STATEMENT_ACCOUNT_DEVICE_IS);
	(void)sqlite3_bind_int64(s, 1, number);
	(void)sqlite3_bind_int64(s, 2, with.device);
	*ret_device = with.device;
	return statement_run(s);
}

/* Under the number that `v` says, or a new one if `ret_device` is not NULL. */
static enum yb_err add(struct directory *d, struct span address,
		       const struct directory_verifier *v, int64_t now_s,
		       uint32_t *ret_device)
{
	struct directory_account *a = NULL;
	int64_t number = 0;
	uint32_t device = 0;
	enum yb_err err;

	if (!is_verifier(v))
		return YB_INVALID;
	err = transaction_begin(d);
	if (err != YB_OK)
		return err;
	err = find(d, address, &number, &a);
	if (err == YB_OK && !may_share(a, v))
		err = YB_INVALID;
	if (err == YB_OK)
		err = ret_device == NULL
			      ? verifier_replace(d, number, v, now_s)
			      : device_insert(d, number, a, v, now_s, &device);
	directory_account_free(&a);
	err = transaction_end(d, err);
	if (err == YB_OK && ret_device != NULL)
		*ret_device = device;
	return err;
}

enum yb_err directory_credential_put(struct directory *d, struct span address,
				     const struct directory_verifier *v,
				     int64_t now_s)
{
	return add(d, address, v, now_s, NULL);
}

enum yb_err directory_device_add(struct directory *d, struct span address,
				 const struct directory_verifier *v,
				 int64_t now_s, uint32_t *ret_device)
{
	return add(d, address, v, now_s, ret_device);
}

static enum yb_err device_delete(struct directory *d, int64_t number,
				 uint32_t device)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_CREDENTIAL_REMOVE);
	enum yb_err err;

	(void)sqlite3_bind_int64(s, 1, number);
	(void)sqlite3_bind_int64(s, 2, device);
	err = statement_row(s);
	statement_end(s);
	return err == YB_OK ? touch(d, number) : err;
}

enum yb_err directory_device_remove(struct directory *d, struct span address,
				    uint32_t device)
{
	struct directory_account *a = NULL;
	int64_t number = 0;
	enum yb_err err = transaction_begin(d);

	if (err != YB_OK)
		return err;
	err = find(d, address, &number, &a);
	directory_account_free(&a);
	if (err == YB_OK)
		err = device_delete(d, number, device);
	return transaction_end(d, err);
}

enum yb_err directory_account_remove(struct directory *d, struct span address,
				     uint8_t ret_id[DIRECTORY_ID_LEN])
{
	struct directory_account *a = NULL;
	int64_t number = 0;
	enum yb_err err = transaction_begin(d);

	if (err != YB_OK)
		return err;
	err = find(d, address, &number, &a);
	if (err == YB_OK) {
		sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_REMOVE);

		(void)sqlite3_bind_int64(s, 1, number);
		err = statement_run(s);
	}
	err = transaction_end(d, err);
	if (err == YB_OK)
		memcpy(ret_id, a->id, DIRECTORY_ID_LEN);
	directory_account_free(&a);
	return err;
}

static enum yb_err login_note(struct directory *d,
			      const struct directory_login *login)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_LOGIN);
	enum yb_err err;

	statement_blob(s, 1, login->id, DIRECTORY_ID_LEN);
	(void)sqlite3_bind_int64(s, 2, login->at_s);
	err = statement_run(s);
	if (err != YB_OK)
		return err;
	s = statement_take(d, STATEMENT_CREDENTIAL_LOGIN);
	statement_blob(s, 1, login->id, DIRECTORY_ID_LEN);
	(void)sqlite3_bind_int64(s, 2, login->device);
	(void)sqlite3_bind_int64(s, 3, login->at_s);
	return statement_run(s);
}

enum yb_err directory_logins(struct directory *d,
			     const struct directory_login *logins, size_t n)
{
	enum yb_err err;

	if (n == 0)
		return YB_OK;
	err = transaction_begin(d);
	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < n && err == YB_OK; i++)
		err = login_note(d, &logins[i]);
	return transaction_end(d, err);
}
