#include "sasl/server.h"

#include <stdio.h>

#include "base/utf8.h"
#include "sasl/saslprep.h"

typedef enum sasl_outcome response_fn(struct sasl_server *s,
				      struct span response,
				      struct sasl_result *ret);

static response_fn external, plain, login, scram, token, cram_md5, apop;

struct mechanism {
	const char *name;
	unsigned flags;
	response_fn *respond;
};

/* clang-format off */
static const struct mechanism mechanisms[] = {
#define X(id, name, flags, function) { name, flags, function },
	SASL_MECHANISMS(X)
#undef X
};
/* clang-format on */

/* An identity or password: present, bounded, UTF-8, without NUL. */
static bool is_text(struct span s, size_t max)
{
	return s.n > 0 && s.n <= max && span_find(s, 0) == s.n &&
	       utf8_is_valid(s);
}

/*
 * RFC 4616 section 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd.
 * "The server SHALL verify that the authentication identity and password are
 * present": neither may be empty, none may hold a NUL.
 */
static enum sasl_outcome plain(struct sasl_server *s, struct span response,
			       struct sasl_result *ret)
{
	struct span rest = response, authzid, user;
	size_t nuls = 0;

	(void)s;
	for (size_t i = 0; i < response.n; i++)
		nuls += response.p[i] == 0;
	if (nuls != 2)
		return SASL_FAIL;
	authzid = span_cut(&rest, 0);
	user = span_cut(&rest, 0);
	if ((authzid.n > 0 && !is_text(authzid, SASL_USER_MAX)) ||
	    !is_text(user, SASL_USER_MAX) || !is_text(rest, SASL_PASSWORD_MAX))
		return SASL_FAIL;
	ret->authzid = authzid;
	ret->user = user;
	ret->password = rest;
	return SASL_CREDENTIALS;
}

/*
 * LOGIN has no RFC. draft-murchison-sasl-login-00: the server asks "User
 * Name" and "Password", each ended by NUL; every server in use asks as here,
 * and there are clients that look at the words.
 */
static enum sasl_outcome login(struct sasl_server *s, struct span response,
			       struct sasl_result *ret)
{
	if (s->step == 1) {
		if (!is_text(response, SASL_USER_MAX))
			return SASL_FAIL;
		memcpy(s->user, response.p, response.n);
		s->user_n = response.n;
		ret->challenge = SPAN_LIT("Password:");
		return SASL_CHALLENGE;
	}
	if (!is_text(response, SASL_PASSWORD_MAX))
		return SASL_FAIL;
	ret->user = span_of(s->user, s->user_n);
	ret->password = response;
	return SASL_CREDENTIALS;
}

/*
 * RFC 2195 section 2: the response is "the user name, a space, and a digest".
 * The server speaks first: an initial response answers nothing.
 */
static enum sasl_outcome cram_md5(struct sasl_server *s, struct span response,
				  struct sasl_result *ret)
{
	size_t at = span_find_last(response, ' ');

	if (s->digest.stamp_n == 0 || s->step > 1 || at == response.n)
		return SASL_FAIL;
	s->digest.is_hmac = true;
	ret->user = span_head(response, at);
	if (!is_text(ret->user, SASL_USER_MAX) ||
	    !sasl_digest_take(&s->digest, span_skip(response, at + 1)))
		return SASL_FAIL;
	return SASL_DIGEST;
}

/* RFC 1939 section 7: "APOP name digest", behind what the greeting said. */
static enum sasl_outcome apop(struct sasl_server *s, struct span response,
			      struct sasl_result *ret)
{
	struct span rest = response, stamp = span_cut(&rest, 0);

	ret->user = span_cut(&rest, 0);
	if (s->step > 1 || !is_text(ret->user, SASL_USER_MAX) ||
	    !sasl_digest_stamp(&s->digest, stamp) ||
	    !sasl_digest_take(&s->digest, rest))
		return SASL_FAIL;
	return SASL_DIGEST;
}

/* RFC 5802 section 5.1: "e: This attribute specifies an error". */
static void say_error(struct sasl_server *s, scram_error error,
		      struct sasl_result *ret)
{
	int n = snprintf(s->last_words, sizeof s->last_words, "e=%s", error);

	ret->challenge = span_of(s->last_words, n > 0 ? (size_t)n : 0);
}

/* Whether what is wrong is the binding, not the message. */
static enum sasl_outcome scram_failed(struct sasl_server *s, scram_error error,
				      struct sasl_result *ret)
{
	say_error(s, error, ret);
	return strstr(error, "channel-binding") != NULL ? SASL_REFUSED
							: SASL_FAIL;
}

