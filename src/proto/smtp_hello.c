/*
 * How a session begins, anew too, and ends: EHLO, HELO, LHLO, RSET, STARTTLS
 * and QUIT.
 */
#include "proto/smtp_server.h"

#include <assert.h>

#include "base/num.h"
#include "proto/smtp_private.h"

/* RFC 5321 section 4.1.1.1, read widely: what mail systems call themselves,
 * with what is harmless in a Received field. */
bool smtp_is_helo(struct span name)
{
	if (name.n == 0 || name.n > SMTP_HELO_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = ascii_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !ascii_digit(c) &&
		    (c == 0 || strchr(".-_:[]", c) == NULL))
			return false;
	}
	return true;
}

/* Greets back, or answers the bad name; RFC 2034 section 4: without codes. */
static bool hello(struct smtp_server *s, struct span arg, bool esmtp)
{
	if (!smtp_is_helo(arg)) {
		smtp_say(s, "501 a host name is needed");
		return false;
	}
	/* Threat 37: no extension was offered yet, and whoever does not read
	 * our replies does not care what we say. */
	if (s->state == SMTP_START && s->behind > 0 && !smtp_is_lmtp(s)) {
		smtp_say(s, "554 5.5.1 wait for the reply to your hello");
		smtp_end(s, "did not wait for the hello");
		return false;
	}
	/* RFC 5321 section 4.1.4: EHLO clears as RSET does. */
	smtp_reset(s);
	memcpy(s->helo, arg.p, arg.n);
	s->helo_n = arg.n;
	s->esmtp = esmtp;
	smtp_enter(s, SMTP_READY);
	return true;
}

bool smtp_offers_starttls(const struct smtp_server *s)
{
	return (s->config.flags & (SMTP_TLS_POSSIBLE | SMTP_TLS_ACTIVE)) ==
	       SMTP_TLS_POSSIBLE;
}

/* EHLO and LHLO. */
enum smtp_outcome smtp_on_ehlo(struct smtp_server *s, struct span arg)
{
	uint8_t size[NUM_U64_DIGITS];

	if (!hello(s, arg, true))
		return SMTP_BAD;
	smtp_put(s, SPAN_LIT("250-"));
	smtp_put(s, span_str(s->config.hostname));
	smtp_put(s, SPAN_LIT("\r\n250-PIPELINING\r\n250-SIZE "));
	smtp_put(s, span_of(size, num_put(size, s->config.size_max)));
	if (smtp_offers_starttls(s))
		smtp_put(s, SPAN_LIT("\r\n250-STARTTLS"));
	if ((s->config.flags & SMTP_XCLIENT_ALLOWED) != 0)
		smtp_put(s, SPAN_LIT("\r\n250-XCLIENT NAME ADDR PORT PROTO "
				     "HELO LOGIN DESTADDR DESTPORT"));
	smtp_put(s, SPAN_LIT("\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
			     "250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"));
	return SMTP_ANSWERED;
}

enum smtp_outcome smtp_on_helo(struct smtp_server *s, struct span arg)
{
	if (!hello(s, arg, false))
		return SMTP_BAD;
	smtp_put(s, SPAN_LIT("250 "));
	smtp_put(s, span_str(s->config.hostname));
	smtp_put(s, SPAN_LIT("\r\n"));
	return SMTP_ANSWERED;
}

/* ---- RSET, QUIT, STARTTLS ---- */

enum smtp_outcome smtp_on_rset(struct smtp_server *s, struct span arg)
{
	(void)arg;
	smtp_reset(s);
	smtp_say(s, "250 2.0.0 reset");
	return SMTP_ANSWERED;
}

enum smtp_outcome smtp_on_quit(struct smtp_server *s, struct span arg)
{
	(void)arg;
	smtp_say(s, "221 2.0.0 bye");
	smtp_end(s, "quit");
	return SMTP_ANSWERED;
}

enum smtp_outcome smtp_on_starttls(struct smtp_server *s, struct span arg)
{
	(void)arg;
	if (!smtp_offers_starttls(s)) {
		smtp_say(s, (s->config.flags & SMTP_TLS_ACTIVE) != 0
				    ? "503 5.5.1 TLS is active already"
				    : "502 5.5.1 TLS is not offered here");
		return SMTP_BAD;
	}
	if (s->begun) {
		smtp_say(s, "503 5.5.1 send BDAT LAST or RSET first");
		return SMTP_BAD;
	}
	/* Threat 1: nothing may come in clear behind it. */
	if (s->behind > 0) {
		smtp_say(s, "501 5.5.4 wait for the reply to STARTTLS");
		smtp_end(s, "octets behind STARTTLS");
		return SMTP_ANSWERED;
	}
	smtp_reset(s);
	smtp_say(s, "220 2.0.0 begin TLS");
	if (s->state == SMTP_OVER)
		return SMTP_ANSWERED;
	smtp_enter(s, SMTP_TLS);
	smtp_raise(s, (struct smtp_event){ .kind = SMTP_EV_STARTTLS });
	return SMTP_ANSWERED;
}

void smtp_server_tls_started(struct smtp_server *s)
{
	if (s->state == SMTP_OVER)
		return;
	assert(s->state == SMTP_TLS);
	smtp_settle(s);
	/* RFC 3207 section 4.2: "The server MUST discard any knowledge
	 * obtained from the client, such as the argument to the EHLO". */
	s->helo_n = 0;
	s->esmtp = false;
	s->bad_commands = 0;
	s->config.flags |= SMTP_TLS_ACTIVE;
	smtp_enter(s, SMTP_START);
}
