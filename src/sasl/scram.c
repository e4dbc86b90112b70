#include "sasl/scram.h"

#include "base/codec.h"
#include "base/utf8.h"
#include "crypto/compare.h"
#include "crypto/legacy.h"
#include "crypto/random.h"
#include "sasl/saslprep.h"

static const char invalid_encoding[] = "invalid-encoding";
static const char no_resources[] = "no-resources";

enum yb_err scram_init(struct scram *s, enum scram_hash hash, bool plus,
		       const struct sasl_channel *channel)
{
	uint8_t random[SCRAM_NONCE_LEN / 4 * 3];
	enum yb_err err = crypto_random(random, sizeof random);

	*s = (struct scram){ .hash = hash, .plus = plus };
	/* Whoever knows SHA-1 alone cannot have been offered a -PLUS form. */
	if (hash != SCRAM_SHA_1)
		s->channel = *channel;
	buf_init(&s->text, SCRAM_TEXT_MAX);
	if (err == YB_OK)
		/* Base64 has no comma: all of it may stand in a nonce. */
		(void)base64_put((uint8_t *)s->nonce,
				 span_of(random, sizeof random));
	return err;
}

void scram_done(struct scram *s)
{
	buf_wipe(&s->text);
	buf_done(&s->text);
}

static size_t key_len(const struct scram *s)
{
	return s->hash == SCRAM_SHA_1 ? (size_t)SCRAM_SHA_1_KEY_LEN
				      : (size_t)SCRAM_KEY_LEN;
}

/* ---- fields ---- */

/* What stands before the next comma, which has to be there. */
static bool cut_field(struct span *rest, struct span *ret)
{
	if (span_find(*rest, ',') == rest->n)
		return false;
	*ret = span_cut(rest, ',');
	return true;
}

static bool has_letter(struct span field, char letter, struct span *ret_value)
{
	if (field.n < 2 || field.p[0] != (uint8_t)letter || field.p[1] != '=')
		return false;
	*ret_value = span_skip(field, 2);
	return true;
}

static bool is_letter(uint8_t c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/*
 * RFC 5802 section 5.1: "unknown optional extensions MUST be ignored upon
 * receipt", and a mandatory one is refused. An attribute that has a place of
 * its own is no extension.
 */
static scram_error look_at_extensions(struct span rest)
{
	while (rest.n > 0) {
		struct span field = span_cut(&rest, ',');

		if (field.n < 3 || !is_letter(field.p[0]) || field.p[1] != '=')
			return invalid_encoding;
		if (field.p[0] == 'm')
			return "extensions-not-supported";
		if (memchr("anrcsipve", field.p[0], 9) != NULL)
			return invalid_encoding;
	}
	return NULL;
}

/* Text without NUL, in which commas separate something from something. */
static bool is_message(struct span s)
{
	return s.n > 0 && span_find(s, 0) == s.n && utf8_is_valid(s) &&
	       s.p[s.n - 1] != ',';
}

/* ---- the client's first message ---- */

/* Section 7: cb-name = 1*(ALPHA / DIGIT / "." / "-"). */
static bool is_binding_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && !ascii_digit(s.p[i]) &&
		    s.p[i] != '.' && s.p[i] != '-')
			return false;
	return s.n > 0;
}

static bool has_binding(const struct scram *s)
{
	return s->channel.exporter_n > 0 || s->channel.end_point_n > 0;
}

