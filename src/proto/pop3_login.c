/*
 * AUTHORIZATION: USER and PASS, APOP, AUTH (RFC 5034), STLS (RFC 2595), UTF8
 * and LANG (RFC 6856), and CAPA, whose answer is mostly about these.
 */
#include "proto/pop3_server.h"

#include <assert.h>

#include "base/codec.h"
#include "proto/pop3_private.h"

enum pop3_outcome pop3_on_user(struct pop3_server *s, const struct pop3_args *a)
{
	buf_wipe(&s->name);
	if (buf_add(&s->name, a->v[0]) != YB_OK) {
		pop3_say_failure(s, YB_NOMEM);
		return POP3_ANSWERED;
	}
	/* Threat 8: the same answer whether or not there is such a user. */
	pop3_say_ok(s, POP3_SAY_SEND_PASS);
	return POP3_ANSWERED;
}

enum pop3_outcome pop3_on_pass(struct pop3_server *s, const struct pop3_args *a)
{
	struct pop3_event *ev;

	if (s->name.n == 0) {
		pop3_say_err(s, POP3_SAY_USER_FIRST);
		return POP3_ANSWERED;
	}
	if (buf_add(&s->secret, a->v[0]) != YB_OK) {
		pop3_say_failure(s, YB_NOMEM);
		return POP3_ANSWERED;
	}
	ev = pop3_raise(s, POP3_EV_LOGIN);
	ev->user = buf_span(&s->name);
	ev->secret = buf_span(&s->secret);
	return POP3_ANSWERED;
}

/* RFC 1939 section 7. Carried on like a mechanism's one response. */
enum pop3_outcome pop3_on_apop(struct pop3_server *s, const struct pop3_args *a)
{
	static const struct span nul = SPAN_LIT("\0");
	const struct span parts[] = { span_str(s->config.apop), nul, a->v[0],
				      nul, a->v[1] };
	struct pop3_event *ev;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (buf_add(&s->secret, parts[i]) == YB_OK)
			continue;
		buf_wipe(&s->secret);
		pop3_say_failure(s, YB_NOMEM);
		return POP3_ANSWERED;
	}
	buf_wipe(&s->name);
	ev = pop3_raise(s, POP3_EV_SASL);
	ev->mechanism = SPAN_LIT("APOP");
	ev->response = buf_span(&s->secret);
	ev->has_response = true;
	return POP3_ANSWERED;
}

/* ---- SASL ---- */

static struct span mechanisms(const struct pop3_server *s)
{
	return span_str((s->config.flags & POP3_TLS_ACTIVE) != 0
				? s->config.sasl_tls
				: s->config.sasl);
}

/* Walks the mechanisms of the configuration: "" behind the last. */
static struct span next_mechanism(struct span *list)
{
	return span_cut(list, ' ');
}

/* The name as we have it, for a client's in any case; empty: not offered. */
static struct span find_mechanism(const struct pop3_server *s, struct span name)
{
	struct span list = mechanisms(s);

	while (list.n > 0) {
		struct span known = next_mechanism(&list);

		if (span_eq_nocase(known, name))
			return known;
	}
	return SPAN_NONE;
}

/* Old clients ask so; servers answer with a list (RFC 1734's drafts had it). */
static void say_mechanisms(struct pop3_server *s)
{
	struct span list = mechanisms(s);

	pop3_say_ok(s, POP3_SAY_MECHANISMS);
	while (list.n > 0) {
		pop3_put(s, next_mechanism(&list));
		pop3_put(s, SPAN_LIT("\r\n"));
	}
	pop3_put(s, SPAN_LIT(".\r\n"));
}

/* Decodes base64 into the buffer for secrets, from where an event shows it. */
static enum yb_err decode(struct pop3_server *s, struct span text,
			  struct span *ret)
{
	size_t n;
	enum yb_err err = buf_reserve(&s->secret, text.n / 4 * 3);

