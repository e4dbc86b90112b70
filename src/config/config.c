#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "config/certificates.h"
#include "config/listeners.h"
#include "config/nearest.h"
#include "config/problem.h"
#include "config/schema.h"
#include "config/tree.h"
#include "os/file.h"
#include "os/socket.h"

/* Nodes, their words, and the alignment of both. */
enum { ARENA_MAX = TREE_NODES_MAX * 160 + CONFIG_FILE_MAX * 2 };

static const char listeners_key[] = "listeners";
static const char tls_section[] = "tls";
static const char certificates_key[] = "certificates";

const char *config_default_file(void)
{
	const char *file = getenv("YUBIN_CONFIG");

	return file != NULL && *file != 0 ? file : "/etc/yubin/yubin.yaml";
}

/* ---- defaults ---- */

static void machine_name(char ret[CONFIG_TEXT_MAX])
{
	struct utsname u;

	if (uname(&u) != 0 || !config_is_domain(span_str(u.nodename)) ||
	    !span_to_str(span_str(u.nodename), ret, CONFIG_TEXT_MAX))
		memcpy(ret, "localhost", sizeof "localhost");
}

static enum yb_err set_names(const char *file, struct config *c)
{
	const char *slash = strrchr(file, '/');
	size_t n = slash == NULL || slash == file ? 1 : (size_t)(slash - file);

	if (!span_to_str(span_str(file), c->file, sizeof c->file) ||
	    n >= sizeof c->base)
		return YB_TOO_BIG;
	memcpy(c->base, slash == NULL ? "." : file, n);
	c->base[n] = 0;
	return YB_OK;
}

enum yb_err config_defaults(const char *file, struct config *ret)
{
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	char reason[FIELD_REASON_MAX];
	enum yb_err err;

	if (c == NULL)
		return YB_NOMEM;
	c->magic = CONFIG_MAGIC;
	err = set_names(file, c);
	for (size_t i = 0; err == YB_OK && i < config_fields_n; i++)
		err = field_set(&config_fields[i],
				span_str(config_fields[i].preset), c, reason);
	machine_name(c->hostname);
	if (err == YB_OK)
		err = config_preset_listeners(c);
	if (err == YB_OK)
		*ret = *c;
	return err == YB_INVALID ? YB_TOO_BIG : err;
}

/* ---- from the tree ---- */

struct reader {
	struct config *config;
	struct problems *problems;
	const struct node *listeners, *certificates;
	unsigned *lines; /* of each field, 0 while not seen */
	struct place run_at, oauth_at;
};

/* The keys that may stand in `section`; how many. */
static size_t known_keys(const char *section, const char **ret, size_t room)
{
	size_t n = 0;
	bool top = *section == 0;

	for (size_t i = 0; i < config_fields_n && n < room; i++) {
		const struct config_field *f = &config_fields[i];

		if (strcmp(f->section, section) == 0)
			ret[n++] = f->key;
		else if (top && (n == 0 || strcmp(ret[n - 1], f->section) != 0))
			ret[n++] = f->section;
	}
	if (top && n < room)
		ret[n++] = listeners_key;
	if (strcmp(section, tls_section) == 0 && n < room)
		ret[n++] = certificates_key;
	return n;
}

/* The field of that name in whatever section. */
static const struct config_field *find_anywhere(struct span key)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (span_eq(key, span_str(config_fields[i].key)))
			return &config_fields[i];
	return NULL;
}

