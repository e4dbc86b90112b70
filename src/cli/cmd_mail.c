#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/mail.h"
#include "mime/wire.h"

enum {
	/* Of From and Subject: more is no use in a list. */
	FIELD_MAX = 1024,
	LIST_FROM_WIDTH = 28,
	/* A longer line may be cut within a character. */
	SHOW_LINE_MAX = 256 * 1024,
};

/* ---- list ---- */

struct listing_work {
	struct mail *mail;
	bool deleted;
	uint64_t n;
};

/* What a terminal or a reader of JSON can take; freed by the caller. */
static char *safe_text(const char *text)
{
	char *safe = NULL;
	size_t n;
	FILE *to = open_memstream(&safe, &n);

	if (to == NULL)
		return NULL;
	mail_print_safe(to, span_str(text));
	return fclose(to) == 0 ? safe : NULL;
}

static void list_json(struct json *j, const struct mail_row *row,
		      const char *from, const char *subject)
{
	json_open(j, NULL, '{');
	json_u64(j, "uid", row->uid);
	json_str(j, "uidl", row->uidl);
	json_u64(j, "octets", row->octets);
	json_u64(j, "received", (uint64_t)(row->received_ns / 1000000000));
	json_str(j, "from", from);
	json_str(j, "subject", subject);
	json_bool(j, "deleted", row->deleted_s != 0);
	if (row->deleted_s != 0) {
		json_u64(j, "deleted_at", (uint64_t)row->deleted_s);
		json_str(j, "deleted_by", row->by);
	}
	json_close(j, '}');
}

static void list_text(const struct mail_row *row, const char *from,
		      const char *subject)
{
	char received[SAY_TEXT_MAX], deleted[SAY_TEXT_MAX];

	say_time(received, row->received_ns / 1000000000);
	(void)printf("%6llu  %s  %s %10llu  %-*s  %s\n",
		     (unsigned long long)row->uid, row->uidl, received,
		     (unsigned long long)row->octets, LIST_FROM_WIDTH, from,
		     subject);
	if (row->deleted_s == 0)
		return;
	say_time(deleted, row->deleted_s);
	(void)printf("        deleted %s%s%s\n", deleted,
		     *row->by != 0 ? " by " : "", row->by);
}

static bool list_one(void *ctx, const struct mail_row *row)
{
	struct listing_work *l = ctx;
	char from[FIELD_MAX] = "", subject[FIELD_MAX] = "";
	AUTO_FREE char *safe_from = NULL;
	AUTO_FREE char *safe_subject = NULL;
	struct span head;
	enum yb_err err = mail_read(l->mail, row->uid, 0, NULL, &head);

	/* Freed since the page was made. */
	if (err == YB_NO_MSG)
		return true;
	if (err != YB_OK)
		return false;
	mail_field(head, "From", from, sizeof from);
	mail_field(head, "Subject", subject, sizeof subject);
	safe_from = safe_text(from);
	safe_subject = safe_text(subject);
	if (safe_from == NULL || safe_subject == NULL)
		return false;
	if (l->mail->work.as_json)
		list_json(&l->mail->work.json, row, safe_from, safe_subject);
	else
		list_text(row, safe_from, safe_subject);
	l->n++;
	return true;
}

int cmd_mail_list(const struct invocation *inv)
{
	struct mail m;
	struct listing_work l = { .mail = &m };
	int code = mail_begin(inv, &m);

	if (code != COMMAND_OK)
		return mail_end(&m, code);
	l.deleted = invocation_option(inv, "deleted") != NULL;
	if (m.work.as_json)
		json_open(&m.work.json, NULL, '[');
	code = mail_walk(&m, l.deleted, list_one, &l);
	if (m.work.as_json && code == COMMAND_OK)
		json_close(&m.work.json, ']');
	else if (code == COMMAND_OK && l.n == 0)
		say_note("%s has no %smessages.", m.work.subject,
			 l.deleted ? "deleted " : "");
	return mail_end(&m, code);
}

