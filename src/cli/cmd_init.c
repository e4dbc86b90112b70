#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/layout.h"
#include "cli/say.h"

static const char system_folder[] = "/etc/yubin";

enum {
	PORT_BASE = 2000,
	/* The highest service, POP3S, has to fit below 65536. */
	PORT_BASE_MAX = 65535 - 995,
};

struct wish {
	const char *folder; /* NULL: the system's places */
	const char *hostname;
	bool loopback;
	unsigned long port_base;
};

/* ---- the configuration of a new server ---- */

static void add_listener(struct config *c, enum config_service service,
			 enum config_tls tls, const char *host,
			 unsigned long port)
{
	struct config_listener *l = &c->listeners[c->listeners_n++];

	*l = (struct config_listener){ .service = (uint32_t)service,
				       .tls = (uint32_t)tls };
	if (port > 0)
		(void)snprintf(l->address, sizeof l->address, "%s:%lu", host,
			       port);
	else
		(void)snprintf(l->address, sizeof l->address, "%s", host);
}

static void listen_on_loopback(struct config *c, unsigned long base)
{
	static const char host[] = "127.0.0.1";
	char path[CONFIG_TEXT_MAX];

	(void)snprintf(path, sizeof path, "%.200s/lmtp", c->run_path);
	c->listeners_n = 0;
	add_listener(c, CONFIG_POP3, CONFIG_TLS_START, host, base + 110);
	add_listener(c, CONFIG_POP3S, CONFIG_TLS_IMPLICIT, host, base + 995);
	add_listener(c, CONFIG_SMTP, CONFIG_TLS_START, host, base + 25);
	add_listener(c, CONFIG_LMTP, CONFIG_TLS_OFF, path, 0);
	add_listener(c, CONFIG_LMTP, CONFIG_TLS_OFF, host, base + 24);
	add_listener(c, CONFIG_METRICS, CONFIG_TLS_OFF, host, base + 910);
	/* All clients come from one address, and nobody listens in. */
	c->connections_per_address_max = c->connections_max;
	c->plain_login = CONFIG_PLAIN_LOOPBACK;
}

