/*
 * Who guesses, as src/auth counts it.
 */
#include "directory/directory_private.h"

enum yb_err directory_tallies_each(struct directory *d,
				   directory_tally_fn *each, void *ctx)
{
	sqlite3_stmt *s = statement_take(d, STATEMENT_TALLIES);
	enum yb_err err = YB_OK;

	while (err == YB_OK) {
		struct directory_tally row;
		char label[DIRECTORY_ADDRESS_MAX + 1];
		const void *key;

		err = statement_row(s);
		if (err != YB_OK)
			break;
		row = (struct directory_tally){
			.kind = (uint32_t)sqlite3_column_int64(s, 0),
			.failures = (uint32_t)sqlite3_column_int64(s, 2),
			.since_ms = sqlite3_column_int64(s, 3),
			.label = label,
		};
		key = sqlite3_column_blob(s, 1);
		if (key == NULL ||
		    sqlite3_column_bytes(s, 1) != DIRECTORY_TALLY_KEY_LEN ||
		    !span_to_str(statement_column(s, 4), label, sizeof label))
			err = YB_CORRUPT;
		if (err != YB_OK)
			break;
		memcpy(row.key, key, sizeof row.key);
		each(ctx, &row);
	}
	statement_end(s);
	return err == YB_NOT_FOUND ? YB_OK : err;
}

enum yb_err directory_tallies_begin(struct directory *d)
{
	return transaction_begin(d);
}

enum yb_err directory_tally_put(struct directory *d,
				const struct directory_tally *row)
{
	bool drop = row->failures == 0;
	sqlite3_stmt *s = statement_take(d, drop ? STATEMENT_TALLY_DROP
						 : STATEMENT_TALLY_PUT);

	(void)sqlite3_bind_int64(s, 1, row->kind);
	statement_blob(s, 2, row->key, sizeof row->key);
	if (!drop) {
		(void)sqlite3_bind_int64(s, 3, row->failures);
		(void)sqlite3_bind_int64(s, 4, row->since_ms);
		statement_text(s, 5, span_str(row->label));
	}
	return statement_run(s);
}

enum yb_err directory_tallies_commit(struct directory *d)
{
	return transaction_end(d, YB_OK);
}
