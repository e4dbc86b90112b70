#include "sasl/client.h"

static bool has_nul(struct span s)
{
	return span_find(s, 0) != s.n;
}

enum yb_err sasl_client_plain(struct buf *out, struct span authzid,
			      struct span user, struct span password)
{
	size_t n = authzid.n + 1 + user.n + 1 + password.n;
	enum yb_err err;

	if (user.n == 0 || password.n == 0 || has_nul(authzid) ||
	    has_nul(user) || has_nul(password))
		return YB_SYNTAX;
	/* All or nothing: once there is room, no part can fail. */
	err = buf_reserve(out, n);
	if (err == YB_OK)
		err = buf_add(out, authzid);
	if (err == YB_OK)
		err = buf_add_u8(out, 0);
	if (err == YB_OK)
		err = buf_add(out, user);
	if (err == YB_OK)
		err = buf_add_u8(out, 0);
	if (err == YB_OK)
		err = buf_add(out, password);
	return err;
}

enum yb_err sasl_client_login(struct buf *out, unsigned step, struct span user,
			      struct span password)
{
	struct span answer = step == 0 ? user : password;

	if (step > 1 || answer.n == 0 || has_nul(answer))
		return YB_SYNTAX;
	return buf_add(out, answer);
}
