#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "os/fd.h"

enum { WORD_MAX = 64 };

/* ---- the reply, read twice: checked first, then printed ---- */

struct listener_row {
	char service[WORD_MAX], address[CONFIG_TEXT_MAX], tls[WORD_MAX];
};

struct process_row {
	char role[WORD_MAX];
	uint64_t number, pid, uptime_ms, restarts, ready;
};

struct printer {
	struct json json;
	bool as_json;
	bool all_ready;
};

static void read_listener(struct control_reader *r, struct listener_row *row)
{
	control_get_str(r, row->service, sizeof row->service);
	control_get_str(r, row->address, sizeof row->address);
	control_get_str(r, row->tls, sizeof row->tls);
}

static void read_process(struct control_reader *r, struct process_row *row)
{
	control_get_str(r, row->role, sizeof row->role);
	row->number = control_get_u64(r);
	row->pid = control_get_u64(r);
	row->uptime_ms = control_get_u64(r);
	row->restarts = control_get_u64(r);
	row->ready = control_get_u64(r);
}

static bool is_whole(struct control_reader r)
{
	struct listener_row listener;
	struct process_row process;
	uint64_t n;

	(void)control_get(&r);
	(void)control_get(&r);
	n = control_get_u64(&r);
	for (uint64_t i = 0; i < n && !r.bad; i++)
		read_listener(&r, &listener);
	while (control_has_more(&r))
		read_process(&r, &process);
	return control_ended(&r);
}

/* ---- printing ---- */

static void print_listener(struct printer *p, const struct listener_row *row)
{
	if (!p->as_json) {
		(void)printf("%-12s %-32s tls %s\n", row->service, row->address,
			     row->tls);
		return;
	}
	json_open(&p->json, NULL, '{');
	json_str(&p->json, "service", row->service);
	json_str(&p->json, "address", row->address);
	json_str(&p->json, "tls", row->tls);
	json_close(&p->json, '}');
}

static void print_process(struct printer *p, const struct process_row *row)
{
	char name[WORD_MAX + 24], up[SAY_TEXT_MAX];

	p->all_ready = p->all_ready && row->ready != 0;
	(void)snprintf(name, sizeof name, "%s-%llu", row->role,
		       (unsigned long long)row->number);
	if (p->as_json) {
		json_open(&p->json, NULL, '{');
		json_str(&p->json, "role", row->role);
		json_u64(&p->json, "number", row->number);
		json_u64(&p->json, "pid", row->pid);
		json_u64(&p->json, "uptime_ms", row->uptime_ms);
		json_u64(&p->json, "restarts", row->restarts);
		json_bool(&p->json, "ready", row->ready != 0);
		json_close(&p->json, '}');
		return;
	}
	say_duration(up, row->uptime_ms);
	(void)printf("%-12s pid %-8llu %-9s up %-12s %llu restart%s\n",
		     strcmp(row->role, "worker") == 0 ? name : row->role,
		     (unsigned long long)row->pid,
		     row->pid == 0     ? "down"
		     : row->ready == 0 ? "starting"
				       : "ready",
		     up, (unsigned long long)row->restarts,
		     row->restarts == 1 ? "" : "s");
}

static void print_all(struct printer *p, struct control_reader r)
{
	char version[WORD_MAX], file[CONFIG_PATH_LEN];
	uint64_t n;

	control_get_str(&r, version, sizeof version);
	control_get_str(&r, file, sizeof file);
	n = control_get_u64(&r);
	if (p->as_json) {
		json_open(&p->json, NULL, '{');
		json_str(&p->json, "version", version);
		json_str(&p->json, "config", file);
		json_open(&p->json, "listeners", '[');
	} else {
		(void)printf("yubin %s runs with %s\n\n", version, file);
	}
	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct listener_row row;

		read_listener(&r, &row);
		print_listener(p, &row);
	}
	if (p->as_json) {
		json_close(&p->json, ']');
		json_open(&p->json, "processes", '[');
	} else {
		(void)putchar('\n');
	}
	while (control_has_more(&r)) {
		struct process_row row;

		read_process(&r, &row);
		print_process(p, &row);
	}
	if (p->as_json) {
		json_close(&p->json, ']');
		json_close(&p->json, '}');
	}
}

/* ---- asking ---- */

static int ask(int fd, uint8_t *buffer, bool as_json)
{
	struct printer p = { .json.to = stdout,
			     .as_json = as_json,
			     .all_ready = true };
	struct control_reader reply;
	enum yb_err err = supervise_ask(fd, CONTROL_STATUS, buffer, &reply);

	if (err == YB_OK && !is_whole(reply))
		err = YB_INVALID;
	if (err != YB_OK) {
		say_error("the server does not say how it is: %s",
			  err_text(err));
		return COMMAND_FAILED;
	}
	print_all(&p, reply);
	return p.all_ready ? COMMAND_OK : COMMAND_PARTLY;
}

int cmd_status(const struct invocation *inv)
{
	AUTO_FREE struct config *c = say_config(inv);
	AUTO_FREE uint8_t *buffer = malloc(PACKET_MAX);
	AUTO_FD fd = -1;
	int code;

	if (c == NULL)
		return COMMAND_CONFIG;
	if (buffer == NULL)
		return COMMAND_FAILED;
	code = supervise_connect(c, &fd);
	if (code != COMMAND_OK)
		return code;
	return ask(fd, buffer, invocation_option(inv, "json") != NULL);
}
