/*
 * What an answer about a token says (RFC 7662 section 2.2), and whether that
 * is good enough here. A site's own command answers in the same form.
 */
#ifndef SERVER_INTROSPECTION_H
#define SERVER_INTROSPECTION_H

#include <jansson.h>

#include "auth/token.h"

/* What is wanted of a token; "" for what does not matter. */
struct introspection_rules {
	const char *claim;    /* the member that names the account */
	const char *audience; /* must be among "aud" */
	const char *scope;    /* each word of it must be among "scope" */
};

/*
 * Reads an answer. NULL, and `ret` is set: its user is borrowed from `answer`.
 * Else what is wrong with it, static: then nobody knows what the token is.
 */
const char *introspection_read(const json_t *answer,
			       const struct introspection_rules *rules,
			       int64_t now_s, struct token_answer *ret);

/* The same from text; `*ret_tree` is what `ret` borrows from, to be given
 * back by json_decref(). */
const char *introspection_parse(struct span text,
				const struct introspection_rules *rules,
				int64_t now_s, json_t **ret_tree,
				struct token_answer *ret);

/* Appends text as a form has it: application/x-www-form-urlencoded. */
struct buf;
YB_CHECKED enum yb_err introspection_put_form(struct buf *out, struct span s);

/* What is sent about a token (RFC 7662 section 2.1); the caller wipes it. */
YB_CHECKED enum yb_err introspection_put_question(struct buf *out,
						  struct span token);

/* "Authorization: Basic ...", by RFC 6749 section 2.3.1. */
YB_CHECKED enum yb_err introspection_put_client(struct buf *out, struct span id,
						struct span secret);

#endif
