/*
 * Aliases and their targets. What a target means, and that none leads to
 * itself, is src/auth's matter.
 */
#include "directory/directory_private.h"

#include <stdlib.h>

/* Texts of an alias while they are collected. */
struct collected {
	size_t n, text_n;
	size_t cap;
	char *text; /* address and targets, each with its NUL */
};

static enum yb_err collect(struct collected *c, struct span text)
{
	if (text.n == 0 || text.n > DIRECTORY_ADDRESS_MAX ||
	    memchr(text.p, 0, text.n) != NULL || c->n > DIRECTORY_TARGETS_MAX)
		return YB_CORRUPT;
	if (c->cap - c->text_n < text.n + 1) {
		size_t cap = c->cap == 0 ? 1024 : 2 * c->cap;
		char *more = realloc(c->text, cap);

		if (more == NULL)
			return YB_NOMEM;
		c->text = more;
		c->cap = cap;
	}
	memcpy(c->text + c->text_n, text.p, text.n);
	c->text[c->text_n + text.n] = 0;
	c->text_n += text.n + 1;
	c->n++;
	return YB_OK;
}

static enum yb_err collect_targets(struct directory *d, int64_t number,
				   struct collected *c)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_TARGETS);
	enum yb_err err = YB_OK;

	(void)sqlite3_bind_int64(s, 1, number);
	while (err == YB_OK) {
		err = statement_row(s);
		if (err == YB_OK)
			err = collect(c, statement_column(s, 0));
	}
	statement_end(s);
	if (err == YB_NOT_FOUND)
		err = c->n > 1 ? YB_OK : YB_CORRUPT; /* it has one */
	return err;
}

/* The value and its texts in one piece. */
static enum yb_err pack(const struct collected *c, struct directory_alias **ret)
{
	size_t fixed = sizeof **ret + (c->n - 1) * sizeof(char *);
	struct directory_alias *a = malloc(fixed + c->text_n);
	char *text = (char *)a + fixed;

	if (a == NULL)
		return YB_NOMEM;
	memcpy(text, c->text, c->text_n);
	a->address = text;
	a->targets_n = c->n - 1;
	for (size_t i = 0; i < a->targets_n; i++) {
		text += strlen(text) + 1;
		a->targets[i] = text;
	}
	*ret = a;
	return YB_OK;
}

static enum yb_err load(struct directory *d, sqlite3_stmt *s,
			int64_t *ret_number, struct directory_alias **ret)
{
	struct collected c = { .n = 0 };
	int64_t number = 0;
	enum yb_err err = statement_row(s);

	if (err == YB_OK) {
		number = sqlite3_column_int64(s, 0);
		err = collect(&c, statement_column(s, 1));
	}
	statement_end(s);
	if (err == YB_OK)
		err = collect_targets(d, number, &c);
	if (err == YB_OK)
		err = pack(&c, ret);
	if (err == YB_OK && ret_number != NULL)
		*ret_number = number;
	free(c.text);
	return err;
}

enum yb_err directory_alias_find(struct directory *d, struct span address,
				 struct directory_alias **ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ALIAS_FIND);

	statement_text(s, 1, address);
	return load(d, s, NULL, ret);
}

enum yb_err directory_alias_next(struct directory *d, struct span after,
				 struct directory_alias **ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ALIAS_NEXT);

	statement_text(s, 1, after);
	return load(d, s, NULL, ret);
}

void directory_alias_free(struct directory_alias **alias)
{
	free(*alias);
	*alias = NULL;
}

enum yb_err directory_alias_using(struct directory *d, struct span target,
				  int64_t *at,
				  char ret[DIRECTORY_ADDRESS_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_TARGETS_USING);
	enum yb_err err;

	statement_text(s, 1, target);
	(void)sqlite3_bind_int64(s, 2, *at);
	err = statement_row(s);
	if (err == YB_OK && !span_to_str(statement_column(s, 1), ret,
					 DIRECTORY_ADDRESS_MAX + 1))
		err = YB_CORRUPT;
	if (err == YB_OK)
		*at = sqlite3_column_int64(s, 0);
	statement_end(s);
	return err;
}

/* ---- changing ---- */

