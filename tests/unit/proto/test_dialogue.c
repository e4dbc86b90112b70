/*
 * Runs the dialogues of tests/wire, whose README.md is the format, against
 * the engines: with the client's octets cut at every place, one at a time,
 * and with a client that reads slowly.
 */
#include "unit/unit.h"

#include <ctype.h>
#include <dirent.h>
#include <unistd.h>

#include "base/num.h"
#include "unit/proto/pop3_drive.h"
#include "unit/proto/smtp_drive.h"

enum {
	STEPS_MAX = 512,
	FILE_MAX = 256 * 1024,
	CAPTURES_MAX = 16,
	CAPTURE_MAX = 128,
	/* A longer chunk is cut at so many places only. */
	SPLITS_MAX = 300,
};

enum protocol { POP3, SMTP, LMTP };

enum step_kind { STEP_SEND, STEP_EXPECT, STEP_ANY, STEP_TLS, STEP_CLOSED };

struct step {
	enum step_kind kind;
	unsigned line;
	struct buf octets; /* SEND */
	struct span text;  /* EXPECT */
};

struct dialogue {
	char path[512];
	enum protocol protocol;
	struct buf file;
	struct step steps[STEPS_MAX];
	size_t steps_n;
	char maildrop[64];
	char connection[16];
	bool utf8_refused;
	uint64_t size;
	bool has_left, has_kept, has_sender;
	struct span left, kept, sender;
	struct buf tail;
};

static unsigned at_line;
static const struct dialogue *running;

#define check(good, what)                                                    \
	do {                                                                 \
		if (!(good))                                                 \
			fail_msg("%s:%u: %s", running->path, at_line, what); \
	} while (0)

/* ---- reading the file ---- */

static void read_file(const char *path, struct buf *ret)
{
	FILE *f = fopen(path, "rb");
	uint8_t part[4096];
	size_t n;

	if (f == NULL)
		fail_msg("%s: cannot be read", path);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		assert_ok(buf_add(ret, span_of(part, n)));
	fclose(f);
}

static uint8_t escaped(struct span *text)
{
	uint8_t c = text->p[0], octet;

	*text = span_skip(*text, 1);
	switch (c) {
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '0':
		return 0;
	case 'x':
		check(text->n >= 2, "two digits behind \\x");
		octet = (uint8_t)strtoul(
			(char[]){ (char)text->p[0], (char)text->p[1], 0 }, NULL,
			16);
		*text = span_skip(*text, 2);
		return octet;
	default:
		check(c == '\\', "unknown escape");
		return c;
	}
}

static void unescape(struct span text, struct buf *out)
{
	while (text.n > 0) {
		uint8_t c = text.p[0];

		text = span_skip(text, 1);
		if (c == '\\') {
			if (text.n == 0)
				return; /* keeps a trailing space */
			c = escaped(&text);
		}
		assert_ok(buf_add_u8(out, c));
	}
}

static struct step *add_step(struct dialogue *d, enum step_kind kind)
{
	struct step *step = &d->steps[d->steps_n];

	if (kind == STEP_SEND && d->steps_n > 0 &&
	    d->steps[d->steps_n - 1].kind == STEP_SEND)
		return &d->steps[d->steps_n - 1];
	check(d->steps_n < STEPS_MAX, "too many steps");
	d->steps_n++;
	*step = (struct step){ .kind = kind, .line = at_line };
	buf_init(&step->octets, 16 * 1024 * 1024);
	return step;
}

static void parse_given(struct dialogue *d, struct span rest)
{
	struct span name = span_cut(&rest, ' ');

	if (span_eq(name, SPAN_LIT("maildrop")))
		check(span_to_str(rest, d->maildrop, sizeof d->maildrop),
		      "name too long");
	else if (span_eq(name, SPAN_LIT("connection")))
		check(span_to_str(rest, d->connection, sizeof d->connection),
		      "name too long");
	else if (span_eq(name, SPAN_LIT("utf8")))
		d->utf8_refused = span_eq(rest, SPAN_LIT("refuse"));
	else
		check(span_eq(name, SPAN_LIT("size")) &&
			      num_parse(rest, UINT64_MAX, &d->size),
		      "unknown given");
}

