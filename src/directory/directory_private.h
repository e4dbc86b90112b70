/*
 * Between the files of src/directory, and for its tests.
 */
#ifndef DIRECTORY_DIRECTORY_PRIVATE_H
#define DIRECTORY_DIRECTORY_PRIVATE_H

#include <sqlite3.h>

#include "directory/directory.h"

/* Every statement there is, prepared once. */
#define DIRECTORY_STATEMENTS(X)                                                \
	X(BEGIN, "BEGIN IMMEDIATE")                                            \
	X(COMMIT, "COMMIT")                                                    \
	X(ROLLBACK, "ROLLBACK")                                                \
	X(DOMAIN_FIND, "SELECT id FROM domains WHERE name = ?1")               \
	X(DOMAIN_ADD, "INSERT INTO domains (name, created) VALUES (?1, ?2) "   \
		      "ON CONFLICT (name) DO NOTHING")                         \
	X(DOMAIN_ALIAS_OF,                                                     \
	  "SELECT ifnull(o.name, '') FROM domains d "                          \
	  "LEFT JOIN domains o ON o.id = d.alias_of WHERE d.name = ?1")        \
	X(DOMAIN_GET, DIRECTORY_DOMAINS "WHERE d.name = ?1")                   \
	X(DOMAIN_NEXT, DIRECTORY_DOMAINS "WHERE d.name > ?1 "                  \
					 "ORDER BY d.name LIMIT 1")            \
	X(DOMAIN_INSERT, "INSERT INTO domains (name, created, alias_of) "      \
			 "VALUES (?1, ?2, CASE ?3 WHEN '' THEN NULL ELSE "     \
			 "(SELECT id FROM domains WHERE name = ?3) END)")      \
	X(DOMAIN_RESIDENT,                                                     \
	  "SELECT address FROM accounts WHERE domain = "                       \
	  "(SELECT id FROM domains WHERE name = ?1) UNION ALL "                \
	  "SELECT address FROM aliases WHERE domain = "                        \
	  "(SELECT id FROM domains WHERE name = ?1) UNION ALL "                \
	  "SELECT name FROM domains WHERE alias_of = "                         \
	  "(SELECT id FROM domains WHERE name = ?1) LIMIT 1")                  \
	X(DOMAIN_REMOVE, "DELETE FROM domains WHERE name = ?1 "                \
			 "RETURNING id")                                       \
	X(ACCOUNT_SETTINGS,                                                    \
	  "SELECT name, value FROM account_settings WHERE account = "          \
	  "(SELECT number FROM accounts WHERE address = ?1)")                  \
	X(ACCOUNT_SETTING_PUT,                                                 \
	  "INSERT INTO account_settings (account, name, value) "               \
	  "SELECT number, ?2, ?3 FROM accounts WHERE address = ?1 "            \
	  "ON CONFLICT (account, name) DO UPDATE SET value = excluded.value")  \
	X(ACCOUNT_SETTING_CLEAR,                                               \
	  "DELETE FROM account_settings WHERE account = "                      \
	  "(SELECT number FROM accounts WHERE address = ?1) AND name = ?2")    \
	X(DOMAIN_SETTINGS,                                                     \
	  "SELECT name, value FROM domain_settings WHERE domain = "            \
	  "(SELECT id FROM domains WHERE name = ?1)")                          \
	X(DOMAIN_SETTING_PUT,                                                  \
	  "INSERT INTO domain_settings (domain, name, value) "                 \
	  "SELECT id, ?2, ?3 FROM domains WHERE name = ?1 "                    \
	  "ON CONFLICT (domain, name) DO UPDATE SET value = excluded.value")   \
	X(DOMAIN_SETTING_CLEAR,                                                \
	  "DELETE FROM domain_settings WHERE domain = "                        \
	  "(SELECT id FROM domains WHERE name = ?1) AND name = ?2")            \
	X(TALLIES, "SELECT kind, key, failures, since, label FROM tallies "    \
		   "ORDER BY kind, since")                                     \
	X(TALLY_PUT, "INSERT INTO tallies (kind, key, failures, since, "       \
		     "label) VALUES (?1, ?2, ?3, ?4, ?5) "                     \
		     "ON CONFLICT (kind, key) DO UPDATE SET "                  \
		     "failures = excluded.failures, since = excluded.since")   \
	X(TALLY_DROP, "DELETE FROM tallies WHERE kind = ?1 AND key = ?2")      \
	X(ALIAS_FIND, "SELECT number, address FROM aliases "                   \
		      "WHERE address = ?1")                                    \
	X(ALIAS_NEXT, "SELECT number, address FROM aliases "                   \
		      "WHERE address > ?1 ORDER BY address LIMIT 1")           \
	X(ALIAS_ADD, "INSERT INTO aliases (domain, address, created) "         \
		     "VALUES (?1, ?2, ?3)")                                    \
	X(ALIAS_REMOVE, "DELETE FROM aliases WHERE number = ?1")               \
	X(TARGETS, "SELECT target FROM alias_targets WHERE alias = ?1 "        \
		   "ORDER BY target")                                          \
	X(TARGETS_COUNT, "SELECT count(*) FROM alias_targets "                 \
			 "WHERE alias = ?1")                                   \
	X(TARGETS_USING,                                                       \
	  "SELECT t.alias, a.address FROM alias_targets t "                    \
	  "JOIN aliases a ON a.number = t.alias "                              \
	  "WHERE t.target = ?1 AND t.alias > ?2 ORDER BY t.alias LIMIT 1")     \
	X(TARGET_ADD, "INSERT INTO alias_targets (alias, target) "             \
		      "VALUES (?1, ?2) ON CONFLICT DO NOTHING")                \
	X(TARGET_REMOVE, "DELETE FROM alias_targets "                          \
			 "WHERE alias = ?1 AND target = ?2 "                   \
			 "RETURNING target")                                   \
	X(ACCOUNT_FIND, DIRECTORY_COLUMNS "WHERE address = ?1")                \
	X(ACCOUNT_NEXT, DIRECTORY_COLUMNS "WHERE address > ?1 "                \
					  "ORDER BY address LIMIT 1")          \
	X(ACCOUNT_FIRST, DIRECTORY_COLUMNS "ORDER BY number LIMIT 1")          \
	X(ACCOUNT_FIRST_OF, DIRECTORY_COLUMNS                                  \
	  "WHERE domain = (SELECT id FROM domains WHERE name = ?1) "           \
	  "ORDER BY number LIMIT 1")                                           \
	X(ACCOUNT_ADD, "INSERT INTO accounts (id, domain, address, salt, "     \
		       "iterations, generation, created, last_login) "         \
		       "VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, 0)")                \
	X(ACCOUNT_SALT, "UPDATE accounts SET salt = ?2, iterations = ?3, "     \
			"generation = generation + 1 WHERE number = ?1")       \
	X(ACCOUNT_REMOVE, "DELETE FROM accounts WHERE number = ?1")            \
	X(ACCOUNT_LOGIN, "UPDATE accounts SET last_login = max(last_login, "   \
			 "?2) WHERE id = ?1")                                  \
	X(ACCOUNT_TOUCH, "UPDATE accounts SET generation = generation + 1 "    \
			 "WHERE number = ?1")                                  \
	X(ACCOUNT_DEVICE, "SELECT last_device FROM accounts "                  \
			  "WHERE number = ?1")                                 \
	X(ACCOUNT_DEVICE_IS, "UPDATE accounts SET last_device = ?2 "           \
			     "WHERE number = ?1")                              \
	X(CREDENTIALS, "SELECT device, kind, name, stored_key, server_key, "   \
		       "created, last_used, refused, protocols, expires, "     \
		       "networks, hash FROM credentials "                      \
		       "WHERE account = ?1 ORDER BY device")                   \
	X(CREDENTIAL_PUT,                                                      \
	  "INSERT INTO credentials (account, device, kind, name, stored_key, " \
	  "server_key, created, last_used, refused, protocols, expires, "      \
	  "networks, hash) "                                                   \
	  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12) "     \
	  "ON CONFLICT (account, device) DO UPDATE SET kind = excluded.kind, " \
	  "name = excluded.name, stored_key = excluded.stored_key, "           \
	  "server_key = excluded.server_key, created = excluded.created, "     \
	  "last_used = 0, refused = excluded.refused, "                        \
	  "protocols = excluded.protocols, expires = excluded.expires, "       \
	  "networks = excluded.networks, hash = excluded.hash")                \
	X(IMPORTED_COUNT, "SELECT count(*) FROM credentials "                  \
			  "WHERE kind <> 1 AND kind = 2")                      \
	X(CREDENTIAL_NEXT,                                                     \
	  "SELECT c.account, a.address FROM credentials c "                    \
	  "JOIN accounts a ON a.number = c.account "                           \
	  "WHERE c.kind <> 1 AND c.kind = ?1 AND c.account > ?2 "              \
	  "ORDER BY c.account LIMIT 1")                                        \
	X(CERTIFICATE_FIND,                                                    \
	  "SELECT a.address FROM credentials c "                               \
	  "JOIN accounts a ON a.number = c.account "                           \
	  "WHERE c.kind = 3 AND c.stored_key = ?1")                            \
	X(IMPORTED_ONE, "SELECT hash FROM credentials "                        \
			"WHERE kind <> 1 AND kind = 2 LIMIT 1")                \
	X(CREDENTIAL_REMOVE, "DELETE FROM credentials "                        \
			     "WHERE account = ?1 AND device = ?2 "             \
			     "RETURNING device")                               \
	X(CREDENTIAL_LOGIN, "UPDATE credentials SET last_used = "              \
			    "max(last_used, ?3) WHERE account = "              \
			    "(SELECT number FROM accounts WHERE id = ?1) "     \
			    "AND device = ?2")

