/*
 * POP3 sessions: those that find nothing new (USER, PASS, STAT, UIDL, QUIT),
 * those that fetch all (USER, PASS, LIST, RETR of each, QUIT), those that only
 * log in, and those that log in to stay.
 *
 * The order of answers is the same whether commands are pipelined or not. So
 * the state is the step whose answer comes next; pipelining only says the
 * commands of later steps ahead.
 */
#include "bench/dialog.h"

#include <stdio.h>
#include <stdlib.h>

enum pop3_step {
	GREETING,
	STLS,
	USER,
	PASS,
	STAT,
	UIDL,
	LIST,
	RETR,
	STAY,
	QUIT,
	END
};

static const char *const step_names[] = {
	[GREETING] = "connecting", [STLS] = "STLS",   [USER] = "USER",
	[PASS] = "PASS",           [STAT] = "STAT",   [UIDL] = "UIDL",
	[LIST] = "LIST",           [RETR] = "RETR",   [STAY] = "nothing",
	[QUIT] = "QUIT",           [END] = "nothing",
};

enum errand { FIND_NOTHING, FETCH_ALL, LOG_IN, LOG_IN_AND_STAY };

/* The steps of each errand behind USER. */
static const enum pop3_step ways[][5] = {
	[FIND_NOTHING] = { PASS, STAT, UIDL, QUIT, END },
	[FETCH_ALL] = { PASS, LIST, RETR, QUIT, END },
	[LOG_IN] = { PASS, QUIT, END },
	[LOG_IN_AND_STAY] = { PASS, STAT, STAY, QUIT, END },
};

enum {
	/*
	 * RETRs that are on their way at most: enough that no server waits
	 * for more, and what they need in `out` has a bound.
	 */
	WINDOW = 1000,
	/* 32 MB of sizes a connection; nobody fetches more in one session. */
	MESSAGES_MAX = 4 * 1000 * 1000,
};

struct pop3 {
	struct dialog d;
	enum pop3_step step;
	const enum pop3_step *way; /* where `step` stands, from PASS on */
	bool in_rows;              /* behind the "+OK" of a multi-line answer */
	unsigned ahead; /* steps whose commands are said, 1 << step */
	uint64_t serial;
	uint64_t messages; /* as STAT or LIST told */
	uint64_t rows;     /* of the listing that is coming in */
	uint64_t asked;    /* RETRs said */
	uint64_t got;      /* RETRs answered */
	uint64_t *sizes;   /* of LIST, by number - 1 */
	uint64_t sizes_cap;
	struct answer_line line;
	struct answer_body body;
};

/* ---- commands ---- */

static void say_retr(struct pop3 *p)
{
	dialog_say(&p->d, "RETR %llu\r\n", (unsigned long long)++p->asked);
}

static void say_step(struct pop3 *p, enum pop3_step step)
{
	char user[PATTERN_NAME_MAX + 1];

	p->ahead |= 1u << step;
	switch (step) {
	case GREETING:
	case STAY:
	case END:
		return;
	case USER:
		dialog_user(&p->d, p->serial, user);
		dialog_say(&p->d, "USER %s\r\n", user);
		return;
	case PASS:
		dialog_say(&p->d, "PASS %s\r\n", p->d.plan->password);
		return;
	case RETR:
		say_retr(p);
		return;
	case STLS:
	case STAT:
	case UIDL:
	case LIST:
	case QUIT:
		dialog_say(&p->d, "%s\r\n", step_names[step]);
		return;
	}
}

/* Says what can be said before any more answer has come. */
static void say_ahead(struct pop3 *p)
{
	for (const enum pop3_step *s = p->way; *s != END; s++) {
		/* How many RETRs, only an answer tells; and who stays, stays.
		 */
		if (*s == RETR || *s == STAY)
			return;
		if (*s != QUIT || !p->d.plan->quit_alone)
			say_step(p, *s);
	}
}

/* Keeps the window of RETRs full, and puts QUIT behind the last. */
static void say_more_retr(struct pop3 *p)
{
	if (p->asked - p->got > WINDOW / 2 || p->asked == p->messages)
		return;
	while (p->asked < p->messages && p->asked - p->got < WINDOW)
		say_retr(p);
	if (p->asked == p->messages && !p->d.plan->quit_alone)
		say_step(p, QUIT);
}

