#include "config/listeners.h"

#include <netinet/in.h>
#include <stdio.h>

#include "config/nearest.h"
#include "config/schema.h"
#include "os/socket.h"

static const char *const tls_names[] = {
	[CONFIG_TLS_OFF] = "off",
	[CONFIG_TLS_START] = "starttls",
	[CONFIG_TLS_IMPLICIT] = "implicit",
};

enum { TLS_MODES = sizeof tls_names / sizeof *tls_names };

/* clang-format off */
static const char *const legacy_names[] = {
#define X(id, word) word,
	CONFIG_LEGACIES(X)
#undef X
};
/* clang-format on */

struct reader {
	struct config *config;
	struct problems *problems;
	struct place at[CONFIG_LISTENERS_MAX]; /* of each listener */
	struct socket_address address[CONFIG_LISTENERS_MAX];
};

const char *config_service_name(enum config_service service)
{
	return config_service_rules[service].name;
}

const char *config_tls_name(enum config_tls tls)
{
	return tls_names[tls];
}

const char *config_legacy_name(enum config_legacy_bit bit)
{
	return legacy_names[bit];
}

bool config_listeners_agree(const struct config_listener *a,
			    const struct config_listener *b)
{
	return a->service == b->service && a->tls == b->tls &&
	       a->legacy == b->legacy &&
	       a->client_certificates == b->client_certificates;
}

/* ---- what a file without listeners means ---- */

static bool add_preset(struct config *c, enum config_service service,
		       const char *address)
{
	struct config_listener *l = &c->listeners[c->listeners_n];
	const struct config_service_rule *rule = &config_service_rules[service];
	int n;

	*l = (struct config_listener){ .service = (uint32_t)service,
				       .tls = (uint32_t)rule->tls_preset };
	if (address != NULL)
		n = snprintf(l->address, sizeof l->address, "%s", address);
	else
		n = snprintf(l->address, sizeof l->address, "%s/%s",
			     c->run_path, rule->name);
	c->listeners_n++;
	return n >= 0 && n < (int)sizeof l->address;
}

enum yb_err config_preset_listeners(struct config *c)
{
	bool ok = true;

	c->listeners_n = 0;
	for (unsigned s = 0; s < CONFIG_SERVICES; s++) {
		const char *const *a = config_service_rules[s].addresses;

		if (config_service_rules[s].only_if_named)
			continue;
		ok = add_preset(c, (enum config_service)s, a[0]) && ok;
		if (a[1] != NULL)
			ok = add_preset(c, (enum config_service)s, a[1]) && ok;
	}
	return ok ? YB_OK : YB_TOO_BIG;
}

/* ---- addresses ---- */

static in_port_t port_of(const struct socket_address *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->any.sa_family == AF_INET) {
		memcpy(&in, &a->storage, sizeof in);
		return in.sin_port;
	}
	memcpy(&in6, &a->storage, sizeof in6);
	return in6.sin6_port;
}

static bool is_any(const struct socket_address *a)
{
	static const uint8_t none[16];
	uint8_t o[16];

	socket_address_octets(a, o);
	if (a->any.sa_family == AF_INET)
		return memcmp(o + 12, none, 4) == 0;
	return memcmp(o, none, sizeof none) == 0;
}

/* Whether both cannot be bound: equal, or one stands for all addresses. */
static bool overlap(const struct socket_address *a,
		    const struct socket_address *b)
{
	uint8_t oa[16], ob[16];

	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_UNIX)
		return a->n == b->n &&
		       memcmp(&a->storage, &b->storage, a->n) == 0;
	if (port_of(a) != port_of(b))
		return false;
	socket_address_octets(a, oa);
	socket_address_octets(b, ob);
	return is_any(a) || is_any(b) || memcmp(oa, ob, sizeof oa) == 0;
}

static void tell_form(struct reader *r, struct place at, struct span text,
		      enum config_service service)
{
	const char *more = config_service_rules[service].addresses[0] == NULL
				   ? ", or a path such as \"run/lmtp\""
				   : "";

	problem_add(r->problems, at,
		    "\"%s\" is not an address; write \"192.0.2.1:PORT\" or "
		    "\"[2001:db8::1]:PORT\", with a port from 1 to 65535%s",
		    show_span(text).text, more);
}

