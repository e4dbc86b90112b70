#include "auth/guessers.h"
#include "cli/cmd.h"
#include "cli/work.h"
#include "os/socket.h"

static int tell(const struct work *w, enum yb_err err, const char *reason)
{
	(void)reason;
	if (err == YB_NOT_FOUND)
		say_error("nothing is held against %s; `yubin auth status` "
			  "shows against whom",
			  w->subject);
	else
		say_error("%s: %s", w->subject, err_text(err));
	return say_exit(err);
}

/* ---- status ---- */

static const char *const kinds[AUTH_GUESSER_KINDS] = {
	[AUTH_GUESSER_ADDRESS] = "address",
	[AUTH_GUESSER_NETWORK] = "network",
	[AUTH_GUESSER_ACCOUNT] = "account",
	[AUTH_GUESSER_PASSWORD] = "password",
};

struct row {
	uint64_t kind, failures, slowed;
	uint8_t address[16];
	char who[AUTH_ADDRESS_MAX + 1];
};

static bool read_row(struct control_reader *r, struct row *row)
{
	row->kind = control_get_u64(r);
	control_get_into(r, row->address, sizeof row->address);
	control_get_str(r, row->who, sizeof row->who);
	row->failures = control_get_u64(r);
	row->slowed = control_get_u64(r);
	if (r->bad || row->kind >= AUTH_GUESSER_KINDS)
		return false;
	if (row->kind <= AUTH_GUESSER_NETWORK)
		socket_octets_print(row->address, row->who);
	if (row->kind == AUTH_GUESSER_NETWORK)
		strcat(row->who, strchr(row->who, ':') != NULL ? "/48" : "/24");
	if (row->kind == AUTH_GUESSER_PASSWORD)
		strcpy(row->who, "(one password, many accounts)");
	return true;
}

static void print_row(struct work *w, const struct row *row)
{
	struct json *j = &w->json;

	if (!w->as_json) {
		(void)printf("%-8s  ", kinds[row->kind]);
		say_text(stdout, row->who);
		(void)printf("  %llu failure%s%s\n",
			     (unsigned long long)row->failures,
			     row->failures == 1 ? "" : "s",
			     row->slowed != 0 ? ", slowed down" : "");
		return;
	}
	json_open(j, NULL, '{');
	json_str(j, "kind", kinds[row->kind]);
	json_str(j, "who", row->who);
	json_u64(j, "failures", row->failures);
	json_bool(j, "slowed", row->slowed != 0);
	json_close(j, '}');
}

static int list_all(struct work *w)
{
	struct control_reader reply;
	uint64_t n = 0;
	bool more = true;
	int code = COMMAND_OK;

	while (more) {
		control_begin(&w->request, CONTROL_AUTH_STATUS);
		control_put_u64(&w->request, n);
		if (work_ask(w, CONTROL_AUTH, &reply, &more, &code) != YB_OK)
			return code;
		/* A page without a row would go on for ever. */
		if (more && !control_has_more(&reply))
			return work_nonsense();
		for (; control_has_more(&reply); n++) {
			struct row row;

			if (!read_row(&reply, &row))
				return work_nonsense();
			print_row(w, &row);
		}
	}
	if (n == 0 && !w->as_json)
		say_note("Nobody has failed to log in lately.");
	return code;
}

int cmd_auth_status(const struct invocation *inv)
{
	return work_list(inv, tell, list_all);
}

/* ---- forgive ---- */

int cmd_auth_forgive(const struct invocation *inv)
{
	struct control_reader reply;
	uint8_t address[16];
	struct work w;
	int code = work_begin(inv, tell, &w);
	bool is_address;

	if (code != COMMAND_OK)
		return work_end(&w, code);
	is_address = socket_ip_parse(w.subject, address) == YB_OK;
	control_begin(&w.request, CONTROL_AUTH_FORGIVE);
	control_put_u64(&w.request, is_address);
	control_put(&w.request, is_address ? span_of(address, sizeof address)
					   : span_str(w.subject));
	if (work_ask(&w, CONTROL_AUTH, &reply, NULL, &code) == YB_OK) {
		if (w.as_json) {
			json_open(&w.json, NULL, '{');
			json_str(&w.json, "forgiven", w.subject);
			json_close(&w.json, '}');
		} else {
			say_note("Nothing is held against %s any more.",
				 w.subject);
		}
	}
	return work_end(&w, code);
}
