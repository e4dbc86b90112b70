#include "sasl/oauth.h"

#include "base/num.h"
#include "base/utf8.h"

/* RFC 7628 section 3.1: kvsep = %x01. */
enum { KVSEP = 1 };

static bool is_letter(uint8_t c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* key = 1*(ALPHA) */
static bool is_key(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]))
			return false;
	return s.n > 0;
}

/* value = *(VCHAR / SP / HTAB / CR / LF ) */
static bool is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x20 || s.p[i] > 0x7e) && s.p[i] != '\t' &&
		    s.p[i] != '\r' && s.p[i] != '\n')
			return false;
	return true;
}

/* A name: UTF-8 without controls, so without a separator. */
static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= SASL_USER_MAX && utf8_is_valid(s);
}

/*
 * RFC 6750 section 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" /
 * "+" / "/" ) *"="
 */
static bool is_token(struct span s)
{
	size_t n = s.n;

	while (n > 0 && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!is_letter(s.p[i]) && !ascii_digit(s.p[i]) &&
		    (s.p[i] == 0 || strchr("-._~+/", s.p[i]) == NULL))
			return false;
	return n > 0;
}

/*
 * RFC 7628 section 3.1: auth is "the payload that would be in the HTTP
 * Authorization header". "Bearer" may be in any case (section 4); a client
 * that sends nothing "can query for the needed scope" (section 4.3).
 */
static bool read_auth(struct span value, struct span *ret)
{
	struct span rest = value;

	*ret = SPAN_NONE;
	if (value.n == 0)
		return true;
	if (!span_eq_nocase(span_cut(&rest, ' '), SPAN_LIT("bearer")))
		return false;
	while (rest.n > 0 && rest.p[0] == ' ')
		rest = span_skip(rest, 1);
	*ret = rest;
	return rest.n == 0 || is_token(rest);
}

/* "a decimal positive integer string without leading zeros" */
static bool is_port(struct span s)
{
	uint64_t port;

	return s.n > 0 && s.p[0] != '0' && num_parse(s, UINT16_MAX, &port);
}

/* ---- OAUTHBEARER's header ---- */

/*
 * RFC 5801 section 4: gs2-header = [gs2-nonstd-flag ","] gs2-cb-flag ","
 * [gs2-authzid] ",". There is no channel binding here, so no "p=", and "y" is
 * no lie; "F" is for mechanisms that this one is not.
 */
static bool read_header(struct span header, struct oauth_claim *ret)
{
	struct span rest = header, flag = span_cut(&rest, ','), authzid;

	if (!span_eq(flag, SPAN_LIT("n")) && !span_eq(flag, SPAN_LIT("y")))
		return false;
	if (span_find(rest, ',') == rest.n)
		return false;
	authzid = span_cut(&rest, ',');
	if (rest.n > 0)
		return false;
	if (authzid.n == 0)
		return true;
	return span_starts(authzid, SPAN_LIT("a=")) &&
	       sasl_name_read(span_skip(authzid, 2), ret->user, &ret->user_n) &&
	       is_name(span_of(ret->user, ret->user_n));
}

/* ---- keys and values ---- */

enum key { KEY_AUTH, KEY_USER, KEY_HOST, KEY_PORT, KEY_UNKNOWN };

static enum key find_key(enum oauth_form form, struct span key)
{
	if (span_eq(key, SPAN_LIT("auth")))
		return KEY_AUTH;
	if (form == OAUTH_XOAUTH2)
		return span_eq(key, SPAN_LIT("user")) ? KEY_USER : KEY_UNKNOWN;
	if (span_eq(key, SPAN_LIT("host")))
		return KEY_HOST;
	return span_eq(key, SPAN_LIT("port")) ? KEY_PORT : KEY_UNKNOWN;
}

static bool read_user(struct span value, struct oauth_claim *ret)
{
	if (!is_name(value))
		return false;
	memcpy(ret->user, value.p, value.n);
	ret->user_n = value.n;
	return true;
}

static bool read_pair(enum key key, struct span value, struct oauth_claim *ret)
{
	switch (key) {
	case KEY_AUTH:
		return read_auth(value, &ret->token);
	case KEY_USER:
		return read_user(value, ret);
	case KEY_HOST:
		ret->host = value;
		return is_value(value);
	case KEY_PORT:
		return is_port(value);
	case KEY_UNKNOWN:
		break;
	}
	/* "Unknown key/value pairs MUST be ignored by the server." */
	return is_value(value);
}

/* client-resp = (gs2-header kvsep *kvpair kvsep), behind the header. */
static bool read_pairs(enum oauth_form form, struct span rest,
		       struct oauth_claim *ret)
{
	unsigned seen = 0;