/* The number of an alias inside a transaction; NOT_FOUND. */
static enum yb_err find(struct directory *d, struct span address,
			int64_t *ret_number)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_ALIAS_FIND);
	enum yb_err err;

	statement_text(s, 1, address);
	err = statement_row(s);
	if (err == YB_OK)
		*ret_number = sqlite3_column_int64(s, 0);
	statement_end(s);
	return err;
}

static enum yb_err insert(struct directory *d, struct span address,
			  int64_t now_s, int64_t *ret_number)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_FIND);
	int64_t domain = 0;
	enum yb_err err;

	statement_text(s, 1, directory_domain_of(address));
	err = statement_row(s);
	if (err == YB_OK)
		domain = sqlite3_column_int64(s, 0);
	statement_end(s);
	if (err != YB_OK)
		return err;
	s = statement_take(d, STATEMENT_ALIAS_ADD);
	(void)sqlite3_bind_int64(s, 1, domain);
	statement_text(s, 2, address);
	(void)sqlite3_bind_int64(s, 3, now_s);
	err = statement_run(s);
	if (err == YB_OK)
		*ret_number = sqlite3_last_insert_rowid(d->db);
	return err;
}

static enum yb_err count_targets(struct directory *d, int64_t number,
				 int64_t *ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_TARGETS_COUNT);
	enum yb_err err;

	(void)sqlite3_bind_int64(s, 1, number);
	err = statement_row(s);
	if (err == YB_OK)
		*ret = sqlite3_column_int64(s, 0);
	statement_end(s);
	return err;
}

static enum yb_err add_targets(struct directory *d, int64_t number,
			       const struct span *targets, size_t n)
{
	int64_t count = 0;
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < n && err == YB_OK; i++) {
		sqlite3_stmt *s = statement_take(d, STATEMENT_TARGET_ADD);

		if (targets[i].n == 0 || targets[i].n > DIRECTORY_ADDRESS_MAX)
			return YB_INVALID;
		(void)sqlite3_bind_int64(s, 1, number);
		statement_text(s, 2, targets[i]);
		err = statement_run(s);
	}
	if (err == YB_OK)
		err = count_targets(d, number, &count);
	return err == YB_OK && count > DIRECTORY_TARGETS_MAX ? YB_TOO_BIG : err;
}

enum yb_err directory_alias_add(struct directory *d, struct span address,
				const struct span *targets, size_t n,
				int64_t now_s, enum yb_err (*check)(void *ctx),
				void *ctx)
{
	int64_t number = 0;
	enum yb_err err;

	if (n == 0 || address.n == 0 || address.n > DIRECTORY_ADDRESS_MAX)
		return YB_INVALID;
	err = transaction_begin(d);
	if (err != YB_OK)
		return err;
	err = find(d, address, &number);
	if (err == YB_NOT_FOUND)
		err = insert(d, address, now_s, &number);
	if (err == YB_OK)
		err = add_targets(d, number, targets, n);
	if (err == YB_OK && check != NULL)
		err = check(ctx);
	return transaction_end(d, err);
}

static enum yb_err remove_targets(struct directory *d, int64_t number,
				  const struct span *targets, size_t n)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < n && err == YB_OK; i++) {
		sqlite3_stmt *s = statement_take(d, STATEMENT_TARGET_REMOVE);

		(void)sqlite3_bind_int64(s, 1, number);
		statement_text(s, 2, targets[i]);
		err = statement_row(s);
		if (err == YB_OK)
			err = directory_err(sqlite3_step(s));
		statement_end(s);
	}
	return err;
}

enum yb_err directory_alias_remove(struct directory *d, struct span address,
				   const struct span *targets, size_t n)
{
	int64_t number = 0, left = 0;
	enum yb_err err = transaction_begin(d);

	if (err != YB_OK)
		return err;
	err = find(d, address, &number);
	if (err == YB_OK)
		err = remove_targets(d, number, targets, n);
	if (err == YB_OK && n > 0)
		err = count_targets(d, number, &left);
	if (err == YB_OK && left == 0) {
		sqlite3_stmt *s = statement_take(d, STATEMENT_ALIAS_REMOVE);

		(void)sqlite3_bind_int64(s, 1, number);
		err = statement_run(s);
	}
	return transaction_end(d, err);
}
