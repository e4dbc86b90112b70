#include "cli/dial.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/socket.h"

static enum yb_err wait_for(const struct dial *d, short events)
{
	uint64_t now = clock_mono_ms();
	struct pollfd wait = { .fd = d->fd, .events = events };

	if (now >= d->deadline_ms)
		return YB_TIMEOUT;
	return poll(&wait, 1, (int)(d->deadline_ms - now)) == 1 ? YB_OK
								: YB_TIMEOUT;
}

/* What TLS waits for: room, or octets. */
static enum yb_err wait_for_tls(const struct dial *d, short otherwise)
{
	return wait_for(d, tls_connection_wants_room(d->tls) ? POLLOUT
							     : otherwise);
}

/* "0.0.0.0:110" and "[::]:110" are reached over the loopback. */
static void near_address(const char *address, char *ret, size_t cap)
{
	if (strncmp(address, "0.0.0.0:", 8) == 0)
		(void)snprintf(ret, cap, "127.0.0.1:%s", address + 8);
	else if (strncmp(address, "[::]:", 5) == 0)
		(void)snprintf(ret, cap, "[::1]:%s", address + 5);
	else
		(void)snprintf(ret, cap, "%s", address);
}

static enum yb_err connect_to(struct dial *d, const char *address)
{
	char near[256];
	struct socket_address a;
	socklen_t n = sizeof(int);
	int number = 0;
	enum yb_err err;

	near_address(address, near, sizeof near);
	err = socket_address_parse(near, &a);
	if (err == YB_OK)
		err = socket_connect(&a, false, &d->fd);
	if (err != YB_AGAIN)
		return err;
	err = wait_for(d, POLLOUT);
	if (err != YB_OK)
		return err;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &number, &n) < 0)
		number = errno;
	return number == 0 ? YB_OK : err_from_errno(number);
}

enum yb_err dial_start_tls(struct dial *d)
{
	enum yb_err err = tls_context_client(SPAN_NONE, &d->context);

	if (err == YB_OK)
		err = tls_connection_connect(d->context, d->fd, NULL, &d->tls);
	while (err == YB_OK) {
		err = tls_connection_handshake(d->tls);
		if (err != YB_AGAIN)
			break;
		err = wait_for_tls(d, POLLIN);
	}
	return err;
}

enum yb_err dial_open(struct dial *d, const char *address, bool tls)
{
	enum yb_err err;

	*d = (struct dial){ .fd = -1,
			    .deadline_ms = clock_mono_ms() + DIAL_MS };
	buf_init(&d->in, DIAL_LINE_MAX);
	err = connect_to(d, address);
	return err == YB_OK && tls ? dial_start_tls(d) : err;
}

void dial_close(struct dial *d)
{
	tls_connection_free(&d->tls);
	tls_context_free(&d->context);
	fd_close(&d->fd);
	buf_done(&d->in);
}

static enum yb_err write_some(struct dial *d, struct span s, size_t *ret_n)
{
	ssize_t n;

	if (d->tls != NULL)
		return tls_connection_write(d->tls, s, ret_n);
	n = send(d->fd, s.p, s.n, MSG_NOSIGNAL);
	if (n < 0)
		return err_from_errno(errno);
	*ret_n = (size_t)n;
	return YB_OK;
}

enum yb_err dial_send(struct dial *d, struct span octets)
{
	enum yb_err err = YB_OK;

	while (octets.n > 0 && err == YB_OK) {
		size_t n = 0;

		err = write_some(d, octets, &n);
		octets = span_skip(octets, n);
		if (err == YB_AGAIN)
			err = d->tls != NULL ? wait_for_tls(d, POLLOUT)
					     : wait_for(d, POLLOUT);
	}
	return err;
}

enum yb_err dial_say(struct dial *d, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text - 2, format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof text - 2)
		return YB_TOO_BIG;
	memcpy(text + n, "\r\n", 2);
	return dial_send(d, span_of(text, (size_t)n + 2));
}

static enum yb_err read_some(struct dial *d)
{
	uint8_t octets[1024];
	size_t room = buf_space(&d->in), n = 0;
	enum yb_err err;
	ssize_t got;

	if (room == 0)
		return YB_TOO_BIG;
	if (room > sizeof octets)
		room = sizeof octets;
	if (d->tls != NULL) {
		err = tls_connection_read(d->tls, octets, room, &n);
	} else {
		got = recv(d->fd, octets, room, 0);
		err = got < 0    ? err_from_errno(errno)
		      : got == 0 ? YB_GONE
				 : YB_OK;
		n = got > 0 ? (size_t)got : 0;
	}
	if (err == YB_AGAIN)
		return d->tls != NULL ? wait_for_tls(d, POLLIN)
				      : wait_for(d, POLLIN);
	return err == YB_OK ? buf_add(&d->in, span_of(octets, n)) : err;
}

enum yb_err dial_line(struct dial *d, char ret[DIAL_LINE_MAX])
{
	enum yb_err err = YB_OK;
	size_t at;

	while (err == YB_OK) {
		struct span in = buf_span(&d->in);

		at = span_find(in, '\n');
		if (at < in.n) {
			size_t n = at > 0 && in.p[at - 1] == '\r' ? at - 1 : at;

			/* A NUL in it: not a line of ours. */
			if (!span_to_str(span_head(in, n), ret, DIAL_LINE_MAX))
				err = YB_INVALID;
			buf_drop(&d->in, at + 1);
			return err;
		}
		err = read_some(d);
	}
	return err;
}
