/*
 * `yubin account import`: a list of accounts. The whole file is read and
 * looked through first, then asked about, and only then are passwords hashed
 * and accounts made: what is wrong is told before anything has happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/import.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/work.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pool.h"

enum {
	/* A million lines of the usual length. */
	FILE_MAX = 128 * 1024 * 1024,
	READ_PART = 256 * 1024,
	/* A batch's request stays below a packet with room to spare. */
	REQUEST_MAX = CONTROL_MESSAGE_MAX - CONTROL_ROW_MAX,
	/* More errors than a person reads. */
	ERRORS_MAX = 100,
	THREADS_MAX = 64,
	PROGRESS_MS = 200,
};

/* One line that names an account. */
struct entry {
	unsigned line;
	bool bad; /* told already */
	struct span address;
	struct span secret; /* as it stands there; empty: to be made */
};

/* One account of a batch while its password is hashed. */
struct job {
	struct pool_job job;
	struct entry *entry;
	bool allow_weak;
	struct span plain;
	struct directory_verifier verifier;
	char hash[DIRECTORY_HASH_MAX + 1];
	char made[AUTH_GENERATED_LEN + 1];
	const char *reason;
	enum yb_err err;
};

struct import {
	struct work work;
	const char *file;
	struct buf text;
	struct entry *entries;
	size_t entries_n;
	struct pool *pool;
	struct job *jobs; /* AUTH_IMPORT_MAX */
	bool dry_run, go_on, skip_existing, allow_weak;
	size_t errors, skipped, added;
	uint64_t shown_ms;
};

/* ---- telling ---- */

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)w;
	say_error("the import stopped: %s%s%s; what was made so far is there, "
		  "and --skip-existing goes on behind it",
		  err_text(err), *reason != 0 ? ": " : "", reason);
	return say_exit(err);
}

static void tell_line(struct import *im, unsigned line, struct span address,
		      const char *text)
{
	char shown[AUTH_ADDRESS_MAX + 1] = "?";

	im->errors++;
	if (im->errors > ERRORS_MAX)
		return;
	if (!span_to_str(address, shown, sizeof shown))
		memcpy(shown, "?", 2);
	if (im->work.as_json) {
		struct json *j = &im->work.json;

		json_open(j, NULL, '{');
		json_u64(j, "line", line);
		json_str(j, "address", shown);
		json_str(j, "error", text);
		json_close(j, '}');
	} else {
		say_error("%s:%u: %s: %s", im->file, line, shown, text);
	}
}

static void tell_entry(struct import *im, struct entry *e, enum yb_err err,
		       const char *reason)
{
	e->bad = true;
	if (err == YB_EXISTS && im->skip_existing) {
		im->skipped++;
		return;
	}
	if (reason == NULL && err == YB_IN_USE)
		reason = "the name is an alias, or its domain is another name "
			 "of one";
	else if (reason == NULL && err == YB_EXISTS)
		reason = "there is an account of that name";
	else if (reason == NULL && err == YB_INVALID)
		reason = "it is no address for an account";
	tell_line(im, e->line, e->address,
		  reason != NULL ? reason : err_text(err));
}

static void show_progress(struct import *im, size_t done, const char *what)
{
	uint64_t now = clock_mono_ms();
	bool last = done == im->entries_n;

	if (isatty(STDERR_FILENO) == 0 ||
	    (!last && now < im->shown_ms + PROGRESS_MS))
		return;
	im->shown_ms = now;
	(void)fprintf(stderr, "\r%s %zu of %zu%s", what, done, im->entries_n,
		      last ? "\n" : "");
}

/* ---- reading ---- */

static int read_file(struct import *im)
{
	bool is_stdin = strcmp(im->file, "-") == 0;
	AUTO_FD opened = is_stdin ? -1 : open(im->file, O_RDONLY | O_CLOEXEC);
	int fd = is_stdin ? STDIN_FILENO : opened;
	ssize_t got = fd < 0 ? -1 : 1;

	/* All room at once: growing would leave passwords behind. */
	if (fd >= 0 && buf_reserve(&im->text, FILE_MAX) != YB_OK)
		got = -1;
	while (got > 0 && buf_space(&im->text) > 0) {
		size_t room = buf_space(&im->text);

		got = read(fd, im->text.p + im->text.n,
			   room < READ_PART ? room : READ_PART);
		im->text.n += got > 0 ? (size_t)got : 0;
	}
	if (got == 0)
		return COMMAND_OK;
	say_error("cannot read %s: %s", im->file,
		  got > 0 ? "it is larger than 128 MiB"
			  : err_text(err_from_errno(errno)));
	return COMMAND_FAILED;
}

