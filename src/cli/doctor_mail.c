/*
 * The mailboxes, and one message from door to door: by LMTP into an account
 * that is made for it, and out by POP3. Whatever goes wrong on the way, the
 * account is removed with its mail, and its domain if that was new.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/desk.h"
#include "cli/dial.h"
#include "cli/doctor.h"
#include "os/clock.h"
#include "os/random.h"

enum {
	/* Enough to see a store that is ill; fsck looks at all. */
	LOOKED_AT_MAX = 200,
	ADDRESS_MAX = 256,
	PASSWORD_MAX = 64,
};

/* What a request takes, in order. */
static enum yb_err ask(struct desk *desk, enum control_owner owner,
		       struct control_writer *request, bool *ret_more,
		       struct control_reader *ret)
{
	struct control_head head;
	enum yb_err err = desk_ask(desk, owner, request, &head, ret);

	if (err == YB_OK && ret_more != NULL)
		*ret_more = head.more != 0;
	return err == YB_OK ? (enum yb_err)head.err : err;
}

/* ---- mailboxes ---- */

struct accounts {
	size_t n;
	uint8_t ids[LOOKED_AT_MAX][16];
	char addresses[LOOKED_AT_MAX][ADDRESS_MAX];
};

static enum yb_err list_page(struct desk *desk, struct accounts *a,
			     bool *ret_more)
{
	struct control_writer request;
	struct control_reader r;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, CONTROL_ACCOUNT_LIST);
	control_put_str(&request, a->n > 0 ? a->addresses[a->n - 1] : "");
	err = ask(desk, CONTROL_AUTH, &request, ret_more, &r);
	while (err == YB_OK && control_has_more(&r) && a->n < LOOKED_AT_MAX) {
		control_get_into(&r, a->ids[a->n], sizeof a->ids[a->n]);
		control_get_str(&r, a->addresses[a->n], ADDRESS_MAX);
		(void)control_get_u64(&r);
		(void)control_get_u64(&r);
		(void)control_get(&r);
		if (r.bad)
			err = YB_INVALID;
		else
			a->n++;
	}
	control_writer_done(&request);
	return err;
}

static enum yb_err totals(struct desk *desk, const uint8_t id[16],
			  uint64_t *messages, uint64_t *octets)
{
	struct control_writer request;
	struct control_reader r;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, CONTROL_MAILBOX_TOTALS);
	control_put(&request, span_of(id, 16));
	control_put_u64(&request, 1);
	err = ask(desk, CONTROL_STORE, &request, NULL, &r);
	if (err == YB_OK) {
		*messages += control_get_u64(&r);
		*octets += control_get_u64(&r);
	}
	control_writer_done(&request);
	return err;
}

static void look_at_all(struct doctor *d, struct desk *desk, struct accounts *a)
{
	uint64_t messages = 0, octets = 0;
	size_t bad = 0;
	char size[SAY_TEXT_MAX];

	for (size_t i = 0; i < a->n; i++) {
		enum yb_err err = totals(desk, a->ids[i], &messages, &octets);

		if (err == YB_OK)
			continue;
		bad++;
		if (err == YB_TIMEOUT || err == YB_GONE) {
			doctor_tell(d, DOCTOR_ERROR, "store",
				    "`yubin log` says what the store does; "
				    "`yubin restart` starts it anew",
				    "the store does not answer: %s",
				    err_text(err));
			return;
		}
		doctor_tell(d, DOCTOR_ERROR, "store",
			    "`yubin fsck --all` says what is damaged, "
			    "and where",
			    "the mailbox of %s cannot be opened: %s",
			    a->addresses[i], err_text(err));
	}
	say_octets(size, octets);
	if (bad == 0)
		doctor_tell(d, DOCTOR_FINE, "store", NULL,
			    "%zu mailbox%s opened, %llu message%s of %s", a->n,
			    a->n == 1 ? "" : "es", (unsigned long long)messages,
			    messages == 1 ? "" : "s", size);
}

void doctor_store(struct doctor *d)
{
	AUTO_FREE struct accounts *a = calloc(1, sizeof *a);
	struct desk *desk = NULL;
	enum yb_err err = YB_OK;
	bool more = true;

	if (!d->runs || a == NULL) {
		doctor_tell(d, DOCTOR_SKIPPED, "store", NULL,
			    "mailboxes are looked at through the running "
			    "server");
		return;
	}
	if (desk_open(d->config, &desk) != COMMAND_OK)
		return;
	while (err == YB_OK && more && a->n < LOOKED_AT_MAX)
		err = list_page(desk, a, &more);
	if (err == YB_OK)
		look_at_all(d, desk, a);
	else
		doctor_tell(d, DOCTOR_ERROR, "store",
			    "`yubin log --level warn` tells more",
			    "accounts cannot be listed: %s", err_text(err));
	desk_close(&desk);
}

/* ---- a round trip ---- */

