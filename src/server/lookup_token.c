/*
 * Whose an access token is: the site's token server is asked (RFC 7662), or
 * its own program.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/token.h"
#include "base/cleanup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "sasl/oauth.h"
#include "server/http_post.h"
#include "server/introspection.h"
#include "server/lookup_private.h"

enum {
	/* RFC 6749 says nothing; what servers make has some 40 octets. */
	SECRET_MAX = 255,
	/* A chain of a private authority's, or a site's own collection. */
	CA_MAX = 1024 * 1024,
	CREDENTIAL_MAX = HTTP_POST_CREDENTIAL_MAX,
	FORM_MAX = 3 * OAUTH_MESSAGE_MAX + 64,
};

struct lookup_tokens {
	struct http_post *http;  /* one of these two; */
	struct command *command; /* NULL: none */
	int files[LOOKUP_FILES]; /* as the supervisor opened them, or -1 */
};

/* ---- answers ---- */

static void reply(struct lookup_call *call, const struct token_answer *answer)
{
	UNSET struct message_writer w;

	message_write(&w);
	message_write_u8(&w, (uint8_t)answer->verdict);
	message_write_octets(&w, answer->verdict == TOKEN_GOOD ? answer->user
							       : SPAN_NONE);
	message_write_u64(&w, (uint64_t)answer->expires_s);
	lookup_reply_fields(call, &w);
}

static struct introspection_rules rules_of(const struct lookup_call *call)
{
	const struct config *c = &call->process->process.config;

	return (struct introspection_rules){ .claim = c->oauth_claim,
					     .audience = c->oauth_audience,
					     .scope = c->oauth_scope };
}

static int64_t now_s(void)
{
	return clock_real_ns() / 1000000000;
}

static void refuse(struct lookup_call *call, const char *who, const char *wrong)
{
	lookup_tell_odd(call, who, wrong);
	lookup_reply(call, YB_INVALID, NULL, 0);
}

static void on_http(void *ctx, enum yb_err err, struct span text)
{
	struct lookup_call *call = ctx;
	const struct introspection_rules rules = rules_of(call);
	struct token_answer answer;
	json_t *tree = NULL;
	const char *wrong;

	if (err != YB_OK) {
		lookup_reply(call, err, NULL, 0);
		return;
	}
	wrong = introspection_parse(text, &rules, now_s(), &tree, &answer);
	if (wrong != NULL)
		refuse(call, "oauth.introspection_url", wrong);
	else
		reply(call, &answer);
	json_decref(tree);
}

static void on_command(void *ctx, enum yb_err err, const json_t *said)
{
	struct lookup_call *call = ctx;
	const struct introspection_rules rules = rules_of(call);
	struct token_answer answer;
	const char *wrong;

	if (err != YB_OK) {
		lookup_reply(call, err, NULL, 0);
		return;
	}
	wrong = introspection_read(said, &rules, now_s(), &answer);
	if (wrong != NULL)
		refuse(call, "oauth.command", wrong);
	else
		reply(call, &answer);
}

/* ---- questions ---- */

struct question {
	uint8_t address[16], protocol;
	struct span mechanism, user, token;
};

static bool read_question(struct message_reader *r, struct question *ret)
{
	message_read_into(r, ret->address, sizeof ret->address);
	ret->protocol = message_read_u8(r);
	ret->mechanism = message_read_octets(r);
	ret->user = message_read_octets(r);
	ret->token = message_read_octets(r);
	return message_read_ended(r) && ret->token.n > 0 &&
	       ret->token.n <= OAUTH_MESSAGE_MAX;
}

static void ask_http(struct lookup_call *call, const struct question *q)
{
	struct buf form;
	enum yb_err err;

	buf_init(&form, FORM_MAX);
	err = introspection_put_question(&form, q->token);
	if (err == YB_OK)
		err = http_post_ask(call->process->tokens->http,
				    buf_span(&form), on_http, call);
	buf_wipe(&form);
	buf_done(&form);
	if (err != YB_OK)
		lookup_reply(call, err, NULL, 0);
}

static void ask_command(struct lookup_call *call, const struct question *q)
{
	json_t *object =
		json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "kind", "token",
			  "address", lookup_address(q->address), "protocol",
			  lookup_protocol(q->protocol), "mechanism",
			  lookup_text(q->mechanism), "user",
			  lookup_text(q->user), "token", lookup_text(q->token));

	command_ask(call->process->tokens->command, object, on_command, call);
}

