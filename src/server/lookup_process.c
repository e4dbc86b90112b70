/*
 * The process lookup: asks outside on behalf of auth. It is the only role that
 * may execute and connect, has no rights on mail and accounts, and runs only
 * where something configured needs it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "os/socket.h"
#include "server/cage.h"
#include "server/lookup_private.h"

/* All questions of all kinds. */
enum { CALLS_MAX = LOOKUP_KIND_COUNT * LOOKUP_IN_FLIGHT_MAX };

static lookup_handle_fn *const handlers[LOOKUP_KIND_COUNT] = {
	[LOOKUP_POLICY] = lookup_policy,   [LOOKUP_OUTCOME] = lookup_outcome,
	[LOOKUP_ACCOUNT] = lookup_account, [LOOKUP_PASSWORD] = lookup_password,
	[LOOKUP_TOKEN] = lookup_token,
};

/* ---- answers ---- */

void lookup_reply(struct lookup_call *call, enum yb_err err,
		  const struct span *parts, size_t parts_n)
{
	struct lookup_process *p = call->process;
	uint32_t code = err;
	struct span all[7] = { span_of(&code, sizeof code) };
	size_t n = 1;

	for (size_t i = 0; err == YB_OK && i < parts_n; i++)
		all[n++] = parts[i];
	/* An auth that is gone needs none; if there is no room, its own clock
	 * tells. */
	if (p->auth.present && p->auth.incarnation == call->incarnation)
		(void)channel_send(&p->auth.channel, MESSAGE_LOOKUP_DONE,
				   call->id, all, n, NULL, 0);
	p->in_flight--;
	free(call);
}

void lookup_reply_fields(struct lookup_call *call,
			 const struct message_writer *w)
{
	struct span fields = message_written(w);

	lookup_reply(call, YB_OK, &fields, 1);
}

void lookup_tell_odd(struct lookup_call *call, const char *command,
		     const char *what)
{
	log_message(&call->process->process.log, LOG_ERROR, "command",
		    "%s: the answer %s", command, what);
}

json_t *lookup_text(struct span s)
{
	return json_stringn(s.n > 0 ? (const char *)s.p : "", s.n);
}

json_t *lookup_address(const uint8_t address[16])
{
	char text[SOCKET_TEXT_MAX];

	socket_octets_print(address, text);
	return json_string(text);
}

/* ---- questions ---- */

static void refuse(struct lookup_process *p, uint64_t id)
{
	UNSET struct message_writer w;

	message_write(&w);
	message_write_u32(&w, YB_OVERLOAD);
	(void)channel_send_fields(&p->auth.channel, MESSAGE_LOOKUP_DONE, id,
				  &w);
}

static bool on_question(struct lookup_process *p, struct message *m)
{
	struct message_reader r;
	struct lookup_call *call;
	uint32_t kind;

	message_read(&r, m);
	kind = message_read_u32(&r);
	if (r.bad || kind >= LOOKUP_KIND_COUNT || m->fds_n != 0)
		return false;
	/* What auth has given up may still be under way here. */
	call = p->in_flight < CALLS_MAX ? calloc(1, sizeof *call) : NULL;
	if (call == NULL) {
		refuse(p, m->id);
		return true;
	}
	*call = (struct lookup_call){ p, p->auth.incarnation, m->id,
				      (enum lookup_kind)kind };
	p->in_flight++;
	if (handlers[kind](call, &r))
		return true;
	p->in_flight--;
	free(call);
	return false;
}

static bool on_auth_message(struct peer *from, struct message *m)
{
	return m->type == MESSAGE_LOOKUP && on_question(from->owner, m);
}

static struct peer *find_peer(void *owner, enum role role, uint32_t number)
{
	struct lookup_process *p = owner;

	return role == ROLE_AUTH && number == 0 ? &p->auth : NULL;
}

/* ---- commands ---- */

static enum yb_err open_one(struct lookup_process *p,
			    const struct command_config *command,
			    struct command **ret)
{
	command_free(ret);
	return *command->program == 0
		       ? YB_OK
		       : command_new(p->process.loop, &p->process.log, command,
				     ret);
}

static enum yb_err open_commands(struct lookup_process *p)
{
	const struct config *config = &p->process.config;
	const struct command_config policy = {
		.name = "policy",
		.program = config->policy_command,
		.processes = config->policy_processes,
		.timeout_ms = config->policy_timeout,
	};
	const struct command_config accounts = {
		.name = "accounts",
		.program = config->accounts_command,
		.processes = config->accounts_processes,
		.timeout_ms = config->accounts_timeout,
	};
	enum yb_err err = open_one(p, &policy, &p->policy);