struct trip {
	struct doctor *doctor;
	struct desk *desk;
	char address[ADDRESS_MAX], domain[ADDRESS_MAX];
	char password[PASSWORD_MAX];
	char token[17];
	bool made, new_domain;
	const char *step; /* at which it failed */
	char answer[DIAL_LINE_MAX];
};

static enum yb_err order(struct trip *t, enum control_owner owner,
			 enum control_type type, struct span first,
			 const char *second, struct control_reader *ret)
{
	struct control_writer request;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, type);
	control_put(&request, first);
	if (second != NULL)
		control_put_str(&request, second);
	if (type == CONTROL_ACCOUNT_ADD)
		control_put_u64(&request, 0);
	err = ask(t->desk, owner, &request, NULL, ret);
	control_writer_done(&request);
	return err;
}

/* A domain of this server's; the default one, or else the first. */
static enum yb_err choose_domain(struct trip *t)
{
	const char *wanted = t->doctor->config->default_domain;
	struct control_reader r;
	bool first = true;
	enum yb_err err = order(t, CONTROL_AUTH, CONTROL_DOMAIN_LIST, SPAN_NONE,
				NULL, &r);

	t->new_domain = true;
	(void)snprintf(t->domain, sizeof t->domain, "%s",
		       wanted[0] != 0 ? wanted : "doctor.invalid");
	while (err == YB_OK && control_has_more(&r)) {
		char name[ADDRESS_MAX], alias_of[ADDRESS_MAX];

		control_get_str(&r, name, sizeof name);
		(void)control_get(&r);
		control_get_str(&r, alias_of, sizeof alias_of);
		for (int i = 0; i < 3; i++)
			(void)control_get_u64(&r);
		if (r.bad)
			return YB_INVALID;
		if (alias_of[0] != 0)
			continue;
		if (strcmp(name, wanted) == 0 || (wanted[0] == 0 && first)) {
			memcpy(t->domain, name, sizeof t->domain);
			t->new_domain = false;
		}
		first = false;
	}
	return err;
}

static enum yb_err make_account(struct trip *t)
{
	struct control_reader r;
	enum yb_err err = choose_domain(t);
	int n;

	t->step = "making an account for it";
	if (err != YB_OK)
		return err;
	(void)snprintf(t->token, sizeof t->token, "%016llx",
		       (unsigned long long)os_random_u64());
	n = snprintf(t->address, sizeof t->address, "yubin-doctor-%s@%s",
		     t->token, t->domain);
	if (n < 0 || n >= (int)sizeof t->address)
		return YB_TOO_BIG;
	err = order(t, CONTROL_AUTH, CONTROL_ACCOUNT_ADD, span_str(t->address),
		    "", &r);
	if (err == YB_OK) {
		t->made = true;
		control_get_str(&r, t->password, sizeof t->password);
	}
	return err;
}

/* Nothing is left behind. */
static void remove_account(struct trip *t)
{
	struct control_reader r;
	uint8_t id[16];
	enum yb_err err = YB_OK;

	if (t->made) {
		err = order(t, CONTROL_AUTH, CONTROL_ACCOUNT_REMOVE,
			    span_str(t->address), NULL, &r);
		if (err == YB_OK) {
			control_get_into(&r, id, sizeof id);
			err = order(t, CONTROL_STORE, CONTROL_MAIL_REMOVE,
				    span_of(id, sizeof id), NULL, &r);
		}
		if (err == YB_OK && t->new_domain)
			err = order(t, CONTROL_AUTH, CONTROL_DOMAIN_REMOVE,
				    span_str(t->domain), NULL, &r);
	}
	mem_wipe(t->password, sizeof t->password);
	if (err != YB_OK)
		doctor_tell(t->doctor, DOCTOR_WARNING, "round trip",
			    "`yubin account remove` does it by hand",
			    "the account %s, made for it, is still there: %s",
			    t->address, err_text(err));
}

/* The last line of an answer has to begin so. */
static enum yb_err expect(struct trip *t, struct dial *at, const char *want)
{
	enum yb_err err;

	do
		err = dial_line(at, t->answer);
	while (err == YB_OK && t->answer[0] >= '2' && t->answer[0] <= '5' &&
	       t->answer[1] != 0 && t->answer[2] != 0 && t->answer[3] == '-');
	if (err == YB_OK && strncmp(t->answer, want, strlen(want)) != 0)
		err = YB_DENIED;
	return err;
}

static enum yb_err say(struct trip *t, struct dial *at, const char *want,
		       const char *command, const char *argument)
{
	enum yb_err err = dial_say(at, "%s%s", command, argument);

	return err == YB_OK ? expect(t, at, want) : err;
}

static const struct config_listener *find_listener(const struct config *c,
						   enum config_service service)
{
	for (uint32_t i = 0; i < c->listeners_n; i++)
		if (c->listeners[i].service == service)
			return &c->listeners[i];
	return NULL;
}

static enum yb_err hand_in(struct trip *t, struct dial *at)
{
	char rcpt[ADDRESS_MAX + 16];
	enum yb_err err = expect(t, at, "220");