bool lookup_token(struct lookup_call *call, struct message_reader *fields)
{
	const struct lookup_tokens *t = call->process->tokens;
	struct question q;

	if (!read_question(fields, &q))
		return false;
	if (t != NULL && t->command != NULL)
		ask_command(call, &q);
	else if (t != NULL && t->http != NULL)
		ask_http(call, &q);
	else
		lookup_reply(call, YB_GONE, NULL, 0);
	return true;
}

/* ---- setting up ---- */

/* What the file holds, without the line end that editors put behind it. */
static enum yb_err read_file(int fd, size_t most, struct buf *ret)
{
	enum yb_err err = YB_OK;

	buf_init(ret, most);
	if (fd >= 0)
		err = file_read_fd(fd, ret);
	while (err == YB_OK && ret->n > 0 &&
	       (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == '\r'))
		ret->n--;
	return err;
}

static enum yb_err open_http(struct lookup_process *p, struct lookup_tokens *t)
{
	const struct config *config = &p->process.config;
	struct buf secret, credential, ca;
	enum yb_err err, ca_err;

	buf_init(&credential, CREDENTIAL_MAX);
	err = read_file(t->files[LOOKUP_FILE_SECRET], SECRET_MAX + 2, &secret);
	ca_err = read_file(t->files[LOOKUP_FILE_CA], CA_MAX, &ca);
	err = err == YB_OK ? ca_err : err;
	if (err == YB_OK && *config->oauth_client_id != 0)
		err = introspection_put_client(
			&credential, span_str(config->oauth_client_id),
			buf_span(&secret));
	if (err == YB_OK)
		err = http_post_new(
			p->process.loop, &p->process.log,
			&(struct http_post_config){
				.name = "oauth",
				.url = config->oauth_introspection_url,
				.ca = buf_span(&ca),
				.credential = buf_span(&credential),
				.timeout_ms = config->oauth_timeout },
			&t->http);
	buf_wipe(&secret);
	buf_done(&secret);
	buf_wipe(&credential);
	buf_done(&credential);
	buf_done(&ca);
	return err;
}

static enum yb_err open_command(struct lookup_process *p,
				struct lookup_tokens *t)
{
	const struct config *config = &p->process.config;

	return command_new(
		p->process.loop, &p->process.log,
		&(struct command_config){ .name = "oauth",
					  .program = config->oauth_command,
					  .processes = config->oauth_processes,
					  .timeout_ms = config->oauth_timeout },
		&t->command);
}

static bool have_tokens(struct lookup_process *p)
{
	if (p->tokens != NULL)
		return true;
	p->tokens = calloc(1, sizeof *p->tokens);
	if (p->tokens == NULL)
		return false;
	for (size_t i = 0; i < LOOKUP_FILES; i++)
		p->tokens->files[i] = -1;
	return true;
}

enum yb_err lookup_tokens_open(struct lookup_process *p)
{
	const struct config *config = &p->process.config;
	struct lookup_tokens *t;
	enum yb_err err = YB_OK;

	if (!have_tokens(p))
		return YB_NOMEM;
	t = p->tokens;
	http_post_free(&t->http);
	command_free(&t->command);
	if (*config->oauth_command != 0)
		err = open_command(p, t);
	else if (*config->oauth_introspection_url != 0)
		err = open_http(p, t);
	for (size_t i = 0; i < LOOKUP_FILES; i++)
		fd_close(&t->files[i]);
	return err;
}

bool lookup_tokens_file(struct lookup_process *p, struct message *m)
{
	if (m->id >= LOOKUP_FILES || m->fds_n != 1 || m->body.n != 0 ||
	    !have_tokens(p))
		return false;
	fd_close(&p->tokens->files[m->id]);
	p->tokens->files[m->id] = fd_steal(&m->fds[0]);
	return true;
}

void lookup_tokens_free(struct lookup_process *p)
{
	if (p->tokens == NULL)
		return;
	http_post_free(&p->tokens->http);
	command_free(&p->tokens->command);
	free(p->tokens);
	p->tokens = NULL;
}
