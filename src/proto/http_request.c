#include "proto/http_request.h"

#include <string.h>

#include "base/num.h"

/* RFC 9110 section 5.6.2. */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!ascii_digit(c) &&
		    !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') &&
		    (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return s.n > 0;
}

/* A field's value may hold spaces, tabs and 8-bit octets, no controls. */
static bool is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

/*
 * Cuts a line with its CRLF; false if there is none yet. A CR or LF of its own
 * stays in the line, where no check lets it pass (RFC 9112 section 2.2).
 */
static bool cut_line(struct span *in, struct span *ret)
{
	for (size_t i = 0; i + 1 < in->n; i++) {
		if (in->p[i] != '\r' || in->p[i + 1] != '\n')
			continue;
		*ret = span_head(*in, i);
		*in = span_skip(*in, i + 2);
		return true;
	}
	return false;
}

/* RFC 9112 section 3.2.2: "a server MUST accept the absolute-form". */
static struct span path_of(struct span target)
{
	static const char scheme[] = "http://";

	if (target.n > sizeof scheme - 1 &&
	    span_eq_nocase(span_head(target, sizeof scheme - 1),
			   SPAN_LIT("http://"))) {
		target = span_skip(target, sizeof scheme - 1);
		target = span_skip(target, span_find(target, '/'));
		if (target.n == 0)
			target = SPAN_LIT("/");
	}
	return span_head(target, span_find(target, '?'));
}

static enum http_status
read_request_line(struct span line, struct http_request *ret, bool *ret_old)
{
	size_t at = span_find(line, ' ');
	struct span method = span_head(line, at);
	struct span rest = span_skip(line, at + 1);
	struct span target, version;

	at = span_find(rest, ' ');
	target = span_head(rest, at);
	version = span_skip(rest, at + 1);
	if (!is_token(method) || !is_visible(target) || version.n != 8 ||
	    !span_eq(span_head(version, 5), SPAN_LIT("HTTP/")) ||
	    !ascii_digit(version.p[5]) || version.p[6] != '.' ||
	    !ascii_digit(version.p[7]))
		return HTTP_BAD_REQUEST;
	if (version.p[5] != '1')
		return HTTP_BAD_VERSION;
	*ret_old = version.p[7] == '0';
	ret->head = span_eq(method, SPAN_LIT("HEAD"));
	if (!ret->head && !span_eq(method, SPAN_LIT("GET")))
		return HTTP_BAD_METHOD;
	ret->path = path_of(target);
	return ret->path.n > 0 && ret->path.p[0] == '/' ? HTTP_OK
							: HTTP_BAD_REQUEST;
}

/* Whether the field announces no body; one is not wanted. */
static bool is_no_body(struct span name, struct span value)
{
	uint64_t n;

	if (span_eq_nocase(name, SPAN_LIT("transfer-encoding")))
		return false;
	if (!span_eq_nocase(name, SPAN_LIT("content-length")))
		return true;
	return num_parse(value, UINT64_MAX, &n) && n == 0;
}

static struct span trim_value(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static enum http_status read_fields(struct span in, unsigned *ret_hosts)
{
	struct span line;

	*ret_hosts = 0;
	while (cut_line(&in, &line)) {
		size_t at = span_find(line, ':');
		struct span name = span_head(line, at);
		struct span value = trim_value(span_skip(line, at + 1));

		if (line.n == 0)
			return HTTP_OK;
		/* RFC 9112 section 5.1: "No whitespace is allowed between the
		 * field name and colon"; 5.2: folded lines are refused. */
		if (at == line.n || !is_token(name) || !is_value(value))
			return HTTP_BAD_REQUEST;
		if (!is_no_body(name, value))
			return HTTP_TOO_LARGE;
		*ret_hosts += span_eq_nocase(name, SPAN_LIT("host"));
	}
	return HTTP_MORE;
}

enum http_status http_request_read(struct span in, struct http_request *ret)
{
	struct http_request request = { .head = false };
	enum http_status status, fields;
	struct span line;
	unsigned hosts;
	bool old;

	if (!cut_line(&in, &line))
		return in.n >= HTTP_HEAD_MAX ? HTTP_HEAD_TOO_LARGE : HTTP_MORE;
	fields = read_fields(in, &hosts);
	if (fields == HTTP_MORE)
		return line.n + 2 + in.n >= HTTP_HEAD_MAX ? HTTP_HEAD_TOO_LARGE
							  : HTTP_MORE;
	status = read_request_line(line, &request, &old);
	if (status != HTTP_OK)
		return status;
	if (fields != HTTP_OK)
		return fields;
	/* RFC 9112 section 3.2: 400 to a request "that lacks a Host header
	 * field" or "contains more than one". */
	if (hosts > 1 || (hosts == 0 && !old))
		return HTTP_BAD_REQUEST;
	*ret = request;
	return HTTP_OK;
}

const char *http_status_text(enum http_status status)
{
	switch (status) {
	case HTTP_MORE:
		break;
	case HTTP_OK:
		return "OK";
	case HTTP_BAD_REQUEST:
		return "Bad Request";
	case HTTP_NOT_FOUND:
		return "Not Found";
	case HTTP_BAD_METHOD:
		return "Method Not Allowed";
	case HTTP_TOO_LARGE:
		return "Content Too Large";
	case HTTP_HEAD_TOO_LARGE:
		return "Request Header Fields Too Large";
	case HTTP_UNAVAILABLE:
		return "Service Unavailable";
	case HTTP_BAD_VERSION:
		return "HTTP Version Not Supported";
	}
	return "";
}