static int parse(struct import *im)
{
	struct span rest = buf_span(&im->text);
	const struct span bom = SPAN_LIT("\xef\xbb\xbf");
	size_t lines = 1;

	/* Spreadsheets put a byte order mark in front of CSV. */
	if (span_starts(rest, bom))
		rest = span_skip(rest, bom.n);
	for (size_t i = 0; i < rest.n; i++)
		lines += rest.p[i] == '\n';
	im->entries = calloc(lines, sizeof *im->entries);
	if (im->entries == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	for (unsigned number = 1; rest.n > 0; number++) {
		struct span line = span_cut(&rest, '\n');
		struct entry e = { .line = number };

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (span_trim(line).n == 0 || line.p[0] == '#')
			continue;
		if (!auth_import_line(line, &e.address, &e.secret)) {
			tell_line(im, number, e.address,
				  "its quotes do not match");
			continue;
		}
		im->entries[im->entries_n++] = e;
	}
	return COMMAND_OK;
}

/* ---- twice in one file ---- */

static int by_address(const void *a, const void *b)
{
	const struct entry *const *one = a, *const *other = b;
	struct span s = (*one)->address, t = (*other)->address;
	size_t n = s.n < t.n ? s.n : t.n;

	for (size_t i = 0; i < n; i++) {
		int order = ascii_lower(s.p[i]) - ascii_lower(t.p[i]);

		if (order != 0)
			return order;
	}
	if (s.n != t.n)
		return s.n < t.n ? -1 : 1;
	return (*one)->line < (*other)->line ? -1 : 1;
}

static int find_doubles(struct import *im)
{
	AUTO_FREE struct entry **order =
		calloc(im->entries_n + 1, sizeof *order);

	if (order == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	for (size_t i = 0; i < im->entries_n; i++)
		order[i] = &im->entries[i];
	if (im->entries_n > 0)
		qsort(order, im->entries_n, sizeof *order, by_address);
	for (size_t i = 1; i < im->entries_n; i++)
		if (span_eq_nocase(order[i - 1]->address, order[i]->address))
			tell_entry(im, order[i], YB_INVALID,
				   "it stands further up already");
	return COMMAND_OK;
}

/* ---- batches ---- */

static void run_hash(struct pool_job *pool_job)
{
	struct job *j = list_entry(pool_job, struct job, job);

	if (j->err == YB_OK && j->plain.n > 0)
		j->err = auth_import_password(j->entry->address, j->plain,
					      j->allow_weak, &j->verifier,
					      &j->reason);
}

static void on_hashed(struct pool_job *job)
{
	(void)job; /* the batch is looked at when all are */
}

/* What the secret means; a password is left for the pool. */
static void begin_job(struct import *im, struct job *j, struct entry *e)
{
	struct span secret = e->secret;

	*j = (struct job){ .entry = e,
			   .allow_weak = im->allow_weak,
			   .job = { .run = run_hash, .done = on_hashed } };
	if (secret.n == 0) {
		auth_generate_password(j->made);
		secret = span_str(j->made);
	}
	if (secret.p[0] == '{' || secret.p[0] == '$')
		j->err = auth_import_scheme(secret, &j->verifier, j->hash,
					    &j->plain, &j->reason);
	else
		j->plain = secret;
	if (j->err == YB_OK && j->plain.n == 0 && j->verifier.kind == 0) {
		j->err = YB_INVALID;
		j->reason = "its password is empty";
	}
	/* Without the hash, so that all is known before anything is made. */
	if (j->err == YB_OK && im->dry_run && j->plain.n > 0)
		j->err = auth_import_check(e->address, j->plain, j->allow_weak,
					   &j->reason);
}

static void put_job(struct import *im, const struct job *j)
{
	const struct directory_verifier *v = &j->verifier;
	struct control_writer *w = &im->work.request;

	control_put(w, j->entry->address);
	control_put_u64(w, v->kind);
	control_put_u64(w, v->iterations);
	control_put(w, span_of(v->salt, sizeof v->salt));
	control_put(w, span_of(v->stored_key, sizeof v->stored_key));
	control_put(w, span_of(v->server_key, sizeof v->server_key));
	control_put_str(w, v->hash != NULL ? v->hash : "");
}

static void print_made(struct import *im, const struct job *j)
{
	if (im->dry_run || j->made[0] == 0)
		return;
	if (im->work.as_json) {
		struct json *out = &im->work.json;
		char address[AUTH_ADDRESS_MAX + 1] = "";

		(void)span_to_str(j->entry->address, address, sizeof address);
		json_open(out, NULL, '{');
		json_str(out, "address", address);
		json_str(out, "password", j->made);
		json_close(out, '}');
		return;
	}
	(void)printf("%.*s,%s\n", (int)j->entry->address.n,
		     (const char *)j->entry->address.p, j->made);
}

static int send_jobs(struct import *im, size_t n)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&im->work.request, CONTROL_ACCOUNTS_ADD);
	control_put_u64(&im->work.request, im->dry_run);
	for (size_t i = 0; i < n; i++)
		put_job(im, &im->jobs[i]);
	if (work_ask(&im->work, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	for (size_t i = 0; i < n; i++) {
		uint64_t err = control_get_u64(&reply);

		if (reply.bad || err >= YB_ERR_COUNT)
			return work_nonsense();
		if (err != YB_OK) {
			tell_entry(im, im->jobs[i].entry, (enum yb_err)err,
				   NULL);
			continue;
		}
		im->added++;
		print_made(im, &im->jobs[i]);
	}
	return control_ended(&reply) ? COMMAND_OK : work_nonsense();
}

/* Hashes what is to be hashed, drops what cannot be; how many are left. */
static size_t finish_jobs(struct import *im, size_t n)
{
	size_t good = 0;

	for (size_t i = 0; i < n && !im->dry_run; i++)
		if (im->jobs[i].plain.n > 0)
			pool_give(im->pool, &im->jobs[i].job);
	while (pool_busy(im->pool) > 0) {
		pool_wait(im->pool);
		(void)pool_take(im->pool);
	}
	for (size_t i = 0; i < n; i++) {
		if (im->jobs[i].err != YB_OK) {
			tell_entry(im, im->jobs[i].entry, im->jobs[i].err,
				   im->jobs[i].reason);
			continue;
		}
		if (good != i)
			im->jobs[good] = im->jobs[i];
		/* It points into what has moved. */
		if (im->jobs[good].verifier.hash != NULL)
			im->jobs[good].verifier.hash = im->jobs[good].hash;
		good++;
	}
	return good;
}

/* Batches from number `at` on until all are done. */
static int send_all(struct import *im, const char *what)
{
	int code = COMMAND_OK;
	size_t at = 0;

	im->added = 0;
	while (at < im->entries_n && code == COMMAND_OK) {
		size_t n = 0, octets = 0;

		for (; at < im->entries_n && n < AUTH_IMPORT_MAX &&
		       octets < REQUEST_MAX;
		     at++) {
			struct entry *e = &im->entries[at];

			if (e->bad)
				continue;
			begin_job(im, &im->jobs[n++], e);
			octets += e->address.n + e->secret.n +
				  sizeof(struct directory_verifier) + 64;
		}
		n = finish_jobs(im, n);
		if (n > 0)
			code = send_jobs(im, n);
		mem_wipe(im->jobs, AUTH_IMPORT_MAX * sizeof *im->jobs);
		show_progress(im, at, what);
	}
	return code;
}

/* ---- the command ---- */

static int open_all(const struct invocation *inv, struct import *im)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = cores < 1             ? 1
			   : cores > THREADS_MAX ? THREADS_MAX
						 : (unsigned)cores;
	int code = work_begin(inv, tell, &im->work);

	im->file = inv->args[0];
	im->go_on = invocation_option(inv, "continue") != NULL;
	im->skip_existing = invocation_option(inv, "skip-existing") != NULL;
	im->allow_weak = invocation_option(inv, "allow-weak") != NULL;
	buf_init(&im->text, FILE_MAX);
	if (code != COMMAND_OK)
		return code;
	im->jobs = calloc(AUTH_IMPORT_MAX, sizeof *im->jobs);
	if (im->jobs != NULL && pool_new(threads, NULL, &im->pool) == YB_OK)
		return COMMAND_OK;
	say_error("out of memory, or too many processes");
	return COMMAND_FAILED;
}

static void close_all(struct import *im)
{
	pool_free(&im->pool);
	free(im->jobs);
	free(im->entries);
	buf_wipe(&im->text);
	buf_done(&im->text);
}

static void print_summary(struct import *im)
{
	struct json *j = &im->work.json;

	if (im->errors > ERRORS_MAX)
		say_error("%zu errors in all", im->errors);
	if (im->work.as_json) {
		json_close(j, ']');
		return;
	}
	(void)fprintf(stderr,
		      "%zu account%s %s, %zu left as they were, %zu error%s\n",
		      im->added, im->added == 1 ? "" : "s",
		      im->dry_run ? "could be made" : "made", im->skipped,
		      im->errors, im->errors == 1 ? "" : "s");
}

/* Looks at everything, then makes what is good. */
static int import_all(const struct invocation *inv, struct import *im)
{
	bool only_look = invocation_option(inv, "dry-run") != NULL;
	int code = read_file(im);

	if (code == COMMAND_OK)
		code = parse(im);
	if (code == COMMAND_OK)
		code = find_doubles(im);
	if (code != COMMAND_OK)
		return code;
	im->dry_run = true;
	code = send_all(im, "looked at");
	im->dry_run = only_look;
	if (code != COMMAND_OK || only_look)
		return code;
	if (im->errors > 0 && !im->go_on) {
		im->added = 0;
		say_error("nothing was made, since %zu line%s wrong; "
			  "--continue makes the others",
			  im->errors, im->errors == 1 ? " is" : "s are");
		return COMMAND_FAILED;
	}
	return send_all(im, "made");
}

int cmd_account_import(const struct invocation *inv)
{
	struct import im = { .file = "" };
	int code = open_all(inv, &im);

	if (im.work.as_json && code == COMMAND_OK)
		json_open(&im.work.json, NULL, '[');
	if (code == COMMAND_OK) {
		code = import_all(inv, &im);
		print_summary(&im);
	}
	if (code == COMMAND_OK && im.errors > 0)
		code = im.dry_run ? COMMAND_FAILED : COMMAND_PARTLY;
	close_all(&im);
	return work_end(&im.work, code);
}
