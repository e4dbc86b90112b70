#include "server/settings.h"

#include <stdlib.h>

#include "base/buf.h"
#include "os/file.h"

/* A chain of certificates, or a key. */
enum { PEM_MAX = 256 * 1024 };

struct settings *settings_new(const struct config *config)
{
	struct settings *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->config = *config;
	return s;
}

struct settings *settings_hold(struct settings *s)
{
	s->refs++;
	return s;
}

void settings_release(struct settings **s)
{
	struct settings *old = *s;

	*s = NULL;
	if (old == NULL || --old->refs > 0)
		return;
	tls_context_free(&old->pop3_tls);
	tls_context_free(&old->smtp_tls);
	free(old);
}

static enum yb_err make_contexts(struct settings *s, struct span chain,
				 struct span key, const char **ret_reason)
{
	/* RFC 7301's registry knows "pop3"; SMTP has no name there. */
	enum yb_err err = tls_context_server(chain, key, "pop3", "pop3",
					     ret_reason, &s->pop3_tls);

	if (err == YB_OK)
		err = tls_context_server(chain, key, "smtp", NULL, ret_reason,
					 &s->smtp_tls);
	return err;
}

static enum yb_err add_pair(struct settings *s, size_t i, struct span chain,
			    struct span key, const char **ret_reason)
{
	enum yb_err err;

	if (i == 0)
		return make_contexts(s, chain, key, ret_reason);
	err = tls_context_add(s->pop3_tls, chain, key, ret_reason);
	if (err == YB_OK)
		err = tls_context_add(s->smtp_tls, chain, key, ret_reason);
	return err;
}

enum yb_err settings_add_pair(struct settings *s, size_t i, int certificate,
			      int key, const char **ret_reason)
{
	struct buf chain_pem, key_pem;
	enum yb_err err;

	*ret_reason = "unreadable";
	buf_init(&chain_pem, PEM_MAX);
	buf_init(&key_pem, PEM_MAX);
	err = file_read_fd(certificate, &chain_pem);
	if (err == YB_OK)
		err = file_read_fd(key, &key_pem);
	if (err == YB_OK)
		err = add_pair(s, i, buf_span(&chain_pem), buf_span(&key_pem),
			       ret_reason);
	buf_wipe(&key_pem);
	buf_done(&key_pem);
	buf_done(&chain_pem);
	return err;
}

enum yb_err settings_trust_clients(struct settings *s, int file,
				   const char **ret_reason)
{
	struct buf pem;
	enum yb_err err;

	*ret_reason = "unreadable";
	if (s->pop3_tls == NULL)
		return YB_OK;
	buf_init(&pem, PEM_MAX);
	err = file_read_fd(file, &pem);
	if (err == YB_OK) {
		*ret_reason = "there is no PEM certificate in it";
		err = tls_context_trust_clients(s->pop3_tls, buf_span(&pem));
	}
	buf_done(&pem);
	return err;
}