static void tell_unknown(struct reader *r, const char *section,
			 const struct node *key)
{
	enum { KEYS_MAX = 64 };
	const char *keys[KEYS_MAX] = { NULL };
	size_t n = known_keys(section, keys, KEYS_MAX);
	const char *near = word_nearest(key->text, keys, n);
	const struct config_field *elsewhere = find_anywhere(key->text);

	if (elsewhere != NULL) {
		bool top = *elsewhere->section == 0;

		problem_add(r->problems, key->at,
			    "\"%s\" does not stand here; it belongs %s%s",
			    elsewhere->key, top ? "at the left edge" : "under ",
			    elsewhere->section);
		return;
	}
	problem_add(r->problems, key->at, "unknown key \"%s\"%s%s%s%s%s",
		    show_span(key->text).text, *section != 0 ? " in " : "",
		    section, near != NULL ? "; did you mean \"" : "",
		    near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static const struct config_field *find_field(const char *section,
					     struct span key)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (strcmp(config_fields[i].section, section) == 0 &&
		    span_eq(key, span_str(config_fields[i].key)))
			return &config_fields[i];
	return NULL;
}

static void tell_double(struct reader *r, const struct node *key, unsigned line)
{
	problem_add(r->problems, key->at, "\"%s\" stands already on line %u",
		    show_span(key->text).text, line);
}

/* A list of words, kept as one with commas between. */
static void read_list(struct reader *r, const struct config_field *f,
		      const struct node *list)
{
	char reason[FIELD_REASON_MAX];
	struct buf all;
	enum yb_err err = YB_OK;

	buf_init(&all, CONFIG_NETWORKS_LEN);
	for (const struct node *n = list->first; n != NULL; n = n->next) {
		if (n->kind != NODE_WORD) {
			problem_add(r->problems, n->at,
				    "not a network; it needs quotes, as in "
				    "\"::1\"");
			err = YB_INVALID;
		} else if (err == YB_OK) {
			err = buf_addf(&all, "%s%.*s", all.n > 0 ? ", " : "",
				       (int)n->text.n, (const char *)n->text.p);
		}
	}
	if (err == YB_TOO_BIG)
		problem_add(r->problems, list->at, "%s: too long a list",
			    f->key);
	if (err == YB_OK &&
	    field_set(f, buf_span(&all), r->config, reason) != YB_OK)
		problem_add(r->problems, list->at, "%s: %s", f->key, reason);
	buf_done(&all);
}

static void read_field(struct reader *r, const struct config_field *f,
		       const struct node *node)
{
	unsigned *line = &r->lines[f - config_fields];
	char reason[FIELD_REASON_MAX];

	if (*line != 0) {
		tell_double(r, node->key, *line);
		return;
	}
	*line = node->key->at.line;
	if (node->kind == NODE_WRONG)
		return;
	if (f->kind == FIELD_NETWORKS && node->kind == NODE_LIST) {
		read_list(r, f, node);
		return;
	}
	if (node->kind != NODE_WORD) {
		problem_add(r->problems, node->at, "%s takes one value, not %s",
			    f->key,
			    node->kind == NODE_MAP ? "a map" : "a list");
		return;
	}
	/* An empty value is written "": nothing at all is half a thought. */
	if (node->empty) {
		problem_add(r->problems, node->key->at, "%s has no value%s",
			    f->key,
			    f->may_be_empty ? "; write \"\" or leave "
					      "the line out"
					    : "");
		return;
	}
	if (strcmp(f->key, "run") == 0)
		r->run_at = node->at;
	if (strcmp(f->section, "oauth") == 0)
		r->oauth_at = node->key->at;
	if (field_set(f, node->text, r->config, reason) != YB_OK)
		problem_add(r->problems, node->at, "%s: %s", f->key, reason);
}

static bool is_certificates(const char *section, const struct node *node)
{
	return strcmp(section, tls_section) == 0 &&
	       span_eq(node->key->text, span_str(certificates_key));
}

static void read_certificates(struct reader *r, const struct node *node)
{
	if (r->certificates != NULL) {
		tell_double(r, node->key, r->certificates->key->at.line);
		return;
	}
	r->certificates = node;
	certificates_read(node, r->config, r->problems);
}

static void read_section(struct reader *r, const char *section,
			 const struct node *node)
{
	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_MAP) {
		problem_add(r->problems, node->at,
			    "%s takes a map of keys and values", section);
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		const struct config_field *f;

		if (n->key->kind != NODE_WORD)
			continue;
		f = find_field(section, n->key->text);
		if (f != NULL)
			read_field(r, f, n);
		else if (is_certificates(section, n))
			read_certificates(r, n);
		else
			tell_unknown(r, section, n->key);
	}
}

static const char *find_section(struct span key)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (key.n > 0 &&
		    span_eq(key, span_str(config_fields[i].section)))
			return config_fields[i].section;
	return NULL;
}

static void read_top(struct reader *r, const struct node *root)
{
	const struct node *sections[8] = { NULL };
	size_t sections_n = 0;

	for (const struct node *n = root->first; n != NULL; n = n->next) {
		const struct config_field *f;
		const char *section;
		size_t i = 0;

		if (n->key->kind != NODE_WORD)
			continue;
		f = find_field("", n->key->text);
		section = find_section(n->key->text);
		if (f != NULL) {
			read_field(r, f, n);
			continue;
		}
		if (section == NULL &&
		    !span_eq(n->key->text, span_str(listeners_key))) {
			tell_unknown(r, "", n->key);
			continue;
		}
		while (i < sections_n &&
		       !span_eq(sections[i]->key->text, n->key->text))
			i++;
		if (i < sections_n) {
			tell_double(r, n->key, sections[i]->key->at.line);
			continue;
		}
		if (sections_n < ARRAY_LEN(sections))
			sections[sections_n++] = n;
		if (section != NULL)
			read_section(r, section, n);
		else
			r->listeners = n;
	}
}

