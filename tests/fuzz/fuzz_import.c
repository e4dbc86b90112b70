/*
 * Lists of accounts and Dovecot's passwd-files. Input: the list. What a line
 * says lies within it, and a password's hash is one that can be kept and
 * checked.
 */
#include "fuzz/fuzz.h"

#include "auth/import.h"
#include "crypto/crypt_hash.h"

static bool is_inside(struct span part, struct span whole)
{
	return part.n == 0 ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void secret(struct span address, struct span text)
{
	char hash[DIRECTORY_HASH_MAX + 1];
	struct directory_verifier v;
	const char *reason = NULL;
	struct span plain;
	enum yb_err err = auth_import_scheme(text, &v, hash, &plain, &reason);

	MUST(err == YB_OK || (err == YB_UNSUPPORTED && reason != NULL));
	if (err != YB_OK)
		return;
	MUST(is_inside(plain, text));
	if (v.kind == DIRECTORY_CRYPT)
		MUST(v.hash == hash && crypt_hash_is_known(span_str(hash)));
	if (v.kind == DIRECTORY_SCRAM_SHA_256)
		MUST(v.iterations >= DIRECTORY_ITERATIONS_MIN &&
		     v.iterations <= DIRECTORY_ITERATIONS_MAX);
	if (plain.n > 0)
		(void)auth_import_check(address, plain, false, &reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	while (in.n > 0) {
		struct span rest = span_cut(&in, '\n');
		struct span line = fuzz_piece(&rest, SIZE_MAX);
		struct span address, text;

		if (auth_import_line(line, &address, &text)) {
			MUST(is_inside(address, line));
			MUST(is_inside(text, line));
			secret(address, text);
		}
		fuzz_free(line);
	}
	return 0;
}
