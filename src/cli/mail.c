#include "cli/mail.h"

#include <stdlib.h>

#include "base/cleanup.h"

enum {
	/* Rows in one reply: the owner sends fewer. */
	PAGE_MAX = 1024,
	/* Words on a command line name at most so many ranges. */
	RANGES_MAX = 256 * 1024,
};

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)reason;
	if (err == YB_NO_ACCOUNT)
		say_error("there is no account %s; `yubin account list` shows "
			  "all",
			  w->subject);
	else if (err == YB_CORRUPT)
		say_error("the mailbox of %s is damaged; `yubin fsck` says "
			  "where",
			  w->subject);
	else if (err != YB_NO_MSG) /* whoever asked says it better */
		say_error("%s: %s", w->subject, err_text(err));
	return say_exit(err);
}

int mail_begin(const struct invocation *inv, struct mail *m)
{
	struct control_reader reply;
	int code = work_begin(inv, tell, &m->work);

	m->inv = inv;
	if (code != COMMAND_OK)
		return code;
	control_begin(&m->work.request, CONTROL_ACCOUNT_GET);
	control_put_str(&m->work.request, m->work.subject);
	if (work_ask(&m->work, CONTROL_AUTH, &reply, NULL, &code) != YB_OK)
		return code;
	control_get_into(&reply, m->account, sizeof m->account);
	return reply.bad ? work_nonsense() : COMMAND_OK;
}

int mail_end(struct mail *m, int code)
{
	return work_end(&m->work, code);
}

void mail_request(struct mail *m, enum control_type type)
{
	control_begin(&m->work.request, type);
	control_put(&m->work.request, span_of(m->account, sizeof m->account));
	control_put_u64(&m->work.request, STORE_INBOX);
}

static bool read_row(struct control_reader *r, struct mail_row *row)
{
	row->uid = control_get_u64(r);
	row->octets = control_get_u64(r);
	row->wire_size = control_get_u64(r);
	row->header_size = control_get_u64(r);
	row->received_ns = (int64_t)control_get_u64(r);
	row->deleted_s = (int64_t)control_get_u64(r);
	control_get_str(r, row->uidl, sizeof row->uidl);
	control_get_str(r, row->by, sizeof row->by);
	return !r->bad;
}

/* One page, copied: the next question overwrites the reply. */
static int read_page(struct mail *m, bool deleted, uint64_t after,
		     struct mail_row *rows, size_t *ret_n, bool *ret_more)
{
	struct control_reader reply;
	int code = COMMAND_OK;

	*ret_n = 0;
	mail_request(m, CONTROL_MAIL_LIST);
	control_put_u64(&m->work.request, after);
	control_put_u64(&m->work.request, deleted);
	if (work_ask(&m->work, CONTROL_STORE, &reply, ret_more, &code) != YB_OK)
		return code;
	while (control_has_more(&reply) && *ret_n < PAGE_MAX)
		if (!read_row(&reply, &rows[(*ret_n)++]))
			return work_nonsense();
	/* A page without a row would go on for ever. */
	return *ret_more && *ret_n == 0 ? work_nonsense() : COMMAND_OK;
}

