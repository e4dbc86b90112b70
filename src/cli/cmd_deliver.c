/*
 * `yubin deliver`: a message on standard input goes to the LMTP socket. Mail
 * systems understand sysexits.h only, and bounce on what they do not know, so
 * whatever may be better next time ends with 75.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/cmd.h"
#include "cli/lmtp.h"
#include "cli/recipients.h"
#include "cli/say.h"
#include "mime/address.h"
#include "mime/wire.h"
#include "os/socket.h"

enum {
	/* As many as the server takes in one transaction. */
	RECIPIENTS_MAX = 1000,
	/* With -t the header is held in memory: no real one has a tenth. */
	HEADER_MAX = 1024 * 1024,
	BLOCK = 64 * 1024,
};

struct recipient {
	char address[ADDRESS_MAX + 1];
	int exit; /* EX_OK, EX_TEMPFAIL, ... */
	bool accepted;
	struct lmtp_reply reply;
};

struct delivery {
	const struct config *config;
	const char *sender;
	struct recipient *recipients;
	size_t recipients_n;
	struct buf header; /* with -t: rewritten; goes first */
	struct buf input;  /* read and not yet sent */
	bool input_ended;
	struct lmtp lmtp;
	struct wire_encoder encoder;
};

/* The first line of output: an RFC 3463 code and the reason. */
static int give_up(int code, const char *status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int give_up(int code, const char *status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)printf("%s ", status);
	say_text(stdout, text);
	(void)putchar('\n');
	return code;
}

/* ---- recipients ---- */

/* "alice" means alice@default_domain. */
static bool add_recipient(struct delivery *d, struct span text)
{
	struct recipient *r = &d->recipients[d->recipients_n];
	const char *domain = d->config->default_domain;
	struct address parsed;
	int n;

	if (d->recipients_n == RECIPIENTS_MAX || text.n > ADDRESS_MAX)
		return false;
	n = snprintf(r->address, sizeof r->address, "%.*s%s%s", (int)text.n,
		     (const char *)text.p,
		     span_find(text, '@') == text.n && *domain != 0 ? "@" : "",
		     span_find(text, '@') == text.n ? domain : "");
	if (n < 0 || (size_t)n >= sizeof r->address ||
	    address_parse(span_str(r->address), &parsed) != YB_OK)
		return false;
	for (size_t i = 0; i < d->recipients_n; i++)
		if (strcmp(d->recipients[i].address, r->address) == 0)
			return true;
	r->exit = EX_TEMPFAIL;
	d->recipients_n++;
	return true;
}

/* For recipients_parse(): remembers what could not be added. */
struct adder {
	struct delivery *delivery;
	char wrong[ADDRESS_MAX + 1];
};

static bool on_recipient(void *ctx, struct span address)
{
	struct adder *a = ctx;

	if (add_recipient(a->delivery, address))
		return true;
	(void)span_to_str(address, a->wrong, sizeof a->wrong);
	return false;
}

static int refuse_address(const struct delivery *d, const char *address)
{
	if (d->recipients_n == RECIPIENTS_MAX)
		return give_up(EX_USAGE, "5.5.3", "more than %d recipients",
			       RECIPIENTS_MAX);
	return give_up(EX_USAGE, "5.1.3", "\"%s\" is not an address", address);
}

/* ---- standard input ---- */

static enum yb_err read_input(struct delivery *d)
{
	ssize_t n;

	if (buf_reserve(&d->input, BLOCK) != YB_OK)
		return YB_NOMEM;
	do
		n = read(STDIN_FILENO, d->input.p + d->input.n, BLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_from_errno(errno);
	d->input.n += (size_t)n;
	d->input_ended = n == 0;
	return YB_OK;
}

/* An mbox's "From " line is no part of the message. */
static enum yb_err drop_from_line(struct delivery *d)
{
	const struct span from = SPAN_LIT("From ");
	size_t end;
	enum yb_err err = YB_OK;