/* Who is asked about tokens; the rest of the section is for him. */
static void check_oauth(struct reader *r)
{
	const struct config *c = r->config;
	const struct {
		const char *key, *value;
	} of_url[] = { { "client_id", c->oauth_client_id },
		       { "client_secret_file", c->oauth_client_secret_file },
		       { "ca", c->oauth_ca } };
	bool url = *c->oauth_introspection_url != 0;

	if (url && *c->oauth_command != 0)
		problem_add(r->problems, r->oauth_at,
			    "oauth: introspection_url and command are two ways "
			    "to ask; keep one");
	if (url &&
	    (*c->oauth_client_secret_file != 0) != (*c->oauth_client_id != 0))
		problem_add(r->problems, r->oauth_at,
			    "oauth: client_id and client_secret_file go "
			    "together");
	for (size_t i = 0; !url && i < ARRAY_LEN(of_url); i++)
		if (*of_url[i].value != 0)
			problem_add(r->problems, r->oauth_at,
				    "oauth: %s means nothing without "
				    "introspection_url",
				    of_url[i].key);
}

/* What only the whole shows. Listeners come last: they stand on `run`. */
static void finish(struct reader *r)
{
	struct config *c = r->config;
	struct socket_address a;
	char control[CONFIG_PATH_LEN + 16];

	if (c->hostname[0] == 0)
		machine_name(c->hostname);
	if (c->accounts_directory == CONFIG_DIRECTORY_COMMAND &&
	    *c->accounts_command == 0)
		problem_add(r->problems, (struct place){ 0, 0 },
			    "accounts.directory: command needs a program in "
			    "accounts.command");
	check_oauth(r);
	(void)snprintf(control, sizeof control, "%s/control", c->run_path);
	if (socket_address_parse(control, &a) != YB_OK)
		problem_add(r->problems, r->run_at,
			    "run: sockets in \"%s\" have too long a path; "
			    "Unix takes 107 octets",
			    show_span(span_str(c->run_path)).text);
	else if (r->listeners != NULL)
		listeners_read(r->listeners, c, r->problems);
	else if (config_preset_listeners(c) != YB_OK)
		problem_add(r->problems, r->run_at, "run: path is too long");
}

static enum yb_err read_root(const struct node *root, struct config *c,
			     struct problems *ps)
{
	AUTO_FREE unsigned *lines = calloc(config_fields_n, sizeof *lines);
	struct reader r = { .config = c, .problems = ps, .lines = lines };

	if (lines == NULL)
		return YB_NOMEM;
	if (root != NULL && root->kind != NODE_MAP && !root->empty) {
		if (root->kind != NODE_WRONG)
			problem_add(ps, root->at,
				    "not a configuration: it has to be lines "
				    "of \"key: value\"");
		return YB_OK;
	}
	if (root != NULL)
		read_top(&r, root);
	finish(&r);
	return YB_OK;
}

enum yb_err config_parse(struct span yaml, const char *file,
			 config_problem_fn *problem, void *ctx,
			 struct config *ret)
{
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	AUTO_FREE struct problems *ps = calloc(1, sizeof *ps);
	struct node *root;
	struct arena arena;
	enum yb_err err;

	if (c == NULL || ps == NULL)
		return YB_NOMEM;
	err = config_defaults(file, c);
	if (err != YB_OK)
		return err;
	arena_init(&arena, ARENA_MAX);
	err = tree_parse(yaml, &arena, ps, &root);
	if (err == YB_OK && (root != NULL || ps->n == 0))
		err = read_root(root, c, ps);
	arena_done(&arena);
	if (err != YB_OK)
		return err;
	problems_tell(ps, problem, ctx);
	if (ps->n > 0)
		return YB_INVALID;
	*ret = *c;
	return YB_OK;
}

/* ---- from a file ---- */

static enum yb_err tell_whole(config_problem_fn *problem, void *ctx,
			      enum yb_err err, const char *file,
			      const char *why, const char *way_out)
{
	struct config_problem p = { 0 };

	(void)snprintf(p.text, sizeof p.text, "cannot read %s: %s%s%s", file,
		       why, *way_out != 0 ? "; " : "", way_out);
	problem(ctx, &p);
	return err;
}

/*
 * An absolute name, its folder without links: the base of relative paths. The
 * file's own name stays, also where it is a link to elsewhere.
 */
static bool make_absolute(const char *file, char ret[CONFIG_PATH_LEN])
{
	const char *slash = strrchr(file, '/');
	const char *name = slash == NULL ? file : slash + 1;
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *resolved = NULL;
	int n;

	folder = slash == NULL
			 ? strdup(".")
			 : strndup(file,
				   slash == file ? 1 : (size_t)(slash - file));
	if (folder != NULL)
		resolved = realpath(folder, NULL);
	if (resolved == NULL)
		return false;
	n = snprintf(ret, CONFIG_PATH_LEN, "%s/%s",
		     strcmp(resolved, "/") == 0 ? "" : resolved, name);
	if (n >= CONFIG_PATH_LEN)
		errno = ENAMETOOLONG;
	return n >= 0 && n < CONFIG_PATH_LEN;
}

