/*
 * Domains: whose mail is ours.
 */
#include "directory/directory_private.h"

struct span directory_domain_of(struct span address)
{
	return span_skip(address, span_find_last(address, '@') + 1);
}

enum yb_err directory_domain_find(struct directory *d, struct span name)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_FIND);
	enum yb_err err;

	statement_text(s, 1, name);
	err = statement_row(s);
	statement_end(s);
	return err;
}

enum yb_err directory_domain_alias_of(struct directory *d, struct span name,
				      char ret[DIRECTORY_DOMAIN_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_ALIAS_OF);
	enum yb_err err;

	statement_text(s, 1, name);
	err = statement_row(s);
	if (err == YB_OK &&
	    !span_to_str(statement_column(s, 0), ret, DIRECTORY_DOMAIN_MAX + 1))
		err = YB_CORRUPT;
	statement_end(s);
	return err;
}

static enum yb_err load(sqlite3_stmt *s, struct directory_domain *ret)
{
	struct directory_domain at;
	enum yb_err err = statement_row(s);

	if (err == YB_OK &&
	    (!span_to_str(statement_column(s, 0), at.name, sizeof at.name) ||
	     !span_to_str(statement_column(s, 1), at.alias_of,
			  sizeof at.alias_of)))
		err = YB_CORRUPT;
	if (err == YB_OK) {
		at.created_s = sqlite3_column_int64(s, 2);
		at.accounts_n = (uint64_t)sqlite3_column_int64(s, 3);
		at.aliases_n = (uint64_t)sqlite3_column_int64(s, 4);
		at.names_n = (uint64_t)sqlite3_column_int64(s, 5);
		*ret = at;
	}
	statement_end(s);
	return err;
}

enum yb_err directory_domain_get(struct directory *d, struct span name,
				 struct directory_domain *ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_GET);

	statement_text(s, 1, name);
	return load(s, ret);
}

enum yb_err directory_domain_next(struct directory *d, struct span after,
				  struct directory_domain *ret)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_NEXT);

	statement_text(s, 1, after);
	return load(s, ret);
}

enum yb_err directory_domain_resident(struct directory *d, struct span name,
				      char ret[DIRECTORY_ADDRESS_MAX + 1])
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_RESIDENT);
	enum yb_err err;

	statement_text(s, 1, name);
	err = statement_row(s);
	if (err == YB_OK && !span_to_str(statement_column(s, 0), ret,
					 DIRECTORY_ADDRESS_MAX + 1))
		err = YB_CORRUPT;
	statement_end(s);
	return err;
}

/* ---- changing ---- */

enum yb_err domain_ensure(struct directory *d, struct span name, int64_t now_s,
			  int64_t *ret_id)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_ADD);
	enum yb_err err;

	statement_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, now_s);
	err = statement_run(s);
	if (err != YB_OK)
		return err;
	s = statement_take(d, STATEMENT_DOMAIN_FIND);
	statement_text(s, 1, name);
	err = statement_row(s);
	if (err == YB_OK)
		*ret_id = sqlite3_column_int64(s, 0);
	statement_end(s);
	return err;
}

/* An alias of an alias would be one step more at each delivery. */
static enum yb_err may_be_named(struct directory *d, struct span alias_of)
{
	char other[DIRECTORY_DOMAIN_MAX + 1];
	enum yb_err err;

	if (alias_of.n == 0)
		return YB_OK;
	err = directory_domain_alias_of(d, alias_of, other);
	return err == YB_OK && *other != 0 ? YB_INVALID : err;
}

enum yb_err directory_domain_add(struct directory *d, struct span name,
				 struct span alias_of, int64_t now_s)
{
	enum yb_err err = may_be_named(d, alias_of);
	sqlite3_stmt *s;

	if (err != YB_OK)
		return err;
	if (name.n == 0 || name.n > DIRECTORY_DOMAIN_MAX)
		return YB_INVALID;
	s = statement_take(d, STATEMENT_DOMAIN_INSERT);
	statement_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, now_s);
	statement_text(s, 3, alias_of);
	return statement_run(s);
}

enum yb_err directory_domain_remove(struct directory *d, struct span name)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_DOMAIN_REMOVE);
	enum yb_err err;

	statement_text(s, 1, name);
	err = statement_row(s);
	/* It is deleted for good only once the statement has ended. */
	if (err == YB_OK)
		err = directory_err(sqlite3_step(s));
	statement_end(s);
	return err;
}