static void parse_repeat(struct dialogue *d, struct span rest)
{
	struct step *step = add_step(d, STEP_SEND);
	struct span number = span_cut(&rest, ' ');
	uint64_t times;

	check(num_parse(number, 1000000, &times), "how often?");
	while (times-- > 0)
		unescape(rest, &step->octets);
}

/* Takes `prefix` off the line; whether it was there. */
static bool starts(struct span *line, const char *prefix)
{
	struct span want = span_str(prefix);

	/* "C: " of an empty line may have lost its space. */
	if (line->n == want.n - 1 && span_starts(want, *line)) {
		*line = SPAN_NONE;
		return true;
	}
	if (!span_starts(*line, want))
		return false;
	*line = span_skip(*line, want.n);
	return true;
}

static void parse_line(struct dialogue *d, struct span line)
{
	if (line.n == 0 || line.p[0] == '#') {
		return;
	} else if (starts(&line, "given: ")) {
		check(d->steps_n == 0, "given: comes before all else");
		parse_given(d, line);
	} else if (starts(&line, "C: ")) {
		struct step *step = add_step(d, STEP_SEND);

		assert_ok(buf_add(&step->octets, line));
		assert_ok(buf_add(&step->octets, SPAN_LIT("\r\n")));
	} else if (starts(&line, "C= ")) {
		unescape(line, &add_step(d, STEP_SEND)->octets);
	} else if (starts(&line, "C* ")) {
		parse_repeat(d, line);
	} else if (starts(&line, "S: ")) {
		add_step(d, STEP_EXPECT)->text = line;
	} else if (span_eq(line, SPAN_LIT("S..."))) {
		add_step(d, STEP_ANY);
	} else if (span_eq(line, SPAN_LIT("tls"))) {
		add_step(d, STEP_TLS);
	} else if (span_eq(line, SPAN_LIT("closed"))) {
		add_step(d, STEP_CLOSED);
	} else if (starts(&line, "left: ")) {
		d->left = line;
		d->has_left = true;
	} else if (starts(&line, "kept: ")) {
		d->kept = line;
		d->has_kept = true;
	} else if (starts(&line, "sender: ")) {
		d->sender = line;
		d->has_sender = true;
	} else if (starts(&line, "| ")) {
		unescape(line, &d->tail);
		assert_ok(buf_add(&d->tail, SPAN_LIT("\r\n")));
	} else {
		/* An engine sees no difference to the end of the file. */
		check(span_eq(line, SPAN_LIT("hangup")), "unknown line");
	}
}

static void parse(struct dialogue *d)
{
	struct span rest;

	buf_init(&d->file, FILE_MAX);
	buf_init(&d->tail, FILE_MAX);
	running = d;
	at_line = 0;
	read_file(d->path, &d->file);
	rest = buf_span(&d->file);
	while (rest.n > 0) {
		at_line++;
		parse_line(d, span_cut(&rest, '\n'));
	}
	check(d->steps_n > 0, "nothing happens");
}

static void dialogue_done(struct dialogue *d)
{
	for (size_t i = 0; i < d->steps_n; i++)
		buf_done(&d->steps[i].octets);
	buf_done(&d->file);
	buf_done(&d->tail);
}

/* ---- matching ---- */

struct captures {
	struct span names[CAPTURES_MAX];
	char values[CAPTURES_MAX][CAPTURE_MAX];
	size_t n;
};

/* The name in "<name>" at the front of `pattern`; empty if there is none. */
static struct span capture_name(struct span pattern)
{
	size_t end = span_find(pattern, '>');

	if (pattern.n < 3 || pattern.p[0] != '<' || end == pattern.n)
		return SPAN_NONE;
	for (size_t i = 1; i < end; i++)
		if (!islower(pattern.p[i]))
			return SPAN_NONE;
	return span_of(pattern.p + 1, end - 1);
}

/* What the name stands for: at its first use the word that `line` starts
 * with. */
