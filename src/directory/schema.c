/*
 * The history of the schema. A step, once released, is never edited: a change
 * is a new step at the end and a higher DIRECTORY_VERSION.
 */
#include "directory/directory_private.h"

const char *const directory_schema[DIRECTORY_VERSION] = {
	/* 1: domains, accounts, credentials. Accounts are counted with
	 * AUTOINCREMENT, so that a number never means two of them and the
	 * lowest of a domain is its oldest. The checks keep a mistake in the
	 * program, or an edit by hand, from becoming a login. */
	"CREATE TABLE meta ("
	" name TEXT NOT NULL PRIMARY KEY,"
	" value ANY NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE domains ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" created INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE accounts ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	" domain INTEGER NOT NULL REFERENCES domains (id),"
	" address TEXT NOT NULL UNIQUE,"
	" salt BLOB NOT NULL CHECK (length(salt) = 16),"
	" iterations INTEGER NOT NULL"
	"  CHECK (iterations BETWEEN 4096 AND 10000000),"
	" generation INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" last_login INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX accounts_by_domain ON accounts (domain, number);"

	"CREATE TABLE credentials ("
	" account INTEGER NOT NULL"
	"  REFERENCES accounts (number) ON DELETE CASCADE,"
	" device INTEGER NOT NULL CHECK (device BETWEEN 0 AND 63),"
	" kind INTEGER NOT NULL CHECK (kind = 1),"
	" name TEXT NOT NULL,"
	" stored_key BLOB NOT NULL CHECK (length(stored_key) = 32),"
	" server_key BLOB NOT NULL CHECK (length(server_key) = 32),"
	" created INTEGER NOT NULL,"
	" last_used INTEGER NOT NULL,"
	" PRIMARY KEY (account, device),"
	" UNIQUE (account, name)"
	") STRICT, WITHOUT ROWID;"

	"INSERT INTO meta (name, value) VALUES ('opened', 0);",

	/* 2: domains that are another name of one, and aliases. A target is
	 * text, not a number: it may be an account or an alias. */
	"ALTER TABLE domains ADD COLUMN alias_of INTEGER"
	" REFERENCES domains (id);"
	"CREATE INDEX domains_by_alias_of ON domains (alias_of)"
	" WHERE alias_of IS NOT NULL;"

	"CREATE TABLE aliases ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" domain INTEGER NOT NULL REFERENCES domains (id),"
	" address TEXT NOT NULL UNIQUE,"
	" created INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX aliases_by_domain ON aliases (domain);"

	"CREATE TABLE alias_targets ("
	" alias INTEGER NOT NULL"
	"  REFERENCES aliases (number) ON DELETE CASCADE,"
	" target TEXT NOT NULL,"
	" PRIMARY KEY (alias, target)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX alias_targets_by_target ON alias_targets (target);",

	/* 3: credentials of other kinds, and what a device may not do. A CHECK
	 * cannot be changed in place: the table is made anew. */
	"CREATE TABLE new_credentials ("
	" account INTEGER NOT NULL"
	"  REFERENCES accounts (number) ON DELETE CASCADE,"
	" device INTEGER NOT NULL CHECK (device BETWEEN 0 AND 63),"
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),"
	" name TEXT NOT NULL,"
	" stored_key BLOB NOT NULL CHECK (length(stored_key) = 32),"
	" server_key BLOB NOT NULL CHECK (length(server_key) = 32),"
	" hash TEXT NOT NULL CHECK (length(hash) <= 255),"
	" created INTEGER NOT NULL,"
	" last_used INTEGER NOT NULL,"
	" refused INTEGER NOT NULL,"
	" protocols INTEGER NOT NULL,"
	" expires INTEGER NOT NULL,"
	" networks TEXT NOT NULL CHECK (length(networks) <= 512),"
	" CHECK (hash = '' OR kind IN (2, 4)),"
	" PRIMARY KEY (account, device),"
	" UNIQUE (account, name)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO new_credentials SELECT account, device, kind, name,"
	" stored_key, server_key, '', created, last_used, 0, 0, 0, ''"
	" FROM credentials;"
	"DROP TABLE credentials;"
	"ALTER TABLE new_credentials RENAME TO credentials;"
	"CREATE INDEX credentials_by_kind ON credentials (kind)"
	" WHERE kind <> 1;"
	"ALTER TABLE accounts ADD COLUMN last_device INTEGER NOT NULL"
	" DEFAULT 0;",

	/* 4: settings of accounts and domains, by name. */
	"CREATE TABLE account_settings ("
	" account INTEGER NOT NULL"
	"  REFERENCES accounts (number) ON DELETE CASCADE,"
	" name TEXT NOT NULL,"
	" value INTEGER NOT NULL,"
	" PRIMARY KEY (account, name)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE domain_settings ("
	" domain INTEGER NOT NULL"
	"  REFERENCES domains (id) ON DELETE CASCADE,"
	" name TEXT NOT NULL,"
	" value INTEGER NOT NULL,"
	" PRIMARY KEY (domain, name)"
	") STRICT, WITHOUT ROWID;",

	/* 5: who guesses, for a process that begins anew. */
	"CREATE TABLE tallies ("
	" kind INTEGER NOT NULL,"
	" key BLOB NOT NULL CHECK (length(key) = 16),"
	" failures INTEGER NOT NULL,"
	" since INTEGER NOT NULL,"
	" label TEXT NOT NULL,"
	" PRIMARY KEY (kind, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX tallies_by_since ON tallies"
	" (kind, since, failures, label);",

	/* 6: a certificate names one account, which is found by it. */
	("CREATE UNIQUE INDEX credentials_by_certificate"
	 " ON credentials (stored_key) WHERE kind = 3;"),
};
