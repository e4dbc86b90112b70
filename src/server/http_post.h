/*
 * Questions to one URL: POST of a form, by HTTP/1.1 over TLS, many at once
 * over connections that are kept. Nothing is believed of who answers: a
 * question has one outcome within its time, an answer at most
 * HTTP_POST_ANSWER_MAX octets, and redirections are not followed.
 */
#ifndef SERVER_HTTP_POST_H
#define SERVER_HTTP_POST_H

#include "base/buf.h"
#include "net/loop.h"
#include "server/log.h"

enum {
	/* What servers say about a token has one or two KiB. */
	HTTP_POST_ANSWER_MAX = 16 * 1024,
	/* The same with all headers; servers that set cookies have some. */
	HTTP_POST_HEAD_MAX = 32 * 1024,
	/* Connections at once: a login server is not to be flooded by those
	 * who guess here. More questions wait. */
	HTTP_POST_RUNNING_MAX = 32,
	/* Connections that are kept for the next questions. */
	HTTP_POST_KEPT_MAX = 8,
	/* A header line; name and secret, escaped and in base64. */
	HTTP_POST_CREDENTIAL_MAX = 4096,
	/* Failures are told at most so often. */
	HTTP_POST_TELL_MS = 10 * 1000,
};

struct http_post;

struct http_post_config {
	const char *name;       /* for the log: "oauth" */
	const char *url;        /* https://, or http:// to this machine */
	struct span ca;         /* certificates, PEM; empty: the system's */
	struct span credential; /* a header line, or empty */
	uint32_t timeout_ms;    /* from the question to its answer */
};

/* All is copied but the name. NOMEM, TOO_BIG; UNSUPPORTED without HTTP in the
 * library. */
YB_CHECKED enum yb_err http_post_new(struct loop *loop, struct log *log,
				     const struct http_post_config *config,
				     struct http_post **ret);

/* Questions fail with GONE. Takes NULL. */
void http_post_free(struct http_post **h);

/*
 * The outcome, once: YB_OK with what came with status 200. TIMEOUT; IO if it
 * cannot be reached or shows no certificate that counts; INVALID for another
 * status or too long an answer.
 */
typedef void http_post_done_fn(void *ctx, enum yb_err err, struct span answer);

/* Asks; `form` is copied and wiped afterwards. `done` is called later, never
 * from within, unless this fails: NOMEM. */
YB_CHECKED enum yb_err http_post_ask(struct http_post *h, struct span form,
				     http_post_done_fn *done, void *ctx);

#endif
