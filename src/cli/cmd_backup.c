/*
 * yubin backup: a copy of everything, made beside the running server. The
 * store lends its logs one by one; what is in a backup, and how a run comes
 * to count, is the matter of store/backup.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/backups.h"
#include "cli/cmd.h"
#include "cli/work.h"
#include "os/fd.h"
#include "os/file.h"

struct job {
	struct work work;
	struct backup *backup;
	struct backup_run before; /* the run before, maybe none */
	struct backup_run run;
	struct progress progress;
	uint64_t octets, copied, damaged;
};

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)reason;
	if (err != YB_NO_MSG)
		say_error("%s: %s", w->subject, err_text(err));
	return say_exit(err);
}

static void name_now(char ret[BACKUP_NAME_LEN + 1])
{
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(ret, BACKUP_NAME_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		*ret = 0;
}

/* ---- one log ---- */

static int copy_log(struct job *j, const char *address, const uint8_t id[16])
{
	struct work *w = &j->work;
	struct backup_log log = { .place.mailbox = STORE_INBOX };
	struct control_reader reply;
	int code = COMMAND_OK;
	enum yb_err err;

	memcpy(log.place.account.octets, id, sizeof log.place.account.octets);
	(void)span_to_str(span_str(address), log.address, sizeof log.address);
	control_begin(&w->request, CONTROL_LOG_LEND);
	control_put(&w->request, span_of(id, 16));
	control_put_u64(&w->request, STORE_INBOX);
	err = work_ask(w, CONTROL_STORE, &reply, NULL, &code);
	if (err == YB_NO_MSG)
		return COMMAND_OK; /* it never had mail */
	if (err != YB_OK)
		return code;
	AUTO_FD fd = desk_take_fd(w->desk);
	log.generation = control_get_u64(&reply);
	log.size = control_get_u64(&reply);
	log.totals.messages = control_get_u64(&reply);
	log.totals.octets = control_get_u64(&reply);
	if (!control_ended(&reply) || fd < 0)
		return work_nonsense();
	err = backup_copy(j->backup, fd,
			  backup_run_find(&j->before, &log.place), &log,
			  &j->copied);
	if (err == YB_OK)
		err = buf_add(&j->run.logs, span_of(&log, sizeof log));
	if (err != YB_OK) {
		say_error("cannot copy the mail of %s to %s: %s", address,
			  w->subject, err_text(err));
		return say_exit(err);
	}
	if (log.damaged > 0) {
		say_error("the mailbox of %s is damaged in %" PRIu64
			  " places, and so is its copy; `yubin fsck %s` says "
			  "where",
			  address, log.damaged, address);
		j->damaged++;
	}
	j->octets += log.size;
	progress_tell(&j->progress, backup_run_count(&j->run), "mailboxes");
	return COMMAND_OK;
}

/* ---- all of them ---- */

/* An account's row as its owner lists it; what is not wanted is skipped. */
static bool read_row(struct control_reader *r, uint8_t id[16],
		     char address[BACKUP_ADDRESS_MAX + 1])
{
	control_get_into(r, id, 16);
	control_get_str(r, address, BACKUP_ADDRESS_MAX + 1);
	(void)control_get_u64(r);
	(void)control_get_u64(r);
	(void)control_get(r);
	return !r->bad;
}

/* A page is copied: the next question overwrites the reply. */
static int copy_page(struct job *j, char after[BACKUP_ADDRESS_MAX + 1],
		     bool *ret_more)
{
	struct work *w = &j->work;
	struct control_reader reply;
	struct buf rows;
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_ACCOUNT_LIST);
	control_put_str(&w->request, after);
	if (work_ask(w, CONTROL_AUTH, &reply, ret_more, &code) != YB_OK)
		return code;
	buf_init(&rows, CONTROL_MESSAGE_MAX);
	if (buf_add(&rows, reply.rest) != YB_OK)
		code = COMMAND_FAILED;
	reply.rest = buf_span(&rows);
	while (code == COMMAND_OK && control_has_more(&reply)) {
		uint8_t id[16];

		code = read_row(&reply, id, after) ? copy_log(j, after, id)
						   : work_nonsense();
	}
	buf_done(&rows);
	return code;
}

static int copy_mail(struct job *j)
{
	char after[BACKUP_ADDRESS_MAX + 1] = "";
	bool more = true;
	int code = COMMAND_OK;

	while (more && code == COMMAND_OK)
		code = copy_page(j, after, &more);
	return code;
}

/* ---- what else belongs to a server ---- */

static enum yb_err put_file(const char *folder, const char *name, int from)
{
	char path[BACKUP_PATH_MAX + 64];
	struct buf octets;
	enum yb_err err = YB_OK;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	buf_init(&octets, BACKUPS_FILE_MAX);
	if (lseek(from, 0, SEEK_SET) != 0)
		err = err_from_errno(errno);
	if (err == YB_OK)
		err = file_read_fd(from, &octets);
	if (err == YB_OK)
		err = file_replace(path, buf_span(&octets), 0600);
	buf_wipe(&octets);
	buf_done(&octets);
	return err;
}

