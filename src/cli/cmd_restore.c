/*
 * yubin restore: out of a backup (store/backup.h). All of it, into a server
 * that has nothing yet; or the mail of one account, beside the running
 * server: what is missing comes back under its old UIDL, and what is there
 * stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/num.h"
#include "cli/backups.h"
#include "cli/cmd.h"
#include "cli/owner.h"
#include "cli/revive.h"
#include "cli/work.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/storage.h"
#include "server/control_client.h"
#include "store/files.h"

struct restore {
	const struct invocation *inv;
	const char *from;
	struct backup *backup;
	struct backup_run run;
	int64_t until_ns;
	struct progress progress;
	uint64_t mailboxes;
	bool revived;                       /* the account was gone */
	uint64_t restored, present, failed; /* messages */
};

static int open_backup(const struct invocation *inv, struct restore *r)
{
	const struct backups_wish wish = {
		.path = inv->args[0],
		.run = invocation_option(inv, "run"),
		.until = invocation_option(inv, "until"),
	};
	enum yb_err err;

	*r = (struct restore){ .inv = inv, .from = inv->args[0] };
	err = backup_open(r->from, false, &r->backup);
	if (err != YB_OK)
		return backups_tell(r->from, false, err);
	return backups_choose(&wish, r->backup, &r->run, &r->until_ns);
}

static void close_backup(struct restore *r)
{
	progress_end(&r->progress);
	backup_run_done(&r->run);
	backup_close(&r->backup);
}

/* ---- one account ---- */

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)w;
	say_error("%s", *reason != 0 ? reason : err_text(err));
	return say_exit(err);
}

/* Words behind the address are UIDLs; without any all are wanted. */
static bool is_wanted(const struct restore *r, const struct index_entry *e)
{
	uint8_t uidl[BASE32_ID_LEN];

	if (e->hidden == INDEX_HIDDEN_ALL || (e->flags & INDEX_MOVED) != 0)
		return false;
	if (r->inv->args_n == 2)
		return true;
	base32_put_id(uidl, e->id);
	for (unsigned i = 2; i < r->inv->args_n; i++)
		if (span_eq(span_of(uidl, sizeof uidl),
			    span_str(r->inv->args[i])))
			return true;
	return false;
}

static void put_copy(uint8_t dst[CONTROL_COPY_SIZE],
		     const struct index_entry *e)
{
	memcpy(dst, e->id, sizeof e->id);
	put_le64(dst + 16, (uint64_t)e->received_ns);
	put_le64(dst + 24, e->offset);
	put_le64(dst + 32, e->wire_size);
}

static void count(struct restore *r, struct span outcomes)
{
	for (size_t i = 0; i < outcomes.n; i++) {
		if (outcomes.p[i] == YB_OK)
			r->restored++;
		else if (outcomes.p[i] == YB_EXISTS)
			r->present++;
		else if (r->failed++ == 0)
			say_error("a message cannot be restored: %s",
				  err_text((enum yb_err)outcomes.p[i]));
	}
	progress_tell(&r->progress, r->restored, "messages");
}

static int send_copies(struct restore *r, struct work *w,
		       const uint8_t account[16], int fd, struct span copies)
{
	struct control_reader reply;
	struct span outcomes;
	int code = COMMAND_OK, passed;

	if (fd_duplicate(fd, &passed) != YB_OK)
		return COMMAND_FAILED;
	control_begin(&w->request, CONTROL_MAIL_ADD);
	control_put(&w->request, span_of(account, 16));
	control_put_u64(&w->request, STORE_INBOX);
	control_put(&w->request, copies);
	control_put_fd(&w->request, passed);
	if (work_ask(w, CONTROL_STORE, &reply, NULL, &code) != YB_OK)
		return code;
	outcomes = control_get(&reply);
	if (!control_ended(&reply) ||
	    outcomes.n != copies.n / CONTROL_COPY_SIZE)
		return work_nonsense();
	count(r, outcomes);
	return COMMAND_OK;
}

static int send_all(struct restore *r, struct work *w,
		    const uint8_t account[16], int fd,
		    const struct index_table *t)
{
	uint8_t copies[CONTROL_COPIES_MAX * CONTROL_COPY_SIZE];
	size_t n = 0;
	int code = COMMAND_OK;

	for (size_t i = 0; i < t->count && code == COMMAND_OK; i++) {
		if (!is_wanted(r, &t->entries[i]))
			continue;
		put_copy(copies + n, &t->entries[i]);
		n += CONTROL_COPY_SIZE;
		if (n < sizeof copies)
			continue;
		code = send_copies(r, w, account, fd, span_of(copies, n));
		n = 0;
	}
	if (code == COMMAND_OK && n > 0)
		code = send_copies(r, w, account, fd, span_of(copies, n));
	return code;
}