	while (err == YB_OK && !d->input_ended && d->input.n < from.n)
		err = read_input(d);
	if (err != YB_OK || !span_starts(buf_span(&d->input), from))
		return err;
	while ((end = span_find(buf_span(&d->input), '\n')) == d->input.n) {
		buf_clear(&d->input);
		if (d->input_ended)
			return YB_OK;
		err = read_input(d);
		if (err != YB_OK)
			return err;
	}
	buf_drop(&d->input, end + 1);
	return YB_OK;
}

/* Where the header ends: at the first empty line; s.n without one. */
static size_t header_end(struct span s)
{
	for (size_t at = 0; at < s.n;) {
		struct span line = span_skip(s, at);

		if (line.p[0] == '\n')
			return at;
		if (line.n > 1 && line.p[0] == '\r' && line.p[1] == '\n')
			return at;
		at += span_find(line, '\n') + 1;
	}
	return s.n;
}

static bool header_is_whole(const struct delivery *d)
{
	return d->input_ended || header_end(buf_span(&d->input)) < d->input.n;
}

/* -t: reads the header, takes its recipients, and leaves Bcc out. */
static int take_header(struct delivery *d)
{
	struct adder adder = { .delivery = d };
	enum yb_err err = YB_OK;
	size_t n;

	while (err == YB_OK && !header_is_whole(d)) {
		if (d->input.n > HEADER_MAX)
			return give_up(EX_DATAERR, "5.6.0",
				       "the header is larger than %d octets",
				       HEADER_MAX);
		err = read_input(d);
	}
	if (err != YB_OK)
		return give_up(EX_TEMPFAIL, "4.3.0",
			       "cannot read the message: "
			       "%s",
			       err_text(err));
	n = header_end(buf_span(&d->input));
	err = recipients_of_header(span_of(d->input.p, n), on_recipient, &adder,
				   &d->header);
	buf_drop(&d->input, n);
	if (err == YB_NOMEM)
		return give_up(EX_TEMPFAIL, "4.3.0", "%s", err_text(err));
	if (err != YB_OK)
		return *adder.wrong != 0
			       ? refuse_address(d, adder.wrong)
			       : give_up(EX_DATAERR, "5.1.3",
					 "To, Cc or Bcc cannot be read");
	return EX_OK;
}

static int take_arguments(struct delivery *d, const struct invocation *inv)
{
	bool from_header = invocation_option(inv, "to") != NULL;
	enum yb_err err;
	int code = EX_OK;

	for (unsigned i = 0; i < inv->args_n; i++)
		if (!add_recipient(d, span_str(inv->args[i])))
			return refuse_address(d, inv->args[i]);
	if (d->recipients_n == 0 && !from_header)
		return give_up(EX_USAGE, "5.5.4",
			       "no address is given; see "
			       "`yubin deliver --help`");
	err = drop_from_line(d);
	if (err != YB_OK)
		return give_up(EX_TEMPFAIL, "4.3.0",
			       "cannot read the message: "
			       "%s",
			       err_text(err));
	if (from_header)
		code = take_header(d);
	if (code == EX_OK && d->recipients_n == 0)
		code = give_up(EX_USAGE, "5.5.4",
			       "the message names nobody in To, Cc or Bcc");
	return code;
}

/*
 * How mail systems write the sender of bounces: "<>", and for Postfix's
 * pipe(8) without its null_sender= a name that is no address.
 */
static bool is_empty_sender(const char *sender)
{
	return strcmp(sender, "<>") == 0 ||
	       strcmp(sender, "MAILER-DAEMON") == 0;
}

static int take_sender(struct delivery *d, const struct invocation *inv)
{
	const char *sender = invocation_option(inv, "from");
	struct address parsed;

	d->sender = sender == NULL || is_empty_sender(sender) ? "" : sender;
	if (*d->sender != 0 &&
	    address_parse(span_str(d->sender), &parsed) != YB_OK)
		return give_up(EX_USAGE, "5.1.7",
			       "\"%s\" is not a sender's address", d->sender);
	return EX_OK;
}

/* ---- the dialogue ---- */

/* What a reply means to a mail system. */
static int exit_of(const struct lmtp_reply *r)
{
	if (r->code < 400)
		return EX_OK;
	if (r->code < 500)
		return EX_TEMPFAIL;
	/* RFC 3463 3.2: X.1.Y is about the address; 5.7.1: not ours. */
	if (strncmp(r->status, "5.1.", 4) == 0 ||
	    strcmp(r->status, "5.7.1") == 0)
		return EX_NOUSER;
	return EX_DATAERR;
}

static int lost(enum yb_err err)
{
	return give_up(EX_TEMPFAIL, "4.4.2", "lost the server: %s",
		       err_text(err));
}

static int refused(const char *what, const struct lmtp_reply *r)
{
	int code = r->code >= 500 ? EX_DATAERR : EX_TEMPFAIL;

	return give_up(code, r->status, "%s: %u %s", what, r->code, r->text);
}

/* A socket in the file system first: no port has to be open for it. */
static const char *find_listener(const struct config *c)
{
	const char *found = NULL;

	for (uint32_t i = 0; i < c->listeners_n; i++) {
		const struct config_listener *l = &c->listeners[i];

		if (l->service != CONFIG_LMTP)
			continue;
		if (l->address[0] == '/')
			return l->address;
		if (found == NULL)
			found = l->address;
	}
	return found;
}

static int greet(struct delivery *d)
{
	const char *address = find_listener(d->config);
	struct lmtp_reply reply;
	enum yb_err err;

	if (address == NULL)
		return give_up(EX_TEMPFAIL, "4.3.5", "%s has no lmtp listener",
			       d->config->file);
	err = lmtp_connect(&d->lmtp, address);
	if (err != YB_OK)
		return give_up(EX_TEMPFAIL, "4.4.1",
			       "no server answers at %s: %s; `yubin status` "
			       "says whether one runs",
			       address, err_text(err));
	err = lmtp_reply(&d->lmtp, &reply);
	/* A greeting of 5yz is the server's trouble, not the message's. */
	if (err == YB_OK && reply.code != 220)
		return give_up(EX_TEMPFAIL, "4.3.2", "the server says %u %s",
			       reply.code, reply.text);
	if (err == YB_OK)
		err = lmtp_command(&d->lmtp, "LHLO %s", d->config->hostname);
	if (err == YB_OK)
		err = lmtp_reply(&d->lmtp, &reply);
	if (err == YB_OK && reply.code != 250)
		return give_up(EX_TEMPFAIL, "4.3.0", "LHLO: %u %s", reply.code,
			       reply.text);
	return err == YB_OK ? EX_OK : lost(err);
}

/* RFC 6531 section 3.4: SMTPUTF8 where the envelope requires it only. */
static bool needs_utf8(const struct delivery *d)
{
	bool needs = !utf8_is_ascii(span_str(d->sender));

	for (size_t i = 0; i < d->recipients_n && !needs; i++)
		needs = !utf8_is_ascii(span_str(d->recipients[i].address));
	return needs;
}

/* The sender and each recipient; whether somebody is left to deliver to. */
static int send_envelope(struct delivery *d, size_t *ret_accepted)
{
	struct lmtp_reply reply;
	enum yb_err err = lmtp_command(&d->lmtp, "MAIL FROM:<%s>%s", d->sender,
				       needs_utf8(d) ? " SMTPUTF8" : "");

	if (err == YB_OK)
		err = lmtp_reply(&d->lmtp, &reply);
	if (err == YB_OK && reply.code != 250)
		return refused("MAIL", &reply);
	for (size_t i = 0; err == YB_OK && i < d->recipients_n; i++) {
		struct recipient *r = &d->recipients[i];

		err = lmtp_command(&d->lmtp, "RCPT TO:<%s>", r->address);
		if (err == YB_OK)
			err = lmtp_reply(&d->lmtp, &r->reply);
		if (err != YB_OK)
			break;
		r->accepted = r->reply.code < 300;
		r->exit = exit_of(&r->reply);
		*ret_accepted += r->accepted;
	}
	return err == YB_OK ? EX_OK : lost(err);
}

static enum yb_err send_text(struct delivery *d, struct span text)
{
	enum yb_err err = YB_OK;
	struct span piece;