/* mail.example.org serves example.org; example.org serves itself. */
static const char *domain_of(const char *hostname)
{
	const char *dot = strchr(hostname, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL ? dot + 1 : hostname;
}

static bool set_path(char *dst, const char *base, const char *name)
{
	int n = snprintf(dst, CONFIG_PATH_LEN, "%s/%s", base, name);

	return n >= 0 && n < CONFIG_PATH_LEN;
}

static bool set_text(char *dst, const char *text)
{
	return span_to_str(span_str(text), dst, CONFIG_TEXT_MAX);
}

static bool fill_config(const struct wish *w, const char *file,
			struct config *c)
{
	bool ok = config_defaults(file, c) == YB_OK;

	if (ok && w->folder != NULL) {
		ok = set_path(c->store_path, c->base, "store") &&
		     set_path(c->directory_path, c->base,
			      "auth/directory.db") &&
		     set_path(c->run_path, c->base, "run");
		if (w->loopback)
			ok = ok && set_text(c->hostname, "localhost");
	}
	if (ok && w->hostname != NULL)
		ok = set_text(c->hostname, w->hostname);
	if (!ok) {
		say_error("%s: a name is too long", file);
		return false;
	}
	if (strcmp(c->hostname, "localhost") != 0)
		(void)set_text(c->default_domain, domain_of(c->hostname));
	if (w->loopback) {
		listen_on_loopback(c, w->port_base);
	} else if (w->folder != NULL) {
		struct config_listener *l = c->listeners;

		while (l->service != CONFIG_LMTP)
			l++;
		(void)snprintf(l->address, sizeof l->address, "%.200s/lmtp",
			       c->run_path);
	}
	return true;
}

/* Written, then read as any other: what is wrong with it shows now. */
static bool make_config(const struct wish *w, const char *file,
			struct config *c, struct buf *text)
{
	return fill_config(w, file, c) &&
	       config_print_commented(c, text) == YB_OK &&
	       config_parse(buf_span(text), file, say_problem,
			    (void *)(uintptr_t)file, c) == YB_OK;
}

/* ---- the command ---- */

static bool read_wish(const struct invocation *inv, struct wish *w)
{
	*w = (struct wish){
		.folder = inv->args_n > 0 ? inv->args[0] : NULL,
		.hostname = invocation_option(inv, "hostname"),
		.loopback = invocation_option(inv, "loopback") != NULL,
		.port_base = PORT_BASE,
	};
	if (!invocation_number(inv, "port-base", PORT_BASE_MAX, &w->port_base))
		return false;
	if (w->loopback && w->folder == NULL) {
		say_error("--loopback wants a folder for everything: yubin "
			  "init DIR --loopback");
		return false;
	}
	if (!w->loopback && invocation_option(inv, "port-base") != NULL) {
		say_error("--port-base goes with --loopback");
		return false;
	}
	return true;
}

/* DIR, made if it is missing, and the name of the file in it. */
static bool find_file(const struct wish *w, const struct layout *l,
		      char ret[CONFIG_PATH_LEN])
{
	const char *folder = w->folder != NULL ? w->folder : system_folder;
	AUTO_FREE char *real = NULL;
	struct stat st;

	if (*folder == 0) {
		say_error("the folder has no name");
		return false;
	}
	/* Looked at first: what is refused should leave nothing behind. */
	if (*folder == '/' && !layout_is_reachable(l, folder))
		return false;
	if (!layout_folder(folder))
		return false;
	real = realpath(folder, NULL);
	if (real == NULL || !set_path(ret, real, "yubin.yaml")) {
		say_error("cannot use %s: %s", folder, strerror(errno));
		return false;
	}
	/* The server's users have to pass, as through every folder above. */
	if (l->root && stat(real, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & S_IXOTH) == 0 &&
	    chmod(real, (st.st_mode & 07777) | S_IXGRP | S_IXOTH) < 0) {
		say_error("cannot open %s for the server's users: %s", real,
			  strerror(errno));
		return false;
	}
	return layout_is_reachable(l, ret);
}

static void print_next(const struct wish *w, const struct config *c)
{
	char option[CONFIG_PATH_LEN + 8] = "";
	const char *domain =
		c->default_domain[0] != 0 ? c->default_domain : "example.org";

	if (w->folder != NULL)
		(void)snprintf(option, sizeof option, " -c %s", c->file);
	(void)printf("\nNext:\n"
		     "  yubin account add%s alice@%s\n"
		     "  yubin serve%s\n"
		     "  yubin account show%s alice@%s\n",
		     option, domain, option, option, domain);
	if (config_needs_tls(c))
		(void)printf("Clients can check the certificate against "
			     "%s/tls/ca.pem.\n",
			     c->base);
}

static bool listens_to(const struct config *c, enum config_service service)
{
	for (uint32_t i = 0; i < c->listeners_n; i++)
		if (c->listeners[i].service == service)
			return true;
	return false;
}

/* What the world has to know of this server, as a zone file has it. */
static void print_dns(const struct config *c)
{
	const char *domain = c->default_domain, *host = c->hostname;

	if (strchr(host, '.') == NULL || domain[0] == 0) {
		(void)printf("\nThe world cannot look \"%s\" up: put a name "
			     "such as mail.example.org into\n"
			     "%s as hostname, and your domain as "
			     "default_domain.\n",
			     host, c->file);
		return;
	}
	(void)printf("\nIn the DNS, for whoever keeps the zone of %s:\n"
		     "  %s.  A    this machine's address; AAAA likewise\n",
		     domain, host);
	if (listens_to(c, CONFIG_SMTP))
		(void)printf("  %s.  MX   10 %s.\n", domain, host);
	/* RFC 6186 section 3.3. */
	if (listens_to(c, CONFIG_POP3S))
		(void)printf("  _pop3s._tcp.%s.  SRV  0 1 995 %s.\n", domain,
			     host);
	if (listens_to(c, CONFIG_POP3))
		(void)printf("  _pop3._tcp.%s.  SRV  10 1 110 %s.\n", domain,
			     host);
	/* RFC 7208. */
	(void)printf("  %s.  TXT  \"v=spf1 mx -all\"  (and whoever else sends "
		     "mail of it)\n"
		     "The PTR record of the address has to say %s.: ask who "
		     "gave you the address.\n"
		     "When all is in place: yubin doctor\n",
		     domain, host);
}

/* A file that is there stays; what was asked for otherwise is not ignored. */
static bool is_as_wished(const struct wish *w, const struct config *c)
{
	if (w->hostname == NULL || strcasecmp(w->hostname, c->hostname) == 0)
		return true;
	say_error("%s has \"%s\" as hostname, not \"%s\"; to change it: edit "
		  "hostname and default_domain there, move %s/tls/server.pem "
		  "and server.key away if yubin init made them, and run it "
		  "again",
		  c->file, c->hostname, w->hostname, c->base);
	return false;
}

static int build(const struct wish *w, struct layout *l, const char *file,
		 struct config *c, struct buf *text)
{
	bool is_new = access(file, F_OK) < 0;

	if (is_new) {
		if (!make_config(w, file, c, text))
			return COMMAND_CONFIG;
	} else {
		if (config_load(file, say_problem, (void *)(uintptr_t)file,
				c) != YB_OK)
			return COMMAND_CONFIG;
		(void)printf("kept        %s\n", file);
		if (!is_as_wished(w, c))
			return COMMAND_FAILED;
	}
	l->config = c;
	l->loopback = w->loopback || strcmp(c->hostname, "localhost") == 0;
	if (!layout_users(l) || !layout_folders(l) || !layout_certificates(l))
		return COMMAND_FAILED;
	/* Last: who finds a configuration may believe that all is there. */
	if (is_new && !layout_write(file, buf_span(text), 0644))
		return COMMAND_FAILED;
	print_next(w, c);
	if (!l->loopback)
		print_dns(c);
	return COMMAND_OK;
}

int cmd_init(const struct invocation *inv)
{
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	struct layout l = { .root = geteuid() == 0 };
	char file[CONFIG_PATH_LEN];
	struct wish w;
	struct buf text;
	int code;

	if (c == NULL)
		return COMMAND_FAILED;
	if (!read_wish(inv, &w))
		return COMMAND_USAGE;
	if (!find_file(&w, &l, file))
		return COMMAND_FAILED;
	buf_init(&text, CONFIG_FILE_MAX);
	code = build(&w, &l, file, c, &text);
	buf_done(&text);
	return code;
}
