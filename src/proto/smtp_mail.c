/*
 * MAIL and RCPT: paths and parameters (RFC 5321 sections 4.1.1.2, 4.1.1.3 and
 * 4.1.1.11), SIZE (RFC 1870), BODY (RFC 6152).
 */
#include "proto/smtp_server.h"

#include <assert.h>

#include "base/num.h"
#include "proto/smtp_private.h"

/*
 * Takes "FROM:" or "TO:" and the path off `arg`. Spaces before the path are
 * wrong (RFC 5321 section 3.3) and common, so they are passed over.
 */
static bool cut_path(struct span *arg, struct span keyword, struct span *ret)
{
	struct span rest = *arg;

	if (!span_starts_nocase(rest, keyword))
		return false;
	rest = span_trim(span_skip(rest, keyword.n));
	if (address_cut_path(&rest, ret) != YB_OK)
		return false;
	if (rest.n > 0 && rest.p[0] != ' ')
		return false;
	*arg = span_trim(rest);
	return true;
}

struct mail_params {
	bool has_size, has_body;
	uint64_t size;
};

enum param_verdict { PARAM_GOOD, PARAM_UNKNOWN, PARAM_WRONG };

/* RFC 1870 section 5: 1*20DIGIT, so leading zeros are allowed. */
static enum param_verdict get_size(struct mail_params *p, struct span value)
{
	if (p->has_size || value.n > NUM_U64_DIGITS)
		return PARAM_WRONG;
	while (value.n > 1 && value.p[0] == '0')
		value = span_skip(value, 1);
	p->has_size = true;
	return num_parse(value, UINT64_MAX, &p->size) ? PARAM_GOOD
						      : PARAM_WRONG;
}

/* RFC 6152 section 2: either way we keep every octet. */
static enum param_verdict get_body(struct mail_params *p, struct span value)
{
	if (p->has_body || (!span_eq_nocase(value, SPAN_LIT("7BIT")) &&
			    !span_eq_nocase(value, SPAN_LIT("8BITMIME"))))
		return PARAM_WRONG;
	p->has_body = true;
	return PARAM_GOOD;
}

static enum param_verdict get_param(struct mail_params *p, struct span param)
{
	struct span value = param;
	struct span name = span_cut(&value, '=');

	if (span_eq_nocase(name, SPAN_LIT("SIZE")))
		return get_size(p, value);
	if (span_eq_nocase(name, SPAN_LIT("BODY")))
		return get_body(p, value);
	return PARAM_UNKNOWN;
}

static enum param_verdict get_params(const struct smtp_server *s,
				     struct span rest, struct mail_params *ret)
{
	enum param_verdict verdict = PARAM_GOOD;

	*ret = (struct mail_params){ .size = 0 };
	/* RFC 5321 section 2.2.1: HELO brings no extensions. */
	if (rest.n > 0 && !s->esmtp)
		return PARAM_UNKNOWN;
	for (int i = 0; rest.n > 0 && verdict == PARAM_GOOD; i++) {
		if (i == SMTP_PARAMS_MAX)
			return PARAM_WRONG;
		verdict = get_param(ret, span_cut(&rest, ' '));
		rest = span_trim(rest);
	}
	return verdict;
}

enum smtp_outcome smtp_on_mail(struct smtp_server *s, struct span arg)
{
	struct mail_params params;
	struct span path;
	enum param_verdict verdict;

	if (s->state != SMTP_READY) {
		smtp_say(s, "503 5.5.1 a transaction is open already");
		return SMTP_BAD;
	}
	if (!cut_path(&arg, SPAN_LIT("FROM:"), &path) ||
	    (path.n > 0 && span_find_last(path, '@') == path.n)) {
		smtp_say(s, "501 5.1.7 MAIL FROM:<address> is needed");
		return SMTP_BAD;
	}
	verdict = get_params(s, arg, &params);
	if (verdict != PARAM_GOOD) {
		/* RFC 5321 section 4.1.1.11: 555 if not recognized. */
		smtp_say(s, verdict == PARAM_UNKNOWN
				    ? "555 5.5.4 parameter not supported"
				    : "501 5.5.4 wrong parameter");
		return SMTP_BAD;
	}
	if (s->config.size_max > 0 && params.size > s->config.size_max) {
		smtp_say(s, smtp_reply_of(YB_TOO_BIG));
		return SMTP_ANSWERED;
	}
	smtp_reset(s);
	if (path.n > 0)
		memcpy(s->sender, path.p, path.n);
	s->sender_n = path.n;
	smtp_enter(s, SMTP_MAIL);
	smtp_say(s, "250 2.1.0 sender ok");
	return SMTP_ANSWERED;
}

enum smtp_outcome smtp_on_rcpt(struct smtp_server *s, struct span arg)
{
	struct span path;

	if (s->state != SMTP_MAIL) {
		smtp_say(s, "503 5.5.1 send MAIL first");
		return SMTP_BAD;
	}
	/* RFC 3030 section 2: BDAT comes "after all MAIL and RCPT responses
	 * are collected". */
	if (s->chunked) {
		smtp_say(s, "503 5.5.1 go on with BDAT, or send RSET");
		return SMTP_BAD;
	}
	if (!cut_path(&arg, SPAN_LIT("TO:"), &path) || path.n == 0) {
		smtp_say(s, "501 5.1.3 RCPT TO:<address> is needed");
		return SMTP_BAD;
	}
	if (arg.n > 0) {
		smtp_say(s, "555 5.5.4 parameter not supported");
		return SMTP_BAD;
	}
	if (s->outcomes.n == SMTP_RECIPIENTS_MAX) {
		smtp_say(s, "452 4.5.3 too many recipients");
		return SMTP_ANSWERED;
	}
	/* Room for the outcome now: later it would be too late to fail. */
	if (buf_reserve(&s->outcomes, 1) != YB_OK) {
		smtp_say(s, smtp_reply_of(YB_NOMEM));
		return SMTP_ANSWERED;
	}
	memcpy(s->rcpt, path.p, path.n);
	s->rcpt_n = path.n;
	smtp_raise(s, (struct smtp_event){
			      .kind = SMTP_EV_RCPT,
			      .address = span_of(s->rcpt, s->rcpt_n) });
	return SMTP_ANSWERED;
}

/* A list of addresses that is tried out is cut short; LMTP has neighbours. */
static void count_refused(struct smtp_server *s)
{
	if (smtp_is_lmtp(s) || ++s->refused_rcpts < SMTP_REFUSED_RCPT_MAX)
		return;
	smtp_say(s, "421 4.7.0 too many unknown recipients");
	smtp_end(s, "too many unknown recipients");
}

void smtp_server_rcpt_done(struct smtp_server *s, enum yb_err err)
{
	if (s->state == SMTP_OVER)
		return;
	assert(s->event_state == SMTP_ASKED && s->event.kind == SMTP_EV_RCPT);
	smtp_settle(s);
	if (err == YB_OK)
		err = buf_add_u8(&s->outcomes, YB_OK);
	if (err == YB_OK) {
		smtp_say(s, "250 2.1.5 recipient ok");
		return;
	}
	smtp_say(s, smtp_reply_of(err));
	if (err_class(err) == YB_CLASS_PERM)
		count_refused(s);
}
