#include <errno.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/account.h"
#include "cli/cmd.h"
#include "cli/settings.h"
#include "cli/work.h"

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	if (err == YB_EXISTS)
		say_error("%s exists already; `yubin account password` gives "
			  "it a new password",
			  w->subject);
	else if (err == YB_IN_USE)
		say_error("%s: %s", w->subject, reason);
	else if (err == YB_NO_ACCOUNT)
		say_error("there is no account %s; `yubin account list` shows "
			  "all",
			  w->subject);
	else if (err == YB_WEAK)
		say_error("the password for %s is too weak%s%s; take a better "
			  "one, or --allow-weak",
			  w->subject, *reason != 0 ? ": " : "", reason);
	else if ((err == YB_INVALID || err == YB_UNSUPPORTED) && *reason != 0)
		/* Only a password is refused with a reason. */
		say_error("the password for %s cannot be used: %s", w->subject,
			  reason);
	else if (err == YB_INVALID || err == YB_SYNTAX)
		say_error("%s is not valid; an address looks like "
			  "alice@example.org",
			  w->subject);
	else
		say_error("%s: %s%s%s", w->subject, err_text(err),
			  *reason != 0 ? ": " : "", reason);
	return say_exit(err);
}

/* ---- passwords ---- */

/* Where a person types, nobody should read along. */
static bool hide_typing(struct termios *old)
{
	struct termios hidden;

	if (tcgetattr(STDIN_FILENO, old) < 0)
		return false;
	hidden = *old;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	(void)fputs("Password: ", stderr);
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

static ssize_t read_input(char *p, size_t room)
{
	ssize_t got;

	do
		got = read(STDIN_FILENO, p, room);
	while (got < 0 && errno == EINTR);
	return got;
}

/* The first line of standard input without its end; 0 if it is no password. */
static size_t read_password(char *text, size_t cap)
{
	struct termios old;
	bool hidden = hide_typing(&old);
	ssize_t got = 1;
	size_t n = 0;

	while (n < cap && got > 0 && memchr(text, '\n', n) == NULL) {
		got = read_input(text + n, cap - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (hidden) {
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &old);
		(void)fputc('\n', stderr);
	}
	if (memchr(text, '\n', n) != NULL)
		n = span_find(span_of(text, n), '\n');
	if (n > 0 && text[n - 1] == '\r')
		n--;
	return n;
}

static int put_password(const struct invocation *inv, struct work *w,
			bool is_hash)
{
	/* Room for CRLF, and for one octet that tells of too many. */
	char text[AUTH_PASSWORD_MAX + 3];
	size_t n = 0;
	int code = COMMAND_OK;

	if (invocation_option(inv, "password-stdin") != NULL || is_hash) {
		n = read_password(text, sizeof text);
		if (n == 0) {
			say_error("standard input has no password");
			code = COMMAND_FAILED;
		} else if (n > AUTH_PASSWORD_MAX) {
			say_error("the password is longer than %d octets",
				  AUTH_PASSWORD_MAX);
			code = COMMAND_FAILED;
		}
	}
	control_put(&w->request, span_of(text, n));
	mem_wipe(text, sizeof text);
	return code;
}

static void print_password(struct work *w, const char *made, bool is_new)
{
	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		json_str(&w->json, "address", w->subject);
		if (*made != 0)
			json_str(&w->json, "password", made);
		json_close(&w->json, '}');
		return;
	}
	if (*made == 0) {
		say_note("%s has its %spassword.", w->subject,
			 is_new ? "account and " : "new ");
		return;
	}
	say_note("%s %s. The password is shown only now:", w->subject,
		 is_new ? "has an account" : "has a new password");
	(void)puts(made);
}

static int set_password(const struct invocation *inv, enum control_type type)
{
	bool is_hash = type == CONTROL_ACCOUNT_IMPORT;
	char made[AUTH_GENERATED_LEN + 1];
	struct control_reader reply;
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (code != COMMAND_OK)
		return work_end(&w, code);
	control_begin(&w.request, type);
	control_put_str(&w.request, w.subject);
	code = put_password(inv, &w, is_hash);
	if (!is_hash)
		control_put_u64(&w.request,
				invocation_option(inv, "allow-weak") != NULL);
	if (code != COMMAND_OK ||
	    work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return work_end(&w, code);
	control_get_str(&reply, made, sizeof made);
	if (control_ended(&reply))
		print_password(&w, made, type != CONTROL_ACCOUNT_PASSWORD);
	else
		code = work_nonsense();
	mem_wipe(made, sizeof made);
	return work_end(&w, code);
}

int cmd_account_add(const struct invocation *inv)
{
	if (invocation_option(inv, "hash-stdin") == NULL)
		return set_password(inv, CONTROL_ACCOUNT_ADD);
	if (invocation_option(inv, "password-stdin") != NULL) {
		say_error("standard input is a password or a hash, not both");
		return COMMAND_USAGE;
	}
	return set_password(inv, CONTROL_ACCOUNT_IMPORT);
}

int cmd_account_password(const struct invocation *inv)
{
	return set_password(inv, CONTROL_ACCOUNT_PASSWORD);
}

/* ---- looking ---- */

static bool read_account(struct control_reader *r, struct account_row *row)
{
	control_get_into(r, row->id, sizeof row->id);
	control_get_str(r, row->address, sizeof row->address);
	row->created_s = (int64_t)control_get_u64(r);
	row->last_login_s = (int64_t)control_get_u64(r);
	control_get_str(r, row->devices, sizeof row->devices);
	return !r->bad;
}

static void list_one(struct work *w, const struct account_row *row)
{
	char last[SAY_TEXT_MAX];

	if (w->as_json) {
		json_open(&w->json, NULL, '{');
		account_json(&w->json, row);
		json_close(&w->json, '}');
		return;
	}
	say_time(last, row->last_login_s);
	say_text(stdout, row->address);
	(void)printf("%*s last login %s\n",
		     (int)(strlen(row->address) < 40 ? 40 - strlen(row->address)
						     : 0),
		     "", last);
}

/* Page by page, each from behind the last address of the one before. */
static int list_all(struct work *w)
{
	struct account_row row = { .address = "" };
	struct control_reader reply;
	bool more = true;
	int code = COMMAND_OK;

	while (more) {
		control_begin(&w->request, CONTROL_ACCOUNT_LIST);
		control_put_str(&w->request, row.address);
		if (work_ask(w, CONTROL_AUTH, &reply, &more, &code) != YB_OK)
			return code;
		/* A page without a row would go on for ever. */
		if (more && !control_has_more(&reply))
			return work_nonsense();
		while (control_has_more(&reply)) {
			if (!read_account(&reply, &row))
				return work_nonsense();
			list_one(w, &row);
		}
	}
	return code;
}

int cmd_account_list(const struct invocation *inv)
{
	return work_list(inv, tell, list_all);
}

static int find_account(struct work *w, struct account_row *row)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_ACCOUNT_GET);
	control_put_str(&w->request, w->subject);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	if (!read_account(&reply, row) || !control_ended(&reply))
		return work_nonsense();
	control_begin(&w->request, CONTROL_MAILBOX_TOTALS);
	control_put(&w->request, span_of(row->id, sizeof row->id));
	control_put_u64(&w->request, 1); /* INBOX */
	if (work_ask(w, CONTROL_STORE, &reply, NULL, &code) != YB_OK)
		return code;
	row->messages = control_get_u64(&reply);
	row->octets = control_get_u64(&reply);
	return control_ended(&reply) ? COMMAND_OK : work_nonsense();
}

