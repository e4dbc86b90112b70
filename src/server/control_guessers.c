#include "server/control_guessers.h"

static bool put_guesser(void *ctx, const struct auth_guesser *g)
{
	struct control_call *call = ctx;
	struct control_writer *w = &call->reply;

	if (!control_has_room(w)) {
		call->more = true;
		return false;
	}
	control_put_u64(w, g->kind);
	control_put(w, span_of(g->address, sizeof g->address));
	control_put_str(w, g->account);
	control_put_u64(w, g->failures);
	control_put_u64(w, g->slowed);
	return true;
}

enum yb_err control_auth_status(struct auth *auth, struct control_call *call)
{
	uint64_t after = control_get_u64(&call->fields);

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	auth_guessers_each(auth, after, put_guesser, call);
	return YB_OK;
}

enum yb_err control_auth_forgive(struct auth *auth, struct control_call *call)
{
	bool is_address = control_get_u64(&call->fields) != 0;
	struct span whom = control_get(&call->fields);

	if (!control_ended(&call->fields) || (is_address && whom.n != 16))
		return YB_SYNTAX;
	return is_address ? auth_forgive_address(auth, whom.p)
			  : auth_forgive_account(auth, whom);
}
