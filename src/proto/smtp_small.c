/*
 * Commands that only say something: NOOP, VRFY, EXPN, HELP.
 */
#include "proto/smtp_server.h"

#include "base/cleanup.h"
#include "proto/smtp_commands.h"
#include "proto/smtp_private.h"

enum smtp_outcome smtp_on_noop(struct smtp_server *s, struct span arg)
{
	(void)arg; /* RFC 5321 section 4.1.1.9: "it SHOULD be ignored" */
	smtp_say(s, "250 2.0.0 ok");
	return SMTP_ANSWERED;
}

/*
 * RFC 5321 section 7.3: tells address collectors nothing. No mailbox is ever
 * shown, so RFC 6531's SMTPUTF8 behind it makes no difference.
 */
enum smtp_outcome smtp_on_vrfy(struct smtp_server *s, struct span arg)
{
	(void)arg;
	smtp_say(s, "252 2.5.0 not verified; send mail to find out");
	return SMTP_ANSWERED;
}

enum smtp_outcome smtp_on_expn(struct smtp_server *s, struct span arg)
{
	(void)arg;
	smtp_say(s, "502 5.5.1 lists are not shown");
	return SMTP_ANSWERED;
}

/* ---- HELP ---- */

struct topic {
	const char *verb;
	unsigned flags;
	const char *text;
};

/* clang-format off */
static const struct topic topics[] = {
#define X(verb, flags, handler, help) { #verb, flags, help },
	SMTP_COMMANDS(X)
#undef X
};
/* clang-format on */

static bool is_here(const struct smtp_server *s, const struct topic *t)
{
	unsigned who = smtp_is_lmtp(s) ? SMTP_IN_LMTP : SMTP_IN_SMTP;

	if (strcmp(t->verb, "STARTTLS") == 0 && !smtp_offers_starttls(s))
		return false;
	if (strcmp(t->verb, "XCLIENT") == 0 &&
	    (s->config.flags & SMTP_XCLIENT_ALLOWED) == 0)
		return false;
	return (t->flags & who) != 0;
}

static enum smtp_outcome help_on(struct smtp_server *s, struct span verb)
{
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (!is_here(s, &topics[i]) ||
		    !span_eq_nocase(verb, span_str(topics[i].verb)))
			continue;
		smtp_put(s, SPAN_LIT("214 2.0.0 "));
		smtp_say(s, topics[i].text);
		return SMTP_ANSWERED;
	}
	/* RFC 5321 section 4.2.3: 504 "Command parameter not implemented" */
	smtp_say(s, "504 5.5.4 no such command");
	return SMTP_BAD;
}

/* RFC 5321 section 4.1.1.8 */
enum smtp_outcome smtp_on_help(struct smtp_server *s, struct span arg)
{
	if (arg.n > 0)
		return help_on(s, arg);
	smtp_put(s, SPAN_LIT("214-2.0.0 commands:"));
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (!is_here(s, &topics[i]))
			continue;
		smtp_put(s, SPAN_LIT(" "));
		smtp_put(s, span_str(topics[i].verb));
	}
	smtp_put(s, SPAN_LIT("\r\n"));
	smtp_say(s, "214 2.0.0 HELP and one of them says more");
	return SMTP_ANSWERED;
}