/* What has no login is for this machine alone. */
static bool is_near(struct reader *r, struct place at, struct span text,
		    enum config_service service, const struct socket_address *a)
{
	if (!config_service_rules[service].loopback_only ||
	    socket_address_is_loopback(a))
		return true;
	problem_add(r->problems, at,
		    "\"%s\": %s is for this machine only; write "
		    "\"127.0.0.1:PORT\", and let a web server with a login "
		    "stand before it",
		    show_span(text).text, config_service_name(service));
	return false;
}

static bool read_address(struct reader *r, struct place at, struct span text,
			 enum config_service service, struct config_listener *l,
			 struct socket_address *a)
{
	bool may_be_path = config_service_rules[service].addresses[0] == NULL;
	bool is_path = span_find(text, '/') < text.n;
	char path[CONFIG_PATH_LEN];

	if (!is_path) {
		if (span_to_str(text, l->address, sizeof l->address) &&
		    socket_address_parse(l->address, a) == YB_OK &&
		    port_of(a) != 0)
			return is_near(r, at, text, service, a);
		tell_form(r, at, text, service);
		return false;
	}
	if (!may_be_path) {
		tell_form(r, at, text, service);
		return false;
	}
	if (config_join_path(r->config->base, text, path) == YB_OK &&
	    strlen(path) < sizeof l->address &&
	    socket_address_parse(path, a) == YB_OK) {
		memcpy(l->address, path, strlen(path) + 1);
		return true;
	}
	problem_add(r->problems, at,
		    "\"%s\" makes too long a path for a Unix socket, which "
		    "takes 107 octets",
		    show_span(text).text);
	return false;
}

static bool is_taken(struct reader *r, struct place at, struct span text,
		     const struct socket_address *a)
{
	for (uint32_t i = 0; i < r->config->listeners_n; i++) {
		if (!overlap(&r->address[i], a))
			continue;
		problem_add(r->problems, at,
			    "\"%s\" is taken already by \"%s\" on line %u",
			    show_span(text).text,
			    r->config->listeners[i].address, r->at[i].line);
		return true;
	}
	return false;
}

/* `like` has all but the address. */
static void add_address(struct reader *r, struct place at, struct span text,
			const struct config_listener *like)
{
	enum config_service service = (enum config_service)like->service;
	struct config *c = r->config;
	struct config_listener l = *like;
	struct socket_address a;

	if (!read_address(r, at, text, service, &l, &a) ||
	    is_taken(r, at, text, &a))
		return;
	if (c->listeners_n == CONFIG_LISTENERS_MAX) {
		problem_add(r->problems, at, "more than %d addresses",
			    CONFIG_LISTENERS_MAX);
		return;
	}
	/* Within the machine nobody listens in. */
	if (a.any.sa_family == AF_UNIX)
		l.tls = CONFIG_TLS_OFF;
	r->at[c->listeners_n] = at;
	r->address[c->listeners_n] = a;
	c->listeners[c->listeners_n++] = l;
}

static void add_preset_addresses(struct reader *r, struct place at,
				 const struct config_listener *like)
{
	const struct config_service_rule *rule =
		&config_service_rules[like->service];
	char path[CONFIG_PATH_LEN + 16];

	for (size_t i = 0; i < 2 && rule->addresses[i] != NULL; i++)
		add_address(r, at, span_str(rule->addresses[i]), like);
	if (rule->addresses[0] != NULL)
		return;
	(void)snprintf(path, sizeof path, "%s/%s", r->config->run_path,
		       rule->name);
	add_address(r, at, span_str(path), like);
}

static void read_addresses(struct reader *r, const struct node *node,
			   const struct config_listener *like)
{
	const struct node *at = node->kind == NODE_LIST ? node->first : node;

	if (at == NULL || (at == node && at->empty)) {
		problem_add(r->problems, node->at,
			    "no address; leave %s out to switch it off",
			    config_service_rules[like->service].name);
		return;
	}
	for (; at != NULL; at = at == node ? NULL : at->next) {
		if (at->kind == NODE_WORD)
			add_address(r, at->at, at->text, like);
		else if (at->kind != NODE_WRONG)
			problem_add(r->problems, at->at,
				    "not an address; it needs quotes, as in "
				    "\"[::1]:2110\"");
	}
}