	return err == YB_OK ? open_one(p, &accounts, &p->accounts) : err;
}

/* ---- the cage ---- */

enum { PATHS_MAX = 24 };

struct paths {
	struct sandbox_path at[PATHS_MAX];
	size_t n;
	char folders[5][CONFIG_PATH_LEN]; /* one a program, and for a look */
	size_t folders_n;
};

static void let(struct paths *ps, const char *path, enum sandbox_access access)
{
	struct stat st;

	if (ps->n < PATHS_MAX && stat(path, &st) == 0)
		ps->at[ps->n++] = (struct sandbox_path){ path, access };
}

static bool is_beneath(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return strncmp(folder, path, n) == 0 &&
	       (path[n] == '/' || path[n] == 0 || n == 1);
}

/*
 * The program, and what lies beside it: its own configuration, modules, a
 * database. Unless things of ours lie there as well.
 */
static void let_program(struct paths *ps, const struct config *c,
			const char *program)
{
	char *folder = ps->folders[ps->folders_n];
	const char *ours[] = { c->store_path, c->directory_path, c->run_path,
			       c->private_key, c->file };
	char *slash;

	let(ps, program, SANDBOX_EXECUTE);
	memcpy(folder, program, CONFIG_PATH_LEN);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = 0;
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (is_beneath(folder, ours[i]))
			return;
	ps->folders_n++;
	let(ps, folder, SANDBOX_EXECUTE);
}

/*
 * What it may do, all that it starts may do at most: to run programs of the
 * system with their libraries, and read their settings. None may write.
 */
static enum yb_err close_cage(struct lookup_process *p)
{
	static const char *const system[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt",
	};
	static const char *const settings[] = {
		"/etc",
		"/run/systemd/resolve",
		"/run/resolvconf",
		"/run/nscd",
		"/var/lib/sss",
		"/var/lib/ca-certificates",
		"/dev/urandom",
		"/dev/random",
		"/proc",
	};
	struct paths ps = { .n = 0 };
	const char *program, *key;

	for (size_t i = 0; i < sizeof system / sizeof *system; i++)
		let(&ps, system[i], SANDBOX_EXECUTE);
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		let(&ps, settings[i], SANDBOX_READ);
	let(&ps, "/dev/null", SANDBOX_WRITE_FILE);
	for (size_t i = 0;
	     (program = config_program(&p->process.config, i, &key)) != NULL;
	     i++)
		let_program(&ps, &p->process.config, program);
	return cage_close(&p->process, ps.at, ps.n);
}

/* ---- setting up ---- */

static void start(struct lookup_process *p)
{
	enum yb_err err = close_cage(p);

	if (err == YB_OK)
		err = open_commands(p);
	if (err == YB_OK)
		err = lookup_tokens_open(p);
	if (err == YB_OK) {
		process_ready(&p->process);
		return;
	}
	log_message(&p->process.log, LOG_ERROR, "start",
		    "cannot ask outside: %s", err_text(err));
	process_end(&p->process, 1);
}

static bool on_message(void *ctx, struct message *m)
{
	struct lookup_process *p = ctx;

	switch (m->type) {
	case MESSAGE_PEER:
		return peer_take(&p->process, m, find_peer, p);
	case MESSAGE_TOKEN_FILE:
		return lookup_tokens_file(p, m);
	case MESSAGE_START:
		start(p);
		return true;
	default:
		return false;
	}
}

/* The paths of programs are as they were (config_lookup_is_same()). */
static enum yb_err on_reload(void *ctx)
{
	struct lookup_process *p = ctx;
	enum yb_err err = open_commands(p);

	return err == YB_OK ? lookup_tokens_open(p) : err;
}

static void on_stop(void *ctx)
{
	struct lookup_process *p = ctx;

	process_end(&p->process, 0);
}

int lookup_process_main(void)
{
	struct lookup_process *p = calloc(1, sizeof *p);
	int status;

	command_prepare_json();
	if (p == NULL || process_init(&p->process, ROLE_LOOKUP, 0) != YB_OK)
		return 1;
	p->process.on_message = on_message;
	p->process.on_stop = on_stop;
	p->process.on_reload = on_reload;
	p->process.ctx = p;
	p->auth.owner = p;
	p->auth.on_message = on_auth_message;
	status = process_run(&p->process);
	command_free(&p->policy);
	command_free(&p->accounts);
	lookup_tokens_free(p);
	return status;
}