/* ---- show ---- */

/* Whole lines only, so that no character is cut; long ones are cut anyway. */
static void print_lines(FILE *to, struct buf *text, bool end)
{
	struct span all = buf_span(text);
	size_t n = span_find_last(all, '\n');

	if (n < all.n)
		n++;
	else
		n = buf_space(text) == 0 ? all.n : 0;
	if (end)
		n = all.n;
	mail_print_safe(to, span_head(all, n));
	buf_drop(text, n);
}

static void take_piece(FILE *to, struct buf *text, struct span piece)
{
	while (piece.n > 0) {
		size_t n =
			buf_space(text) < piece.n ? buf_space(text) : piece.n;

		if (buf_add(text, span_head(piece, n)) != YB_OK)
			return;
		piece = span_skip(piece, n);
		print_lines(to, text, false);
	}
}

/* Decodes a message part by part, for a terminal. */
static int show_text(struct mail *m, uint64_t uid, bool headers, FILE *to,
		     struct mail_row *row)
{
	struct wire_decoder decoder;
	enum yb_err err = YB_OK;
	uint64_t at = 0, end = 1;
	struct buf text;

	buf_init(&text, SHOW_LINE_MAX);
	wire_decoder_init(&decoder);
	while (at < end) {
		enum wire_step step = WIRE_PIECE;
		struct span part, piece;

		err = mail_read(m, uid, at, row, &part);
		if (err != YB_OK || part.n == 0)
			break;
		end = headers ? row->header_size : row->wire_size;
		part = span_head(part, (size_t)(end - at));
		at += part.n;
		while (step == WIRE_PIECE) {
			step = wire_decode(&decoder, &part, &piece);
			take_piece(to, &text, piece);
		}
	}
	print_lines(to, &text, true);
	buf_done(&text);
	if (err == YB_NO_MSG)
		say_error("%s has no message %llu; `yubin mail list` shows all",
			  m->work.subject, (unsigned long long)uid);
	return err == YB_OK ? COMMAND_OK : COMMAND_FAILED;
}

/* The one message that the second argument names. */
static int find_one(struct mail *m, uint64_t *ret_uid)
{
	const char *const words[] = { m->inv->args[1], NULL };
	struct uid_range range = { 0 };
	struct buf ranges;
	/* A deleted one is shown too, if it is the only one of its name. */
	int code = mail_parse(m, words, false, &ranges);

	if (code == COMMAND_OK)
		memcpy(&range, ranges.p, sizeof range);
	buf_done(&ranges);
	if (code == COMMAND_OK && range.first != range.last) {
		say_error("%s names more than one message", words[0]);
		return COMMAND_USAGE;
	}
	*ret_uid = range.first;
	return code;
}

static bool only_headers(const struct invocation *inv)
{
	return invocation_option(inv, "headers") != NULL;
}

static int show_json(struct mail *m, uint64_t uid)
{
	struct json *j = &m->work.json;
	AUTO_FREE char *text = NULL;
	struct mail_row row;
	size_t n;
	FILE *to = open_memstream(&text, &n);
	int code = COMMAND_FAILED;

	if (to != NULL) {
		code = show_text(m, uid, only_headers(m->inv), to, &row);
		if (fclose(to) != 0)
			code = COMMAND_FAILED;
	}
	if (code != COMMAND_OK)
		return code;
	json_open(j, NULL, '{');
	json_u64(j, "uid", row.uid);
	json_str(j, "uidl", row.uidl);
	json_u64(j, "octets", row.octets);
	json_u64(j, "received", (uint64_t)(row.received_ns / 1000000000));
	json_bool(j, "deleted", row.deleted_s != 0);
	json_str(j, "text", text);
	json_close(j, '}');
	return COMMAND_OK;
}