static int copy_directory(struct job *j, const char *folder)
{
	struct work *w = &j->work;
	struct control_reader reply;
	int code = COMMAND_OK;
	enum yb_err err;

	control_begin(&w->request, CONTROL_DIRECTORY_COPY);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	AUTO_FD fd = desk_take_fd(w->desk);
	err = fd < 0 ? YB_INVALID : put_file(folder, BACKUPS_DIRECTORY, fd);
	if (err == YB_OK)
		return COMMAND_OK;
	say_error("cannot copy the directory to %s: %s", folder, err_text(err));
	return say_exit(err);
}

/* The key is root's: who may not read it is told, and goes on without. */
static void copy_files(const struct config *c, const char *folder)
{
	const struct {
		const char *path, *name;
	} files[] = { { c->file, "yubin.yaml" },
		      { c->certificate, "server.pem" },
		      { c->private_key, "server.key" } };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FD fd = open(files[i].path, O_RDONLY | O_CLOEXEC);
		enum yb_err err = fd < 0 ? err_from_errno(errno)
					 : put_file(folder, files[i].name, fd);

		if (err != YB_OK)
			say_note("%s is not in the backup: %s", files[i].path,
				 err_text(err));
	}
}

static int finish(struct job *j)
{
	struct work *w = &j->work;
	enum yb_err err = backup_commit(j->backup, &j->run);

	progress_end(&j->progress);
	if (err != YB_OK) {
		say_error("cannot finish the run %s in %s: %s", j->run.name,
			  w->subject, err_text(err));
		return say_exit(err);
	}
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "run", j->run.name);
		json_u64(&w->json, "mailboxes", backup_run_count(&j->run));
		json_u64(&w->json, "octets", j->octets);
		json_u64(&w->json, "copied", j->copied);
		json_u64(&w->json, "damaged", j->damaged);
		json_close(&w->json, '}');
	} else {
		(void)printf("%s: %zu mailboxes, %" PRIu64 " octets, %" PRIu64
			     " of them new\n",
			     j->run.name, backup_run_count(&j->run), j->octets,
			     j->copied);
	}
	return j->damaged > 0 ? COMMAND_PARTLY : COMMAND_OK;
}

static int make_run(struct job *j)
{
	struct work *w = &j->work;
	char folder[BACKUP_PATH_MAX];
	enum yb_err err = backup_open(w->subject, true, &j->backup);
	int code;

	if (err == YB_OK) {
		err = backups_read_last(j->backup, &j->before);
		/* Then all is compared, and nothing written twice. */
		if (err == YB_CORRUPT || err == YB_NOT_FOUND) {
			say_error("the list of the last run in %s is damaged; "
				  "this run does not build upon it",
				  w->subject);
			err = YB_OK;
		}
	}
	name_now(j->run.name);
	if (err == YB_OK && strcmp(j->run.name, j->before.name) == 0)
		err = YB_EXISTS;
	if (err == YB_OK)
		err = backup_begin(j->backup, folder);
	if (err != YB_OK)
		return backups_tell(w->subject, true, err);
	code = copy_mail(j);
	/* Behind the mail: each account in it is then known, or was removed. */
	if (code == COMMAND_OK)
		code = copy_directory(j, folder);
	if (code == COMMAND_OK)
		copy_files(w->config, folder);
	if (code == COMMAND_OK)
		return finish(j);
	progress_end(&j->progress);
	return code;
}

static int run(const struct invocation *inv)
{
	struct job j = { 0 };
	int code = work_begin(inv, tell, &j.work);

	buf_init(&j.before.logs, 0);
	buf_init(&j.run.logs, BACKUPS_LIST_MAX);
	if (code == COMMAND_OK)
		code = make_run(&j);
	backup_run_done(&j.before);
	backup_run_done(&j.run);
	backup_close(&j.backup);
	return work_end(&j.work, code);
}

/* ---- looking into one ---- */

static bool list_one(void *ctx, const char *name)
{
	struct json *json = ctx;

	if (json->to != NULL)
		json_str(json, NULL, name);
	else
		(void)printf("%s\n", name);
	return true;
}

static int list(const struct invocation *inv)
{
	struct json json = { .to = invocation_option(inv, "json") != NULL
					   ? stdout
					   : NULL };
	struct backup *b = NULL;
	enum yb_err err = backup_open(inv->args[0], false, &b);

	if (err == YB_OK && json.to != NULL)
		json_open(&json, NULL, '[');
	if (err == YB_OK)
		err = backup_runs(b, list_one, &json);
	if (err == YB_OK && json.to != NULL)
		json_close(&json, ']');
	backup_close(&b);
	return err == YB_OK ? COMMAND_OK
			    : backups_tell(inv->args[0], false, err);
}

int cmd_backup(const struct invocation *inv)
{
	if (invocation_option(inv, "verify") != NULL)
		return backups_verify(inv);
	if (invocation_option(inv, "list") != NULL)
		return list(inv);
	return run(inv);
}
