/*
 * Names of accounts and domains, as strangers type them (threats 13 and 41).
 * Input: an octet (1: of a new account; 2: an alias), then the name. What
 * comes out is canonical: it comes out of itself again, and has none of the
 * signs that paths, routes of mail and logs read.
 */
#include "fuzz/fuzz.h"

#include "auth/name.h"
#include "sasl/idna.h"
#include "sasl/saslprep.h"

static void check(const struct name *name)
{
	struct span s = name_span(name);
	size_t at = span_find_last(s, '@');

	MUST(s.n <= AUTH_ADDRESS_MAX && name->text[s.n] == 0);
	MUST(at < s.n && at <= NAME_LOCAL_MAX);
	for (size_t i = 0; i < s.n; i++) {
		MUST(s.p[i] > ' ' && s.p[i] != 0x7f && s.p[i] != '/');
		MUST(strchr("%$`;|<>*?\"\\:!#{}", s.p[i]) == NULL);
		MUST(i <= at || s.p[i] < 0x80);
	}
}

static void canonical(struct span text, enum name_use use)
{
	struct name name, again, bare;

	if (name_canonical(text, "example.org", use, &name) != YB_OK)
		return;
	check(&name);
	MUST(name_canonical(name_span(&name), "", use, &again) == YB_OK);
	MUST(span_eq(name_span(&name), name_span(&again)));
	if (name_without_detail(&name, '+', &bare))
		check(&bare);
}

static void prepare(struct span text)
{
	static uint8_t once[SASLPREP_OUT_MAX], twice[SASLPREP_OUT_MAX];
	size_t n, m;

	if (saslprep(text, SASLPREP_STORED, once, &n) != YB_OK)
		return;
	MUST(n <= sizeof once);
	if (n <= SASLPREP_IN_MAX &&
	    saslprep(span_of(once, n), SASLPREP_STORED, twice, &m) == YB_OK)
		MUST(span_eq(span_of(once, n), span_of(twice, m)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), text;
	uint8_t how = fuzz_take(&in);
	char domain[IDNA_DOMAIN_MAX + 1], shown[IDNA_SHOWN_MAX + 1];
	uint8_t unquoted[AUTH_ADDRESS_MAX];
	struct name alias;
	size_t n;

	text = fuzz_piece(&in, SIZE_MAX);
	canonical(text, (how & 1) != 0 ? NAME_MAKE : NAME_FIND);
	if ((how & 2) != 0)
		(void)name_canonical_alias(text, "example.org", &alias);
	prepare(text);
	if (name_unquote(text, unquoted, &n) == YB_OK)
		MUST(n <= sizeof unquoted);
	if (idna_to_ascii(text, domain) == YB_OK)
		idna_to_shown(domain, shown);
	fuzz_free(text);
	return 0;
}