int cmd_mail_show(const struct invocation *inv)
{
	struct mail_row row;
	struct mail m;
	uint64_t uid;
	int code = mail_begin(inv, &m);

	if (code == COMMAND_OK)
		code = find_one(&m, &uid);
	if (code == COMMAND_OK && m.work.as_json)
		code = show_json(&m, uid);
	else if (code == COMMAND_OK)
		code = show_text(&m, uid, only_headers(inv), stdout, &row);
	return mail_end(&m, code);
}

/* ---- delete ---- */

/* Only an explicit yes; without a terminal only --yes. */
static bool confirm(const struct mail *m, uint64_t n)
{
	char answer[16] = "";

	if (invocation_option(m->inv, "yes") != NULL)
		return true;
	if (isatty(STDIN_FILENO) == 0) {
		say_error("give --yes to delete %llu message%s of %s",
			  (unsigned long long)n, say_plural(n),
			  m->work.subject);
		return false;
	}
	(void)fprintf(stderr, "Delete %llu message%s of %s? Type yes: ",
		      (unsigned long long)n, say_plural(n), m->work.subject);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	answer[strcspn(answer, "\r\n")] = 0;
	if (strcmp(answer, "yes") == 0)
		return true;
	say_error("nothing is deleted");
	return false;
}

struct counting {
	struct span ranges;
	uint64_t n;
};

static bool count_one(void *ctx, const struct mail_row *row)
{
	struct counting *c = ctx;

	c->n += mail_is_named(c->ranges, row->uid);
	return true;
}

/* What the words, or --all, name. */
static int choose(struct mail *m, bool deleted, struct buf *ret_ranges)
{
	const struct uid_range all = { 1, UINT32_MAX };
	bool every = invocation_option(m->inv, "all") != NULL;

	if (every == (m->inv->args_n > 1)) {
		buf_init(ret_ranges, 0);
		say_error(every ? "--all and messages exclude each other"
				: "name messages (uid, first-last, UIDL), or "
				  "give --all");
		return COMMAND_USAGE;
	}
	if (!every)
		return mail_parse(m, m->inv->args + 1, deleted, ret_ranges);
	buf_init(ret_ranges, sizeof all);
	return buf_add(ret_ranges, span_of(&all, sizeof all)) == YB_OK
		       ? COMMAND_OK
		       : COMMAND_FAILED;
}

/* As many ranges as a request takes at a time. */
static int delete_ranges(struct mail *m, struct span ranges, struct json *j)
{
	const size_t most = CONTROL_RANGES_MAX * sizeof(struct uid_range);

	while (ranges.n > 0) {
		char name[STORE_SESSION_TEXT];
		struct control_reader reply;
		uint64_t n;
		int code = COMMAND_OK;

		mail_request(m, CONTROL_MAIL_DELETE);
		control_put(&m->work.request, span_head(ranges, most));
		if (work_ask(&m->work, CONTROL_STORE, &reply, NULL, &code) !=
		    YB_OK)
			return code;
		ranges = span_skip(ranges, most);
		control_get_str(&reply, name, sizeof name);
		n = control_get_u64(&reply);
		if (reply.bad)
			return work_nonsense();
		if (j != NULL) {
			json_open(j, NULL, '{');
			json_u64(j, "deleted", n);
			json_str(j, "session", n > 0 ? name : "");
			json_close(j, '}');
			continue;
		}
		(void)printf("deleted %llu message%s of %s\n",
			     (unsigned long long)n, say_plural(n),
			     m->work.subject);
		if (n > 0 && m->work.config->undelete_days > 0)
			(void)printf("`yubin mail undelete %s --session %s` "
				     "brings them back within %u days\n",
				     m->work.subject, name,
				     m->work.config->undelete_days);
	}
	return COMMAND_OK;
}

