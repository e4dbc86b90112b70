/*
 * Opening, owning, versions, and what a crash leaves.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "unit/directory/directory_test.h"

static void test_files_and_modes(void **state)
{
	const struct place *p = *state;
	struct directory *d = NULL;
	struct stat st;
	mode_t mask = umask(0);

	d = place_open(p);
	umask(mask);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(p->wal, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	directory_close(&d);
	assert_null(d);
	directory_close(&d);
	assert_int_equal(stat(p->wal, &st), 0); /* the WAL stays */
}

static void test_secret_stays(void **state)
{
	const struct place *p = *state;
	uint8_t secret[DIRECTORY_SECRET_LEN];
	const uint8_t zeros[DIRECTORY_SECRET_LEN] = { 0 };
	struct directory *d = place_open(p);

	memcpy(secret, directory_secret(d), sizeof secret);
	assert_memory_not_equal(secret, zeros, sizeof secret);
	directory_close(&d);
	d = place_open(p);
	assert_memory_equal(secret, directory_secret(d), sizeof secret);
	directory_close(&d);
}

static void test_folder_has_to_exist(void **state)
{
	struct directory *d = NULL;

	(void)state;
	assert_int_equal(directory_open("/nonexistent/x/directory.db", &d),
			 YB_NOT_FOUND);
	assert_null(d);
}

/* Threat 55 and 64: links, second names and readable files are refused. */
static void test_only_a_private_plain_file(void **state)
{
	const struct place *p = *state;
	struct directory *d = place_open(p);
	char other[128];

	directory_close(&d);
	assert_int_equal(chmod(p->path, 0640), 0);
	assert_int_equal(directory_open(p->path, &d), YB_ACCESS);
	assert_int_equal(chmod(p->path, 0600), 0);

	snprintf(other, sizeof other, "%s/other", p->folder);
	assert_int_equal(link(p->path, other), 0);
	assert_int_equal(directory_open(p->path, &d), YB_ACCESS);
	assert_int_equal(unlink(other), 0);

	assert_int_equal(symlink(p->path, other), 0);
	assert_int_equal(directory_open(other, &d), YB_ACCESS);
	assert_int_equal(unlink(other), 0);

	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(directory_open(other, &d), YB_ACCESS);
	assert_int_equal(unlink(other), 0);
	assert_null(d);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void set_version(const char *path, int version)
{
	char sql[64];

	snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version);
	run_sql(path, sql);
}

static void test_newer_version_is_refused(void **state)
{
	const struct place *p = *state;
	struct directory *d = place_open(p);

	assert_ok(add(d, "a@example.org", 1));
	directory_close(&d);
	run_sql(p->path, "PRAGMA user_version = 9999");
	assert_int_equal(directory_open(p->path, &d), YB_VERSION);
	assert_null(d);
	set_version(p->path, DIRECTORY_VERSION);
	d = place_open(p);
	assert_true(has(d, "a@example.org"));
	directory_close(&d);
}

static void test_someone_elses_database(void **state)
{
	const struct place *p = *state;
	struct directory *d = NULL;

	run_sql(p->path, "CREATE TABLE notes (text)");
	assert_int_equal(chmod(p->path, 0600), 0);
	assert_int_equal(directory_open(p->path, &d), YB_INVALID);
	assert_null(d);
}

static void write_garbage(const char *path, long at, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	char garbage[512];

	assert_true(fd >= 0);
	memset(garbage, 0x5c, sizeof garbage);
	for (size_t i = 0; i < n; i += sizeof garbage)
		assert_int_equal(pwrite(fd, garbage, sizeof garbage,
					at + (long)i), sizeof garbage);
	close(fd);
}

static void test_garbage_is_corrupt(void **state)
{
	const struct place *p = *state;
	struct directory *d = NULL;

	write_garbage(p->path, 0, 16384);
	assert_int_equal(directory_open(p->path, &d), YB_CORRUPT);
	assert_null(d);
}

