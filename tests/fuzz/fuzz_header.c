/*
 * What reads addresses and headers that strangers write. Input: an octet of
 * how many octets come at a time, then an address, a path, or a message.
 */
#include "fuzz/fuzz.h"

#include "mime/address.h"
#include "mime/hops.h"

static bool is_inside(struct span part, struct span whole)
{
	return part.n == 0 ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void addresses(struct span text)
{
	struct address a;
	struct span rest = text, path;

	if (address_parse(text, &a) == YB_OK) {
		MUST(is_inside(a.local, text) && is_inside(a.domain, text));
		MUST(a.local.n > 0 && a.local.n <= ADDRESS_LOCAL_MAX);
		MUST(a.domain.n > 0 && a.domain.n <= ADDRESS_DOMAIN_MAX);
		MUST(a.local.n + 1 + a.domain.n == text.n);
		/* Threat 40: nothing that could end a line of a header. */
		for (size_t i = 0; i < text.n; i++)
			MUST(text.p[i] >= 0x20 && text.p[i] != 0x7f);
	}
	if (address_cut_path(&rest, &path) == YB_OK) {
		MUST(is_inside(path, text) && is_inside(rest, text));
		MUST(rest.n + path.n + 2 <= text.n);
		for (size_t i = 0; i < path.n; i++)
			MUST(path.p[i] != '\r' && path.p[i] != '\n' &&
			     path.p[i] != 0);
	}
	(void)address_is_domain(text);
}

/* The count does not depend on how the message was cut. */
static void count_hops(struct span text, size_t at_once)
{
	struct hops whole, parts;

	hops_init(&whole);
	hops_feed(&whole, text);
	hops_init(&parts);
	while (text.n > 0) {
		struct span part = fuzz_piece(&text, at_once);

		hops_feed(&parts, part);
		fuzz_free(part);
	}
	MUST(whole.n == parts.n);
	MUST(whole.state == parts.state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), text;
	size_t at_once = fuzz_take(&in) + 1u;

	text = fuzz_piece(&in, SIZE_MAX);
	addresses(text);
	count_hops(text, at_once);
	fuzz_free(text);
	return 0;
}