static const struct backup_log *find_address(const struct restore *r,
					     const char *address)
{
	for (size_t i = 0; i < backup_run_count(&r->run); i++)
		if (span_eq_nocase(
			    span_str(backup_run_log(&r->run, i)->address),
			    span_str(address)))
			return backup_run_log(&r->run, i);
	say_error("the run %s has no mail of %s", r->run.name, address);
	return NULL;
}

/* The account that has the address now, which may be another than then. */
static enum yb_err ask_account(struct work *w, const char *address,
			       uint8_t ret[16])
{
	struct control_reader reply;
	struct control_head head;
	enum yb_err err;

	control_begin(&w->request, CONTROL_ACCOUNT_GET);
	control_put_str(&w->request, address);
	err = desk_ask(w->desk, CONTROL_AUTH, &w->request, &head, &reply);
	if (err != YB_OK)
		return err;
	control_get_into(&reply, ret, 16);
	return head.err == YB_OK && reply.bad ? YB_INVALID
					      : (enum yb_err)head.err;
}

/* One that was removed comes back with its password and its devices. */
static int find_account(struct restore *r, struct work *w,
			const struct scratch *scratch, const char *address,
			uint8_t ret[16])
{
	char path[BACKUP_PATH_MAX + 16];
	enum yb_err err = ask_account(w, address, ret);
	int code;

	if (err == YB_NO_ACCOUNT) {
		(void)snprintf(path, sizeof path, "%s/%s", scratch->path,
			       BACKUPS_DIRECTORY);
		code = backups_take_directory(r->from, &r->run, path, NULL);
		if (code == COMMAND_OK)
			code = revive_account(w, path, address);
		if (code != COMMAND_OK)
			return code;
		r->revived = true;
		err = ask_account(w, address, ret);
	}
	if (err == YB_OK)
		return COMMAND_OK;
	say_error("%s: %s", address, err_text(err));
	return say_exit(err);
}

static int bring_back(struct restore *r, struct work *w,
		      const struct scratch *scratch, const char *address)
{
	const struct backup_log *log = find_address(r, address);
	struct store_place place = { .mailbox = STORE_INBOX };
	struct index_table table = { 0 };
	struct buf reports;
	int code, fd = -1;
	enum yb_err err;

	if (log == NULL)
		return COMMAND_FAILED;
	code = find_account(r, w, scratch, log->address, place.account.octets);
	if (code != COMMAND_OK)
		return code;
	buf_init(&reports, CONTROL_MESSAGE_MAX);
	err = backup_open_log(r->backup, log, &fd);
	if (err == YB_OK)
		err = backup_restore(fd, log, scratch->path, &place,
				     r->until_ns);
	fd_close(&fd);
	if (err == YB_OK)
		err = backup_look(scratch->path, &place, &table, &fd, &reports);
	if (reports.n > 0)
		(void)fwrite(reports.p, 1, reports.n, stderr);
	buf_done(&reports);
	if (err != YB_OK) {
		say_error("cannot read the mail of %s in %s: %s", address,
			  r->from, err_text(err));
		return say_exit(err);
	}
	code = send_all(r, w, place.account.octets, fd, &table);
	index_table_done(&table);
	fd_close(&fd);
	return code;
}

static int tell_account(struct restore *r, struct work *w)
{
	progress_end(&r->progress);
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "run", r->run.name);
		json_bool(&w->json, "account", r->revived);
		json_u64(&w->json, "restored", r->restored);
		json_u64(&w->json, "present", r->present);
		json_u64(&w->json, "failed", r->failed);
		json_close(&w->json, '}');
	} else {
		if (r->revived)
			(void)printf("the account is back with its password, "
				     "devices and settings\n");
		(void)printf("%" PRIu64 " messages restored, %" PRIu64
			     " were there still",
			     r->restored, r->present);
		if (r->failed > 0)
			(void)printf(", %" PRIu64 " failed", r->failed);
		(void)printf("\n");
	}
	if (r->failed > 0)
		return COMMAND_PARTLY;
	if (r->inv->args_n > 2 &&
	    r->restored + r->present < r->inv->args_n - 2) {
		say_error("the run %s has not all of these messages",
			  r->run.name);
		return r->restored + r->present > 0 ? COMMAND_PARTLY
						    : COMMAND_FAILED;
	}
	return COMMAND_OK;
}

