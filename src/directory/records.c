/*
 * Reading: rows into values. Every length is checked, though the schema
 * checks it too: a damaged page must not become a read past an end.
 */
#include "directory/directory_private.h"

#include <stdlib.h>

#include "base/buf.h"

struct span statement_column(sqlite3_stmt *s, int at)
{
	const uint8_t *p = sqlite3_column_text(s, at);
	int n = sqlite3_column_bytes(s, at);

	return p == NULL || n < 0 ? SPAN_NONE : span_of(p, (size_t)n);
}

static bool copy_blob(sqlite3_stmt *s, int at, uint8_t *dst, size_t n)
{
	const void *p = sqlite3_column_blob(s, at);

	if (p == NULL || sqlite3_column_bytes(s, at) != (int)n)
		return false;
	memcpy(dst, p, n);
	return true;
}

enum {
	/* Name, networks and hash of a credential, each with its NUL. */
	TEXTS_MAX = DIRECTORY_NAME_MAX + DIRECTORY_NETWORKS_MAX +
		    DIRECTORY_HASH_MAX + 3,
};

/* Credentials while they are collected, before their number is known. */
struct collected {
	struct directory_credential credentials[DIRECTORY_DEVICES_MAX];
	struct buf texts; /* three for each, with their NULs */
	uint32_t n;
};

static enum yb_err take_text(sqlite3_stmt *s, int at, size_t max,
			     struct collected *c)
{
	struct span text = statement_column(s, at);
	enum yb_err err;

	if (text.n > max || span_find(text, 0) != text.n)
		return YB_CORRUPT;
	err = buf_add(&c->texts, text);
	return err == YB_OK ? buf_add_u8(&c->texts, 0) : err;
}

static enum yb_err take_texts(sqlite3_stmt *s, struct collected *c)
{
	enum yb_err err = take_text(s, 2, DIRECTORY_NAME_MAX, c);

	if (err == YB_OK)
		err = take_text(s, 10, DIRECTORY_NETWORKS_MAX, c);
	return err == YB_OK ? take_text(s, 11, DIRECTORY_HASH_MAX, c) : err;
}

static enum yb_err take_credential(sqlite3_stmt *s, struct collected *c)
{
	struct directory_credential *to = &c->credentials[c->n];
	int64_t device = sqlite3_column_int64(s, 0);
	int64_t kind = sqlite3_column_int64(s, 1);

	if (device < 0 || device >= DIRECTORY_DEVICES_MAX ||
	    kind < DIRECTORY_SCRAM_SHA_256 || kind > DIRECTORY_LEGACY ||
	    !copy_blob(s, 3, to->stored_key, DIRECTORY_KEY_LEN) ||
	    !copy_blob(s, 4, to->server_key, DIRECTORY_KEY_LEN))
		return YB_CORRUPT;
	/* A hash that is empty, or that nobody looks at, was not put here by
	 * us. */
	if ((statement_column(s, 11).n > 0) !=
	    (kind == DIRECTORY_CRYPT || kind == DIRECTORY_LEGACY))
		return YB_CORRUPT;
	to->device = (uint32_t)device;
	to->kind = (enum directory_kind)kind;
	to->created_s = sqlite3_column_int64(s, 5);
	to->last_used_s = sqlite3_column_int64(s, 6);
	to->limits = (struct directory_limits){
		.refused = (uint32_t)sqlite3_column_int64(s, 7),
		.protocols = (uint32_t)sqlite3_column_int64(s, 8),
		.expires_s = sqlite3_column_int64(s, 9),
	};
	c->n++;
	return take_texts(s, c);
}

static enum yb_err collect(struct directory *d, int64_t number,
			   struct collected *c)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_CREDENTIALS);
	enum yb_err err = YB_OK;

	(void)sqlite3_bind_int64(s, 1, number);
	while (err == YB_OK) {
		err = statement_row(s);
		if (err == YB_OK)
			err = c->n < DIRECTORY_DEVICES_MAX
				      ? take_credential(s, c)
				      : YB_CORRUPT;
	}
	statement_end(s);
	return err == YB_NOT_FOUND ? YB_OK : err;
}