static void enter(struct pop3 *p, enum pop3_step step)
{
	bool pipelined = p->d.plan->pipelined;

	p->step = step;
	p->in_rows = false;
	p->rows = 0;
	if (step == RETR) {
		answer_body_init(&p->body);
		if (pipelined)
			say_more_retr(p);
		else
			say_retr(p);
		return;
	}
	if ((p->ahead & 1u << step) == 0)
		say_step(p, step);
	if (step == USER && pipelined)
		say_ahead(p);
}

static enum pop3_step next_step(struct pop3 *p)
{
	if (p->step == GREETING && p->d.plan->tls == BENCH_STARTTLS)
		return STLS;
	if (p->step == GREETING || p->step == STLS)
		return USER;
	if (p->step == USER)
		return *p->way;
	if (p->step == RETR && p->got < p->messages)
		return RETR;
	p->way++;
	if (*p->way == RETR && p->messages == 0)
		p->way++;
	return *p->way;
}

/* ---- listings ---- */

static bool keep_size(struct pop3 *p, uint64_t octets)
{
	if (p->rows >= p->sizes_cap) {
		uint64_t cap = p->sizes_cap == 0 ? 1024 : p->sizes_cap * 2;
		uint64_t *sizes;

		if (p->rows >= MESSAGES_MAX)
			return false;
		sizes = realloc(p->sizes, cap * sizeof *sizes);
		if (sizes == NULL)
			return false;
		p->sizes = sizes;
		p->sizes_cap = cap;
	}
	p->sizes[p->rows] = octets;
	return true;
}

static enum dialog_step listing_row(struct pop3 *p, struct span line)
{
	uint64_t number, octets = 0;
	bool ok = p->step == LIST ? answer_scan_line(line, &number, &octets)
				  : answer_uidl_line(line, &number);

	/* Nothing is deleted here, so that no number is left out. */
	if (!ok || number != p->rows + 1)
		return dialog_wrong_answer(&p->d, step_names[p->step], line);
	if (p->step == LIST && !keep_size(p, octets))
		return dialog_wrong(&p->d,
				    "more than %d messages, or no "
				    "memory for their sizes",
				    MESSAGES_MAX);
	p->rows++;
	return DIALOG_MORE;
}

static enum dialog_step listing_end(struct pop3 *p)
{
	if (p->step == LIST)
		p->messages = p->rows;
	else if (p->rows != p->messages)
		return dialog_wrong(&p->d,
				    "UIDL lists %llu messages, STAT "
				    "%llu",
				    (unsigned long long)p->rows,
				    (unsigned long long)p->messages);
	enter(p, next_step(p));
	return p->step == RETR ? DIALOG_BEGAN : DIALOG_MORE;
}

/* ---- answers ---- */

/* A line of the listing, or the first line of any answer. */
static enum dialog_step on_line(struct pop3 *p, struct span line)
{
	uint64_t octets;

	if (p->in_rows)
		return span_eq(line, SPAN_LIT(".")) ? listing_end(p)
						    : listing_row(p, line);
	if (!answer_is_ok(line) ||
	    (p->step == STAT && !answer_stat(line, &p->messages, &octets)))
		return dialog_wrong_answer(&p->d, step_names[p->step], line);
	if (p->step == UIDL || p->step == LIST || p->step == RETR) {
		p->in_rows = true;
		return DIALOG_MORE;
	}
	if (p->step == STLS)
		return DIALOG_SECURE;
	enter(p, next_step(p));
	return p->step == STAY ? DIALOG_SETTLED : DIALOG_MORE;
}

static enum dialog_step on_message(struct pop3 *p)
{
	uint64_t octets = answer_body_octets(&p->body);

	if (octets != p->sizes[p->got])
		return dialog_wrong(&p->d,
				    "RETR %llu gave %llu octets, LIST "
				    "says %llu",
				    (unsigned long long)p->got + 1,
				    (unsigned long long)octets,
				    (unsigned long long)p->sizes[p->got]);
	p->got++;
	enter(p, next_step(p));
	return p->d.plan->pipelined ? DIALOG_COUNT : DIALOG_TIMED;
}