/* Damage behind the first page comes to light where it is read. */
static void test_damaged_pages(void **state)
{
	const struct place *p = *state;
	struct directory *d = place_open(p);
	struct directory_account *a = NULL;
	struct stat st;
	enum yb_err err;

	for (unsigned i = 0; i < 64; i++) {
		char address[32];

		snprintf(address, sizeof address, "u%u@example.org", i);
		assert_ok(add(d, address, i));
	}
	directory_close(&d);
	assert_int_equal(stat(p->path, &st), 0);
	write_garbage(p->path, 4096, (size_t)st.st_size - 4096);
	err = directory_open(p->path, &d);
	if (err == YB_OK)
		err = directory_account_find(d, SPAN_LIT("u1@example.org"),
					     &a);
	assert_int_equal(err, YB_CORRUPT);
	assert_null(a);
	directory_close(&d);
}

static const char *const two_steps[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT;"
	"CREATE TABLE things (a INTEGER);"
	"INSERT INTO things VALUES (7);"
	"INSERT INTO meta VALUES ('opened', 0);",
	"ALTER TABLE things ADD COLUMN b INTEGER;"
	"UPDATE things SET b = a * 2;",
};

static const char *const bad_second_step[] = {
	"", "UPDATE things SET a = 8; INSERT INTO missing VALUES (1);"
};

static int64_t ask(struct directory *d, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t answer = -1;

	if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		answer = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return answer;
}

static void test_older_version_is_brought_up(void **state)
{
	const struct place *p = *state;
	struct directory *d = NULL;

	assert_ok(directory_open_schema(p->path, two_steps, 1, false, &d));
	assert_int_equal(ask(d, "PRAGMA user_version"), 1);
	assert_int_equal(ask(d, "SELECT b FROM things"), -1);
	directory_close(&d);

	assert_ok(directory_open_schema(p->path, two_steps, 2, false, &d));
	assert_int_equal(ask(d, "PRAGMA user_version"), 2);
	assert_int_equal(ask(d, "SELECT b FROM things"), 14);
	directory_close(&d);

	assert_int_equal(directory_open_schema(p->path, two_steps, 1, false,
					       &d), YB_VERSION);
	assert_ok(directory_open_schema(p->path, two_steps, 2, false, &d));
	assert_int_equal(ask(d, "SELECT value FROM meta "
				"WHERE name = 'opened'"), 3);
	directory_close(&d);
}

/* A step that fails takes back all that was done before it. */
static void test_failed_migration_changes_nothing(void **state)
{
	const struct place *p = *state;
	struct directory *d = NULL;

	assert_ok(directory_open_schema(p->path, two_steps, 1, false, &d));
	directory_close(&d);
	assert_int_not_equal(directory_open_schema(p->path, bad_second_step, 2,
						   false, &d), YB_OK);
	assert_null(d);
	assert_ok(directory_open_schema(p->path, two_steps, 1, false, &d));
	assert_int_equal(ask(d, "SELECT a FROM things"), 7);
	assert_int_equal(ask(d, "PRAGMA user_version"), 1);
	directory_close(&d);
}

