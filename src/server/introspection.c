#include "server/introspection.h"

#include "base/buf.h"
#include "base/codec.h"

/* ---- reading ---- */

static bool is_word(const json_t *v, struct span word)
{
	return json_is_string(v) &&
	       span_eq(span_of(json_string_value(v), json_string_length(v)),
		       word);
}

/* RFC 7519 section 4.1.3: "aud" is an array of strings, or one string. */
static bool has_audience(const json_t *answer, struct span wanted)
{
	const json_t *aud = json_object_get(answer, "aud");

	for (size_t i = 0; i < json_array_size(aud); i++)
		if (is_word(json_array_get(aud, i), wanted))
			return true;
	return is_word(aud, wanted);
}

static bool has_word(struct span list, struct span word)
{
	while (list.n > 0)
		if (span_eq(span_cut(&list, ' '), word))
			return true;
	return false;
}

/* RFC 7662 section 2.2: scope is "a space-separated list of scopes". */
static bool has_scope(const json_t *answer, struct span wanted)
{
	const json_t *v = json_object_get(answer, "scope");
	struct span given = SPAN_NONE;

	if (json_is_string(v))
		given = span_of(json_string_value(v), json_string_length(v));
	while (wanted.n > 0) {
		struct span word = span_cut(&wanted, ' ');

		if (word.n > 0 && !has_word(given, word))
			return false;
	}
	return true;
}

/* False for what is no time. It may have a fraction (RFC 7519 section 2). */
static bool read_expiry(const json_t *answer, int64_t *ret)
{
	const json_t *v = json_object_get(answer, "exp");
	double s;

	*ret = 0;
	if (v == NULL || json_is_null(v))
		return true;
	if (!json_is_number(v))
		return false;
	s = json_number_value(v);
	/* Up to the year 10000; a double holds all these whole. */
	if (!(s > 0 && s < 253402300800.0))
		return false;
	*ret = (int64_t)s;
	return true;
}

/* Whose it is. An address that nobody has proved to be his is nobody's. */
static struct span read_user(const json_t *answer, const char *claim)
{
	const json_t *v = json_object_get(answer, claim);
	struct span user;

	if (!json_is_string(v) ||
	    (strcmp(claim, "email") == 0 &&
	     json_is_false(json_object_get(answer, "email_verified"))))
		return SPAN_NONE;
	user = span_of(json_string_value(v), json_string_length(v));
	return user.n <= AUTH_ADDRESS_MAX ? user : SPAN_NONE;
}

const char *introspection_read(const json_t *answer,
			       const struct introspection_rules *rules,
			       int64_t now_s, struct token_answer *ret)
{
	const json_t *active = json_object_get(answer, "active");
	struct token_answer a = { .verdict = TOKEN_GOOD };

	/* RFC 7662 section 2.2: "active REQUIRED. Boolean indicator". */
	if (!json_is_boolean(active))
		return "has no \"active\" that is true or false";
	if (!read_expiry(answer, &a.expires_s))
		return "has an \"exp\" that is no time";
	a.user = read_user(answer, rules->claim);
	if (json_is_false(active) || (a.expires_s != 0 && a.expires_s <= now_s))
		a.verdict = TOKEN_INACTIVE;
	else if (*rules->audience != 0 &&
		 !has_audience(answer, span_str(rules->audience)))
		a.verdict = TOKEN_AUDIENCE;
	else if (!has_scope(answer, span_str(rules->scope)))
		a.verdict = TOKEN_SCOPE;
	else if (a.user.n == 0)
		a.verdict = TOKEN_NAMELESS;
	*ret = a;
	return NULL;
}

const char *introspection_parse(struct span text,
				const struct introspection_rules *rules,
				int64_t now_s, json_t **ret_tree,
				struct token_answer *ret)
{
	json_t *tree = text.n == 0 ? NULL
				   : json_loadb((const char *)text.p, text.n,
						JSON_REJECT_DUPLICATES, NULL);
	const char *wrong = "is no JSON object";

	if (json_is_object(tree))
		wrong = introspection_read(tree, rules, now_s, ret);
	if (wrong != NULL)
		json_decref(tree);
	else
		*ret_tree = tree;
	return wrong;
}

/* ---- asking ---- */

/* RFC 3986 section 2.3; all else is escaped, the space too. */
static bool is_unreserved(uint8_t c)
{
	return ascii_digit(c) ||
	       (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

enum yb_err introspection_put_form(struct buf *out, struct span s)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < s.n && err == YB_OK; i++)
		err = is_unreserved(s.p[i]) ? buf_add_u8(out, s.p[i])
					    : buf_addf(out, "%%%02X", s.p[i]);
	return err;
}

enum yb_err introspection_put_question(struct buf *out, struct span token)
{
	enum yb_err err = buf_add(out, SPAN_LIT("token="));

	if (err == YB_OK)
		err = introspection_put_form(out, token);
	if (err == YB_OK)
		err = buf_add(out, SPAN_LIT("&token_type_hint=access_token"));
	return err;
}

/* Section 2.3.1: identifier and password are "encoded using the
 * application/x-www-form-urlencoded encoding algorithm" first. */
enum yb_err introspection_put_client(struct buf *out, struct span id,
				     struct span secret)
{
	struct buf pair;
	enum yb_err err;

	buf_init(&pair, out->ceiling);
	err = introspection_put_form(&pair, id);
	if (err == YB_OK)
		err = buf_add_u8(&pair, ':');
	if (err == YB_OK)
		err = introspection_put_form(&pair, secret);
	if (err == YB_OK)
		err = buf_add(out, SPAN_LIT("Authorization: Basic "));
	if (err == YB_OK)
		err = buf_reserve(out, base64_len(pair.n));
	if (err == YB_OK)
		out->n += base64_put(out->p + out->n, buf_span(&pair));
	buf_wipe(&pair);
	buf_done(&pair);
	return err;
}