	if (err != YB_OK)
		return err;
	if (!base64_parse(text, s->secret.p, &n)) {
		/* What was decoded so far may be part of a password. */
		mem_wipe(s->secret.p, text.n / 4 * 3);
		return YB_SYNTAX;
	}
	s->secret.n = n;
	*ret = buf_span(&s->secret);
	return YB_OK;
}

enum pop3_outcome pop3_on_auth(struct pop3_server *s, const struct pop3_args *a)
{
	struct pop3_event ev = { .kind = POP3_EV_SASL };
	enum yb_err err = YB_OK;

	if (a->n == 0) {
		say_mechanisms(s);
		return POP3_ANSWERED;
	}
	ev.mechanism = find_mechanism(s, a->v[0]);
	ev.has_response = a->n == 2;
	if (ev.mechanism.n == 0) {
		pop3_say_err(s, POP3_SAY_NO_MECHANISM);
		return POP3_ANSWERED;
	}
	/* RFC 5034 section 4: "=" is a response without octets. */
	if (ev.has_response && !span_eq(a->v[1], SPAN_LIT("=")))
		err = decode(s, a->v[1], &ev.response);
	if (err == YB_SYNTAX) {
		pop3_say_err(s, POP3_SAY_NOT_BASE64);
	} else if (err != YB_OK) {
		pop3_say_failure(s, err);
	} else {
		buf_wipe(&s->name);
		*pop3_raise(s, POP3_EV_SASL) = ev;
	}
	return POP3_ANSWERED;
}

static void say_login_failure(struct pop3_server *s, enum yb_err err);

/* The client has heard why, and whatever it said to that, it has failed. */
static void tell_verdict(struct pop3_server *s)
{
	enum yb_err err = s->verdict;

	s->verdict = YB_OK;
	pop3_enter(s, POP3_AUTH);
	say_login_failure(s, err);
}

void pop3_sasl_cancel(struct pop3_server *s, enum pop3_text why)
{
	if (s->verdict != YB_OK) {
		tell_verdict(s);
		return;
	}
	pop3_enter(s, POP3_AUTH);
	pop3_say_err(s, why);
	if (s->state == POP3_OVER)
		return;
	(void)pop3_raise(s, POP3_EV_SASL_CANCEL);
}

void pop3_sasl_line(struct pop3_server *s, struct span line)
{
	struct pop3_event ev = { .kind = POP3_EV_SASL, .has_response = true };
	enum yb_err err = YB_OK;

	if (s->verdict != YB_OK) {
		tell_verdict(s);
		return;
	}
	/* RFC 5034 section 4: a client "issues a line with a single '*'" to
	 * cancel, and "the server MUST reject the AUTH command". */
	if (span_eq(line, SPAN_LIT("*"))) {
		pop3_sasl_cancel(s, POP3_SAY_CANCELLED);
		return;
	}
	/* "=" is no base64; there are clients that send it for an empty
	 * response here too, as in an initial one. */
	if (!span_eq(line, SPAN_LIT("=")))
		err = decode(s, line, &ev.response);
	if (err == YB_NOMEM)
		pop3_end(s, "out of memory");
	else if (err != YB_OK)
		pop3_sasl_cancel(s, POP3_SAY_NOT_BASE64);
	else
		*pop3_raise(s, POP3_EV_SASL) = ev;
}

void pop3_server_sasl_challenge(struct pop3_server *s, struct span challenge)
{
	uint8_t text[POP3_SASL_LINE_MAX];

	if (s->state == POP3_OVER)
		return;
	assert(s->event_state == POP3_ASKED && s->event.kind == POP3_EV_SASL);
	/* Ours are short; the same limit for both sides. */
	assert(base64_len(challenge.n) <= sizeof text);
	pop3_put(s, SPAN_LIT("+ "));
	pop3_put(s, span_of(text, base64_put(text, challenge)));
	pop3_put(s, SPAN_LIT("\r\n"));
	if (s->state == POP3_OVER)
		return;
	pop3_settle(s);
	pop3_enter(s, POP3_SASL);
}

