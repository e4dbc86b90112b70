/*
 * Opening: the file's mode, the lock, the schema, the statements.
 *
 * Exclusive locking before the first look at a WAL database keeps the index
 * of the WAL in memory, so there is no -shm file. Opening always ends with a
 * small write that is synced: it makes the WAL, seeds SQLite's random numbers,
 * and finds a read-only or full disk before anybody depends on it.
 */
#include "directory/directory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"
#include "os/random.h"

enum {
	/* "Yubi" in the header of the file, for file(1) and for us. */
	APPLICATION_ID = 0x59756269,
	/* A predecessor that was just killed has let go within this time. */
	BUSY_MS = 250,
	PRAGMA_MAX = 64,
	/* The WAL is cut back to this when it starts anew. */
	WAL_KEEP = 4 * 1024 * 1024,
};

enum yb_err directory_err(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return YB_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return YB_BUSY;
	case SQLITE_NOMEM:
		return YB_NOMEM;
	case SQLITE_FULL:
		return YB_FULL;
	case SQLITE_READONLY:
		return YB_READ_ONLY;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return YB_ACCESS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return YB_CORRUPT;
	case SQLITE_TOOBIG:
		return YB_TOO_BIG;
	case SQLITE_CONSTRAINT:
		if (rc == SQLITE_CONSTRAINT_UNIQUE ||
		    rc == SQLITE_CONSTRAINT_PRIMARYKEY)
			return YB_EXISTS;
		return YB_INVALID;
	default:
		return rc == SQLITE_IOERR_NOMEM ? YB_NOMEM : YB_IO;
	}
}

sqlite3_stmt *statement_take(struct directory *d, enum directory_statement at)
{
	return d->statements[at];
}

/* Binding fails only for lack of memory or a wrong index: NULL is bound then,
 * which no column takes. */
void statement_text(sqlite3_stmt *s, int at, struct span text)
{
	(void)sqlite3_bind_text64(s, at, text.n > 0 ? (const char *)text.p : "",
				  text.n, SQLITE_STATIC, SQLITE_UTF8);
}

void statement_blob(sqlite3_stmt *s, int at, const void *p, size_t n)
{
	(void)sqlite3_bind_blob64(s, at, p, n, SQLITE_STATIC);
}

void statement_end(sqlite3_stmt *s)
{
	(void)sqlite3_reset(s); /* repeats the error of the step */
	(void)sqlite3_clear_bindings(s);
}

enum yb_err statement_run(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	statement_end(s);
	return rc == SQLITE_ROW ? YB_IO : directory_err(rc);
}

enum yb_err statement_row(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	return rc == SQLITE_DONE ? YB_NOT_FOUND : directory_err(rc);
}

enum yb_err transaction_begin(struct directory *d)
{
	return statement_run(statement_take(d, STATEMENT_BEGIN));
}

enum yb_err transaction_end(struct directory *d, enum yb_err err)
{
	if (err == YB_OK)
		err = statement_run(statement_take(d, STATEMENT_COMMIT));
	/* SQLite takes some back by itself; the first error is what counts. */
	if (err != YB_OK && !sqlite3_get_autocommit(d->db)) {
		(void)sqlite3_step(statement_take(d, STATEMENT_ROLLBACK));
		statement_end(statement_take(d, STATEMENT_ROLLBACK));
	}
	return err;
}

/*
 * The file is made here, since SQLite would give it the mode that the umask
 * leaves. One that exists is not opened: closing a second descriptor would
 * drop the locks that this process may hold on it.
 */
static enum yb_err make_file(const char *path)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0)
		return YB_OK;
	if (errno != EEXIST || lstat(path, &st) < 0)
		return err_from_errno(errno);
	/* Threat 55: no link, no second name, and nobody else's to read. */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & 077) != 0)
		return YB_ACCESS;
	return YB_OK;
}

static enum yb_err execute(struct directory *d, const char *sql)
{
	return directory_err(sqlite3_exec(d->db, sql, NULL, NULL, NULL));
}

static enum yb_err ask_number(struct directory *d, const char *sql,
			      int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	enum yb_err err =
		directory_err(sqlite3_prepare_v2(d->db, sql, -1, &s, NULL));

	if (err == YB_OK)
		err = statement_row(s);
	if (err == YB_OK)
		*ret = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return err;
}