/* The text at *at; behind its NUL stands the next. */
static const char *next_text(char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

/* Room for all in one piece: the value, its credentials, their texts. */
static struct directory_account *pack(const struct directory_account *head,
				      struct span address,
				      const struct collected *c)
{
	size_t fixed = sizeof *head + c->n * sizeof c->credentials[0];
	size_t size = fixed + address.n + 1 + c->texts.n;
	struct directory_account *a = malloc(size);
	char *text = (char *)a + fixed;

	if (a == NULL)
		return NULL;
	*a = *head;
	a->size = size;
	a->credentials_n = c->n;
	a->address = text;
	memcpy(text, address.p, address.n);
	text[address.n] = 0;
	text += address.n + 1;
	if (c->texts.n > 0)
		memcpy(text, c->texts.p, c->texts.n);
	for (uint32_t i = 0; i < c->n; i++) {
		a->credentials[i] = c->credentials[i];
		a->credentials[i].name = next_text(&text);
		a->credentials[i].limits.networks = next_text(&text);
		a->credentials[i].hash = next_text(&text);
	}
	return a;
}

static enum yb_err load_head(sqlite3_stmt *s, struct directory_account *head)
{
	int64_t iterations = sqlite3_column_int64(s, 4);

	if (!copy_blob(s, 1, head->id, DIRECTORY_ID_LEN) ||
	    !copy_blob(s, 3, head->salt, DIRECTORY_SALT_LEN) ||
	    iterations < DIRECTORY_ITERATIONS_MIN ||
	    iterations > DIRECTORY_ITERATIONS_MAX)
		return YB_CORRUPT;
	head->iterations = (uint32_t)iterations;
	head->generation = (uint64_t)sqlite3_column_int64(s, 5);
	head->created_s = sqlite3_column_int64(s, 6);
	head->last_login_s = sqlite3_column_int64(s, 7);
	return YB_OK;
}

enum yb_err account_load(struct directory *d, sqlite3_stmt *s,
			 int64_t *ret_number, struct directory_account **ret)
{
	struct directory_account head = { 0 };
	struct directory_account *a = NULL;
	struct collected c = { .n = 0 };
	struct span address = SPAN_NONE;
	int64_t number = 0;
	enum yb_err err = statement_row(s);

	if (err == YB_OK) {
		number = sqlite3_column_int64(s, 0);
		address = statement_column(s, 2);
		err = load_head(s, &head);
	}
	if (err == YB_OK &&
	    (address.n == 0 || address.n > DIRECTORY_ADDRESS_MAX ||
	     memchr(address.p, 0, address.n) != NULL))
		err = YB_CORRUPT;
	if (err == YB_OK) {
		buf_init(&c.texts, DIRECTORY_DEVICES_MAX * TEXTS_MAX);
		err = collect(d, number, &c);
		a = err == YB_OK ? pack(&head, address, &c) : NULL;
		buf_wipe(&c.texts);
		buf_done(&c.texts);
		mem_wipe(&c, sizeof c);
		if (err == YB_OK && a == NULL)
			err = YB_NOMEM;
	}
	statement_end(s);
	if (err != YB_OK)
		return err == YB_NOT_FOUND ? YB_NO_ACCOUNT : err;
	if (ret_number != NULL)
		*ret_number = number;
	*ret = a;
	return YB_OK;
}

enum yb_err directory_account_find(struct directory *d, struct span address,
				   struct directory_account **ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_FIND);

	statement_text(s, 1, address);
	return account_load(d, s, NULL, ret);
}

enum yb_err directory_account_first(struct directory *d, struct span domain,
				    struct directory_account **ret)
{
	sqlite3_stmt *s;

	if (domain.n == 0)
		return account_load(d,
				    statement_take(d, STATEMENT_ACCOUNT_FIRST),
				    NULL, ret);
	s = statement_take(d, STATEMENT_ACCOUNT_FIRST_OF);
	statement_text(s, 1, domain);
	return account_load(d, s, NULL, ret);
}

enum yb_err directory_account_next(struct directory *d, struct span after,
				   struct directory_account **ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ACCOUNT_NEXT);

	statement_text(s, 1, after);
	return account_load(d, s, NULL, ret);
}

void directory_account_free(struct directory_account **account)
{
	if (*account == NULL)
		return;
	mem_wipe(*account, (*account)->size);
	free(*account);
	*account = NULL;
}

enum yb_err directory_imported(struct directory *d, uint64_t *ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_IMPORTED_COUNT);
	enum yb_err err = statement_row(s);

	if (err == YB_OK)
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
	statement_end(s);
	return err;
}

enum yb_err directory_imported_one(struct directory *d,
				   char ret[DIRECTORY_HASH_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_IMPORTED_ONE);
	enum yb_err err = statement_row(s);

	if (err == YB_OK &&
	    !span_to_str(statement_column(s, 0), ret, DIRECTORY_HASH_MAX + 1))
		err = YB_CORRUPT;
	statement_end(s);
	return err;
}

enum yb_err directory_credential_next(struct directory *d,
				      enum directory_kind kind, int64_t *at,
				      char ret[DIRECTORY_ADDRESS_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_CREDENTIAL_NEXT);
	enum yb_err err;

	(void)sqlite3_bind_int64(s, 1, kind);
	(void)sqlite3_bind_int64(s, 2, *at);
	err = statement_row(s);
	if (err == YB_OK && !span_to_str(statement_column(s, 1), ret,
					 DIRECTORY_ADDRESS_MAX + 1))
		err = YB_CORRUPT;
	if (err == YB_OK)
		*at = sqlite3_column_int64(s, 0);
	statement_end(s);
	return err == YB_NOT_FOUND ? YB_NO_ACCOUNT : err;
}

enum yb_err
directory_certificate_find(struct directory *d,
			   const uint8_t fingerprint[DIRECTORY_KEY_LEN],
			   char ret[DIRECTORY_ADDRESS_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_CERTIFICATE_FIND);
	enum yb_err err;

	statement_blob(s, 1, fingerprint, DIRECTORY_KEY_LEN);
	err = statement_row(s);
	if (err == YB_OK && !span_to_str(statement_column(s, 0), ret,
					 DIRECTORY_ADDRESS_MAX + 1))
		err = YB_CORRUPT;
	statement_end(s);
	return err == YB_NOT_FOUND ? YB_NO_ACCOUNT : err;
}
