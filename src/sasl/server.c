#include "sasl/server.h"

#include "base/buf.h"
#include "sasl/saslprep.h"

typedef enum sasl_outcome response_fn(struct sasl_server *s,
				      struct span response,
				      struct sasl_result *ret);

static response_fn plain, login;

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

/* What asks for the first response where none came with the command. */
static struct span first_challenge(enum sasl_mechanism m)
{
	switch (m) {
	case SASL_LOGIN:
		return SPAN_LIT("Username:");
	case SASL_PLAIN:
	case SASL_MECHANISM_COUNT:
		break;
	}
	/* RFC 4616 section 2: the client speaks first. */
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

const char *sasl_mechanism_list(void)
{
	/* Each name brings a space before it; the first one is not shown. */
	static const char list[] =
#define X(id, name, flags, function) " " name
		SASL_MECHANISMS(X)
#undef X
		;
	return list + 1;
}

enum sasl_outcome sasl_server_start(struct sasl_server *s,
				    enum sasl_mechanism mechanism,
				    struct span response, bool has_response,
				    struct sasl_result *ret)
{
	*s = (struct sasl_server){ .mechanism = mechanism };
	if (has_response)
		return sasl_server_step(s, response, ret);
	*ret = (struct sasl_result){ .challenge = first_challenge(mechanism) };
	return SASL_CHALLENGE;
}

enum sasl_outcome sasl_server_step(struct sasl_server *s, struct span response,
				   struct sasl_result *ret)
{
	*ret = (struct sasl_result){ 0 };
	if (response.n > SASL_RESPONSE_MAX)
		return SASL_FAIL;
	s->step++;
	return mechanisms[s->mechanism].respond(s, response, ret);
}

void sasl_server_done(struct sasl_server *s)
{
	mem_wipe(s, sizeof *s);
}
