/*
 * What comes before a proxy's client, and lists of networks. Input: an octet
 * of how many octets come at a time, then a header, or a list.
 */
#include "fuzz/fuzz.h"

#include "net/proxy.h"
#include "os/network.h"

/* The header is found at the same place however it comes, and never later
 * than its own limit. */
static void header(struct span text, size_t at_once)
{
	struct proxy_header whole, parts;
	size_t used = 0, used_parts = 0, n = 0;
	enum proxy_step step = proxy_read(text, &used, &whole);
	enum proxy_step step_parts = PROXY_MORE;

	while (step_parts == PROXY_MORE && n < text.n) {
		struct span rest = text, part;

		n = n + at_once < text.n ? n + at_once : text.n;
		part = fuzz_piece(&rest, n);
		step_parts = proxy_read(part, &used_parts, &parts);
		fuzz_free(part);
	}
	if (text.n > 0)
		MUST(step == step_parts);
	if (step == PROXY_MORE)
		MUST(text.n < PROXY_V2_MAX);
	if (step != PROXY_DONE)
		return;
	MUST(used == used_parts && used <= text.n && used <= PROXY_V2_MAX);
	MUST(whole.local == parts.local);
	if (whole.local)
		return;
	MUST(whole.source.n == parts.source.n);
	MUST(memcmp(&whole.source.storage, &parts.source.storage,
		    whole.source.n) == 0);
	MUST(whole.source.any.sa_family == AF_INET ||
	     whole.source.any.sa_family == AF_INET6);
}

static void networks(struct span text)
{
	struct socket_address a;
	struct network n;

	MUST(socket_address_parse("[2001:db8::1]:1", &a) == YB_OK);
	(void)networks_have(text, &a);
	if (network_parse(text, &n) != YB_OK)
		return;
	MUST(n.bits <= 128);
	socket_address_from_octets(n.octets, 16, 1, &a);
	MUST(network_has(&n, &a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), text;
	size_t at_once = fuzz_take(&in) + 1u;

	text = fuzz_piece(&in, SIZE_MAX);
	header(text, at_once);
	networks(text);
	fuzz_free(text);
	return 0;
}