/* Runs `child` in a process of its own; its exit status. */
static int in_child(int (*child)(const struct place *), const struct place *p)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child(p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int child_opens(const struct place *p)
{
	struct directory *d = NULL;

	return (int)directory_open(p->path, &d);
}

static void test_one_owner(void **state)
{
	const struct place *p = *state;
	struct directory *d = place_open(p);
	struct directory *second = NULL;

	assert_int_equal(in_child(child_opens, p), YB_BUSY);
	/* That somebody tried does not loosen the lock: */
	assert_int_equal(in_child(child_opens, p), YB_BUSY);
	assert_int_equal(directory_open(p->path, &second), YB_BUSY);
	assert_null(second);
	assert_int_equal(in_child(child_opens, p), YB_BUSY);
	assert_ok(add(d, "a@example.org", 1));
	directory_close(&d);
	assert_int_equal(in_child(child_opens, p), YB_OK);
}

/* Dies in the middle of a transaction, after ten that were acknowledged. */
static int child_dies_within(const struct place *p)
{
	struct directory *d = NULL;
	char address[32];

	if (directory_open(p->path, &d) != YB_OK)
		return 1;
	for (unsigned i = 0; i < 10; i++) {
		snprintf(address, sizeof address, "kept%u@example.org", i);
		if (add(d, address, i) != YB_OK)
			return 2;
	}
	if (transaction_begin(d) != YB_OK ||
	    sqlite3_exec(d->db, "UPDATE accounts SET address = 'lost' || id",
			 NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(d->db, "DELETE FROM credentials", NULL, NULL,
			 NULL) != SQLITE_OK)
		return 3;
	return 0;
}

static void test_death_within_a_transaction(void **state)
{
	const struct place *p = *state;
	struct directory *d;

	assert_int_equal(in_child(child_dies_within, p), 0);
	d = place_open(p);
	for (unsigned i = 0; i < 10; i++) {
		struct directory_account *a = NULL;
		char address[32];

		snprintf(address, sizeof address, "kept%u@example.org", i);
		assert_ok(directory_account_find(d, span_str(address), &a));
		assert_int_equal(a->credentials_n, 1);
		directory_account_free(&a);
	}
	assert_int_equal(ask(d, "SELECT count(*) FROM accounts"), 10);
	assert_int_equal(ask(d, "PRAGMA integrity_check = 1"), 0);
	directory_close(&d);
}

/* Killed at any moment: what was acknowledged is there. */
static void test_kill_loses_nothing_acknowledged(void **state)
{
	const struct place *p = *state;
	unsigned next = 0;

	for (unsigned round = 0; round < 8; round++) {
		int pipe_fd[2];
		unsigned told = 0;
		pid_t pid;
		struct directory *d;

		assert_int_equal(pipe(pipe_fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			if (directory_open(p->path, &d) != YB_OK)
				_exit(1);
			for (unsigned i = next;; i++) {
				char name[32];

				snprintf(name, sizeof name, "n%u@a.example", i);
				if (add(d, name, i) != YB_OK ||
				    write(pipe_fd[1], &i, sizeof i) < 0)
					_exit(2);
			}
		}
		close(pipe_fd[1]);
		for (unsigned k = 0; k < 3 + 5 * round; k++)
			assert_int_equal(read(pipe_fd[0], &told, sizeof told),
					 sizeof told);
		kill(pid, SIGKILL);
		while (read(pipe_fd[0], &told, sizeof told) == sizeof told)
			;
		close(pipe_fd[0]);
		waitpid(pid, NULL, 0);

		d = place_open(p);
		for (unsigned i = 0; i <= told; i++) {
			char name[32];

			snprintf(name, sizeof name, "n%u@a.example", i);
			assert_true(has(d, name));
		}
		next = told + 1;
		while (true) { /* one more may have come without its word */
			char name[32];

			snprintf(name, sizeof name, "n%u@a.example", next);
			if (!has(d, name))
				break;
			next++;
		}
		directory_close(&d);
	}
}

/*
 * After opening no file is opened: with the limit of descriptors at nothing,
 * inserts, updates, removals and checkpoints go on, and the inode of the WAL
 * stays what it was.
 */
static int child_without_open(const struct place *p)
{
	const struct rlimit none = { 0, 0 };
	struct directory *d = NULL;
	struct stat before, after;
	uint8_t id[DIRECTORY_ID_LEN];
	char address[32];

	if (directory_open(p->path, &d) != YB_OK)
		return 1;
	if (stat(p->wal, &before) < 0 || setrlimit(RLIMIT_NOFILE, &none) < 0 ||
	    open("/dev/null", O_RDONLY) >= 0)
		return 2;
	for (unsigned i = 0; i < 1500; i++) {
		struct directory_verifier v = verifier(i + 1);

		snprintf(address, sizeof address, "u%u@example.org", i);
		if (add(d, address, i) != YB_OK ||
		    directory_credential_put(d, span_str(address), &v, 5) !=
			    YB_OK)
			return 3;
		if (i % 3 == 0 &&
		    directory_account_remove(d, span_str(address), id) != YB_OK)
			return 4;
	}
	if (sqlite3_exec(d->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
			 NULL) != SQLITE_OK ||
	    add(d, "last@example.org", 1) != YB_OK)
		return 5;
	if (stat(p->wal, &after) < 0 || before.st_ino != after.st_ino)
		return 6;
	directory_close(&d);
	return stat(p->wal, &after) < 0 || before.st_ino != after.st_ino ? 7
									 : 0;
}

static void test_no_file_is_opened_later(void **state)
{
	const struct place *p = *state;
	struct directory *d;

	assert_int_equal(in_child(child_without_open, p), 0);
	assert_int_equal(in_child(child_opens, p), YB_OK);
	d = place_open(p);
	assert_true(has(d, "last@example.org"));
	assert_int_equal(ask(d, "SELECT count(*) FROM accounts"), 1001);
	directory_close(&d);
	/* And again with files that exist, as after a restart. */
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(unlink(p->wal), 0);
	d = place_open(p);
	directory_close(&d);
	assert_int_equal(in_child(child_without_open, p), 0);
	/* A restored copy comes without its WAL. */
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(unlink(p->wal), 0);
	d = place_open(p);
	directory_close(&d);
	assert_int_equal(unlink(p->wal), 0);
	assert_int_equal(in_child(child_without_open, p), 0);
}

/* At a million accounts no statement may walk through a table. */
static void test_every_statement_has_its_index(void **state)
{
	struct directory *d = place_open(*state);

	for (size_t i = STATEMENT_DOMAIN_FIND; i < STATEMENT_COUNT; i++) {
		char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s",
					    sqlite3_sql(d->statements[i]));
		sqlite3_stmt *s = NULL;

		assert_int_equal(sqlite3_prepare_v2(d->db, sql, -1, &s, NULL),
				 SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const char *plan =
				(const char *)sqlite3_column_text(s, 3);

			/* The oldest of all: the first row, by LIMIT 1. And
			 * what is read at the start as a whole. */
			if (i != STATEMENT_ACCOUNT_FIRST &&
			    i != STATEMENT_TALLIES &&
			    strstr(plan, "SCAN CONSTANT ROW") == NULL &&
			    strstr(plan, "SCAN") != NULL)
				fail_msg("%s: %s",
					 sqlite3_sql(d->statements[i]), plan);
			assert_null(strstr(plan, "TEMP B-TREE"));
		}
		sqlite3_finalize(s);
		sqlite3_free(sql);
	}
	directory_close(&d);
}

static void test_settings(void **state)
{
	struct directory *d = place_open(*state);

	assert_int_equal(ask(d, "PRAGMA synchronous"), 2);
	assert_int_equal(ask(d, "PRAGMA foreign_keys"), 1);
	assert_int_equal(ask(d, "PRAGMA trusted_schema"), 0);
	assert_int_equal(ask(d, "PRAGMA temp_store"), 2);
	assert_int_equal(ask(d, "PRAGMA secure_delete"), 1);
	assert_int_equal(ask(d, "PRAGMA user_version"), DIRECTORY_VERSION);
	assert_int_equal(ask(d, "SELECT 'wal' = journal_mode "
				"FROM pragma_journal_mode"), 1);
	assert_int_equal(ask(d, "SELECT 'exclusive' = locking_mode "
				"FROM pragma_locking_mode"), 1);
	directory_close(&d);
}

#define IN_PLACE(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_files_and_modes),
		IN_PLACE(test_secret_stays),
		IN_PLACE(test_folder_has_to_exist),
		IN_PLACE(test_only_a_private_plain_file),
		IN_PLACE(test_newer_version_is_refused),
		IN_PLACE(test_someone_elses_database),
		IN_PLACE(test_garbage_is_corrupt),
		IN_PLACE(test_damaged_pages),
		IN_PLACE(test_older_version_is_brought_up),
		IN_PLACE(test_failed_migration_changes_nothing),
		IN_PLACE(test_one_owner),
		IN_PLACE(test_death_within_a_transaction),
		IN_PLACE(test_kill_loses_nothing_acknowledged),
		IN_PLACE(test_no_file_is_opened_later),
		IN_PLACE(test_every_statement_has_its_index),
		IN_PLACE(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
