#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/mail.h"
#include "mime/wire.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"

enum {
	/* A path on the command line and the longest name behind it. */
	PATH_LEN = 4096,
	PROGRESS_MS = 200,
};

enum export_form { EXPORT_MBOX, EXPORT_MAILDIR, EXPORT_EML };

struct export
{
	struct mail *mail;
	enum export_form form;
	const char *to;
	int fd;            /* of the file, -1 for a Maildir */
	struct buf ranges; /* of uids; empty: all */
	struct buf out;    /* what waits to be written */
	uint64_t done, gone;
	uint64_t told_ms;
	bool failed;
};

static bool flush(struct export *e, int fd)
{
	if (file_write_all(fd, buf_span(&e->out)) != YB_OK) {
		say_error("cannot write %s: %s", e->to, strerror(errno));
		e->failed = true;
	}
	buf_clear(&e->out);
	return !e->failed;
}

static bool put(struct export *e, int fd, struct span s)
{
	if (buf_space(&e->out) < s.n && !flush(e, fd))
		return false;
	if (buf_space(&e->out) < s.n)
		e->failed = file_write_all(fd, s) != YB_OK;
	else
		e->failed = buf_add(&e->out, s) != YB_OK;
	if (e->failed)
		say_error("cannot write %s: %s", e->to, strerror(errno));
	return !e->failed;
}

/* ---- mbox: lines that would begin a message get one ">" more ---- */

static const char from_word[] = "From ";

struct quoter {
	bool in_line;   /* behind the start of a line */
	uint64_t marks; /* ">" at its start, not written yet */
	size_t matched; /* octets of from_word behind them, likewise */
	bool ended_lf;
};

static bool release(struct export *e, struct quoter *q)
{
	for (; q->marks > 0; q->marks--)
		if (!put(e, e->fd, SPAN_LIT(">")))
			return false;
	if (!put(e, e->fd, span_head(span_str(from_word), q->matched)))
		return false;
	q->matched = 0;
	return true;
}

/* The start of a line, as far as `s` goes; what is decided is written. */
static bool quote_start(struct export *e, struct quoter *q, struct span *s)
{
	while (s->n > 0 && !q->in_line) {
		uint8_t c = s->p[0];

		if (c == '>' && q->matched == 0) {
			q->marks++;
		} else if (c == (uint8_t)from_word[q->matched]) {
			q->matched++;
			if (from_word[q->matched] == 0) {
				q->marks++;
				q->in_line = true;
			}
		} else {
			q->in_line = true;
			return release(e, q);
		}
		*s = span_skip(*s, 1);
	}
	return !q->in_line || release(e, q);
}

static bool put_quoted(struct export *e, struct quoter *q, struct span s)
{
	while (s.n > 0) {
		size_t n;

		if (!quote_start(e, q, &s))
			return false;
		n = span_find(s, '\n');
		n += n < s.n;
		if (!put(e, e->fd, span_head(s, n)))
			return false;
		if (n > 0) {
			q->ended_lf = s.p[n - 1] == '\n';
			q->in_line = !q->ended_lf;
		}
		s = span_skip(s, n);
	}
	return true;
}

/* ---- messages ---- */

/*
 * The message's own octets: dots undone, nothing else. `quoter` is NULL
 * unless for an mbox.
 */
static enum yb_err copy_message(struct export *e, uint64_t uid, int fd,
				struct quoter *quoter)
{
	struct wire_decoder decoder;
	uint64_t at = 0;
	enum wire_step step = WIRE_PIECE;

	wire_decoder_init(&decoder);
	while (step != WIRE_END) {
		struct span part, piece;
		enum yb_err err = mail_read(e->mail, uid, at, NULL, &part);

		if (err != YB_OK)
			return err;
		if (part.n == 0)
			return YB_CORRUPT;
		at += part.n;
		do {
			step = wire_decode(&decoder, &part, &piece);
			if (quoter != NULL ? !put_quoted(e, quoter, piece)
					   : !put(e, fd, piece))
				return YB_IO;
		} while (step == WIRE_PIECE);
	}
	return YB_OK;
}

/* RFC 4155: asctime of UTC behind the sender, who is not kept. */
static enum yb_err export_mbox(struct export *e, const struct mail_row *row)
{
	time_t at = (time_t)(row->received_ns / 1000000000);
	char line[64] = "";
	struct quoter q = { .ended_lf = true };
	struct tm tm;
	enum yb_err err;

