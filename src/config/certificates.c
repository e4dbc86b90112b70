#include "config/certificates.h"

#include "base/buf.h"
#include "config/nearest.h"
#include "config/schema.h"

static const char *const keys[2] = { "certificate", "key" };

static void read_path(const struct node *node, const char *key,
		      struct config *c, struct problems *ps,
		      char ret[CONFIG_PATH_LEN])
{
	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_WORD || node->empty || node->text.n == 0)
		problem_add(ps, node->at, "%s takes the path of a file", key);
	else if (config_join_path(c->base, node->text, ret) != YB_OK)
		problem_add(ps, node->at, "%s: path is too long", key);
}

static void read_entry(const struct node *node, struct config *c,
		       struct problems *ps)
{
	struct config_certificate *entry = &c->certificates[c->certificates_n];
	const struct node *found[2] = { NULL, NULL };

	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_MAP) {
		problem_add(ps, node->at,
			    "certificates takes a list of {certificate: FILE, "
			    "key: FILE}");
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		size_t i = 0;

		if (n->key->kind != NODE_WORD)
			continue;
		while (i < 2 && !span_eq(n->key->text, span_str(keys[i])))
			i++;
		if (i < 2 && found[i] == NULL)
			found[i] = n;
		else if (i < 2)
			problem_add(ps, n->key->at,
				    "\"%s\" stands already on line %u", keys[i],
				    found[i]->key->at.line);
		else
			problem_add(ps, n->key->at,
				    "unknown key \"%s\"; a certificate has "
				    "\"certificate\" and \"key\"",
				    show_span(n->key->text).text);
	}
	if (found[0] == NULL || found[1] == NULL) {
		problem_add(ps, node->at, "this certificate has no \"%s\"",
			    found[0] == NULL ? keys[0] : keys[1]);
		return;
	}
	read_path(found[0], keys[0], c, ps, entry->certificate);
	read_path(found[1], keys[1], c, ps, entry->private_key);
	c->certificates_n++;
}

void certificates_read(const struct node *node, struct config *c,
		       struct problems *ps)
{
	c->certificates_n = 0;
	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_LIST) {
		problem_add(ps, node->at,
			    "certificates takes a list of {certificate: FILE, "
			    "key: FILE}");
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		if (c->certificates_n == CONFIG_CERTIFICATES_MAX) {
			problem_add(ps, n->at, "more than %d certificates",
				    CONFIG_CERTIFICATES_MAX);
			return;
		}
		read_entry(n, c, ps);
	}
}

bool certificates_are_same(const struct config *a, const struct config *b)
{
	if (a->certificates_n != b->certificates_n)
		return false;
	for (uint32_t i = 0; i < a->certificates_n; i++)
		if (strcmp(a->certificates[i].certificate,
			   b->certificates[i].certificate) != 0 ||
		    strcmp(a->certificates[i].private_key,
			   b->certificates[i].private_key) != 0)
			return false;
	return true;
}

static enum yb_err print_entry(const struct config *c,
			       const struct config_certificate *entry,
			       struct buf *out)
{
	enum yb_err err = buf_addf(out, "    - {certificate: ");

	if (err == YB_OK)
		err = config_print_quoted(
			config_short_path(c, entry->certificate), out);
	if (err == YB_OK)
		err = buf_addf(out, ", key: ");
	if (err == YB_OK)
		err = config_print_quoted(
			config_short_path(c, entry->private_key), out);
	return err == YB_OK ? buf_addf(out, "}\n") : err;
}

enum yb_err certificates_print(const struct config *c, bool commented,
			       struct buf *out)
{
	enum yb_err err = YB_OK;

	if (commented)
		err = buf_addf(out,
			       "  # Further ones, for clients that ask for "
			       "another name of this server:\n"
			       "  # certificates: [{certificate: \"tls/b.pem\""
			       ", key: \"tls/b.key\"}]\n");
	if (c->certificates_n == 0)
		return err;
	if (err == YB_OK)
		err = buf_addf(out, "  certificates:\n");
	for (uint32_t i = 0; err == YB_OK && i < c->certificates_n; i++)
		err = print_entry(c, &c->certificates[i], out);
	return err;
}