int mail_walk(struct mail *m, bool deleted, mail_row_fn *each, void *ctx)
{
	AUTO_FREE struct mail_row *rows = calloc(PAGE_MAX, sizeof *rows);
	uint64_t after = 0;
	bool more = true;
	size_t n;

	if (rows == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	while (more) {
		int code = read_page(m, deleted, after, rows, &n, &more);

		if (code != COMMAND_OK)
			return code;
		for (size_t i = 0; i < n; i++)
			if (!each(ctx, &rows[i]))
				return COMMAND_OK;
		if (n > 0)
			after = rows[n - 1].uid;
	}
	return COMMAND_OK;
}

enum yb_err mail_read(struct mail *m, uint64_t uid, uint64_t at,
		      struct mail_row *row, struct span *ret)
{
	struct control_reader reply;
	struct mail_row unused;
	enum yb_err err;
	int code;

	mail_request(m, CONTROL_MAIL_READ);
	control_put_u64(&m->work.request, uid);
	control_put_u64(&m->work.request, at);
	err = work_ask(&m->work, CONTROL_STORE, &reply, NULL, &code);
	if (err != YB_OK)
		return err;
	if (!read_row(&reply, row != NULL ? row : &unused)) {
		(void)work_nonsense();
		return YB_INVALID;
	}
	*ret = control_get(&reply);
	return YB_OK;
}

/* ---- words that name messages ---- */

/* "17" or "3-9"; false if the word is neither. */
static bool parse_range(const char *word, struct uid_range *ret)
{
	char *end;
	unsigned long first, last;

	if (!ascii_digit((uint8_t)*word))
		return false;
	first = last = strtoul(word, &end, 10);
	if (*end == '-' && ascii_digit((uint8_t)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (*end != 0 || first == 0 || first > last || last > UINT32_MAX)
		return false;
	*ret = (struct uid_range){ (uint32_t)first, (uint32_t)last };
	return true;
}

struct search {
	const char *uidl;
	uint64_t uid;
};

/* The last of a UIDL counts: an undeleted message has it anew. */
static bool match(void *ctx, const struct mail_row *row)
{
	struct search *s = ctx;

	if (strcmp(row->uidl, s->uidl) == 0)
		s->uid = row->uid;
	return true;
}

static int parse_word(struct mail *m, const char *word, bool deleted,
		      struct uid_range *ret)
{
	struct search s = { .uidl = word };
	int code;

	if (parse_range(word, ret))
		return COMMAND_OK;
	code = mail_walk(m, deleted, match, &s);
	if (code == COMMAND_OK && s.uid == 0) {
		say_error("%s has no %smessage %s; `yubin mail list%s` shows "
			  "all",
			  m->work.subject, deleted ? "deleted " : "", word,
			  deleted ? " --deleted" : "");
		return COMMAND_FAILED;
	}
	*ret = (struct uid_range){ (uint32_t)s.uid, (uint32_t)s.uid };
	return code;
}

static int by_first(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* In order, and those that meet made one. */
static void join(struct buf *ranges)
{
	struct uid_range *r = (void *)ranges->p;
	size_t n = ranges->n / sizeof *r, out = 0;

	if (n == 0)
		return;
	qsort(r, n, sizeof *r, by_first);
	for (size_t i = 1; i < n; i++) {
		if (r[i].first <= (uint64_t)r[out].last + 1) {
			if (r[i].last > r[out].last)
				r[out].last = r[i].last;
		} else {
			r[++out] = r[i];
		}
	}
	ranges->n = (out + 1) * sizeof *r;
}

int mail_parse(struct mail *m, const char *const *words, bool deleted,
	       struct buf *ret_ranges)
{
	int code = COMMAND_OK;

	buf_init(ret_ranges, RANGES_MAX * sizeof(struct uid_range));
	for (; *words != NULL && code == COMMAND_OK; words++) {
		struct uid_range range;

		code = parse_word(m, *words, deleted, &range);
		if (code == COMMAND_OK &&
		    buf_add(ret_ranges, span_of(&range, sizeof range)) !=
			    YB_OK) {
			say_error("too many messages are named");
			code = COMMAND_FAILED;
		}
	}
	if (code == COMMAND_OK)
		join(ret_ranges);
	return code;
}

bool mail_is_named(struct span ranges, uint64_t uid)
{
	for (size_t i = 0; i + sizeof(struct uid_range) <= ranges.n;
	     i += sizeof(struct uid_range)) {
		struct uid_range r;

		memcpy(&r, ranges.p + i, sizeof r);
		if (uid >= r.first && uid <= r.last)
			return true;
	}
	return false;
}

/* ---- text ---- */

static struct span cut_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_folded(struct span rest)
{
	return rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

void mail_field(struct span head, const char *name, char *dst, size_t cap)
{
	size_t n = strlen(name), out = 0;

	*dst = 0;
	while (head.n > 0) {
		struct span line = cut_line(&head);

		if (line.n == 0)
			return; /* the header's end */
		if (line.n <= n || line.p[n] != ':' ||
		    !span_starts_nocase(line, span_str(name)))
			continue;
		line = span_trim(span_skip(line, n + 1));
		for (;;) {
			for (size_t i = 0; i < line.n && out + 1 < cap; i++)
				dst[out++] =
					line.p[i] == 0 ? '?' : (char)line.p[i];
			if (!is_folded(head))
				break;
			line = cut_line(&head);
		}
		dst[out] = 0;
		return;
	}
}

/* Octets of a well-formed character of UTF-8 (RFC 3629); 0 if it is none. */
static size_t utf8_length(struct span s, uint32_t *ret)
{
	uint8_t c = s.p[0];
	size_t n = c < 0x80   ? 1
		   : c < 0xc2 ? 0
		   : c < 0xe0 ? 2
		   : c < 0xf0 ? 3
			      : 4;
	uint32_t v = n == 1 ? c : n == 0 ? 0 : c & (0x7fu >> n);

	if (n == 0 || n > s.n || c > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3fu);
	}
	if ((n == 3 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))) ||
	    (n == 4 && (v < 0x10000 || v > 0x10ffff)))
		return 0;
	*ret = v;
	return n;
}

/* C0, DEL and C1 command terminals; the others turn text around. */
static bool is_seen_as_itself(uint32_t v)
{
	if (v < 0x20)
		return v == '\n' || v == '\t';
	return !((v >= 0x7f && v < 0xa0) || v == 0x061c ||
		 (v >= 0x200e && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) ||
		 (v >= 0x2066 && v <= 0x2069) || v == 0xfeff);
}

void mail_print_safe(FILE *to, struct span text)
{
	while (text.n > 0) {
		uint32_t v = 0;
		size_t n = utf8_length(text, &v);

		if (text.n > 1 && text.p[0] == '\r' && text.p[1] == '\n') {
			text = span_skip(text, 1);
			continue;
		}
		if (n > 0 && is_seen_as_itself(v)) {
			(void)fwrite(text.p, 1, n, to);
		} else {
			n = n > 0 ? n : 1;
			for (size_t i = 0; i < n; i++)
				(void)fprintf(to, "\\x%02x", text.p[i]);
		}
		text = span_skip(text, n);
	}
}