void pop3_server_sasl_failed(struct pop3_server *s, enum yb_err err,
			     struct span last_words)
{
	if (last_words.n == 0) {
		pop3_server_login_done(s, err, NULL);
		return;
	}
	pop3_server_sasl_challenge(s, last_words);
	s->verdict = err;
}

/* ---- the outcome ---- */

static void say_denied(struct pop3_server *s, enum yb_err err)
{
	bool app = err == YB_APP_PASSWORD;

	s->counters.errors++;
	/* Threat 8: one text of a domain, whatever was wrong. */
	pop3_put(s, SPAN_LIT("-ERR [AUTH] "));
	pop3_put_text(s, app ? POP3_SAY_APP_PASSWORD : POP3_SAY_DENIED);
	if (s->config.help_url[0] != 0) {
		pop3_put_text(s, app ? POP3_SAY_SEE : POP3_SAY_HELP);
		pop3_put(s, span_str(s->config.help_url));
	}
	pop3_put(s, SPAN_LIT("\r\n"));
}

static void say_login_failure(struct pop3_server *s, enum yb_err err)
{
	if (err == YB_DENIED || err == YB_APP_PASSWORD)
		say_denied(s, err);
	else if (err == YB_SYNTAX)
		pop3_say_err(s, POP3_SAY_MALFORMED);
	else if (err == YB_UNSUPPORTED)
		pop3_say_err(s, POP3_SAY_NO_MECHANISM);
	else
		pop3_say_failure(s, err);
	/* What is no fault of the client's costs it nothing. */
	if (!err_is_temp(err) && ++s->login_failures >= POP3_LOGIN_FAILURES_MAX)
		pop3_end(s, "too many failed logins");
}

void pop3_server_forbid_delete(struct pop3_server *s)
{
	s->may_not_delete = true;
}

void pop3_server_login_done(struct pop3_server *s, enum yb_err err,
			    const struct listing *listing)
{
	if (s->state == POP3_OVER)
		return;
	assert(s->event_state == POP3_ASKED &&
	       (s->event.kind == POP3_EV_LOGIN ||
		s->event.kind == POP3_EV_SASL));
	pop3_settle(s);
	buf_wipe(&s->name);
	if (err != YB_OK) {
		pop3_enter(s, POP3_AUTH);
		say_login_failure(s, err);
		return;
	}
	s->listing = *listing;
	s->bad_commands = 0;
	pop3_enter(s, POP3_TRANS);
	pop3_say_totals(s);
}

/* ---- STLS ---- */

static bool offers_stls(const struct pop3_server *s)
{
	return (s->config.flags & (POP3_TLS_POSSIBLE | POP3_TLS_ACTIVE)) ==
		       POP3_TLS_POSSIBLE &&
	       s->state == POP3_AUTH && !s->utf8;
}

static enum pop3_text why_no_stls(const struct pop3_server *s)
{
	if ((s->config.flags & POP3_TLS_ACTIVE) != 0)
		return POP3_SAY_TLS_ACTIVE;
	/* RFC 6856 section 2.1: "Clients MUST NOT issue the STLS command
	 * after issuing UTF8", and servers may hold them to it. */
	return s->utf8 ? POP3_SAY_STLS_LATE : POP3_SAY_NO_TLS;
}

enum pop3_outcome pop3_on_stls(struct pop3_server *s, const struct pop3_args *a)
{
	(void)a;
	if (!offers_stls(s)) {
		pop3_say_err(s, why_no_stls(s));
		return POP3_ANSWERED;
	}
	/* Threat 1: nothing may come in clear behind it. */
	if (s->behind > 0) {
		pop3_say_err(s, POP3_SAY_WAIT_STLS);
		pop3_end(s, "octets behind STLS");
		return POP3_ANSWERED;
	}
	pop3_say_ok(s, POP3_SAY_BEGIN_TLS);
	if (s->state == POP3_OVER)
		return POP3_ANSWERED;
	pop3_enter(s, POP3_TLS);
	(void)pop3_raise(s, POP3_EV_STARTTLS);
	return POP3_ANSWERED;
}