int cmd_account_show(const struct invocation *inv)
{
	AUTO_FREE struct account_row *row = calloc(1, sizeof *row);
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (row == NULL)
		code = COMMAND_FAILED;
	if (code == COMMAND_OK)
		code = find_account(&w, row);
	if (code == COMMAND_OK)
		code = settings_read(&w, false, row->address, &row->settings);
	if (code == COMMAND_OK && w.as_json)
		account_show_json(&w.json, row, w.config);
	else if (code == COMMAND_OK)
		account_show(row, w.config);
	return work_end(&w, code);
}

static int tell_setting(const struct work *w, enum yb_err err,
			const char *reason)
{
	if (*reason == 0)
		return tell(w, err, reason);
	say_refusal(w->subject, reason);
	return say_exit(err);
}

int cmd_account_set(const struct invocation *inv)
{
	return settings_change(inv, false, tell_setting);
}

/* ---- removing ---- */

/* Only an explicit yes; without a terminal only --yes. */
static bool confirm(const struct invocation *inv, const struct account_row *row)
{
	char answer[16] = "";

	if (invocation_option(inv, "yes") != NULL)
		return true;
	if (isatty(STDIN_FILENO) == 0) {
		say_error("%s has %llu message%s; give --yes to remove the "
			  "account and its mail",
			  row->address, (unsigned long long)row->messages,
			  say_plural(row->messages));
		return false;
	}
	(void)fprintf(stderr, "Remove %s and its %llu message%s? Type yes: ",
		      row->address, (unsigned long long)row->messages,
		      say_plural(row->messages));
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	answer[strcspn(answer, "\r\n")] = 0;
	if (strcmp(answer, "yes") == 0)
		return true;
	say_error("%s stays as it is", row->address);
	return false;
}

/*
 * First the account, so that nothing more arrives or logs in, then its mail;
 * if that fails the mail stays on the disk, and the command says where.
 */
static int remove_all(struct work *w, const struct account_row *row)
{
	struct control_reader reply;
	char id[2 * sizeof row->id + 1] = "";
	int code = COMMAND_OK;

	control_begin(&w->request, CONTROL_ACCOUNT_REMOVE);
	control_put_str(&w->request, w->subject);
	if (work_ask(w, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	control_begin(&w->request, CONTROL_MAIL_REMOVE);
	control_put(&w->request, span_of(row->id, sizeof row->id));
	if (work_ask(w, CONTROL_STORE, &reply, NULL, &code) == YB_OK)
		return COMMAND_OK;
	for (size_t i = 0; i < sizeof row->id; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", row->id[i]);
	say_error("the account is removed, but its mail is still below %s, "
		  "account %s",
		  w->config->store_path, id);
	return COMMAND_PARTLY;
}

int cmd_account_remove(const struct invocation *inv)
{
	AUTO_FREE struct account_row *row = calloc(1, sizeof *row);
	struct work w;
	int code = work_begin(inv, tell, &w);

	if (row == NULL)
		code = COMMAND_FAILED;
	if (code == COMMAND_OK)
		code = find_account(&w, row);
	if (code == COMMAND_OK && !confirm(inv, row))
		code = COMMAND_FAILED;
	if (code == COMMAND_OK)
		code = remove_all(&w, row);
	if (code == COMMAND_OK && w.as_json) {
		json_open(&w.json, NULL, '{');
		json_str(&w.json, "address", row->address);
		json_u64(&w.json, "messages", row->messages);
		json_close(&w.json, '}');
	} else if (code == COMMAND_OK) {
		(void)printf("removed %s and %llu messages\n", row->address,
			     (unsigned long long)row->messages);
	}
	return work_end(&w, code);
}