/* Section 6, "Upon receipt of the client-first message". */
static scram_error take_flag(struct scram *s, struct span flag)
{
	struct span type;

	if (has_letter(flag, 'p', &type) && is_binding_name(type)) {
		if (!s->plus)
			return "channel-binding-not-supported";
		s->binds_exporter = s->channel.exporter_n > 0 &&
				    span_eq(type, SPAN_LIT("tls-exporter"));
		s->binds_end_point =
			s->channel.end_point_n > 0 &&
			span_eq(type, SPAN_LIT("tls-server-end-point"));
		return s->binds_exporter || s->binds_end_point
			       ? NULL
			       : "unsupported-channel-binding-type";
	}
	if (!span_eq(flag, SPAN_LIT("n")) && !span_eq(flag, SPAN_LIT("y")))
		return invalid_encoding;
	/* The -PLUS form means a binding. */
	if (s->plus)
		return "channel-bindings-dont-match";
	/* "If the flag is set to "y" and the server supports channel binding,
	 * the server MUST fail authentication": somebody hid the -PLUS. */
	if (flag.p[0] == 'y' && has_binding(s))
		return "server-does-support-channel-binding";
	return NULL;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static scram_error take_header(struct scram *s, struct span *message,
			       struct scram_names *ret)
{
	struct span rest = *message, flag, field, authzid;

	if (!cut_field(&rest, &flag) || !cut_field(&rest, &field))
		return invalid_encoding;
	/* GNU SASL's program says "a=" for none, against section 7. */
	if (field.n > 0 && !span_eq(field, SPAN_LIT("a=")) &&
	    (!has_letter(field, 'a', &authzid) ||
	     !sasl_name_read(authzid, ret->authzid, &ret->authzid_n)))
		return "invalid-username-encoding";
	s->header_n = message->n - rest.n;
	if (s->header_n > sizeof s->header)
		return invalid_encoding;
	memcpy(s->header, message->p, s->header_n);
	*message = rest;
	return take_flag(s, flag);
}

/* Section 5.1: "a sequence of random printable ASCII characters excluding
 * ','". */
static bool is_nonce(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0 && s.n <= SCRAM_CLIENT_NONCE_MAX;
}

scram_error scram_take_first(struct scram *s, struct span message,
			     struct scram_names *ret)
{
	struct span bare, rest, field, name, nonce;
	scram_error error;

	*ret = (struct scram_names){ .user_n = 0 };
	if (!is_message(message))
		return invalid_encoding;
	bare = message;
	error = take_header(s, &bare, ret);
	if (error != NULL)
		return error;
	rest = bare;
	if (span_starts(bare, SPAN_LIT("m=")))
		return "extensions-not-supported";
	if (!cut_field(&rest, &field) || !has_letter(field, 'n', &name))
		return invalid_encoding;
	if (!sasl_name_read(name, ret->user, &ret->user_n))
		return "invalid-username-encoding";
	if (!has_letter(span_cut(&rest, ','), 'r', &nonce) || !is_nonce(nonce))
		return invalid_encoding;
	error = look_at_extensions(rest);
	if (error != NULL)
		return error;
	/* The server's message, which begins with the whole nonce, follows
	 * the client's bare one. */
	if (buf_add(&s->text, bare) != YB_OK ||
	    buf_add(&s->text, SPAN_LIT(",r=")) != YB_OK)
		return no_resources;
	s->nonce_at = s->text.n;
	if (buf_add(&s->text, nonce) != YB_OK ||
	    buf_add(&s->text, span_str(s->nonce)) != YB_OK)
		return no_resources;
	s->nonce_n = s->text.n - s->nonce_at;
	return NULL;
}

enum yb_err scram_put_first(struct scram *s, struct span salt,
			    uint32_t iterations, struct span *ret)
{
	uint8_t text[64];
	enum yb_err err;

	if (base64_len(salt.n) > sizeof text)
		return YB_TOO_BIG;
	err = buf_addf(&s->text, ",s=%.*s,i=%u", (int)base64_put(text, salt),
		       (const char *)text, iterations);
	if (err == YB_OK)
		*ret = span_skip(buf_span(&s->text),
				 s->nonce_at - (sizeof "r=" - 1));
	return err;
}

/* ---- the client's final message ---- */

/* cbind-input = gs2-header [ cbind-data ], in base64. */
static bool fits_channel(const struct scram *s, struct span said)
{
	uint8_t input[SCRAM_HEADER_MAX + SCRAM_END_POINT_MAX];
	uint8_t text[(sizeof input + 2) / 3 * 4];
	size_t n = s->header_n;

	memcpy(input, s->header, n);
	if (s->binds_exporter) {
		memcpy(input + n, s->channel.exporter, s->channel.exporter_n);
		n += s->channel.exporter_n;
	} else if (s->binds_end_point) {
		memcpy(input + n, s->channel.end_point, s->channel.end_point_n);
		n += s->channel.end_point_n;
	}
	n = base64_put(text, span_of(input, n));
	return said.n == n && compare_equal(said.p, text, n);
}

static bool read_proof(struct span text, size_t key_n,
		       uint8_t ret[SCRAM_KEY_LEN])
{
	uint8_t octets[SCRAM_KEY_LEN + 3];
	size_t n;

	if (text.n != base64_len(key_n) || !base64_parse(text, octets, &n) ||
	    n != key_n)
		return false;
	memcpy(ret, octets, n);
	return true;
}

scram_error scram_take_final(struct scram *s, struct span message)
{
	struct span nonce = span_of(s->text.p + s->nonce_at, s->nonce_n);
	struct span without, rest, field, binding, said, proof;
	scram_error error;
	size_t at;

	if (!is_message(message))
		return invalid_encoding;
	/* client-final-message = client-final-message-without-proof ","
	 * proof: the proof is the last, and over all before it. */
	at = span_find_last(message, ',');
	without = span_head(message, at);
	rest = without;
	if (at == message.n ||
	    !has_letter(span_skip(message, at + 1), 'p', &proof) ||
	    !read_proof(proof, key_len(s), s->proof) ||
	    !cut_field(&rest, &field) || !has_letter(field, 'c', &binding) ||
	    !has_letter(span_cut(&rest, ','), 'r', &said))
		return invalid_encoding;
	error = look_at_extensions(rest);
	if (error != NULL)
		return error;
	/* Section 5.1: the server "MUST verify that the nonce used in
	 * subsequent messages is the same". */
	if (!span_eq(said, nonce))
		return "other-error";
	/* Section 6: "MUST always validate the client's "c=" field". */
	if (!fits_channel(s, binding))
		return "channel-bindings-dont-match";
	if (buf_add(&s->text, SPAN_LIT(",")) != YB_OK ||
	    buf_add(&s->text, without) != YB_OK)
		return no_resources;
	return NULL;
}

enum yb_err scram_try(const struct scram *s, struct hmac *h,
		      const uint8_t stored_key[SCRAM_KEY_LEN], bool *ret_fits)
{
	const struct span text = buf_span(&s->text);

	if (s->hash == SCRAM_SHA_1)
		return scram_sha_1_proof_fits(stored_key, text, s->proof,
					      ret_fits);
	return scram_proof_fits(h, stored_key, text, s->proof, ret_fits);
}

static enum yb_err sign(const struct scram *s, struct hmac *h,
			const uint8_t server_key[SCRAM_KEY_LEN],
			uint8_t ret[SCRAM_KEY_LEN])
{
	const struct span text = buf_span(&s->text);
	enum yb_err err;

	if (s->hash == SCRAM_SHA_1)
		return scram_sha_1_sign(server_key, text, ret);
	err = hmac_rekey(h, span_of(server_key, SCRAM_KEY_LEN));
	return err == YB_OK ? hmac_sum(h, &text, 1, ret) : err;
}

enum yb_err scram_put_final(struct scram *s, struct hmac *h,
			    const uint8_t server_key[SCRAM_KEY_LEN],
			    struct span *ret)
{
	uint8_t signature[SCRAM_KEY_LEN];
	enum yb_err err = sign(s, h, server_key, signature);

	if (err != YB_OK)
		return err;
	memcpy(s->reply, "v=", 2);
	*ret = span_of(
		s->reply,
		2 + base64_put(s->reply + 2, span_of(signature, key_len(s))));
	return YB_OK;
}