void pop3_server_tls_started(struct pop3_server *s)
{
	if (s->state == POP3_OVER)
		return;
	assert(s->state == POP3_TLS);
	pop3_settle(s);
	/* RFC 2595 section 4: "the server MUST discard any knowledge obtained
	 * from the client which was not obtained from the TLS negotiation." */
	buf_wipe(&s->name);
	s->bad_commands = 0;
	s->login_failures = 0;
	s->language = POP3_EN;
	s->config.flags |= POP3_TLS_ACTIVE;
	pop3_enter(s, POP3_AUTH);
}

/* ---- UTF8 and LANG ---- */

enum pop3_outcome pop3_on_utf8(struct pop3_server *s, const struct pop3_args *a)
{
	(void)a;
	s->utf8 = true;
	pop3_say_ok(s, POP3_SAY_UTF8_ON);
	return POP3_ANSWERED;
}

/* RFC 6856 section 3.2: "a language listing". */
static void say_languages(struct pop3_server *s)
{
	pop3_say_ok(s, POP3_SAY_LANGUAGES);
	for (int i = 0; i < POP3_LANGUAGES; i++) {
		pop3_put(s, pop3_language_tag((enum pop3_language)i));
		pop3_put(s, SPAN_LIT(" "));
		pop3_put(s, pop3_language_name((enum pop3_language)i));
		pop3_put(s, SPAN_LIT("\r\n"));
	}
	pop3_put(s, SPAN_LIT(".\r\n"));
}

enum pop3_outcome pop3_on_lang(struct pop3_server *s, const struct pop3_args *a)
{
	enum pop3_language language = s->config.language;

	if (a->n == 0) {
		say_languages(s);
		return POP3_ANSWERED;
	}
	if (!span_eq(a->v[0], SPAN_LIT("*")) &&
	    !pop3_language_find(a->v[0], &language)) {
		pop3_say_err(s, POP3_SAY_NO_LANGUAGE);
		return POP3_ANSWERED;
	}
	/* RFC 6856 section 3.2: "a +OK response followed by a single space,
	 * the exact language tag selected, and another space." */
	s->language = language;
	pop3_put(s, SPAN_LIT("+OK "));
	pop3_put(s, pop3_language_tag(language));
	pop3_put(s, SPAN_LIT(" "));
	pop3_put_text(s, POP3_SAY_LANGUAGE);
	pop3_put(s, SPAN_LIT("\r\n"));
	return POP3_ANSWERED;
}

/* ---- CAPA ---- */

enum pop3_outcome pop3_on_capa(struct pop3_server *s, const struct pop3_args *a)
{
	(void)a;
	pop3_say_ok(s, POP3_SAY_CAPABILITIES);
	/* RFC 6856 section 2.2: USER says that names and passwords may be
	 * UTF-8; auth puts them through SASLprep. */
	pop3_put(s, SPAN_LIT("TOP\r\n"
			     "UIDL\r\n"
			     "RESP-CODES\r\n"
			     "AUTH-RESP-CODE\r\n"
			     "PIPELINING\r\n"
			     "UTF8 USER\r\n"
			     "LANG\r\n"));
	/* RFC 2449 section 3: what is available in AUTHORIZATION "MUST be
	 * announced in both states". */
	if (pop3_may_login(s)) {
		pop3_put(s, SPAN_LIT("USER\r\nSASL "));
		pop3_put(s, mechanisms(s));
		pop3_put(s, SPAN_LIT("\r\n"));
	}
	/* RFC 2595 section 8.1: "AUTHORIZATION state only". */
	if (offers_stls(s))
		pop3_put(s, SPAN_LIT("STLS\r\n"));
	/* RFC 2449 section 6.9 lets a server name itself after the login only,
	 * and has no use for strangers. */
	if (s->state == POP3_TRANS)
		pop3_put(s, SPAN_LIT("IMPLEMENTATION Yubin\r\n"));
	pop3_put(s, SPAN_LIT(".\r\n"));
	return POP3_ANSWERED;
}
