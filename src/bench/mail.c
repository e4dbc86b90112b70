/*
 * Deliveries by LMTP (RFC 2033) and SMTP (RFC 5321): a connection carries
 * messages for one recipient each, until the run is over.
 */
#include "bench/dialog.h"

#include <stdio.h>

#include "bench/message.h"

enum mail_step {
	GREETING,
	HELLO,
	STARTTLS,
	MAIL,
	RCPT,
	DATA,
	MESSAGE,
	QUIT,
	END
};

static const struct {
	const char *name;
	unsigned code; /* that the answer must have */
} steps[] = {
	[GREETING] = { "connecting", 220 }, [HELLO] = { "LHLO or EHLO", 250 },
	[STARTTLS] = { "STARTTLS", 220 },   [MAIL] = { "MAIL", 250 },
	[RCPT] = { "RCPT", 250 },           [DATA] = { "DATA", 354 },
	[MESSAGE] = { "the message", 250 }, [QUIT] = { "QUIT", 221 },
	[END] = { "nothing", 0 },
};

struct mail {
	struct dialog d;
	enum mail_step step;
	bool lmtp;
	bool pipelining; /* the server offers it, and the plan wants it */
	bool offers_tls;
	unsigned code; /* of the lines before, or 0 */
	uint64_t serial;
	struct answer_line line;
};

/* ---- commands ---- */

static void say_rcpt(struct mail *m)
{
	char user[PATTERN_NAME_MAX + 1];

	dialog_user(&m->d, m->serial, user);
	dialog_say(&m->d, "RCPT TO:<%s>\r\n", user);
}

static void say_message(struct mail *m)
{
	const struct dialog_world *w = m->d.world;

	if (message_put_header(&m->d.out, m->serial, w->run_id, w->date) !=
	    YB_OK)
		(void)dialog_wrong(&m->d, "no room for a header");
	m->d.tail = w->body;
}

static void say_step(struct mail *m, enum mail_step step)
{
	switch (step) {
	case GREETING:
	case END:
		return;
	case HELLO:
		dialog_say(&m->d, "%s bench.invalid\r\n",
			   m->lmtp ? "LHLO" : "EHLO");
		return;
	case MAIL:
		dialog_say(&m->d, "MAIL FROM:<bench@bench.invalid>\r\n");
		return;
	case RCPT:
		say_rcpt(m);
		return;
	case MESSAGE:
		say_message(m);
		return;
	case STARTTLS:
	case DATA:
	case QUIT:
		dialog_say(&m->d, "%s\r\n", steps[step].name);
		return;
	}
}

static void enter(struct mail *m, enum mail_step step)
{
	m->step = step;
	m->code = 0;
	if (m->pipelining && (step == RCPT || step == DATA))
		return; /* said with MAIL */
	say_step(m, step);
	if (m->pipelining && step == MAIL) {
		say_step(m, RCPT);
		say_step(m, DATA);
	}
}

/* ---- answers ---- */

/* One more message, or the end. */
static enum dialog_step next_message(struct mail *m, enum dialog_step step)
{
	if (m->d.world->ticket(m->d.world->ctx, &m->serial))
		enter(m, MAIL);
	else
		enter(m, QUIT);
	return step;
}

static enum dialog_step after_hello(struct mail *m)
{
	if (m->d.plan->tls == BENCH_STARTTLS && !m->d.secure) {
		if (!m->offers_tls)
			return dialog_wrong(&m->d, "STARTTLS is not offered");
		enter(m, STARTTLS);
		return DIALOG_MORE;
	}
	return next_message(m, DIALOG_BEGAN);
}

/* The last line of an answer, whose code is right. */
static enum dialog_step on_answer(struct mail *m)
{
	switch (m->step) {
	case HELLO:
		return after_hello(m);
	case STARTTLS:
		return DIALOG_SECURE;
	case MESSAGE:
		return next_message(m, DIALOG_TIMED);
	case MAIL:
		enter(m, RCPT);
		return DIALOG_MORE;
	case GREETING:
	case RCPT:
	case DATA:
	case QUIT:
		enter(m, m->step == GREETING ? HELLO
			 : m->step == RCPT   ? DATA
			 : m->step == DATA   ? MESSAGE
					     : END);
		return DIALOG_MORE;
	case END:
		break;
	}
	return DIALOG_MORE;
}

static void note_extension(struct mail *m, struct span text)
{
	struct span word = span_cut(&text, ' ');

	if (span_eq_nocase(word, SPAN_LIT("PIPELINING")))
		m->pipelining = m->d.plan->pipelined;
	if (span_eq_nocase(word, SPAN_LIT("STARTTLS")))
		m->offers_tls = true;
}

static enum dialog_step on_line(struct mail *m, struct span line)
{
	struct span text;
	unsigned code;
	bool last;

	/* All lines of an answer have the same code (RFC 5321, 4.2.1). */
	if (m->step == END || !answer_reply(line, &code, &last, &text) ||
	    (m->code != 0 && code != m->code) || code != steps[m->step].code)
		return dialog_wrong_answer(&m->d, steps[m->step].name, line);
	if (m->step == HELLO && m->code != 0)
		note_extension(m, text);
	m->code = code;
	return last ? on_answer(m) : DIALOG_MORE;
}

/* ---- a dialog ---- */

static void begin(struct mail *m, bool lmtp)
{
	m->lmtp = lmtp;
	m->pipelining = m->offers_tls = false;
	answer_line_init(&m->line);
	enter(m, GREETING);
}

static void lmtp_begin(struct dialog *d, uint64_t serial)
{
	(void)serial; /* each message has its own */
	begin((struct mail *)d, true);
}

static void smtp_begin(struct dialog *d, uint64_t serial)
{
	(void)serial;
	begin((struct mail *)d, false);
}

static void mail_secured(struct dialog *d)
{
	struct mail *m = (struct mail *)d;

	if (m->step != STARTTLS)
		return;
	/* RFC 3207 section 4.2: what was offered before is forgotten. */
	m->pipelining = m->offers_tls = false;
	enter(m, HELLO);
}

static enum dialog_step mail_feed(struct dialog *d, struct span *in)
{
	struct mail *m = (struct mail *)d;

	while (in->n > 0) {
		enum dialog_step step = DIALOG_MORE;
		struct span line;

		switch (answer_line_take(&m->line, in, &line)) {
		case ANSWER_MORE:
			break;
		case ANSWER_DONE:
			step = on_line(m, line);
			break;
		case ANSWER_WRONG:
			step = dialog_wrong_answer(d, steps[m->step].name,
						   line);
			break;
		}
		if (step != DIALOG_MORE)
			return step;
		if (d->wrong[0] != 0)
			return DIALOG_WRONG;
	}
	return DIALOG_MORE;
}

static bool mail_awaits(const struct dialog *d, char dst[DIALOG_NAME_MAX])
{
	const struct mail *m = (const struct mail *)d;

	(void)snprintf(dst, DIALOG_NAME_MAX, "%s", steps[m->step].name);
	return m->step != END;
}

const struct dialog_kind dialog_lmtp = {
	.size = sizeof(struct mail),
	.begin = lmtp_begin,
	.secured = mail_secured,
	.feed = mail_feed,
	.awaits = mail_awaits,
};

const struct dialog_kind dialog_smtp = {
	.size = sizeof(struct mail),
	.begin = smtp_begin,
	.secured = mail_secured,
	.feed = mail_feed,
	.awaits = mail_awaits,
};