static enum dialog_step feed_body(struct pop3 *p, struct span *in)
{
	switch (answer_body_take(&p->body, in)) {
	case ANSWER_MORE:
		return DIALOG_MORE;
	case ANSWER_DONE:
		return on_message(p);
	case ANSWER_WRONG:
		break;
	}
	return dialog_wrong(&p->d,
			    "RETR %llu: octet %llu follows a dot at the "
			    "start of a line that is not doubled",
			    (unsigned long long)p->got + 1,
			    (unsigned long long)p->body.size);
}

static enum dialog_step feed_line(struct pop3 *p, struct span *in)
{
	struct span line;

	switch (answer_line_take(&p->line, in, &line)) {
	case ANSWER_MORE:
		return DIALOG_MORE;
	case ANSWER_DONE:
		return on_line(p, line);
	case ANSWER_WRONG:
		break;
	}
	return dialog_wrong_answer(&p->d, step_names[p->step], line);
}

/* ---- a dialog ---- */

static void begin(struct dialog *d, uint64_t serial, enum errand errand)
{
	struct pop3 *p = (struct pop3 *)d;

	p->way = ways[errand];
	p->serial = serial;
	p->ahead = 0;
	p->messages = p->asked = p->got = 0;
	answer_line_init(&p->line);
	enter(p, GREETING);
}

static void empty_begin(struct dialog *d, uint64_t serial)
{
	begin(d, serial, FIND_NOTHING);
}

static void fetch_begin(struct dialog *d, uint64_t serial)
{
	begin(d, serial, FETCH_ALL);
}

static void login_begin(struct dialog *d, uint64_t serial)
{
	begin(d, serial, LOG_IN);
}

static void idle_begin(struct dialog *d, uint64_t serial)
{
	begin(d, serial, LOG_IN_AND_STAY);
}

static void idle_leave(struct dialog *d)
{
	struct pop3 *p = (struct pop3 *)d;

	enter(p, next_step(p));
}

static void pop3_secured(struct dialog *d)
{
	struct pop3 *p = (struct pop3 *)d;

	if (p->step == STLS)
		enter(p, next_step(p));
}

static enum dialog_step pop3_feed(struct dialog *d, struct span *in)
{
	struct pop3 *p = (struct pop3 *)d;

	while (in->n > 0) {
		enum dialog_step step;

		if (p->step == END || p->step == STAY)
			return dialog_wrong_answer(d, "nothing", *in);
		step = p->step == RETR && p->in_rows ? feed_body(p, in)
						     : feed_line(p, in);
		if (step != DIALOG_MORE)
			return step;
		if (d->wrong[0] != 0)
			return DIALOG_WRONG;
	}
	return DIALOG_MORE;
}

static bool pop3_awaits(const struct dialog *d, char dst[DIALOG_NAME_MAX])
{
	const struct pop3 *p = (const struct pop3 *)d;

	if (p->step == RETR)
		(void)snprintf(dst, DIALOG_NAME_MAX, "RETR %llu",
			       (unsigned long long)p->got + 1);
	else
		(void)snprintf(dst, DIALOG_NAME_MAX, "%s", step_names[p->step]);
	return p->step != END;
}

static void pop3_done(struct dialog *d)
{
	free(((struct pop3 *)d)->sizes);
}

const struct dialog_kind dialog_pop3_empty = {
	.size = sizeof(struct pop3),
	.counts_sessions = true,
	.ticket_a_session = true,
	.begin = empty_begin,
	.secured = pop3_secured,
	.feed = pop3_feed,
	.awaits = pop3_awaits,
	.done = pop3_done,
};

const struct dialog_kind dialog_pop3_login = {
	.size = sizeof(struct pop3),
	.counts_sessions = true,
	.ticket_a_session = true,
	.begin = login_begin,
	.secured = pop3_secured,
	.feed = pop3_feed,
	.awaits = pop3_awaits,
	.done = pop3_done,
};

const struct dialog_kind dialog_pop3_idle = {
	.size = sizeof(struct pop3),
	.counts_sessions = true,
	.ticket_a_session = true,
	.begin = idle_begin,
	.secured = pop3_secured,
	.leave = idle_leave,
	.feed = pop3_feed,
	.awaits = pop3_awaits,
	.done = pop3_done,
};

const struct dialog_kind dialog_pop3_fetch = {
	.size = sizeof(struct pop3),
	.ticket_a_session = true,
	.begin = fetch_begin,
	.secured = pop3_secured,
	.feed = pop3_feed,
	.awaits = pop3_awaits,
	.done = pop3_done,
};