	(void)snprintf(rcpt, sizeof rcpt, "TO:<%s>", t->address);
	if (err == YB_OK)
		err = say(t, at, "250", "LHLO ", "localhost");
	if (err == YB_OK)
		err = say(t, at, "250", "MAIL ", "FROM:<>");
	if (err == YB_OK)
		err = say(t, at, "250", "RCPT ", rcpt);
	if (err == YB_OK)
		err = say(t, at, "354", "DATA", "");
	if (err == YB_OK)
		err = dial_say(at,
			       "From: yubin doctor <postmaster@%s>\r\n"
			       "Subject: round trip\r\n"
			       "Message-ID: <%s@%s>\r\n\r\n%s\r\n.",
			       t->domain, t->token, t->domain, t->token);
	return err == YB_OK ? expect(t, at, "250") : err;
}

static enum yb_err deliver(struct trip *t)
{
	const struct config_listener *l =
		find_listener(t->doctor->config, CONFIG_LMTP);
	struct dial at;
	enum yb_err err;

	t->step = "handing it in by LMTP";
	if (l == NULL)
		return YB_NOT_FOUND;
	err = dial_open(&at, l->address, false);
	if (err == YB_OK)
		err = hand_in(t, &at);
	dial_close(&at);
	return err;
}

static enum yb_err log_in(struct trip *t, struct dial *at, bool stls)
{
	enum yb_err err = expect(t, at, "+OK");

	if (err == YB_OK && stls)
		err = say(t, at, "+OK", "STLS", "");
	if (err == YB_OK && stls)
		err = dial_start_tls(at);
	if (err == YB_OK)
		err = say(t, at, "+OK", "USER ", t->address);
	return err == YB_OK ? say(t, at, "+OK", "PASS ", t->password) : err;
}

/* The one message, which has to be ours; deleted as a client would. */
static enum yb_err fetch(struct trip *t, struct dial *at)
{
	enum yb_err err = say(t, at, "+OK 1 ", "STAT", "");
	char line[DIAL_LINE_MAX] = "";
	bool found = false;

	if (err == YB_OK)
		err = say(t, at, "+OK", "RETR ", "1");
	while (err == YB_OK && strcmp(line, ".") != 0) {
		err = dial_line(at, line);
		found = found || strcmp(line, t->token) == 0;
	}
	if (err == YB_OK && !found) {
		(void)snprintf(t->answer, sizeof t->answer,
			       "another message than the one handed in");
		return YB_DENIED;
	}
	if (err == YB_OK)
		err = say(t, at, "+OK", "DELE ", "1");
	return err == YB_OK ? say(t, at, "+OK", "QUIT", "") : err;
}

static enum yb_err collect(struct trip *t)
{
	const struct config *c = t->doctor->config;
	const struct config_listener *l = find_listener(c, CONFIG_POP3S);
	struct dial at;
	enum yb_err err;

	t->step = "collecting it by POP3";
	if (l == NULL)
		l = find_listener(c, CONFIG_POP3);
	if (l == NULL)
		return YB_NOT_FOUND;
	err = dial_open(&at, l->address, l->tls == CONFIG_TLS_IMPLICIT);
	if (err == YB_OK)
		err = log_in(t, &at, l->tls == CONFIG_TLS_START);
	if (err == YB_OK)
		err = fetch(t, &at);
	dial_close(&at);
	return err;
}

static bool can_travel(struct doctor *d)
{
	const struct config *c = d->config;
	bool in = find_listener(c, CONFIG_LMTP) != NULL;
	bool out = find_listener(c, CONFIG_POP3) != NULL ||
		   find_listener(c, CONFIG_POP3S) != NULL;

	if (d->runs && in && out)
		return true;
	doctor_tell(d, DOCTOR_SKIPPED, "round trip", NULL, "%s",
		    !d->runs ? "the server does not run, or may not be asked"
		    : !in    ? "there is no LMTP listener"
			     : "there is no POP3 listener");
	return false;
}

void doctor_round_trip(struct doctor *d)
{
	AUTO_FREE struct trip *t = calloc(1, sizeof *t);
	uint64_t began = clock_mono_ms();
	enum yb_err err;

	if (t == NULL || !can_travel(d) ||
	    desk_open(d->config, &t->desk) != COMMAND_OK)
		return;
	t->doctor = d;
	err = make_account(t);
	if (err == YB_OK)
		err = deliver(t);
	if (err == YB_OK)
		err = collect(t);
	if (err == YB_OK)
		doctor_tell(d, DOCTOR_FINE, "round trip", NULL,
			    "a message came in by LMTP and out by POP3 within "
			    "%llu ms",
			    (unsigned long long)(clock_mono_ms() - began));
	else
		doctor_tell(d, DOCTOR_ERROR, "round trip",
			    "`yubin log -n 20` shows what the server thought "
			    "of it",
			    "%s failed: %s", t->step,
			    err == YB_DENIED ? t->answer : err_text(err));
	remove_account(t);
	desk_close(&t->desk);
}