	if (gmtime_r(&at, &tm) == NULL ||
	    strftime(line, sizeof line,
		     "From MAILER-DAEMON %a %b %e %H:%M:%S %Y\n", &tm) == 0)
		return YB_INVALID;
	if (!put(e, e->fd, span_str(line)))
		return YB_IO;
	err = copy_message(e, row->uid, e->fd, &q);
	if (err == YB_OK &&
	    (!release(e, &q) ||
	     !put(e, e->fd, span_str(q.ended_lf ? "\n" : "\n\n"))))
		err = YB_IO;
	return err;
}

static enum yb_err export_maildir(struct export *e, const struct mail_row *row)
{
	char tmp[PATH_LEN], name[PATH_LEN];
	AUTO_FD fd = -1;
	enum yb_err err;

	(void)snprintf(tmp, sizeof tmp, "%s/tmp/%lld.u%" PRIu64 ".%s", e->to,
		       (long long)(row->received_ns / 1000000000), row->uid,
		       row->uidl);
	(void)snprintf(name, sizeof name, "%s/new/%lld.u%" PRIu64 ".%s", e->to,
		       (long long)(row->received_ns / 1000000000), row->uid,
		       row->uidl);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		say_error("cannot make %s: %s", tmp, strerror(errno));
		e->failed = true;
		return YB_IO;
	}
	err = copy_message(e, row->uid, fd, NULL);
	if (err == YB_OK && !flush(e, fd))
		err = YB_IO;
	if (err == YB_OK && rename(tmp, name) < 0) {
		say_error("cannot make %s: %s", name, strerror(errno));
		err = YB_IO;
	}
	if (err != YB_OK)
		(void)unlink(tmp);
	return err;
}

static void progress(struct export *e, bool end)
{
	uint64_t now = clock_mono_ms();

	if (isatty(STDERR_FILENO) == 0)
		return;
	if (end) {
		if (e->told_ms > 0)
			(void)fputs("\r\033[K", stderr);
	} else if (now >= e->told_ms + PROGRESS_MS) {
		(void)fprintf(stderr, "\r%" PRIu64 " messages\033[K", e->done);
		e->told_ms = now;
	}
}

static bool export_one(void *ctx, const struct mail_row *row)
{
	struct export *e = ctx;
	enum yb_err err;

	if (e->ranges.n > 0 && !mail_is_named(buf_span(&e->ranges), row->uid))
		return true;
	if (e->form == EXPORT_MBOX)
		err = export_mbox(e, row);
	else if (e->form == EXPORT_MAILDIR)
		err = export_maildir(e, row);
	else
		err = copy_message(e, row->uid, e->fd, NULL);
	if (err == YB_NO_MSG) {
		say_error("message %" PRIu64 " was freed meanwhile", row->uid);
		e->gone++;
		return true;
	}
	if (err == YB_CORRUPT)
		say_error("message %" PRIu64 " is cut short", row->uid);
	if (err != YB_OK) {
		e->failed = true;
		return false;
	}
	e->done++;
	progress(e, false);
	return true;
}

/* ---- where to ---- */

static int choose_form(const struct invocation *inv, enum export_form *ret)
{
	bool maildir = invocation_option(inv, "maildir") != NULL;
	bool eml = invocation_option(inv, "eml") != NULL;
	bool mbox = invocation_option(inv, "mbox") != NULL;

	if (maildir + eml + mbox > 1) {
		say_error("give one of --mbox, --maildir, --eml");
		return COMMAND_USAGE;
	}
	*ret = maildir ? EXPORT_MAILDIR : eml ? EXPORT_EML : EXPORT_MBOX;
	if (eml && inv->args_n != 3) {
		say_error("--eml takes one message: yubin mail export ADDRESS "
			  "FILE MESSAGE --eml");
		return COMMAND_USAGE;
	}
	return COMMAND_OK;
}

static int make_maildir(const char *path)
{
	static const char *const folders[] = { "", "/tmp", "/new", "/cur" };
	char name[PATH_LEN];

	for (size_t i = 0; i < 4; i++) {
		int n = snprintf(name, sizeof name, "%s%s", path, folders[i]);

		if (n < 0 || (size_t)n >= sizeof name - 128) {
			say_error("%s is too long", path);
			return COMMAND_FAILED;
		}
		if (mkdir(name, 0700) < 0 && (errno != EEXIST || i > 0)) {
			say_error("cannot make %s: %s%s", name, strerror(errno),
				  errno == EEXIST ? "; export into a new folder"
						  : "");
			return COMMAND_FAILED;
		}
	}
	return COMMAND_OK;
}

static int open_target(struct export *e)
{
	if (e->form == EXPORT_MAILDIR)
		return make_maildir(e->to);
	if (strcmp(e->to, "-") == 0)
		e->fd = dup(STDOUT_FILENO);
	else
		/* What is there is somebody's. */
		e->fd = open(e->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			     0600);
	if (e->fd >= 0)
		return COMMAND_OK;
	say_error("cannot make %s: %s%s", e->to, strerror(errno),
		  errno == EEXIST ? "; nothing is written over it" : "");
	return COMMAND_FAILED;
}

