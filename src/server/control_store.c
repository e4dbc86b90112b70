#include "server/control_store.h"

#include "store/store.h"

static void on_totals(void *ctx, enum yb_err err, struct store_totals totals)
{
	struct control_call *call = ctx;

	if (err == YB_OK) {
		control_put_u64(&call->reply, totals.messages);
		control_put_u64(&call->reply, totals.octets);
	}
	control_reply(call, err);
}

static void on_removed(void *ctx, enum yb_err err)
{
	control_reply(ctx, err);
}

static void read_totals(struct store *store, struct control_call *call)
{
	struct store_place place;
	uint64_t mailbox;

	control_get_into(&call->fields, place.account.octets,
			 sizeof place.account.octets);
	mailbox = control_get_u64(&call->fields);
	if (!control_ended(&call->fields) || mailbox == 0 ||
	    mailbox > UINT32_MAX) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	place.mailbox = (uint32_t)mailbox;
	store_totals(store, place, on_totals, call);
}

static void remove_mail(struct store *store, struct control_call *call)
{
	struct account_id account;

	control_get_into(&call->fields, account.octets, sizeof account.octets);
	if (!control_ended(&call->fields)) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	store_remove_account(store, account, on_removed, call);
}

void control_store_handle(struct store *store, struct control_call *call)
{
	switch (call->type) {
	case CONTROL_MAILBOX_TOTALS:
		read_totals(store, call);
		return;
	case CONTROL_MAIL_REMOVE:
		remove_mail(store, call);
		return;
	case CONTROL_STATUS:
	case CONTROL_ACCOUNT_ADD:
	case CONTROL_ACCOUNT_PASSWORD:
	case CONTROL_ACCOUNT_GET:
	case CONTROL_ACCOUNT_LIST:
	case CONTROL_ACCOUNT_REMOVE:
	case CONTROL_TYPES:
		break;
	}
	control_reply(call, YB_UNSUPPORTED);
}