	while (err == YB_OK &&
	       wire_encode(&d->encoder, &text, &piece) == WIRE_PIECE)
		err = lmtp_data(&d->lmtp, piece);
	return err;
}

/* *ret_read says of an error whether it was standard input's. */
static enum yb_err send_message(struct delivery *d, bool *ret_read)
{
	enum wire_step step;
	struct span piece;
	enum yb_err err;

	wire_encoder_init(&d->encoder);
	err = send_text(d, buf_span(&d->header));
	for (;;) {
		if (err == YB_OK)
			err = send_text(d, buf_span(&d->input));
		buf_clear(&d->input);
		if (err != YB_OK)
			return err;
		if (d->input_ended)
			break;
		err = read_input(d);
		if (err != YB_OK) {
			*ret_read = true;
			return err;
		}
	}
	do {
		step = wire_encode_finish(&d->encoder, &piece);
		err = lmtp_data(&d->lmtp, piece);
	} while (err == YB_OK && step != WIRE_END);
	return err;
}

/* RFC 2033 4.2: one reply for each recipient that was accepted. */
static int send_body(struct delivery *d)
{
	struct lmtp_reply reply;
	bool input_failed = false;
	enum yb_err err = lmtp_command(&d->lmtp, "DATA");

	if (err == YB_OK)
		err = lmtp_reply(&d->lmtp, &reply);
	if (err == YB_OK && reply.code != 354)
		return refused("DATA", &reply);
	if (err == YB_OK)
		err = send_message(d, &input_failed);
	/* Without its last dot the server forgets the message. */
	if (input_failed)
		return give_up(EX_TEMPFAIL, "4.3.0",
			       "cannot read the message: "
			       "%s",
			       err_text(err));
	for (size_t i = 0; err == YB_OK && i < d->recipients_n; i++) {
		struct recipient *r = &d->recipients[i];

		if (!r->accepted)
			continue;
		err = lmtp_reply(&d->lmtp, &r->reply);
		if (err == YB_OK)
			r->exit = exit_of(&r->reply);
	}
	return err == YB_OK ? EX_OK : lost(err);
}

/* ---- the outcome ---- */

static void print_outcome(const struct recipient *r)
{
	(void)printf("%s <%s>: ", r->reply.status, r->address);
	say_text(stdout, r->reply.text);
	(void)putchar('\n');
}

/*
 * One code for all: 75 if any may succeed later, since then the message has
 * to come again; else what cannot be for ever, unknown accounts last.
 */
static int outcome(const struct delivery *d)
{
	static const int worst[] = { EX_TEMPFAIL, EX_DATAERR, EX_NOUSER };
	int code = EX_OK;

	for (size_t w = 0; w < ARRAY_LEN(worst); w++) {
		for (size_t i = 0; i < d->recipients_n; i++) {
			if (d->recipients[i].exit != worst[w])
				continue;
			print_outcome(&d->recipients[i]);
			if (code == EX_OK)
				code = worst[w];
		}
	}
	return code;
}

static int run(struct delivery *d, const struct invocation *inv)
{
	size_t accepted = 0;
	int code = take_sender(d, inv);

	if (code == EX_OK)
		code = take_arguments(d, inv);
	if (code == EX_OK)
		code = greet(d);
	if (code == EX_OK)
		code = send_envelope(d, &accepted);
	if (code == EX_OK && accepted > 0)
		code = send_body(d);
	if (code != EX_OK)
		return code;
	/* All outcomes are known; what QUIT says matters to nobody. */
	if (lmtp_command(&d->lmtp, "QUIT") == YB_OK) {
		struct lmtp_reply reply;

		(void)lmtp_reply(&d->lmtp, &reply);
	}
	return outcome(d);
}

/* The first problem is the reason; a mail system shows one line. */
static void keep_first(void *ctx, const struct config_problem *p)
{
	struct config_problem *first = ctx;

	if (first->text[0] == 0)
		*first = *p;
}

static int refuse_config(const char *file, const struct config_problem *p)
{
	if (p->line == 0)
		return give_up(EX_TEMPFAIL, "4.3.5", "%s", p->text);
	return give_up(EX_TEMPFAIL, "4.3.5", "%s:%u:%u: %s", file, p->line,
		       p->column, p->text);
}

int cmd_deliver(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");
	const char *file = given != NULL ? given : config_default_file();
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	AUTO_FREE struct recipient *recipients =
		calloc(RECIPIENTS_MAX + 1, sizeof *recipients);
	struct delivery d = { .config = c,
			      .recipients = recipients,
			      .lmtp.fd = -1 };
	struct config_problem first = { 0 };
	int code;

	if (c == NULL || recipients == NULL)
		return give_up(EX_TEMPFAIL, "4.3.0", "out of memory");
	if (config_load(file, keep_first, &first, c) != YB_OK)
		return refuse_config(file, &first);
	buf_init(&d.header, HEADER_MAX + BLOCK);
	buf_init(&d.input, HEADER_MAX + 2 * BLOCK);
	code = run(&d, inv);
	lmtp_close(&d.lmtp);
	buf_done(&d.header);
	buf_done(&d.input);
	return code;
}