int cmd_mail_delete(const struct invocation *inv)
{
	struct buf ranges = { 0 };
	struct counting c = { 0 };
	struct json *j = NULL;
	struct mail m;
	int code = mail_begin(inv, &m);

	if (code == COMMAND_OK)
		code = choose(&m, false, &ranges);
	c.ranges = buf_span(&ranges);
	if (code == COMMAND_OK)
		code = mail_walk(&m, false, count_one, &c);
	if (code == COMMAND_OK && c.n == 0) {
		say_error("%s has no such messages; `yubin mail list` shows "
			  "all",
			  m.work.subject);
		code = COMMAND_FAILED;
	}
	if (code == COMMAND_OK && !confirm(&m, c.n))
		code = COMMAND_FAILED;
	if (m.work.as_json && code == COMMAND_OK) {
		j = &m.work.json;
		json_open(j, NULL, '[');
	}
	if (code == COMMAND_OK)
		code = delete_ranges(&m, c.ranges, j);
	if (j != NULL && code == COMMAND_OK)
		json_close(j, ']');
	buf_done(&ranges);
	return mail_end(&m, code);
}

/* ---- undelete ---- */

/* Asks for one lot of ranges, or for all without; adds to *n. */
static int bring_back(struct mail *m, struct span ranges, int64_t since_s,
		      const char *session, uint64_t *n)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	mail_request(m, CONTROL_MAIL_UNDELETE);
	control_put(&m->work.request, ranges);
	control_put_u64(&m->work.request, (uint64_t)since_s);
	control_put_str(&m->work.request, session);
	if (work_ask(&m->work, CONTROL_STORE, &reply, NULL, &code) != YB_OK)
		return code;
	*n += control_get_u64(&reply);
	return reply.bad ? work_nonsense() : COMMAND_OK;
}

static void tell_undeleted(struct mail *m, uint64_t n)
{
	if (m->work.as_json) {
		json_open(&m->work.json, NULL, '{');
		json_u64(&m->work.json, "undeleted", n);
		json_close(&m->work.json, '}');
		return;
	}
	if (n > 0)
		(void)printf("brought back %llu message%s of %s\n",
			     (unsigned long long)n, say_plural(n),
			     m->work.subject);
	else
		say_error("%s has no such deleted messages; %s",
			  m->work.subject,
			  m->work.config->undelete_days == 0
				  ? "undelete_days is 0: deleted mail is gone "
				    "at once"
				  : "`yubin mail list --deleted` shows all");
}

static int undelete(struct mail *m, struct span ranges)
{
	const size_t most = CONTROL_RANGES_MAX * sizeof(struct uid_range);
	const char *since = invocation_option(m->inv, "since");
	const char *session = invocation_option(m->inv, "session");
	struct store_session from;
	int64_t since_s = 0;
	uint64_t n = 0;
	int code;

	if (since != NULL && !say_point(since, &since_s))
		return COMMAND_USAGE;
	if (session != NULL && !store_session_parse(span_str(session), &from)) {
		say_error("\"%s\" is no session; the log and `yubin mail list "
			  "--deleted` name them, such as w0.1f2e3d4c.5",
			  session);
		return COMMAND_USAGE;
	}
	do {
		code = bring_back(m, span_head(ranges, most), since_s,
				  session != NULL ? session : "", &n);
		ranges = span_skip(ranges, most);
	} while (code == COMMAND_OK && ranges.n > 0);
	if (code == COMMAND_OK)
		tell_undeleted(m, n);
	return code == COMMAND_OK && n == 0 ? COMMAND_FAILED : code;
}

int cmd_mail_undelete(const struct invocation *inv)
{
	bool by_time = invocation_option(inv, "since") != NULL ||
		       invocation_option(inv, "session") != NULL;
	struct buf ranges = { 0 };
	struct mail m;
	int code = mail_begin(inv, &m);

	/* --since and --session choose by themselves. */
	if (code == COMMAND_OK && (!by_time || inv->args_n > 1))
		code = choose(&m, true, &ranges);
	if (code == COMMAND_OK)
		code = undelete(&m, buf_span(&ranges));
	buf_done(&ranges);
	return mail_end(&m, code);
}