static struct span captured(struct captures *c, struct span name,
			    struct span line)
{
	for (size_t i = 0; i < c->n; i++)
		if (span_eq(c->names[i], name))
			return span_str(c->values[i]);
	check(c->n < CAPTURES_MAX, "too many names");
	line = span_head(line, span_find(line, ' '));
	check(span_to_str(line, c->values[c->n], CAPTURE_MAX), "long word");
	c->names[c->n] = name;
	return span_str(c->values[c->n++]);
}

static bool matches(struct captures *c, struct span pattern, struct span line)
{
	while (pattern.n > 0) {
		struct span name = capture_name(pattern), value;

		if (span_starts(pattern, SPAN_LIT("<*>"))) {
			pattern = span_skip(pattern, 3);
			for (size_t n = 0; n <= line.n; n++)
				if (matches(c, pattern, span_skip(line, n)))
					return true;
			return false;
		}
		if (name.n == 0) {
			if (line.n == 0 || line.p[0] != pattern.p[0])
				return false;
			pattern = span_skip(pattern, 1);
			line = span_skip(line, 1);
			continue;
		}
		value = captured(c, name, line);
		if (value.n == 0 || !span_starts(line, value))
			return false;
		pattern = span_skip(pattern, name.n + 2);
		line = span_skip(line, value.n);
	}
	return line.n == 0;
}

/* ---- running ---- */

struct run {
	const struct dialogue *d;
	struct pop3_drive pop3;
	struct smtp_drive smtp;
	struct buf *got;
	size_t read_at;
	bool any; /* lines may come that do not fit the next pattern */
	struct captures captures;
};

static size_t feed(struct run *r, struct span in)
{
	return r->d->protocol == POP3 ? pop3_drive_feed(&r->pop3, in)
				      : smtp_drive_feed(&r->smtp, in);
}

static bool is_over(const struct run *r)
{
	return r->d->protocol == POP3 ? pop3_server_is_over(r->pop3.s)
				      : smtp_server_is_over(r->smtp.s);
}

/* How octets are cut: at a place, or into pieces of one size. */
struct cut {
	size_t numerator, denominator; /* place, as a part of the chunk */
	size_t piece;                  /* 0: cut at the place */
	uint64_t sent_a_time;
};

static void send_cut(struct run *r, struct span octets, const struct cut *cut)
{
	size_t piece = cut->piece;

	if (piece == 0)
		piece = octets.n * cut->numerator / cut->denominator;
	while (octets.n > 0) {
		struct span part = span_head(octets, piece);
		size_t left = feed(r, part);

		if (left > 0) {
			check(is_over(r), "not all was eaten");
			return;
		}
		octets = span_skip(octets, piece);
		if (cut->piece == 0)
			piece = octets.n;
	}
}

static void expect_nothing(const struct run *r)
{
	if (r->read_at < r->got->n)
		print_message("unexpected: %.*s\n",
			      (int)(r->got->n - r->read_at),
			      (const char *)r->got->p + r->read_at);
	check(r->read_at == r->got->n, "an answer that no line expects");
}

static void expect_line(struct run *r, struct span pattern)
{
	struct span rest = span_skip(buf_span(r->got), r->read_at);
	size_t end = span_find(rest, '\n');
	struct span line;
	bool fits;

	check(end < rest.n && end > 0 && rest.p[end - 1] == '\r',
	      "no line came");
	line = span_head(rest, end - 1);
	r->read_at += end + 1;
	fits = matches(&r->captures, pattern, line);
	if (!fits && r->any) {
		expect_line(r, pattern);
		return;
	}
	r->any = false;
	if (!fits)
		fail_msg("%s:%u: got %.*s", r->d->path, at_line, (int)line.n,
			 (const char *)line.p);
}

static void take_step(struct run *r, const struct step *step,
		      const struct cut *cut)
{
	at_line = step->line;
	switch (step->kind) {
	case STEP_SEND:
		expect_nothing(r);
		/* Greetings wait in the output until something happens. */
		send_cut(r, buf_span(&step->octets), cut);
		return;
	case STEP_EXPECT:
		(void)feed(r, SPAN_NONE);
		expect_line(r, step->text);
		return;
	case STEP_ANY:
		r->any = true;
		return;
	case STEP_TLS:
		expect_nothing(r);
		if (r->d->protocol == POP3)
			pop3_drive_tls(&r->pop3);
		else
			smtp_drive_tls(&r->smtp);
		return;
	case STEP_CLOSED:
		expect_nothing(r);
		check(is_over(r), "is still open");
		return;
	}
}

