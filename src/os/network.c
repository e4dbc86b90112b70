#include "os/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"

enum { V4_OFFSET = 96 }; /* bits of ::ffff:0:0 */

static bool is_v4(const uint8_t octets[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(octets, mapped, sizeof mapped) == 0;
}

static bool parse_address(struct span text, struct network *n)
{
	char host[INET6_ADDRSTRLEN];

	if (!span_to_str(text, host, sizeof host))
		return false;
	if (inet_pton(AF_INET6, host, n->octets) == 1)
		return !is_v4(n->octets); /* written as what it is */
	memset(n->octets, 0, 10);
	n->octets[10] = n->octets[11] = 0xff;
	return inet_pton(AF_INET, host, n->octets + 12) == 1;
}

/* The octet's bits that are inside the network. */
static uint8_t mask_of(const struct network *n, unsigned octet)
{
	if (n->bits >= 8 * octet + 8)
		return 0xff;
	if (n->bits <= 8 * octet)
		return 0;
	return (uint8_t)(0xff << (8 * octet + 8 - n->bits));
}

enum yb_err network_parse(struct span text, struct network *ret)
{
	size_t slash = span_find(text, '/');
	struct network n;
	uint64_t bits;
	unsigned most;

	if (!parse_address(span_head(text, slash), &n))
		return YB_INVALID;
	most = is_v4(n.octets) ? 32 : 128;
	bits = most;
	if (slash < text.n &&
	    !num_parse(span_skip(text, slash + 1), most, &bits))
		return YB_INVALID;
	n.bits = (unsigned)bits + (most == 32 ? V4_OFFSET : 0);
	for (unsigned i = 0; i < sizeof n.octets; i++)
		if ((n.octets[i] & ~mask_of(&n, i)) != 0)
			return YB_INVALID;
	*ret = n;
	return YB_OK;
}

bool network_has(const struct network *n, const struct socket_address *a)
{
	uint8_t octets[16];

	if (a->any.sa_family == AF_UNIX)
		return false;
	socket_address_octets(a, octets);
	if (is_v4(octets) != is_v4(n->octets))
		return false;
	for (unsigned i = 0; i < sizeof octets; i++)
		if (((octets[i] ^ n->octets[i]) & mask_of(n, i)) != 0)
			return false;
	return true;
}

struct span networks_cut(struct span *list)
{
	struct span word;
	size_t n = 0;

	while (list->n > 0 && (list->p[0] == ' ' || list->p[0] == ','))
		*list = span_skip(*list, 1);
	while (n < list->n && list->p[n] != ' ' && list->p[n] != ',')
		n++;
	word = span_head(*list, n);
	*list = span_skip(*list, n);
	return word;
}

bool networks_have(struct span list, const struct socket_address *a)
{
	struct span word;
	struct network n;

	while ((word = networks_cut(&list)).n > 0)
		if (network_parse(word, &n) == YB_OK && network_has(&n, a))
			return true;
	return false;
}