#define DIRECTORY_COLUMNS                                                     \
	"SELECT number, id, address, salt, iterations, generation, created, " \
	"last_login FROM accounts "

/* clang-format off */
enum directory_statement {
#define X(name, sql) STATEMENT_##name,
	DIRECTORY_STATEMENTS(X)
#undef X
	STATEMENT_COUNT
};
/* clang-format on */

/* Counting walks an index; domains are few, and asked for by people. */
#define DIRECTORY_DOMAINS                                       \
	"SELECT d.name, ifnull(o.name, ''), d.created, "        \
	"(SELECT count(*) FROM accounts WHERE domain = d.id), " \
	"(SELECT count(*) FROM aliases WHERE domain = d.id), "  \
	"(SELECT count(*) FROM domains WHERE alias_of = d.id) " \
	"FROM domains d LEFT JOIN domains o ON o.id = d.alias_of "

struct directory {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	uint8_t secret[DIRECTORY_SECRET_LEN];
	unsigned version_before; /* of the schema, 0: it was new */
};

/* SQL that leads from version i to version i + 1. */
extern const char *const directory_schema[DIRECTORY_VERSION];

/*
 * directory_open() with another history of the schema: `steps_n` is the
 * version that the program knows. With `prepare` false the statements are
 * not made, since the tables may be any.
 */