static enum yb_err tell_errno(config_problem_fn *problem, void *ctx,
			      const char *file)
{
	int number = errno;
	const char *way_out = "";

	if (number == ENOENT || number == ENOTDIR)
		way_out = "run `yubin init` first, or name a file with -c";
	else if (number == EACCES)
		way_out = "run it as the user that may, or name another file "
			  "with -c";
	return tell_whole(problem, ctx, err_from_errno(number), file,
			  strerror(number), way_out);
}

enum yb_err config_load(const char *file, config_problem_fn *problem, void *ctx,
			struct config *ret)
{
	char name[CONFIG_PATH_LEN];
	AUTO_FREE char *target = NULL;
	struct buf text;
	enum yb_err err;

	if (!make_absolute(file, name))
		return tell_errno(problem, ctx, file);
	/* An administrator may have linked it: to where, is looked up here. */
	target = realpath(name, NULL);
	if (target == NULL)
		return tell_errno(problem, ctx, file);
	buf_init(&text, CONFIG_FILE_MAX);
	errno = 0;
	err = file_read(target, &text);
	if (err == YB_OK)
		err = config_parse(buf_span(&text), name, problem, ctx, ret);
	else if (err == YB_TOO_BIG)
		err = tell_whole(problem, ctx, err, file,
				 "it has more than 64 KiB", "");
	else if (err == YB_INVALID)
		err = tell_whole(problem, ctx, err, file,
				 "it is not a regular file", "");
	else
		err = tell_errno(problem, ctx, file);
	buf_done(&text);
	return err;
}

/* ---- as it is ---- */

bool config_needs_tls(const struct config *c)
{
	for (uint32_t i = 0; i < c->listeners_n; i++)
		if (c->listeners[i].tls != CONFIG_TLS_OFF)
			return true;
	return false;
}

const char *config_program(const struct config *c, size_t i,
			   const char **ret_key)
{
	const struct {
		const char *key, *path;
	} all[] = { { "accounts.command",
		      c->accounts_directory == CONFIG_DIRECTORY_COMMAND
			      ? c->accounts_command
			      : "" },
		    { "policy.command", c->policy_command },
		    { "oauth.command", c->oauth_command } };

	for (size_t at = 0; at < ARRAY_LEN(all); at++) {
		if (*all[at].path == 0 || i-- > 0)
			continue;
		*ret_key = all[at].key;
		return all[at].path;
	}
	return NULL;
}

bool config_takes_tokens(const struct config *c)
{
	return *c->oauth_introspection_url != 0 || *c->oauth_command != 0;
}

bool config_needs_lookup(const struct config *c)
{
	const char *key;

	return config_program(c, 0, &key) != NULL || config_takes_tokens(c);
}

size_t config_pairs(const struct config *c)
{
	return config_needs_tls(c) ? 1 + (size_t)c->certificates_n : 0;
}

const char *config_pair_certificate(const struct config *c, size_t i)
{
	return i == 0 ? c->certificate : c->certificates[i - 1].certificate;
}

const char *config_pair_key(const struct config *c, size_t i)
{
	return i == 0 ? c->private_key : c->certificates[i - 1].private_key;
}

bool config_is_valid(struct span block)
{
	AUTO_FREE struct config *c = NULL;

	if (block.n != sizeof *c)
		return false;
	/* The block may lie anywhere; fields want their alignment. */
	c = malloc(sizeof *c);
	if (c == NULL)
		return false;
	memcpy(c, block.p, sizeof *c);
	if (c->magic != CONFIG_MAGIC ||
	    memchr(c->file, 0, sizeof c->file) == NULL ||
	    memchr(c->base, 0, sizeof c->base) == NULL ||
	    c->listeners_n > CONFIG_LISTENERS_MAX ||
	    c->certificates_n > CONFIG_CERTIFICATES_MAX)
		return false;
	for (size_t i = 0; i < config_fields_n; i++)
		if (!field_is_valid(&config_fields[i], c))
			return false;
	for (uint32_t i = 0; i < c->certificates_n; i++) {
		const struct config_certificate *pair = &c->certificates[i];

		if (memchr(pair->certificate, 0, CONFIG_PATH_LEN) == NULL ||
		    memchr(pair->private_key, 0, CONFIG_PATH_LEN) == NULL)
			return false;
	}
	for (uint32_t i = 0; i < c->listeners_n; i++) {
		const struct config_listener *l = &c->listeners[i];

		if (l->service >= CONFIG_SERVICES ||
		    l->tls > CONFIG_TLS_IMPLICIT ||
		    l->legacy >= 1u << CONFIG_LEGACY_BITS ||
		    l->client_certificates > 1 ||
		    memchr(l->address, 0, sizeof l->address) == NULL)
			return false;
	}
	return true;
}