static void check_left(const struct run *r)
{
	struct span rest = r->d->left;
	uint64_t want = 0, number;

	while (rest.n > 0) {
		check(num_parse(span_cut(&rest, ' '), 64, &number) &&
			      number > 0,
		      "left: wants numbers");
		want |= (uint64_t)1 << (number - 1);
	}
	for (uint32_t i = 0; i < r->pop3.drop->count; i++)
		check((r->pop3.deleted >> i & 1) != (want >> i & 1),
		      "other messages are left");
}

static void check_kept(struct run *r)
{
	struct wire_decoder decoder;
	struct span wire = buf_span(&r->smtp.kept), piece, got;
	struct buf message;

	if (span_eq(r->d->kept, SPAN_LIT("nobody"))) {
		check(r->smtp.kept.n == 0, "a message was kept");
		return;
	}
	check(span_eq(r->d->kept, span_str(r->smtp.kept_for)),
	      "kept for others");
	buf_init(&message, SMTP_DRIVE_MAX);
	wire_decoder_init(&decoder);
	while (wire_decode(&decoder, &wire, &piece) == WIRE_PIECE)
		assert_ok(buf_add(&message, piece));
	got = buf_span(&message);
	check(got.n >= r->d->tail.n, "the message is shorter");
	check(span_eq(span_skip(got, got.n - r->d->tail.n),
		      buf_span(&r->d->tail)),
	      "the message is another one");
	buf_done(&message);
}

static unsigned pop3_flags(const struct dialogue *d)
{
	unsigned flags = d->utf8_refused ? POP3_UTF8_REFUSED : 0;

	if (strcmp(d->connection, "tls") == 0)
		return flags | POP3_TLS_ACTIVE;
	if (strcmp(d->connection, "stls") == 0)
		return flags | POP3_TLS_POSSIBLE;
	check(strcmp(d->connection, "open") == 0, "unknown connection");
	return flags | POP3_TLS_POSSIBLE | POP3_LOGIN_IN_CLEAR;
}

static unsigned smtp_flags(const struct dialogue *d)
{
	unsigned flags = d->protocol == LMTP ? SMTP_LMTP : 0;

	return flags | (strcmp(d->connection, "tls") == 0 ? SMTP_TLS_ACTIVE
							  : SMTP_TLS_POSSIBLE);
}

static void run_once(const struct dialogue *d, const struct maildrop *drop,
		     const struct cut *cut)
{
	static struct run r;

	memset(&r, 0, sizeof r);
	r.d = d;
	if (d->protocol == POP3) {
		if (strcmp(d->connection, "legacy") == 0)
			pop3_drive_init_legacy(&r.pop3, drop,
					       POP3_TLS_POSSIBLE |
						       POP3_LOGIN_IN_CLEAR);
		else if (strcmp(d->connection, "tokens") == 0)
			pop3_drive_init_tokens(&r.pop3, drop);
		else
			pop3_drive_init(&r.pop3, drop, pop3_flags(d));
		r.got = &r.pop3.got;
		r.pop3.sent_a_time = cut->sent_a_time;
	} else {
		smtp_drive_init(&r.smtp, smtp_flags(d), d->size);
		r.got = &r.smtp.got;
		r.smtp.sent_a_time = cut->sent_a_time;
	}
	for (size_t i = 0; i < d->steps_n; i++)
		take_step(&r, &d->steps[i], cut);
	expect_nothing(&r);
	check(d->steps[d->steps_n - 1].kind == STEP_CLOSED || !is_over(&r),
	      "closed too early");
	if (d->has_left)
		check_left(&r);
	if (d->has_kept)
		check_kept(&r);
	if (d->has_sender)
		check(span_eq(d->sender, buf_span(&r.smtp.sender)),
		      "another sender");
	if (d->protocol == POP3)
		pop3_drive_done(&r.pop3);
	else
		smtp_drive_done(&r.smtp);
}