static enum yb_err set_number(struct directory *d, const char *pragma,
			      int64_t value)
{
	char sql[PRAGMA_MAX];

	(void)snprintf(sql, sizeof sql, "PRAGMA %s = %lld", pragma,
		       (long long)value);
	return execute(d, sql);
}

static enum yb_err open_database(struct directory *d, const char *path)
{
	int rc = sqlite3_open_v2(path, &d->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
					 SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc != SQLITE_OK)
		return directory_err(rc);
	(void)sqlite3_busy_timeout(d->db, BUSY_MS);
	/* No writing around the schema, no names in double quotes taken for
	 * text, no functions called from a schema somebody planted. */
	(void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	(void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* Revoked verifiers are overwritten, foreign keys hold, and no other
	 * file comes into being. A mapping would turn a disk error into a
	 * dead process. */
	return execute(d, "PRAGMA locking_mode = EXCLUSIVE;"
			  "PRAGMA temp_store = MEMORY;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA secure_delete = ON;"
			  "PRAGMA cell_size_check = ON;"
			  "PRAGMA mmap_size = 0;");
}

static int is_wal(void *ctx, int columns, char **values, char **names)
{
	(void)names;
	*(bool *)ctx = columns == 1 && values[0] != NULL &&
		       strcmp(values[0], "wal") == 0;
	return 0;
}

static enum yb_err use_wal(struct directory *d)
{
	bool wal = false;
	int persist = 1;
	int rc = sqlite3_exec(d->db, "PRAGMA journal_mode = WAL", is_wal, &wal,
			      NULL);

	if (rc != SQLITE_OK)
		return directory_err(rc);
	if (!wal)
		return YB_UNSUPPORTED; /* such as a file system without it */
	if (sqlite3_file_control(d->db, "main", SQLITE_FCNTL_PERSIST_WAL,
				 &persist) != SQLITE_OK)
		return YB_UNSUPPORTED;
	if (set_number(d, "journal_size_limit", WAL_KEEP) != YB_OK)
		return YB_IO;
	return execute(d, "PRAGMA synchronous = FULL");
}

static enum yb_err read_secret(struct directory *d)
{
	sqlite3_stmt *s = NULL;
	enum yb_err err = directory_err(sqlite3_prepare_v2(
		d->db, "SELECT value FROM meta WHERE name = 'secret'", -1, &s,
		NULL));

	if (err == YB_OK)
		err = statement_row(s);
	if (err == YB_OK && sqlite3_column_bytes(s, 0) == DIRECTORY_SECRET_LEN)
		memcpy(d->secret, sqlite3_column_blob(s, 0),
		       DIRECTORY_SECRET_LEN);
	else if (err == YB_OK || err == YB_NOT_FOUND)
		err = YB_CORRUPT;
	(void)sqlite3_finalize(s);
	return err;
}

/* Drawn from the kernel, once for a file. */
static enum yb_err make_secret(struct directory *d)
{
	uint8_t secret[DIRECTORY_SECRET_LEN];
	sqlite3_stmt *s = NULL;
	enum yb_err err = directory_err(sqlite3_prepare_v2(
		d->db,
		"INSERT INTO meta (name, value) VALUES ('secret', ?1) "
		"ON CONFLICT (name) DO NOTHING",
		-1, &s, NULL));

	if (err != YB_OK)
		return err;
	os_random(secret, sizeof secret);
	statement_blob(s, 1, secret, sizeof secret);
	err = statement_run(s);
	(void)sqlite3_finalize(s);
	mem_wipe(secret, sizeof secret);
	return err;
}

/* All steps that are missing and the mark of this opening, or nothing. */
static enum yb_err run_steps(struct directory *d, const char *const *steps,
			     size_t from, size_t to)
{
	enum yb_err err = YB_OK;

	for (size_t i = from; i < to && err == YB_OK; i++)
		err = execute(d, steps[i]);
	if (err == YB_OK && from < to)
		err = set_number(d, "application_id", APPLICATION_ID);
	if (err == YB_OK && from < to)
		err = set_number(d, "user_version", (int64_t)to);
	if (err == YB_OK && from == 0)
		err = make_secret(d);
	if (err == YB_OK)
		err = execute(d, "UPDATE meta SET value = value + 1 "
				 "WHERE name = 'opened'");
	return err;
}

static enum yb_err bring_up(struct directory *d, const char *const *steps,
			    size_t steps_n)
{
	int64_t version = 0, application = 0, tables = 0;
	enum yb_err err = ask_number(d, "PRAGMA user_version", &version);

	if (err == YB_OK)
		err = ask_number(d, "PRAGMA application_id", &application);
	if (err == YB_OK)
		err = ask_number(d, "SELECT count(*) FROM sqlite_schema",
				 &tables);
	if (err != YB_OK)
		return err;
	if (application != APPLICATION_ID &&
	    (application != 0 || version != 0 || tables != 0))
		return YB_INVALID;
	if (version < 0 || (uint64_t)version > steps_n)
		return YB_VERSION;
	d->version_before = (unsigned)version;
	err = use_wal(d);
	if (err == YB_OK)
		err = execute(d, "BEGIN EXCLUSIVE");
	if (err == YB_OK)
		err = run_steps(d, steps, (size_t)version, steps_n);
	if (err == YB_OK)
		err = execute(d, "COMMIT");
	if (err != YB_OK && !sqlite3_get_autocommit(d->db))
		(void)execute(d, "ROLLBACK"); /* the first error counts */
	return err;
}

static enum yb_err prepare_all(struct directory *d)
{
	static const char *const sql[STATEMENT_COUNT] = {
#define X(name, text) [STATEMENT_##name] = text,
		DIRECTORY_STATEMENTS(X)
#undef X
	};
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < STATEMENT_COUNT && err == YB_OK; i++)
		err = directory_err(sqlite3_prepare_v3(
			d->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			&d->statements[i], NULL));
	return err;
}

enum yb_err directory_open_schema(const char *path, const char *const *steps,
				  size_t steps_n, bool prepare,
				  struct directory **ret)
{
	struct directory *d = calloc(1, sizeof *d);
	enum yb_err err;

