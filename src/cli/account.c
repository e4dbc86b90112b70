#include "cli/account.h"

#include <string.h>

#include "base/num.h"
#include "cli/settings.h"
#include "os/socket.h"

/* One way to collect mail, as mail programs ask for it. */
struct way {
	const char *server;
	const char *security; /* "TLS", "STARTTLS", "none" */
	uint64_t port;
};

static bool way_of(const struct config *c, const struct config_listener *l,
		   struct way *ret)
{
	struct span text = span_str(l->address);
	struct socket_address a;

	if ((l->service != CONFIG_POP3 && l->service != CONFIG_POP3S) ||
	    socket_address_parse(l->address, &a) != YB_OK ||
	    !num_parse(span_skip(text, span_find_last(text, ':') + 1), 65535,
		       &ret->port))
		return false;
	ret->server =
		socket_address_is_loopback(&a) ? "localhost" : c->hostname;
	ret->security = l->tls == CONFIG_TLS_IMPLICIT ? "TLS"
			: l->tls == CONFIG_TLS_START  ? "STARTTLS"
						      : "none";
	return true;
}

/* IPv4 and IPv6 of one service look the same to a mail program. */
static bool is_new(const struct config *c, uint32_t before,
		   const struct way *way)
{
	for (uint32_t i = 0; i < before; i++) {
		struct way other;

		if (way_of(c, &c->listeners[i], &other) &&
		    other.port == way->port &&
		    strcmp(other.server, way->server) == 0)
			return false;
	}
	return true;
}

/* With TLS from the start is the best way, so those come first. */
static bool is_due(const struct config *c, uint32_t i, int round,
		   struct way *ret)
{
	return way_of(c, &c->listeners[i], ret) && is_new(c, i, ret) &&
	       (strcmp(ret->security, "TLS") == 0) == (round == 0);
}

void account_json(struct json *j, const struct account_row *row)
{
	char id[2 * sizeof row->id + 1];

	for (size_t i = 0; i < sizeof row->id; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", row->id[i]);
	json_str(j, "address", row->address);
	json_str(j, "id", id);
	json_u64(j, "created", (uint64_t)row->created_s);
	if (row->last_login_s > 0)
		json_u64(j, "last_login", (uint64_t)row->last_login_s);
	else
		json_null(j, "last_login");
	json_str(j, "devices", row->devices);
}

void account_show(const struct account_row *row, const struct config *c)
{
	char made[SAY_TEXT_MAX], last[SAY_TEXT_MAX];
	struct way way;

	say_time(made, row->created_s);
	say_time(last, row->last_login_s);
	say_text(stdout, row->address);
	(void)printf("\n  made        %s\n  last login  %s\n  devices     ",
		     made, last);
	say_text(stdout, row->devices);
	(void)printf("\n  mail        %llu message%s, %llu octets\n\n",
		     (unsigned long long)row->messages,
		     row->messages == 1 ? "" : "s",
		     (unsigned long long)row->octets);
	if (row->settings.has != 0) {
		(void)printf("  settings    ");
		settings_print(&row->settings);
		(void)printf("\n\n");
	}
	(void)printf("For a mail program, to collect by POP3:\n");
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < c->listeners_n; i++)
			if (is_due(c, i, round, &way))
				(void)printf("  server      %s, port %llu, "
					     "security %s\n",
					     way.server,
					     (unsigned long long)way.port,
					     way.security);
	(void)printf("  user name   %s\n", row->address);
}

void account_show_json(struct json *j, const struct account_row *row,
		       const struct config *c)
{
	struct way way;

	json_open(j, NULL, '{');
	account_json(j, row);
	json_u64(j, "messages", row->messages);
	json_u64(j, "octets", row->octets);
	settings_json(j, &row->settings);
	json_open(j, "pop3", '[');
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < c->listeners_n; i++) {
			if (!is_due(c, i, round, &way))
				continue;
			json_open(j, NULL, '{');
			json_str(j, "server", way.server);
			json_u64(j, "port", way.port);
			json_str(j, "security", way.security);
			json_close(j, '}');
		}
	}
	json_close(j, ']');
	json_close(j, '}');
}