static enum sasl_outcome scram_first(struct sasl_server *s,
				     struct span response,
				     struct sasl_result *ret)
{
	struct scram_names *names = &s->names;
	scram_error error = scram_take_first(&s->scram, response, names);

	if (error != NULL)
		return scram_failed(s, error, ret);
	ret->user = span_of(names->user, names->user_n);
	ret->authzid = span_of(names->authzid, names->authzid_n);
	return SASL_WANTS_SALT;
}

static enum sasl_outcome scram(struct sasl_server *s, struct span response,
			       struct sasl_result *ret)
{
	scram_error error;

	if (s->step == 1)
		return scram_first(s, response, ret);
	if (s->step > 2)
		/* RFC 5034 section 4: what follows the server's last word is
		 * "an empty response". */
		return response.n == 0 ? SASL_DONE : SASL_FAIL;
	error = scram_take_final(&s->scram, response);
	return error == NULL ? SASL_PROOF : scram_failed(s, error, ret);
}

/* The one message of OAUTHBEARER and XOAUTH2. */
static enum sasl_outcome token(struct sasl_server *s, struct span response,
			       struct sasl_result *ret)
{
	enum oauth_form form =
		s->mechanism == SASL_XOAUTH2 ? OAUTH_XOAUTH2 : OAUTH_BEARER;

	/* RFC 7628 section 3.1: a single %x01 as the first message: "the
	 * server MAY simply fail the authentication". */
	if (span_eq(response, SPAN_LIT("\x01")))
		return SASL_FAIL;
	if (!oauth_read(form, response, &s->claim)) {
		oauth_put_refusal(form, OAUTH_INVALID_REQUEST, SPAN_NONE,
				  SPAN_NONE, s->last_words);
		ret->challenge = span_str(s->last_words);
		return SASL_FAIL;
	}
	ret->user = span_of(s->claim.user, s->claim.user_n);
	ret->token = s->claim.token;
	ret->host = s->claim.host;
	return SASL_TOKEN;
}

static enum sasl_outcome stamp(struct sasl_server *s, const char *host,
			       struct sasl_result *ret)
{
	char text[SASL_STAMP_MAX + 1];

	if (sasl_stamp_make(host != NULL ? host : "", text) != YB_OK ||
	    !sasl_digest_stamp(&s->digest, span_str(text)))
		return SASL_FAIL;
	ret->challenge = span_of(s->digest.stamp, s->digest.stamp_n);
	return SASL_CHALLENGE;
}

/*
 * RFC 4422 appendix A.1: the response is "the UTF-8 encoding of the requested
 * authorization identity string", or nothing: then it follows from what was
 * proved outside.
 */
static enum sasl_outcome external(struct sasl_server *s, struct span response,
				  struct sasl_result *ret)
{
	if (s->step > 1 ||
	    (response.n > 0 && !is_text(response, SASL_USER_MAX)))
		return SASL_FAIL;
	ret->authzid = response;
	return SASL_IDENTITY;
}

/* What asks for the first response where none came with the command. */
static struct span first_challenge(enum sasl_mechanism m)
{
	switch (m) {
	case SASL_LOGIN:
		return SPAN_LIT("Username:");
	case SASL_EXTERNAL:
	case SASL_PLAIN:
	case SASL_SCRAM_SHA_256:
	case SASL_SCRAM_SHA_256_PLUS:
	case SASL_OAUTHBEARER:
	case SASL_XOAUTH2:
	case SASL_SCRAM_SHA_1:
	case SASL_CRAM_MD5: /* its stamp */
	case SASL_APOP:     /* the greeting had it */
	case SASL_MECHANISM_COUNT:
		break;
	}
	/* RFC 4422 appendix A, RFC 4616 section 2, RFC 5802 section 5, RFC 7628
	 * section 3: the client speaks first. */
	return SPAN_NONE;
}

bool sasl_mechanism_find(struct span name, enum sasl_mechanism *ret)
{
	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++) {
		if (!span_eq_nocase(name, span_str(mechanisms[i].name)))
			continue;
		*ret = (enum sasl_mechanism)i;
		return true;
	}
	return false;
}

const char *sasl_mechanism_name(enum sasl_mechanism m)
{
	return mechanisms[m].name;
}

unsigned sasl_mechanism_flags(enum sasl_mechanism m)
{
	return mechanisms[m].flags;
}

