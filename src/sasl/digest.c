#include "sasl/digest.h"

#include <stdio.h>

#include "base/codec.h"
#include "crypto/compare.h"
#include "crypto/random.h"

/* RFC 822 section 6: a domain of atoms, as host names are. */
static bool is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' &&
		    (ascii_lower(s.p[i]) < 'a' || ascii_lower(s.p[i]) > 'z'))
			return false;
	return s.n > 0 && s.n <= SASL_STAMP_HOST_MAX && s.p[0] != '.' &&
	       s.p[s.n - 1] != '.';
}

enum yb_err sasl_stamp_make(const char *host, char ret[SASL_STAMP_MAX + 1])
{
	uint8_t random[16], text[2 * sizeof random];
	enum yb_err err = crypto_random(random, sizeof random);

	if (err != YB_OK)
		return err;
	hex_put(text, span_of(random, sizeof random));
	(void)snprintf(ret, SASL_STAMP_MAX + 1, "<%.*s@%s>", (int)sizeof text,
		       (const char *)text,
		       is_host(span_str(host)) ? host : "localhost");
	return YB_OK;
}

bool sasl_digest_stamp(struct sasl_digest *d, struct span stamp)
{
	if (stamp.n == 0 || stamp.n > sizeof d->stamp)
		return false;
	memcpy(d->stamp, stamp.p, stamp.n);
	d->stamp_n = stamp.n;
	return true;
}

bool sasl_digest_take(struct sasl_digest *d, struct span text)
{
	return text.n == 2 * sizeof d->said &&
	       hex_parse(text, d->said, sizeof d->said);
}

enum yb_err sasl_digest_fits(const struct sasl_digest *d, struct span secret,
			     bool *ret)
{
	const struct span stamp = span_of(d->stamp, d->stamp_n);
	uint8_t sum[MD5_LEN];
	/* RFC 1939 section 7: MD5 of "the timestamp (including angle-brackets)
	 * followed by a shared secret". RFC 2195 section 2: keyed MD5 "where
	 * the key is a shared secret". */
	enum yb_err err = d->is_hmac ? legacy_hmac_md5(secret, stamp, sum)
				     : legacy_md5(stamp, secret, sum);

	if (err == YB_OK)
		*ret = compare_equal(sum, d->said, sizeof sum);
	return err;
}
