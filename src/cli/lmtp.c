#include "cli/lmtp.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/socket.h"

enum yb_err lmtp_connect(struct lmtp *l, const char *address)
{
	struct socket_address a;
	enum yb_err err = socket_address_parse(address, &a);

	l->fd = -1;
	buf_init(&l->in, LMTP_LINE_MAX);
	buf_init(&l->out, 2 * LMTP_BLOCK);
	if (err == YB_OK)
		err = socket_connect(&a, true, &l->fd);
	return err;
}

void lmtp_close(struct lmtp *l)
{
	fd_close(&l->fd);
	buf_done(&l->in);
	buf_done(&l->out);
}

static enum yb_err flush(struct lmtp *l)
{
	enum yb_err err = file_write_all(l->fd, buf_span(&l->out));

	buf_clear(&l->out);
	return err;
}

enum yb_err lmtp_command(struct lmtp *l, const char *format, ...)
{
	char line[LMTP_LINE_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof line)
		return YB_TOO_BIG;
	return buf_addf(&l->out, "%s\r\n", line);
}

enum yb_err lmtp_data(struct lmtp *l, struct span wire)
{
	enum yb_err err = YB_OK;

	while (err == YB_OK && wire.n > 0) {
		struct span part = span_head(wire, LMTP_BLOCK);

		err = buf_add(&l->out, part);
		wire = span_skip(wire, part.n);
		if (err == YB_OK && l->out.n >= LMTP_BLOCK)
			err = flush(l);
	}
	return err;
}

/* ---- replies ---- */

static bool is_status(struct span s)
{
	size_t dots = 0;

	if (s.n < 5 || s.n >= sizeof((struct lmtp_reply *)NULL)->status)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		dots += s.p[i] == '.';
		if (!ascii_digit(s.p[i]) && s.p[i] != '.')
			return false;
	}
	return dots == 2 && s.p[1] == '.' && strchr("245", s.p[0]) != NULL;
}

static void copy_text(struct span s, char ret[LMTP_TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < LMTP_TEXT_MAX; i++)
		ret[n++] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
	ret[n] = 0;
}

bool lmtp_parse_line(struct span line, bool *ret_last, struct lmtp_reply *ret)
{
	struct span rest, status;
	uint64_t code;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n < 3 || !num_parse(span_head(line, 3), 599, &code) ||
	    code < 200)
		return false;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return false;
	*ret_last = line.n == 3 || line.p[3] == ' ';
	ret->code = (unsigned)code;
	rest = span_skip(line, 4);
	status = span_head(rest, span_find(rest, ' '));
	if (is_status(status)) {
		(void)span_to_str(status, ret->status, sizeof ret->status);
		rest = span_trim(span_skip(rest, status.n));
	} else {
		(void)snprintf(ret->status, sizeof ret->status, "%u.0.0",
			       ret->code / 100);
	}
	copy_text(rest, ret->text);
	return true;
}

static enum yb_err read_more(struct lmtp *l)
{
	struct pollfd wait = { .fd = l->fd, .events = POLLIN };
	int ready = poll(&wait, 1, LMTP_WAIT_MS);
	ssize_t n;

	if (ready == 0)
		return YB_TIMEOUT;
	if (buf_space(&l->in) == 0)
		return YB_SYNTAX; /* no line of a reply is that long */
	if (buf_reserve(&l->in, buf_space(&l->in)) != YB_OK)
		return YB_NOMEM;
	n = read(l->fd, l->in.p + l->in.n, buf_space(&l->in));
	if (n < 0)
		return errno == EINTR ? YB_OK : err_from_errno(errno);
	l->in.n += (size_t)n;
	return n == 0 ? YB_GONE : YB_OK;
}

static enum yb_err read_line(struct lmtp *l, bool *ret_last,
			     struct lmtp_reply *ret)
{
	enum yb_err err = YB_OK;
	size_t end;
	bool ok;

	while ((end = span_find(buf_span(&l->in), '\n')) == l->in.n) {
		err = read_more(l);
		if (err != YB_OK)
			return err;
	}
	ok = lmtp_parse_line(span_of(l->in.p, end), ret_last, ret);
	buf_drop(&l->in, end + 1);
	return ok ? YB_OK : YB_SYNTAX;
}

enum yb_err lmtp_reply(struct lmtp *l, struct lmtp_reply *ret)
{
	enum yb_err err = flush(l);
	bool last = false;

	for (int i = 0; err == YB_OK && !last; i++)
		err = i < LMTP_LINES_MAX ? read_line(l, &last, ret) : YB_SYNTAX;
	return err;
}