static int finish(struct export *e, int code)
{
	progress(e, true);
	if (e->fd >= 0 && code == COMMAND_OK && !e->failed)
		(void)flush(e, e->fd);
	if (e->fd >= 0 && !e->failed && strcmp(e->to, "-") != 0 &&
	    fsync(e->fd) < 0) {
		say_error("cannot write %s: %s", e->to, strerror(errno));
		e->failed = true;
	}
	if (code == COMMAND_OK && e->failed)
		code = COMMAND_FAILED;
	if (code == COMMAND_OK && e->gone > 0)
		code = COMMAND_PARTLY;
	if (code == COMMAND_OK && e->ranges.n > 0 && e->done == 0) {
		say_error("%s has no such message", e->mail->work.subject);
		code = COMMAND_FAILED;
	}
	if (strcmp(e->to, "-") == 0)
		return code;
	if (e->mail->work.as_json) {
		json_open(&e->mail->work.json, NULL, '{');
		json_u64(&e->mail->work.json, "exported", e->done);
		json_u64(&e->mail->work.json, "freed", e->gone);
		json_close(&e->mail->work.json, '}');
	} else if (code == COMMAND_OK)
		say_note("%" PRIu64 " messages are in %s.", e->done, e->to);
	return code;
}

/* ---- what was set aside ---- */

/* One of them into a file of its own; NO_MSG behind the last. */
static enum yb_err export_aside(struct export *e, uint64_t number)
{
	struct control_writer *request = &e->mail->work.request;
	char name[64], path[PATH_LEN];
	enum yb_err err = YB_OK;
	AUTO_FD fd = -1;
	uint64_t at = 0;

	for (;;) {
		struct control_reader reply;
		struct span octets;
		int code;

		mail_request(e->mail, CONTROL_MAIL_DAMAGED);
		control_put_u64(request, number);
		control_put_u64(request, at);
		err = work_ask(&e->mail->work, CONTROL_STORE, &reply, NULL,
			       &code);
		if (err != YB_OK)
			return err;
		control_get_str(&reply, name, sizeof name);
		(void)control_get_u64(&reply);
		octets = control_get(&reply);
		if (reply.bad || strchr(name, '/') != NULL)
			return YB_INVALID;
		if (fd < 0) {
			(void)snprintf(path, sizeof path, "%s/%s.eml", e->to,
				       name);
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				  0600);
		}
		if (fd < 0 || file_write_all(fd, octets) != YB_OK) {
			say_error("cannot write %s: %s", path, strerror(errno));
			return YB_IO;
		}
		if (octets.n == 0)
			return YB_OK;
		at += octets.n;
	}
}

static int export_damaged(struct export *e)
{
	enum yb_err err = YB_OK;

	if (mkdir(e->to, 0700) < 0) {
		say_error("cannot make the folder %s: %s", e->to,
			  strerror(errno));
		return COMMAND_FAILED;
	}
	while (err == YB_OK) {
		err = export_aside(e, e->done);
		e->done += err == YB_OK;
	}
	if (err != YB_NO_MSG)
		return COMMAND_FAILED;
	if (e->mail->work.as_json) {
		json_open(&e->mail->work.json, NULL, '{');
		json_u64(&e->mail->work.json, "exported", e->done);
		json_close(&e->mail->work.json, '}');
	} else {
		say_note("%" PRIu64 " damaged pieces are in %s.", e->done,
			 e->to);
	}
	return COMMAND_OK;
}

int cmd_mail_export(const struct invocation *inv)
{
	/* Large enough that writes cost nothing. */
	enum { OUT_MAX = 1024 * 1024 };
	bool deleted = invocation_option(inv, "deleted") != NULL;
	struct mail m;
	struct export e = { .mail = &m, .to = inv->args[1], .fd = -1 };
	int code = mail_begin(inv, &m);

	buf_init(&e.out, OUT_MAX);
	if (code == COMMAND_OK && invocation_option(inv, "damaged") != NULL)
		return mail_end(&m, export_damaged(&e));
	if (code == COMMAND_OK)
		code = choose_form(inv, &e.form);
	if (code == COMMAND_OK)
		code = mail_parse(&m, inv->args + 2, deleted, &e.ranges);
	if (code == COMMAND_OK)
		code = open_target(&e);
	if (code == COMMAND_OK) {
		code = mail_walk(&m, deleted, export_one, &e);
		code = finish(&e, code);
	}
	fd_close(&e.fd);
	buf_done(&e.ranges);
	buf_done(&e.out);
	return mail_end(&m, code);
}
