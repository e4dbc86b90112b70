#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "config/certificates.h"
#include "config/schema.h"

/* What is printed: only what differs, or all with comments. */
struct printer {
	const struct config *config;
	const struct config *preset;
	struct buf *out;
	bool commented;
};

static enum yb_err print_help(struct printer *p, const char *indent,
			      const char *help)
{
	struct span rest = span_str(help);
	enum yb_err err = YB_OK;

	while (err == YB_OK && rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		err = buf_addf(p->out, "%s# %.*s\n", indent, (int)line.n,
			       (const char *)line.p);
	}
	return err;
}

static enum yb_err print_field(struct printer *p, const struct config_field *f)
{
	bool same = field_is_same(f, p->config, p->preset);
	const char *indent = *f->section != 0 ? "  " : "";
	enum yb_err err = YB_OK;

	/* What these two mean must not change behind the file's back. */
	if (p->commented && (f->kind == FIELD_VERSION ||
			     f->offset == offsetof(struct config, hostname)))
		same = false;
	if (same && !p->commented)
		return YB_OK;
	if (p->commented) {
		if (*f->help != 0 && *f->section == 0)
			err = buf_addf(p->out, "\n");
		if (err == YB_OK)
			err = print_help(p, indent, f->help);
	}
	if (err == YB_OK)
		err = buf_addf(p->out, "%s%s%s: ", same ? "#" : "", indent,
			       f->key);
	if (err == YB_OK)
		err = field_print(f, p->config, p->out);
	return err == YB_OK ? buf_addf(p->out, "\n") : err;
}

static bool is_tls(const char *section)
{
	return strcmp(section, "tls") == 0;
}

static bool section_is_same(struct printer *p, const char *section)
{
	for (size_t i = 0; i < config_fields_n; i++)
		if (strcmp(config_fields[i].section, section) == 0 &&
		    !field_is_same(&config_fields[i], p->config, p->preset))
			return false;
	return !is_tls(section) || certificates_are_same(p->config, p->preset);
}

/* What stands in a section beside its fields. */
static enum yb_err end_section(struct printer *p, const char *section)
{
	return is_tls(section)
		       ? certificates_print(p->config, p->commented, p->out)
		       : YB_OK;
}

static enum yb_err print_fields(struct printer *p)
{
	const char *section = "";
	enum yb_err err = YB_OK;

	for (size_t i = 0; err == YB_OK && i < config_fields_n; i++) {
		const struct config_field *f = &config_fields[i];

		if (strcmp(f->section, section) != 0) {
			bool same = section_is_same(p, f->section);

			err = end_section(p, section);
			if (err != YB_OK)
				break;
			section = f->section;
			if (same && !p->commented)
				continue;
			err = buf_addf(p->out, "%s%s%s:\n",
				       p->commented ? "\n" : "",
				       same ? "#" : "", section);
		}
		if (err == YB_OK)
			err = print_field(p, f);
	}
	return err == YB_OK ? end_section(p, section) : err;
}

/* ---- listeners ---- */

static bool listeners_are_same(const struct config *a, const struct config *b)
{
	if (a->listeners_n != b->listeners_n)
		return false;
	for (uint32_t i = 0; i < a->listeners_n; i++) {
		const struct config_listener *x = &a->listeners[i];
		const struct config_listener *y = &b->listeners[i];

		if (!config_listeners_agree(x, y) ||
		    strcmp(x->address, y->address) != 0)
			return false;
	}
	return true;
}

/* A path has no TLS; the mode of its neighbours says as much. */
static bool is_path(const struct config_listener *l)
{
	return l->address[0] == '/';
}

static bool agree(const struct config_listener *a,
		  const struct config_listener *b)
{
	struct config_listener copy = *b;

	if (is_path(a) || is_path(b))
		copy.tls = a->tls;
	return config_listeners_agree(a, &copy);
}

/* Whether no listener of its service before number `at` is like it. */
static bool is_first(const struct config *c, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (agree(&c->listeners[i], &c->listeners[at]))
			return false;
	return true;
}

static enum yb_err print_addresses(struct printer *p,
				   const struct config_listener *first,
				   uint32_t *ret_tls)
{
	const struct config *c = p->config;
	uint32_t tls = CONFIG_TLS_OFF;
	enum yb_err err = YB_OK;
	size_t n = 0;

	for (uint32_t i = 0; err == YB_OK && i < c->listeners_n; i++) {
		const struct config_listener *l = &c->listeners[i];

		if (!agree(first, l))
			continue;
		if (!is_path(l))
			tls = l->tls;
		if (n++ > 0)
			err = buf_addf(p->out, ", ");
		if (err == YB_OK)
			err = config_print_quoted(
				config_short_path(c, l->address), p->out);
	}
	*ret_tls = tls;
	return err;
}

