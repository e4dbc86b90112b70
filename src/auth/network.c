#include "auth/network.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/num.h"

struct network {
	int family;
	uint8_t address[16]; /* IPv4 mapped into IPv6 */
	unsigned bits;       /* of 128 */
};

enum { MAPPED_BITS = 96 };

static bool read_address(struct span s, struct network *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (!span_to_str(s, text, sizeof text))
		return false;
	memcpy(ret->address, mapped, sizeof mapped);
	ret->family = AF_INET;
	if (inet_pton(AF_INET, text, ret->address + sizeof mapped) == 1)
		return true;
	ret->family = AF_INET6;
	return inet_pton(AF_INET6, text, ret->address) == 1;
}

static bool has_bits_behind(const struct network *n)
{
	for (unsigned i = n->bits; i < 128; i++)
		if ((n->address[i / 8] & 0x80u >> i % 8) != 0)
			return true;
	return false;
}

static bool read_network(struct span s, struct network *ret)
{
	size_t slash = span_find(s, '/');
	uint64_t max, bits;

	if (!read_address(span_head(s, slash), ret))
		return false;
	max = ret->family == AF_INET ? 32 : 128;
	bits = max;
	if (slash < s.n && !num_parse(span_skip(s, slash + 1), max, &bits))
		return false;
	ret->bits = (unsigned)bits +
		    (ret->family == AF_INET ? (unsigned)MAPPED_BITS : 0);
	return !has_bits_behind(ret);
}

static enum yb_err print(const struct network *n, struct buf *out)
{
	unsigned skip = n->family == AF_INET ? MAPPED_BITS : 0;
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(n->family, n->address + skip / 8, text, sizeof text) ==
	    NULL)
		return YB_INVALID;
	if (n->bits == 128)
		return buf_addf(out, "%s%s", out->n > 0 ? "," : "", text);
	return buf_addf(out, "%s%s/%u", out->n > 0 ? "," : "", text,
			n->bits - skip);
}

enum yb_err networks_canonical(struct span in,
			       char ret[DIRECTORY_NETWORKS_MAX + 1])
{
	struct span rest = in;
	struct network n;
	struct buf out;
	enum yb_err err = YB_OK;

	buf_init(&out, DIRECTORY_NETWORKS_MAX);
	while (rest.n > 0 && err == YB_OK) {
		struct span s = span_trim(span_cut(&rest, ','));

		err = read_network(s, &n) ? print(&n, &out) : YB_INVALID;
	}
	if (err == YB_OK && in.n > 0 && in.p[in.n - 1] == ',')
		err = YB_INVALID;
	if (err == YB_OK && out.n > 0)
		memcpy(ret, out.p, out.n);
	if (err == YB_OK)
		ret[out.n] = 0;
	buf_done(&out);
	return err;
}

static bool is_in(const struct network *n, const uint8_t address[16])
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return memcmp(n->address, address, whole) == 0 &&
	       (rest == 0 ||
		((n->address[whole] ^ address[whole]) & mask) == 0);
}

bool networks_hold(const char *networks, const uint8_t address[16])
{
	struct span rest = span_str(networks);
	struct network n;

	if (rest.n == 0)
		return true;
	while (rest.n > 0)
		if (read_network(span_cut(&rest, ','), &n) &&
		    is_in(&n, address))
			return true;
	return false;
}