/* ---- services ---- */

static bool read_tls(struct reader *r, const struct node *node,
		     struct config_listener *l)
{
	const struct config_service_rule *rule =
		&config_service_rules[l->service];
	const char *allowed[TLS_MODES];
	size_t allowed_n = 0;
	const char *near;

	for (unsigned i = 0; i < TLS_MODES; i++) {
		if ((rule->tls & 1u << i) == 0)
			continue;
		allowed[allowed_n++] = tls_names[i];
		if (node->kind == NODE_WORD &&
		    span_eq(node->text, span_str(tls_names[i]))) {
			l->tls = i;
			return true;
		}
	}
	if (node->kind == NODE_WRONG)
		return false;
	near = node->kind == NODE_WORD
		       ? word_nearest(node->text, allowed, allowed_n)
		       : NULL;
	problem_add(r->problems, node->at, "\"%s\": tls of %s is %s%s%s%s%s%s",
		    show_span(node->text).text, rule->name, allowed[0],
		    allowed_n > 1 ? " or " : "",
		    allowed_n > 1 ? allowed[1] : "",
		    near != NULL ? "; did you mean \"" : "",
		    near != NULL ? near : "", near != NULL ? "\"?" : "");
	return false;
}

static void tell_unknown(struct reader *r, const struct node *key,
			 const char *what, const char *const *known, size_t n)
{
	const char *near = word_nearest(key->text, known, n);

	if (near != NULL)
		problem_add(r->problems, key->at,
			    "unknown %s \"%s\"; did you mean \"%s\"?", what,
			    show_span(key->text).text, near);
	else
		problem_add(r->problems, key->at, "unknown %s \"%s\"", what,
			    show_span(key->text).text);
}

enum key { KEY_ADDRESS, KEY_TLS, KEY_LEGACY, KEY_CERTIFICATES, KEYS };

/* Files a child under one of the keys; tells doubles and strangers. */
static void sort_key(struct reader *r, const struct node *child,
		     const struct node *found[KEYS])
{
	static const char *const keys[KEYS] = { "address", "tls", "legacy",
						"client_certificates" };

	for (size_t i = 0; i < KEYS; i++) {
		if (!span_eq(child->key->text, span_str(keys[i])))
			continue;
		if (found[i] != NULL)
			problem_add(r->problems, child->key->at,
				    "\"%s\" stands already on line %u", keys[i],
				    found[i]->key->at.line);
		else
			found[i] = child;
		return;
	}
	tell_unknown(r, child->key, "key", keys, KEYS);
}

static void read_legacy_word(struct reader *r, const struct node *node,
			     struct config_listener *l)
{
	for (unsigned i = 0; i < CONFIG_LEGACY_BITS; i++) {
		if (node->kind != NODE_WORD ||
		    !span_eq(node->text, span_str(legacy_names[i])))
			continue;
		l->legacy |= 1u << i;
		return;
	}
	if (node->kind == NODE_WORD)
		problem_add(r->problems, node->at,
			    "\"%s\": legacy takes apop, cram-md5, "
			    "scram-sha-1 and without-tls",
			    show_span(node->text).text);
	else if (node->kind != NODE_WRONG)
		problem_add(r->problems, node->at,
			    "legacy takes a list, such as [apop, cram-md5]");
}

/* For programs that know nothing better: off unless it stands here. */
static void read_legacy(struct reader *r, const struct node *node,
			struct config_listener *l)
{
	if (!config_service_rules[l->service].has_logins) {
		problem_add(r->problems, node->key->at,
			    "%s has no logins; legacy belongs to pop3 and "
			    "pop3s",
			    config_service_rules[l->service].name);
	} else if (node->kind == NODE_LIST) {
		for (const struct node *n = node->first; n != NULL; n = n->next)
			read_legacy_word(r, n, l);
	} else {
		read_legacy_word(r, node, l);
	}
	if (l->tls == CONFIG_TLS_IMPLICIT &&
	    (l->legacy & CONFIG_LEGACY_WITHOUT_TLS) != 0)
		problem_add(r->problems, node->at,
			    "without-tls stands against tls: implicit");
}