	while (rest.n > 0 && rest.p[0] != KVSEP) {
		struct span value, name;
		enum key key;

		if (span_find(rest, KVSEP) == rest.n)
			return false;
		value = span_cut(&rest, KVSEP);
		if (span_find(value, '=') == value.n)
			return false;
		name = span_cut(&value, '=');
		key = find_key(form, name);
		/* Which of two would count is not said: none does. */
		if (!is_key(name) ||
		    (key != KEY_UNKNOWN && (seen & 1u << key) != 0) ||
		    !read_pair(key, value, ret))
			return false;
		seen |= 1u << key;
	}
	if (form == OAUTH_XOAUTH2 && (seen & 1u << KEY_USER) == 0)
		return false;
	/* auth is REQUIRED, and nothing follows the last separator. */
	return rest.n == 1 && (seen & 1u << KEY_AUTH) != 0;
}

bool oauth_read(enum oauth_form form, struct span message,
		struct oauth_claim *ret)
{
	struct span rest = message;

	*ret = (struct oauth_claim){ .user_n = 0 };
	if (form == OAUTH_BEARER && (span_find(rest, KVSEP) == rest.n ||
				     !read_header(span_cut(&rest, KVSEP), ret)))
		return false;
	return read_pairs(form, rest, ret);
}

/* ---- what is said about a failure ---- */

/* As a JSON string; there are no controls in a hint. */
static char *put_string(char *at, const char *name, struct span s)
{
	at = stpcpy(at, ",\"");
	at = stpcpy(at, name);
	at = stpcpy(at, "\":\"");
	for (size_t i = 0; i < s.n && i < OAUTH_HINT_MAX; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			*at++ = '\\';
		*at++ = (char)s.p[i];
	}
	*at++ = '"';
	return at;
}

static const char *status_text(enum oauth_form form, enum oauth_status status)
{
	bool token = status == OAUTH_INVALID_TOKEN;

	/* XOAUTH2 says what HTTP would: RFC 6750 section 3.1. */
	if (form == OAUTH_XOAUTH2)
		return token ? "401" : "400";
	return token ? "invalid_token" : "invalid_request";
}

void oauth_put_refusal(enum oauth_form form, enum oauth_status status,
		       struct span scope, struct span configuration,
		       char ret[OAUTH_REFUSAL_MAX])
{
	char *at = stpcpy(ret, "{\"status\":\"");

	at = stpcpy(at, status_text(form, status));
	at = stpcpy(at, "\"");
	if (form == OAUTH_XOAUTH2)
		at = put_string(at, "schemes", SPAN_LIT("bearer"));
	if (scope.n > 0)
		at = put_string(at, "scope", scope);
	if (configuration.n > 0 && form == OAUTH_BEARER)
		at = put_string(at, "openid-configuration", configuration);
	memcpy(at, "}", 2);
}

/* ---- the client's side ---- */

static enum yb_err put_name(struct buf *out, struct span user)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < user.n && err == YB_OK; i++) {
		if (user.p[i] == ',')
			err = buf_add(out, SPAN_LIT("=2C"));
		else if (user.p[i] == '=')
			err = buf_add(out, SPAN_LIT("=3D"));
		else
			err = buf_add_u8(out, user.p[i]);
	}
	return err;
}

static enum yb_err put_bearer_header(struct buf *out, struct span user,
				     struct span host, unsigned port)
{
	enum yb_err err = buf_addf(out, "n,%s", user.n > 0 ? "a=" : "");

	if (err == YB_OK)
		err = put_name(out, user);
	if (err == YB_OK)
		err = buf_addf(out, ",%c", KVSEP);
	if (err == YB_OK && host.n > 0)
		err = buf_addf(out, "host=%.*s%c", (int)host.n,
			       (const char *)host.p, KVSEP);
	if (err == YB_OK && port > 0)
		err = buf_addf(out, "port=%u%c", port, KVSEP);
	return err;
}

enum yb_err oauth_put_message(struct buf *out, enum oauth_form form,
			      struct span user, struct span host, unsigned port,
			      struct span token)
{
	enum yb_err err;

	if ((!is_name(user) && (user.n > 0 || form == OAUTH_XOAUTH2)) ||
	    !is_value(host) || port > UINT16_MAX || !is_token(token))
		return YB_SYNTAX;
	if (form == OAUTH_BEARER) {
		err = put_bearer_header(out, user, host, port);
	} else {
		err = buf_add(out, SPAN_LIT("user="));
		if (err == YB_OK)
			err = buf_add(out, user);
		if (err == YB_OK)
			err = buf_add_u8(out, KVSEP);
	}
	if (err == YB_OK)
		err = buf_add(out, SPAN_LIT("auth=Bearer "));
	if (err == YB_OK)
		err = buf_add(out, token);
	return err == YB_OK ? buf_addf(out, "%c%c", KVSEP, KVSEP) : err;
}
