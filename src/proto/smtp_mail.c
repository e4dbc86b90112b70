/*
 * MAIL and RCPT (RFC 5321 sections 4.1.1.2 and 4.1.1.3). What stands behind
 * the path is smtp_params.c's.
 */
#include "proto/smtp_server.h"

#include <assert.h>

#include "base/utf8.h"
#include "proto/smtp_private.h"

/*
 * Takes "FROM:" or "TO:" and the path off `arg`. Spaces before the path are
 * wrong (RFC 5321 section 3.3) and common, so they are passed over.
 */
static enum yb_err cut_path(struct span *arg, struct span keyword,
			    struct span *ret)
{
	struct span rest = *arg;
	enum yb_err err;

	if (!span_starts_nocase(rest, keyword))
		return YB_SYNTAX;
	rest = span_trim(span_skip(rest, keyword.n));
	err = address_cut_path(&rest, ret);
	if (err != YB_OK)
		return err;
	if (rest.n > 0 && rest.p[0] != ' ')
		return YB_SYNTAX;
	*arg = span_trim(rest);
	return YB_OK;
}

static enum smtp_outcome refuse(struct smtp_server *s, const char *line)
{
	smtp_say(s, line);
	return SMTP_BAD;
}

enum smtp_outcome smtp_on_mail(struct smtp_server *s, struct span arg)
{
	struct smtp_params params;
	struct span path;
	enum smtp_param_verdict verdict;
	enum yb_err err;

	if (s->state != SMTP_READY) {
		smtp_say(s, "503 5.5.1 a transaction is open already");
		return SMTP_BAD;
	}
	err = cut_path(&arg, SPAN_LIT("FROM:"), &path);
	if (err != YB_OK || (path.n > 0 && span_find_last(path, '@') == path.n))
		return refuse(s, err == YB_TOO_BIG
					 ? "501 5.1.7 path too long"
					 : "501 5.1.7 MAIL FROM:<address> is "
					   "needed");
	verdict = smtp_params_read(s, SMTP_PARAMS_OF_MAIL, arg, &params);
	if (verdict != SMTP_PARAM_GOOD)
		return refuse(s, smtp_params_refusal(verdict));
	/* RFC 6531 section 3.5: "550 ... X.6.7" where "the MAIL command
	 * requires an ASCII address". */
	if (!params.utf8 && !utf8_is_ascii(path)) {
		smtp_say(s, "550 5.6.7 this address needs SMTPUTF8");
		return SMTP_ANSWERED;
	}
	if (s->config.size_max > 0 && params.size > s->config.size_max) {
		smtp_say(s, smtp_reply_of(YB_TOO_BIG));
		return SMTP_ANSWERED;
	}
	smtp_reset(s);
	if (path.n > 0)
		memcpy(s->sender, path.p, path.n);
	s->sender_n = path.n;
	s->utf8 = params.utf8;
	smtp_enter(s, SMTP_MAIL);
	smtp_say(s, "250 2.1.0 sender ok");
	return SMTP_ANSWERED;
}

/* Whether RCPT may come now; else says why not. */
static bool may_rcpt(struct smtp_server *s)
{
	if (s->state != SMTP_MAIL) {
		smtp_say(s, "503 5.5.1 send MAIL first");
		return false;
	}
	/* RFC 3030 section 2: BDAT comes "after all MAIL and RCPT responses
	 * are collected". */
	if (s->chunked) {
		smtp_say(s, "503 5.5.1 go on with BDAT, or send RSET");
		return false;
	}
	return true;
}

enum smtp_outcome smtp_on_rcpt(struct smtp_server *s, struct span arg)
{
	struct smtp_params params;
	struct span path = SPAN_NONE;
	enum smtp_param_verdict verdict;
	enum yb_err err;

	if (!may_rcpt(s))
		return SMTP_BAD;
	err = cut_path(&arg, SPAN_LIT("TO:"), &path);
	if (err != YB_OK || path.n == 0)
		return refuse(s, err == YB_TOO_BIG
					 ? "501 5.1.3 path too long"
					 : "501 5.1.3 RCPT TO:<address> is "
					   "needed");
	verdict = smtp_params_read(s, SMTP_PARAMS_OF_RCPT, arg, &params);
	if (verdict != SMTP_PARAM_GOOD)
		return refuse(s, smtp_params_refusal(verdict));
	/* RFC 6531 section 3.5: "the reply-code 553 is returned". */
	if (!s->utf8 && !utf8_is_ascii(path)) {
		smtp_say(s, "553 5.6.7 this address needs SMTPUTF8");
		return SMTP_ANSWERED;
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