/* Whether clients are asked for theirs, to log in by it. */
static void read_certificates(struct reader *r, const struct node *node,
			      struct config_listener *l)
{
	bool yes =
		node->kind == NODE_WORD && span_eq(node->text, SPAN_LIT("yes"));

	if (!config_service_rules[l->service].has_logins)
		problem_add(r->problems, node->key->at,
			    "%s has no logins; client_certificates belongs to "
			    "pop3 and pop3s",
			    config_service_rules[l->service].name);
	else if (!yes && (node->kind != NODE_WORD ||
			  !span_eq(node->text, SPAN_LIT("no"))))
		problem_add(r->problems, node->at,
			    "client_certificates is yes or no");
	else if (yes && l->tls == CONFIG_TLS_OFF)
		problem_add(r->problems, node->at,
			    "client_certificates stands against tls: off");
	else if (yes && r->config->client_ca[0] == 0)
		problem_add(r->problems, node->at,
			    "client_certificates wants to know whose: set "
			    "client_ca under tls");
	else
		l->client_certificates = yes;
}

/* Listeners that have all but their addresses in common. */
static void read_group(struct reader *r, const struct node *node,
		       enum config_service service)
{
	const struct config_service_rule *rule = &config_service_rules[service];
	const struct node *found[KEYS] = { NULL };
	struct config_listener like = { .service = (uint32_t)service,
					.tls = (uint32_t)rule->tls_preset };

	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_MAP && !node->empty) {
		problem_add(r->problems, node->at,
			    "%s takes a map, such as {address: "
			    "[\"0.0.0.0:PORT\"], tls: %s}, or a list of them",
			    rule->name, tls_names[like.tls]);
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next)
		if (n->key->kind == NODE_WORD)
			sort_key(r, n, found);
	/* A wrong mode is told; the addresses are looked at all the same. */
	if (found[KEY_TLS] != NULL)
		(void)read_tls(r, found[KEY_TLS], &like);
	if (found[KEY_LEGACY] != NULL)
		read_legacy(r, found[KEY_LEGACY], &like);
	if (found[KEY_CERTIFICATES] != NULL)
		read_certificates(r, found[KEY_CERTIFICATES], &like);
	if (found[KEY_ADDRESS] == NULL)
		add_preset_addresses(r, node->at, &like);
	else if (found[KEY_ADDRESS]->kind != NODE_WRONG)
		read_addresses(r, found[KEY_ADDRESS], &like);
}

/* A map, or a list of maps where not all listeners are to be alike. */
static void read_service(struct reader *r, const struct node *node,
			 enum config_service service)
{
	if (node->kind != NODE_LIST || node->first == NULL) {
		read_group(r, node, service);
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next)
		read_group(r, n, service);
}

static void read_services(struct reader *r, const struct node *node)
{
	const char *names[CONFIG_SERVICES];
	unsigned lines[CONFIG_SERVICES] = { 0 };

	for (size_t i = 0; i < CONFIG_SERVICES; i++)
		names[i] = config_service_rules[i].name;
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		unsigned s = 0;

		if (n->key->kind != NODE_WORD)
			continue;
		while (s < CONFIG_SERVICES &&
		       !span_eq(n->key->text, span_str(names[s])))
			s++;
		if (s == CONFIG_SERVICES) {
			tell_unknown(r, n->key, "service", names,
				     CONFIG_SERVICES);
		} else if (lines[s] != 0) {
			problem_add(r->problems, n->key->at,
				    "\"%s\" stands already on line %u; give "
				    "one service several addresses",
				    names[s], lines[s]);
		} else {
			lines[s] = n->key->at.line;
			read_service(r, n, (enum config_service)s);
		}
	}
}

void listeners_read(const struct node *node, struct config *c,
		    struct problems *ps)
{
	struct reader r = { .config = c, .problems = ps };

	c->listeners_n = 0;
	if (node->kind == NODE_WRONG)
		return;
	if (node->kind != NODE_MAP || node->first == NULL) {
		problem_add(ps, node->at,
			    "listeners takes a map of services: pop3, pop3s, "
			    "smtp, lmtp, metrics");
		return;
	}
	read_services(&r, node);
}