static void load_maildrop(const char *name, struct maildrop *ret)
{
	char path[512];

	maildrop_init(ret);
	for (int i = 1;; i++) {
		struct buf message;

		(void)snprintf(path, sizeof path, "%s/wire/maildrops/%s/%d.eml",
			       TEST_SOURCE_DIR, name, i);
		if (access(path, R_OK) != 0)
			break;
		buf_init(&message, FILE_MAX);
		read_file(path, &message);
		maildrop_add(ret, buf_span(&message));
		buf_done(&message);
	}
	maildrop_seal(ret);
}

static void run_everyway(const struct dialogue *d)
{
	struct maildrop drop;
	size_t longest = 1;
	struct cut cut = { .sent_a_time = 0 };

	load_maildrop(d->maildrop, &drop);
	for (size_t i = 0; i < d->steps_n; i++)
		if (d->steps[i].octets.n > longest)
			longest = d->steps[i].octets.n;
	cut.denominator = longest < SPLITS_MAX ? longest : SPLITS_MAX;
	for (cut.numerator = 1; cut.numerator <= cut.denominator;
	     cut.numerator++)
		run_once(d, &drop, &cut);
	cut.piece = 1;
	run_once(d, &drop, &cut);
	cut.sent_a_time = 1;
	run_once(d, &drop, &cut);
	cut.piece = SIZE_MAX;
	run_once(d, &drop, &cut);
	cut.sent_a_time = 7;
	run_once(d, &drop, &cut);
	maildrop_done(&drop);
}

/* ---- all files of a folder ---- */

static int is_dialogue(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 2 && strcmp(entry->d_name + n - 2, ".t") == 0;
}

static void run_folder(const char *folder, enum protocol protocol, int least)
{
	struct dirent **entries;
	char path[512];
	int n;

	(void)snprintf(path, sizeof path, "%s/wire/%s", TEST_SOURCE_DIR,
		       folder);
	n = scandir(path, &entries, is_dialogue, alphasort);
	if (n < least)
		fail_msg("%s: only %d dialogues", path, n);
	for (int i = 0; i < n; i++) {
		static struct dialogue d;

		memset(&d, 0, sizeof d);
		d.protocol = protocol;
		(void)snprintf(d.path, sizeof d.path, "%.256s/%.200s", path,
			       entries[i]->d_name);
		strcpy(d.maildrop, "empty");
		strcpy(d.connection, "open");
		d.size = 1000000;
		parse(&d);
		run_everyway(&d);
		dialogue_done(&d);
		free(entries[i]);
	}
	print_message("%d dialogues of %s\n", n, folder);
	free(entries);
}

static void test_pop3(void **state)
{
	(void)state;
	run_folder("pop3", POP3, 20);
}

static void test_smtp(void **state)
{
	(void)state;
	run_folder("smtp", SMTP, 15);
}

static void test_lmtp(void **state)
{
	(void)state;
	run_folder("lmtp", LMTP, 5);
}

/* The runner itself: a pattern that does not fit has to fail. */
static void test_matching(void **state)
{
	static const struct dialogue none = { .path = "none" };
	struct captures c = { .n = 0 };

	(void)state;
	running = &none;
	assert_true(matches(&c, SPAN_LIT("+OK <*>"), SPAN_LIT("+OK ")));
	assert_true(matches(&c, SPAN_LIT("a<*>c<*>"), SPAN_LIT("abcd")));
	assert_false(matches(&c, SPAN_LIT("a<*>c"), SPAN_LIT("abcd")));
	assert_false(matches(&c, SPAN_LIT("+OK"), SPAN_LIT("+OK ")));
	assert_true(matches(&c, SPAN_LIT("1 <one>"), SPAN_LIT("1 xyz")));
	assert_true(
		matches(&c, SPAN_LIT("+OK 1 <one>"), SPAN_LIT("+OK 1 xyz")));
	assert_false(
		matches(&c, SPAN_LIT("+OK 1 <one>"), SPAN_LIT("+OK 1 xya")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_pop3),
		cmocka_unit_test(test_smtp),
		cmocka_unit_test(test_lmtp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
