/*
 * The site's programs and its server of tokens: the running server asks them
 * about somebody who does not exist, from within its cage and as the user that
 * logins are asked about as.
 */
#include "cli/doctor.h"
#include "os/fd.h"
#include "server/control_client.h"
#include "server/lookup.h"

#define SECTION "outside"

/* Whom a kind of question goes to: the setting that names it, and its value;
 * NULL where nobody is asked. */
struct asked {
	enum lookup_kind kind;
	const char *key, *who;
	bool is_program;
	bool matters; /* logins are put off without an answer */
};

static enum yb_err try_it(struct doctor *d, int fd, enum lookup_kind kind,
			  uint64_t *ret_ms)
{
	struct control_writer request;
	struct control_reader r;
	struct control_head head;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, CONTROL_OUTSIDE_TRY);
	control_put_u64(&request, (uint64_t)kind);
	err = control_ask(fd, &request, d->live.buffer, &head, &r, NULL);
	control_writer_done(&request);
	if (err == YB_OK)
		err = (enum yb_err)head.err;
	if (err == YB_OK)
		*ret_ms = control_get_u64(&r);
	return err == YB_OK && r.bad ? YB_INVALID : err;
}

static const char *what_is_wrong(const struct asked *a, enum yb_err err)
{
	switch (err) {
	case YB_TIMEOUT:
		return "does not answer in its time";
	case YB_INVALID:
		return "says something that is no answer";
	case YB_OVERLOAD:
		return "has more questions than it can answer";
	case YB_IO:
		return a->is_program ? "says that it cannot find out"
				     : "cannot be reached, or has no "
				       "certificate that "
				       "counts";
	case YB_GONE:
		return a->is_program ? "cannot be run, or leaves without an "
				       "answer"
				     : "is not asked: the process lookup is "
				       "missing";
	default:
		return err_text(err);
	}
}

/* What reaches the network here may not do so in the unit. */
static const char *way_out(const struct asked *a)
{
	return a->is_program
		       ? "`yubin log --level warn` shows what it said; a line "
			 "to try it with stands in the guide's commands.md; "
			 "under systemd it has a network with network.conf of "
			 "/usr/share/doc/yubin/examples"
		       : "`yubin log --level error` tells more, `curl -v` "
			 "whether this machine reaches it; under systemd the "
			 "service has a network with network.conf of "
			 "/usr/share/doc/yubin/examples";
}

static void tell(struct doctor *d, const struct asked *a, enum yb_err err,
		 uint64_t ms)
{
	if (err == YB_OK)
		doctor_tell(d, DOCTOR_FINE, SECTION, NULL,
			    "%s, %s, answers (%llu ms)", a->key, a->who,
			    (unsigned long long)ms);
	else if (err == YB_UNSUPPORTED)
		doctor_tell(d, DOCTOR_WARNING, SECTION,
			    "`yubin reload` makes a changed configuration "
			    "count",
			    "%s, %s, is not asked by the server that runs",
			    a->key, a->who);
	else
		doctor_tell(d, a->matters ? DOCTOR_ERROR : DOCTOR_WARNING,
			    SECTION, way_out(a), "%s, %s, %s%s", a->key, a->who,
			    what_is_wrong(a, err),
			    a->matters ? ": logins are put off"
				       : ": logins go on without");
}

void doctor_outside(struct doctor *d)
{
	const struct config *c = d->config;
	bool has_command = *c->oauth_command != 0;
	const struct asked all[] = {
		{ LOOKUP_ACCOUNT, "accounts.command",
		  c->accounts_directory == CONFIG_DIRECTORY_COMMAND
			  ? c->accounts_command
			  : "",
		  true, true },
		{ LOOKUP_POLICY, "policy.command", c->policy_command, true,
		  c->policy_on_failure == CONFIG_FAILURE_DENY },
		{ LOOKUP_TOKEN,
		  has_command ? "oauth.command" : "oauth.introspection_url",
		  has_command ? c->oauth_command : c->oauth_introspection_url,
		  has_command, true },
	};
	int fd = -1;
	enum yb_err err;

	if (!config_needs_lookup(c))
		return;
	err = d->runs ? control_connect(c->run_path, CONTROL_AUTH, &fd)
		      : YB_GONE;
	if (err != YB_OK)
		doctor_tell(d, DOCTOR_SKIPPED, SECTION, NULL,
			    "whom it asks outside: only the running server "
			    "can ask");
	for (size_t i = 0; err == YB_OK && i < sizeof all / sizeof all[0];
	     i++) {
		uint64_t ms = 0;

		if (*all[i].who != 0)
			tell(d, &all[i], try_it(d, fd, all[i].kind, &ms), ms);
	}
	fd_close(&fd);
}