	if (d == NULL)
		return YB_NOMEM;
	err = make_file(path);
	if (err == YB_OK)
		err = open_database(d, path);
	if (err == YB_OK)
		err = bring_up(d, steps, steps_n);
	if (err == YB_OK)
		err = read_secret(d);
	if (err == YB_OK && prepare)
		err = prepare_all(d);
	if (err != YB_OK)
		directory_close(&d);
	else
		*ret = d;
	return err;
}

enum yb_err directory_open(const char *path, struct directory **ret)
{
	return directory_open_schema(path, directory_schema, DIRECTORY_VERSION,
				     true, ret);
}

void directory_close(struct directory **d)
{
	if (*d == NULL)
		return;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize((*d)->statements[i]);
	(void)sqlite3_close((*d)->db); /* every statement is finalized */
	mem_wipe((*d)->secret, DIRECTORY_SECRET_LEN);
	free(*d);
	*d = NULL;
}

const uint8_t *directory_secret(const struct directory *d)
{
	return d->secret;
}

/* ---- versions, and what SQLite has to say ---- */

unsigned directory_version_known(void)
{
	return DIRECTORY_VERSION;
}

unsigned directory_version_before(const struct directory *d)
{
	return d->version_before;
}

enum yb_err directory_probe(const char *path, unsigned *ret)
{
	/* "Database File Format", 1.3: the user version, big-endian. */
	enum { AT_USER_VERSION = 60 };
	uint8_t v[4];
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_from_errno(errno);
	if (pread(fd, v, sizeof v, AT_USER_VERSION) != sizeof v)
		return YB_CORRUPT;
	*ret = (unsigned)v[0] << 24 | (unsigned)v[1] << 16 |
	       (unsigned)v[2] << 8 | v[3];
	return YB_OK;
}

static struct {
	directory_report_fn *report;
	void *ctx;
} reporting; /* SQLite has one place for it, the process */

static void on_sqlite_log(void *ctx, int code, const char *text)
{
	(void)ctx;
	/* A name that is taken is an answer, not an error; and after a change
	 * of the schema statements are prepared anew. */
	if ((code & 0xff) != SQLITE_CONSTRAINT &&
	    (code & 0xff) != SQLITE_SCHEMA && (code & 0xff) != SQLITE_NOTICE)
		reporting.report(reporting.ctx, text);
}

void directory_set_report(directory_report_fn *report, void *ctx)
{
	reporting.report = report;
	reporting.ctx = ctx;
	/* Refused if SQLite is in use already: then nothing is told. */
	(void)sqlite3_config(SQLITE_CONFIG_LOG, on_sqlite_log, NULL);
}