static enum yb_err print_legacy(struct printer *p, uint32_t legacy)
{
	enum yb_err err = YB_OK;
	const char *mark = ", legacy: [";

	for (unsigned i = 0; err == YB_OK && i < CONFIG_LEGACY_BITS; i++) {
		if ((legacy & 1u << i) == 0)
			continue;
		err = buf_addf(p->out, "%s%s", mark,
			       config_legacy_name((enum config_legacy_bit)i));
		mark = ", ";
	}
	if (err == YB_OK && legacy != 0)
		err = buf_addf(p->out, "]");
	return err;
}

/* All listeners that are like this one. */
static enum yb_err print_group(struct printer *p,
			       const struct config_listener *first)
{
	uint32_t tls = CONFIG_TLS_OFF;
	enum yb_err err = buf_addf(p->out, "{address: [");

	if (err == YB_OK)
		err = print_addresses(p, first, &tls);
	if (err == YB_OK)
		err = buf_addf(p->out, "], tls: %s",
			       config_tls_name((enum config_tls)tls));
	if (err == YB_OK)
		err = print_legacy(p, first->legacy);
	if (err == YB_OK && first->client_certificates != 0)
		err = buf_addf(p->out, ", client_certificates: yes");
	return err == YB_OK ? buf_addf(p->out, "}\n") : err;
}

static enum yb_err print_service(struct printer *p, uint32_t service,
				 const char *mark)
{
	const struct config_service_rule *rule = &config_service_rules[service];
	const struct config *c = p->config;
	enum yb_err err = YB_OK;
	uint32_t groups = 0;

	for (uint32_t i = 0; i < c->listeners_n; i++)
		groups += c->listeners[i].service == service && is_first(c, i);
	if (groups == 0)
		return YB_OK;
	if (p->commented)
		err = buf_addf(p->out, "  # %s\n", rule->help);
	if (err == YB_OK)
		err = buf_addf(p->out, "%s  %s:%s", mark, rule->name,
			       groups == 1 ? " " : "\n");
	for (uint32_t i = 0; err == YB_OK && i < c->listeners_n; i++) {
		if (c->listeners[i].service != service || !is_first(c, i))
			continue;
		if (groups > 1)
			err = buf_addf(p->out, "%s    - ", mark);
		if (err == YB_OK)
			err = print_group(p, &c->listeners[i]);
	}
	return err;
}

static enum yb_err print_listeners(struct printer *p)
{
	bool same = listeners_are_same(p->config, p->preset);
	const char *mark = same ? "#" : "";
	enum yb_err err = YB_OK;

	if (same && !p->commented)
		return YB_OK;
	if (p->commented)
		err = buf_addf(p->out,
			       "\n# What to listen on; a service that is not "
			       "named here is off.\n"
			       "# tls: off | starttls | implicit. For old "
			       "programs, see\n"
			       "# `yubin account legacy allow --help`: legacy: "
			       "[apop, cram-md5, "
			       "without-tls].\n");
	if (err == YB_OK)
		err = buf_addf(p->out, "%slisteners:\n", mark);
	for (uint32_t s = 0; err == YB_OK && s < CONFIG_SERVICES; s++)
		err = print_service(p, s, mark);
	return err;
}

static enum yb_err print(const struct config *config, bool commented,
			 struct buf *out)
{
	AUTO_FREE struct config *preset = calloc(1, sizeof *preset);
	struct printer p = { config, preset, out, commented };
	enum yb_err err;

	if (preset == NULL)
		return YB_NOMEM;
	err = config_defaults(config->file, preset);
	if (err == YB_OK)
		err = print_fields(&p);
	/* What listens by default depends on where `run` is. */
	memcpy(preset->run_path, config->run_path, sizeof preset->run_path);
	if (err == YB_OK)
		err = config_preset_listeners(preset);
	return err == YB_OK ? print_listeners(&p) : err;
}

enum yb_err config_show(const struct config *config, struct buf *out)
{
	return print(config, false, out);
}

enum yb_err config_print_commented(const struct config *config, struct buf *out)
{
	enum yb_err err = buf_addf(
		out, "# Configuration of Yubin. Lines that start with # show "
		     "the defaults.\n"
		     "# After a change: yubin check\n");

	return err == YB_OK ? print(config, true, out) : err;
}
