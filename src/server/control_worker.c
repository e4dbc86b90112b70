#include "server/control_worker.h"

#include "server/wire.h"
#include "server/worker.h"

static const char *stage_word(const struct connection *c,
			      const struct session_view *view)
{
	if (c->stage == CONNECTION_PROXY)
		return "proxy header";
	if (c->stage == CONNECTION_HANDSHAKE)
		return "handshake";
	return c->session != NULL ? view->doing : "closing";
}

static void put_session(const struct connection *c, struct control_writer *w)
{
	struct session_view view = { .account = "", .doing = "" };
	uint64_t now = loop_now(c->worker->process.loop);
	char sid[CONNECTION_SID_MAX], peer[SOCKET_TEXT_MAX];

	if (c->session != NULL)
		c->class->view(c->session, &view);
	connection_sid(c, sid);
	socket_address_print(&c->peer, peer);
	control_put_u64(w, c->id);
	control_put_str(w, sid);
	control_put_str(w,
			config_service_name((enum config_service)c->service));
	control_put_str(w, peer);
	control_put_str(w, c->tls != NULL && c->stage != CONNECTION_HANDSHAKE
				   ? tls_connection_version(c->tls)
				   : "");
	control_put_str(w, view.account);
	control_put_str(w, stage_word(c, &view));
	control_put_u64(w, c->octets_in);
	control_put_u64(w, c->octets_out);
	control_put_u64(w, now - c->began_ms);
	control_put_u64(w, now - c->moved_ms);
	control_put_u64(w, view.commands);
}

/* The list is in the order of the ids: those that come are put at its end. */
static void put_sessions(struct worker *w, struct control_call *call)
{
	uint64_t after = control_get_u64(&call->fields);

	if (!control_ended(&call->fields)) {
		control_reply(call, YB_SYNTAX);
		return;
	}
	list_for_each(link, &w->connections) {
		const struct connection *c =
			list_entry(link, struct connection, link);

		if (c->id <= after)
			continue;
		if (!control_has_room(&call->reply)) {
			call->more = true;
			break;
		}
		put_session(c, &call->reply);
	}
	control_reply(call, YB_OK);
}

void control_worker(void *worker, struct control_call *call)
{
	if (call->type == CONTROL_SESSIONS)
		put_sessions(worker, call);
	else if (call->type == CONTROL_WATCH)
		wire_handle(worker, call);
	else
		control_reply(call, YB_UNSUPPORTED);
}
