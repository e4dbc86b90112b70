#include "server/control_directory.h"

#include "auth/auth.h"

struct row_writer {
	struct control_call *call;
	size_t rows;
};

static bool put_row(void *ctx, const struct auth_account *account)
{
	struct row_writer *rows = ctx;
	struct control_writer *w = &rows->call->reply;

	if (!control_has_room(w)) {
		rows->call->more = true;
		return false;
	}
	control_put(w, span_of(account->id, sizeof account->id));
	control_put_str(w, account->address);
	control_put_u64(w, (uint64_t)account->created_s);
	control_put_u64(w, (uint64_t)account->last_login_s);
	control_put_str(w, account->devices);
	rows->rows++;
	return true;
}

static enum yb_err read_accounts(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct row_writer rows = { .call = call };

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	if (call->type == CONTROL_ACCOUNT_LIST)
		return auth_account_each(auth, address, put_row, &rows);
	return auth_account_get(auth, address, put_row, &rows);
}

static enum yb_err set_password(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	struct span password = control_get(&call->fields);
	bool allow_weak = control_get_u64(&call->fields) != 0;
	char made[AUTH_GENERATED_LEN + 1] = "";
	const char *reason = NULL;
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	if (password.n == 0) {
		auth_generate_password(made);
		password = span_str(made);
	}
	if (call->type == CONTROL_ACCOUNT_ADD)
		err = auth_account_add(auth, address, password, allow_weak,
				       &reason);
	else
		err = auth_account_password(auth, address, password, allow_weak,
					    &reason);
	if (err == YB_OK)
		control_put_str(&call->reply, made);
	else
		control_put_str(&call->reply, reason != NULL ? reason : "");
	mem_wipe(made, sizeof made);
	return err;
}

static enum yb_err remove_account(struct auth *auth, struct control_call *call)
{
	struct span address = control_get(&call->fields);
	uint8_t id[16];
	enum yb_err err;

	if (!control_ended(&call->fields))
		return YB_SYNTAX;
	err = auth_account_remove(auth, address, id);
	if (err == YB_OK)
		control_put(&call->reply, span_of(id, sizeof id));
	return err;
}

void control_directory_handle(struct auth *auth, struct control_call *call)
{
	enum yb_err err = YB_UNSUPPORTED;

	switch (call->type) {
	case CONTROL_ACCOUNT_ADD:
	case CONTROL_ACCOUNT_PASSWORD:
		err = set_password(auth, call);
		break;
	case CONTROL_ACCOUNT_GET:
	case CONTROL_ACCOUNT_LIST:
		err = read_accounts(auth, call);
		break;
	case CONTROL_ACCOUNT_REMOVE:
		err = remove_account(auth, call);
		break;
	case CONTROL_STATUS:
	case CONTROL_RELOAD:
	case CONTROL_MAILBOX_TOTALS:
	case CONTROL_MAIL_REMOVE:
	case CONTROL_MAIL_LIST:
	case CONTROL_MAIL_READ:
	case CONTROL_MAIL_DELETE:
	case CONTROL_MAIL_UNDELETE:
	case CONTROL_TYPES:
		break;
	}
	control_reply(call, err);
}