static int restore_account(const struct invocation *inv)
{
	struct restore r;
	struct work w = { 0 };
	struct scratch scratch;
	int code = open_backup(inv, &r);

	if (code == COMMAND_OK)
		code = work_begin(inv, tell, &w);
	if (code == COMMAND_OK && !scratch_begin(&scratch)) {
		code = COMMAND_FAILED;
	} else if (code == COMMAND_OK) {
		code = bring_back(&r, &w, &scratch, inv->args[1]);
		scratch_end(&scratch);
		if (code == COMMAND_OK)
			code = tell_account(&r, &w);
	}
	close_backup(&r);
	return work_end(&w, code);
}

/* ---- everything ---- */

static enum yb_err count_name(void *ctx, const char *name)
{
	/* "lock" and its like are no mail. */
	*(size_t *)ctx += strlen(name) == 2;
	return YB_OK;
}

/* Nothing is written over: mail that came since would be lost by it. */
static int check_empty(const struct config *c)
{
	const struct os_storage *os = storage_disk();
	AUTO_FD dir = open(c->store_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD control = -1;
	size_t n = 0;

	if (control_connect(c->run_path, CONTROL_AUTH, &control) == YB_OK) {
		say_error("a server runs with %s; stop it first", c->file);
		return COMMAND_BUSY;
	}
	if (dir < 0) {
		say_error("cannot read the store %s: %s; run `yubin init` "
			  "first",
			  c->store_path, strerror(errno));
		return COMMAND_FAILED;
	}
	if (os->list(os->ctx, dir, count_name, &n) != YB_OK || n > 0 ||
	    access(c->directory_path, F_OK) == 0) {
		say_error("%s and %s have to be without mail and accounts; "
			  "move what is there away, or name an address to "
			  "restore its mail beside the rest",
			  c->store_path, c->directory_path);
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}

static int restore_directory(struct restore *r, const struct config *c)
{
	char folder[CONFIG_PATH_LEN];

	memcpy(folder, c->directory_path, sizeof folder);
	*strrchr(folder, '/') = 0;
	return backups_take_directory(r->from, &r->run, c->directory_path,
				      folder);
}

/* The lock is held meanwhile, so that no server starts on half a store. */
static int restore_store(struct restore *r, const struct config *c)
{
	struct store_config config = { .path = c->store_path };
	struct store *store = NULL;
	enum yb_err err;

	owner_enter(c->store_path);
	err = store_open(&config, &store);
	owner_leave();
	if (err != YB_OK)
		say_error("cannot open the store %s: %s", c->store_path,
			  err_text(err));
	for (size_t i = 0; err == YB_OK && i < backup_run_count(&r->run); i++) {
		const struct backup_log *log = backup_run_log(&r->run, i);

		AUTO_FD fd = -1;

		/* Root can read it, and who owns the store makes the log. */
		err = backup_open_log(r->backup, log, &fd);
		owner_enter(c->store_path);
		if (err == YB_OK)
			err = backup_restore(fd, log, c->store_path,
					     &log->place, r->until_ns);
		owner_leave();
		if (err != YB_OK)
			say_error("cannot restore the mail of %s: %s",
				  log->address, err_text(err));
		else
			r->mailboxes++;
		progress_tell(&r->progress, r->mailboxes, "mailboxes");
	}
	store_close(&store);
	return err == YB_OK ? COMMAND_OK : say_exit(err);
}

static int restore_everything(const struct invocation *inv)
{
	struct config *config = say_config(inv);
	struct restore r;
	int code;

	if (config == NULL)
		return COMMAND_CONFIG;
	code = open_backup(inv, &r);
	if (code == COMMAND_OK)
		code = check_empty(config);
	if (code == COMMAND_OK)
		code = restore_store(&r, config);
	/* Last: a server without it lets nobody in, and takes no mail. */
	if (code == COMMAND_OK)
		code = restore_directory(&r, config);
	close_backup(&r);
	if (code == COMMAND_OK && invocation_option(inv, "json") != NULL) {
		struct json json = { .to = stdout };

		json_open(&json, NULL, '{');
		json_str(&json, "run", r.run.name);
		json_u64(&json, "mailboxes", r.mailboxes);
		json_close(&json, '}');
	} else if (code == COMMAND_OK) {
		(void)printf("%" PRIu64 " mailboxes as of %s; `yubin serve` "
			     "starts with them\n",
			     r.mailboxes, r.run.name);
	}
	free(config);
	return code;
}

int cmd_restore(const struct invocation *inv)
{
	bool all = invocation_option(inv, "all") != NULL;

	if (all == (inv->args_n > 1)) {
		say_error("name an address, or --all");
		return COMMAND_USAGE;
	}
	return all ? restore_everything(inv) : restore_account(inv);
}