YB_CHECKED enum yb_err directory_open_schema(const char *path,
					     const char *const *steps,
					     size_t steps_n, bool prepare,
					     struct directory **ret);

/* What a result code of SQLite means; YB_OK for OK, ROW and DONE. */
enum yb_err directory_err(int rc);

/*
 * A statement with the arguments bound so far forgotten. Whoever takes it
 * runs it to its end by statement_run(), or ends it by statement_end().
 */
sqlite3_stmt *statement_take(struct directory *d, enum directory_statement at);
void statement_text(sqlite3_stmt *s, int at, struct span text);
void statement_blob(sqlite3_stmt *s, int at, const void *p, size_t n);

/* Runs one that gives no rows. */
YB_CHECKED enum yb_err statement_run(sqlite3_stmt *s);

/* Steps one that gives at most one row more: YB_OK with a row, NOT_FOUND. */
YB_CHECKED enum yb_err statement_row(sqlite3_stmt *s);
void statement_end(sqlite3_stmt *s);

/* The text of a column; valid until the statement moves. */
struct span statement_column(sqlite3_stmt *s, int at);

/* What stands behind the last @; empty if there is none. */
struct span directory_domain_of(struct span address);

/* The number of a domain, made if it is new. */
YB_CHECKED enum yb_err domain_ensure(struct directory *d, struct span name,
				     int64_t now_s, int64_t *ret_id);

YB_CHECKED enum yb_err transaction_begin(struct directory *d);

/*
 * Commits if all went well so far, else takes everything back. What went
 * wrong first, or what the commit says.
 */
YB_CHECKED enum yb_err transaction_end(struct directory *d, enum yb_err err);

/* An account as found, and its number in the file. */
YB_CHECKED enum yb_err account_load(struct directory *d, sqlite3_stmt *s,
				    int64_t *ret_number,
				    struct directory_account **ret);

#endif
