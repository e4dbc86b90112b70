#include <fcntl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/say.h"
#include "os/fd.h"
#include "server/pair_examine.h"
#include "server/supervisor.h"

/* Problems are printed as they come, to a person or to a program. */
struct report {
	const char *file;
	struct json json;
	bool as_json;
	size_t n;
};

static void on_problem(void *ctx, const struct config_problem *p)
{
	struct report *r = ctx;

	r->n++;
	if (!r->as_json) {
		say_problem((void *)(uintptr_t)r->file, p);
		return;
	}
	json_open(&r->json, NULL, '{');
	json_u64(&r->json, "line", p->line);
	json_u64(&r->json, "column", p->column);
	json_str(&r->json, "text", p->text);
	json_close(&r->json, '}');
}

static int show(const struct config *c)
{
	struct buf out;
	int code = COMMAND_OK;

	buf_init(&out, CONFIG_FILE_MAX * 4);
	if (config_show(c, &out) != YB_OK) {
		say_error("out of memory");
		code = COMMAND_FAILED;
	} else {
		(void)fwrite(out.p, 1, out.n, stdout);
	}
	buf_done(&out);
	return code;
}

static enum yb_err check_pair(const char *certificate, const char *key,
			      struct report *r)
{
	struct config_problem problem = { 0 };
	AUTO_FD certificate_fd = open(certificate, O_RDONLY | O_CLOEXEC);
	AUTO_FD key_fd = open(key, O_RDONLY | O_CLOEXEC);
	enum pair_state state = pair_examine(certificate_fd, key_fd,
					     certificate, key, problem.text);

	if (state == PAIR_BAD)
		on_problem(r, &problem);
	else if (state == PAIR_TOLD)
		say_error("%s", problem.text);
	return state == PAIR_BAD ? YB_INVALID : YB_OK;
}

static enum yb_err check_client_ca(const char *path, struct report *r)
{
	struct config_problem problem = { 0 };
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (client_ca_examine(fd, path, problem.text) == PAIR_GOOD)
		return YB_OK;
	on_problem(r, &problem);
	return YB_INVALID;
}

/*
 * Whether each certificate and its key can be used together. That the files
 * are there has been looked at.
 */
static enum yb_err check_pairs(const struct config *c, struct report *r)
{
	enum yb_err worst = YB_OK;

	for (size_t i = 0; i < config_pairs(c); i++) {
		enum yb_err err = check_pair(config_pair_certificate(c, i),
					     config_pair_key(c, i), r);

		if (err != YB_OK)
			worst = err;
	}
	if (c->client_ca[0] != 0 && config_pairs(c) > 0 &&
	    check_client_ca(c->client_ca, r) != YB_OK)
		worst = YB_INVALID;
	return worst;
}

int cmd_check(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");
	bool as_json = invocation_option(inv, "json") != NULL;
	bool as_yaml = invocation_option(inv, "show") != NULL;
	struct report r = { .file = given != NULL ? given
						  : config_default_file(),
			    .json.to = stdout,
			    .as_json = as_json };
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	enum yb_err err;

	if (c == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	if (as_json && as_yaml) {
		say_error("--show prints YAML; leave --json out");
		return COMMAND_USAGE;
	}
	if (as_json) {
		json_open(&r.json, NULL, '{');
		json_str(&r.json, "file", r.file);
		json_open(&r.json, "problems", '[');
	}
	err = config_load(r.file, on_problem, &r, c);
	if (err == YB_OK)
		err = config_check_files(c, on_problem, &r);
	if (err == YB_OK)
		err = check_pairs(c, &r);
	if (as_json) {
		json_close(&r.json, ']');
		json_bool(&r.json, "valid", err == YB_OK);
		json_close(&r.json, '}');
	}
	if (err != YB_OK) {
		if (r.n == 0)
			say_error("cannot check %s: %s", r.file, err_text(err));
		return COMMAND_CONFIG;
	}
	if (as_yaml)
		return show(c);
	if (!as_json)
		(void)printf("%s is valid\n", c->file);
	return COMMAND_OK;
}

int cmd_serve(const struct invocation *inv)
{
	const char *given = invocation_option(inv, "config");

	return server_main(given != NULL ? given : config_default_file());
}