void sasl_mechanism_list(unsigned set, char ret[SASL_LIST_MAX])
{
	char *at = ret;

	*at = 0;
	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++) {
		if ((set & 1u << i) == 0)
			continue;
		if (at > ret)
			*at++ = ' ';
		at = stpcpy(at, mechanisms[i].name);
	}
}

unsigned sasl_mechanism_set(bool tls)
{
	unsigned set = 0;

	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++)
		if ((mechanisms[i].flags &
		     (SASL_LEGACY | SASL_WANTS_CERTIFICATE)) == 0 &&
		    (tls || (mechanisms[i].flags &
			     (SASL_BINDS_CHANNEL | SASL_CARRIES_TOKEN)) == 0))
			set |= 1u << i;
	return set;
}

unsigned sasl_mechanism_tokens(void)
{
	unsigned set = 0;

	for (unsigned i = 0; i < SASL_MECHANISM_COUNT; i++)
		if ((mechanisms[i].flags & SASL_CARRIES_TOKEN) != 0)
			set |= 1u << i;
	return set;
}

static size_t response_max(enum sasl_mechanism m)
{
	return (mechanisms[m].flags & SASL_CARRIES_TOKEN) != 0
		       ? (size_t)OAUTH_MESSAGE_MAX
		       : (size_t)SASL_RESPONSE_MAX;
}

static enum scram_hash scram_hash(enum sasl_mechanism m)
{
	return m == SASL_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256;
}

enum sasl_outcome sasl_server_start(struct sasl_server *s,
				    enum sasl_mechanism mechanism,
				    const struct sasl_channel *channel,
				    struct span response, bool has_response,
				    struct sasl_result *ret)
{
	bool plus = (mechanisms[mechanism].flags & SASL_BINDS_CHANNEL) != 0;

	*s = (struct sasl_server){ .mechanism = mechanism };
	*ret = (struct sasl_result){ 0 };
	if (mechanisms[mechanism].respond == scram &&
	    scram_init(&s->scram, scram_hash(mechanism), plus, channel) !=
		    YB_OK)
		return SASL_FAIL;
	if (has_response)
		return sasl_server_step(s, response, ret);
	if (mechanism == SASL_CRAM_MD5)
		return stamp(s, channel->host, ret);
	*ret = (struct sasl_result){ .challenge = first_challenge(mechanism) };
	return SASL_CHALLENGE;
}

enum sasl_outcome sasl_server_step(struct sasl_server *s, struct span response,
				   struct sasl_result *ret)
{
	*ret = (struct sasl_result){ 0 };
	if (response.n > response_max(s->mechanism))
		return SASL_FAIL;
	s->step++;
	return mechanisms[s->mechanism].respond(s, response, ret);
}

enum sasl_outcome sasl_server_salt(struct sasl_server *s, struct span salt,
				   uint32_t iterations, struct sasl_result *ret)
{
	*ret = (struct sasl_result){ 0 };
	if (scram_put_first(&s->scram, salt, iterations, &ret->challenge) ==
	    YB_OK)
		return SASL_CHALLENGE;
	say_error(s, "no-resources", ret);
	return SASL_FAIL;
}

enum yb_err sasl_server_fits(const struct sasl_server *s, struct span secret,
			     bool *ret_fits)
{
	return sasl_digest_fits(&s->digest, secret, ret_fits);
}

enum yb_err sasl_server_try(const struct sasl_server *s, struct hmac *h,
			    const uint8_t stored_key[SCRAM_KEY_LEN],
			    bool *ret_fits)
{
	return scram_try(&s->scram, h, stored_key, ret_fits);
}

enum sasl_outcome sasl_server_accept(struct sasl_server *s, struct hmac *h,
				     const uint8_t server_key[SCRAM_KEY_LEN],
				     struct sasl_result *ret)
{
	*ret = (struct sasl_result){ 0 };
	if (scram_put_final(&s->scram, h, server_key, &ret->challenge) == YB_OK)
		return SASL_CHALLENGE;
	say_error(s, "no-resources", ret);
	return SASL_FAIL;
}

void sasl_server_refuse(struct sasl_server *s, struct sasl_result *ret)
{
	*ret = (struct sasl_result){ 0 };
	/* Threat 8: never "unknown-user", whatever was wrong. */
	say_error(s, "invalid-proof", ret);
}

void sasl_server_done(struct sasl_server *s)
{
	scram_done(&s->scram);
	mem_wipe(s, sizeof *s);
}
