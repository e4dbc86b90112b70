#include "net/proxy.h"

#include "base/num.h"

#define V1_START SPAN_LIT("PROXY ")
#define V2_START SPAN_LIT("\r\n\r\n\0\r\nQUIT\n")

/* ---- version 1: a line of text ---- */

static bool parse_port(struct span text, uint16_t *ret)
{
	uint64_t port;

	if (!num_parse(text, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

/* "192.0.2.1 198.51.100.1 56324 443", one space between. */
static bool parse_addresses(struct span line, bool v6,
			    struct socket_address *ret)
{
	struct span source = span_cut(&line, ' ');
	struct span target = span_cut(&line, ' ');
	struct span source_port = span_cut(&line, ' ');
	struct socket_address ignored;
	uint16_t port, target_port;

	return parse_port(source_port, &port) &&
	       parse_port(line, &target_port) &&
	       socket_address_from_text(target, v6, target_port, &ignored) ==
		       YB_OK &&
	       socket_address_from_text(source, v6, port, ret) == YB_OK;
}

static enum proxy_step parse_line(struct span line, struct proxy_header *ret)
{
	struct span family;

	line = span_skip(line, V1_START.n);
	family = span_cut(&line, ' ');
	/* "the receiver must ignore anything presented before the CRLF" */
	if (span_eq(family, SPAN_LIT("UNKNOWN"))) {
		ret->local = true;
		return PROXY_DONE;
	}
	ret->local = false;
	if (span_eq(family, SPAN_LIT("TCP4")))
		return parse_addresses(line, false, &ret->source) ? PROXY_DONE
								  : PROXY_WRONG;
	if (span_eq(family, SPAN_LIT("TCP6")))
		return parse_addresses(line, true, &ret->source) ? PROXY_DONE
								 : PROXY_WRONG;
	return PROXY_WRONG;
}

static enum proxy_step read_v1(struct span in, size_t *ret_used,
			       struct proxy_header *ret)
{
	struct span window = span_head(in, PROXY_V1_MAX);
	size_t at = span_find(window, '\n');

	if (at == window.n)
		return window.n == PROXY_V1_MAX ? PROXY_WRONG : PROXY_MORE;
	if (window.p[at - 1] != '\r' ||
	    span_find(span_head(window, at - 1), 0) != at - 1)
		return PROXY_WRONG;
	*ret_used = at + 1;
	return parse_line(span_head(window, at - 1), ret);
}

/* ---- version 2: binary ---- */

enum {
	V2_HEAD = 16,
	V2_LOCAL = 0x20,
	V2_PROXY = 0x21,
	V2_UNSPEC = 0x00,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
	V2_UNIX = 0x31,
};

/* Source and target, then their ports. */
static enum proxy_step read_inet(struct span body, size_t n,
				 struct proxy_header *ret)
{
	if (body.n < 2 * n + 4)
		return PROXY_WRONG;
	ret->local = false;
	socket_address_from_octets(
		body.p, n, (uint16_t)(body.p[2 * n] << 8 | body.p[2 * n + 1]),
		&ret->source);
	return PROXY_DONE;
}

static enum proxy_step read_body(uint8_t family, struct span body,
				 struct proxy_header *ret)
{
	enum { UNIX_PATHS = 2 * 108 };

	switch (family) {
	case V2_TCP4:
		return read_inet(body, 4, ret);
	case V2_TCP6:
		return read_inet(body, 16, ret);
	case V2_UNIX:
		ret->local = true;
		return body.n < UNIX_PATHS ? PROXY_WRONG : PROXY_DONE;
	case V2_UNSPEC:
		ret->local = true;
		return PROXY_DONE;
	default:
		return PROXY_WRONG; /* datagrams, families not assigned */
	}
}

static enum proxy_step read_v2(struct span in, size_t *ret_used,
			       struct proxy_header *ret)
{
	size_t n;

	if (in.n < V2_HEAD)
		return PROXY_MORE;
	n = V2_HEAD + (size_t)(in.p[14] << 8 | in.p[15]);
	if (n > PROXY_V2_MAX || (in.p[12] != V2_LOCAL && in.p[12] != V2_PROXY))
		return PROXY_WRONG;
	if (in.n < n)
		return PROXY_MORE;
	*ret_used = n;
	/* LOCAL: "the receiver must accept this connection as valid and must
	 * use the real connection endpoints and discard the protocol block". */
	if (in.p[12] == V2_LOCAL) {
		ret->local = true;
		return PROXY_DONE;
	}
	return read_body(in.p[13], span_of(in.p + V2_HEAD, n - V2_HEAD), ret);
}

enum proxy_step proxy_read(struct span in, size_t *ret_used,
			   struct proxy_header *ret)
{
	struct span v1 = span_head(V1_START, in.n);
	struct span v2 = span_head(V2_START, in.n);

	if (in.n == 0)
		return PROXY_MORE;
	if (span_starts(in, v1))
		return v1.n < V1_START.n ? PROXY_MORE
					 : read_v1(in, ret_used, ret);
	if (span_starts(in, v2))
		return v2.n < V2_START.n ? PROXY_MORE
					 : read_v2(in, ret_used, ret);
	return PROXY_WRONG;
}
