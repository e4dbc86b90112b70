/*
 * Settings of accounts and domains. Names are kept as text: one that this
 * program does not know is passed over, and stays.
 */
#include "directory/directory_private.h"

static const struct {
	enum directory_statement get, put, clear;
} statements[] = {
	[DIRECTORY_ACCOUNT] = { STATEMENT_ACCOUNT_SETTINGS,
				STATEMENT_ACCOUNT_SETTING_PUT,
				STATEMENT_ACCOUNT_SETTING_CLEAR },
	[DIRECTORY_DOMAIN] = { STATEMENT_DOMAIN_SETTINGS,
			       STATEMENT_DOMAIN_SETTING_PUT,
			       STATEMENT_DOMAIN_SETTING_CLEAR },
};

enum yb_err directory_settings_get(struct directory *d,
				   enum directory_owner owner, struct span name,
				   struct setting_set *ret)
{
	sqlite3_stmt *s = statement_take(d, statements[owner].get);
	struct setting_set set = { .has = 0 };
	enum yb_err err = YB_OK;

	statement_text(s, 1, name);
	while (err == YB_OK) {
		enum setting which;
		uint64_t value;

		err = statement_row(s);
		if (err != YB_OK ||
		    !setting_find(statement_column(s, 0), &which))
			continue;
		value = (uint64_t)sqlite3_column_int64(s, 1);
		if (!setting_is_valid(which, value))
			err = YB_CORRUPT;
		set.has |= 1u << which;
		set.value[which] = value;
	}
	statement_end(s);
	if (err != YB_NOT_FOUND)
		return err;
	*ret = set;
	return YB_OK;
}

static enum yb_err change_one(struct directory *d, enum directory_owner owner,
			      struct span name, enum setting which,
			      const struct setting_set *set)
{
	bool has = (set->has & 1u << which) != 0;
	sqlite3_stmt *s = statement_take(d, has ? statements[owner].put
						: statements[owner].clear);

	statement_text(s, 1, name);
	statement_text(s, 2, span_str(setting_name(which)));
	if (has)
		(void)sqlite3_bind_int64(s, 3, (int64_t)set->value[which]);
	return statement_run(s);
}

enum yb_err directory_settings_change(struct directory *d,
				      enum directory_owner owner,
				      struct span name, uint32_t changed,
				      const struct setting_set *set)
{
	enum yb_err err = transaction_begin(d);

	if (err != YB_OK)
		return err;
	for (int i = 0; i < SETTINGS_N && err == YB_OK; i++)
		if ((changed & 1u << i) != 0)
			err = change_one(d, owner, name, (enum setting)i, set);
	return transaction_end(d, err);
}
