/*
 * What the world's name service says of this server. Asked through the C
 * library's resolver, two seconds a question at most; where nobody answers,
 * that is said once and the rest left out.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "base/num.h"
#include "cli/doctor.h"
#include "cli/doctor_answers.h"
#include "os/socket.h"

enum {
	WAIT_S = 2,
	TRIES = 1,
	PACKET_OCTETS = 4096,
};

enum answer { ANSWER_FOUND, ANSWER_NONE, ANSWER_SILENCE };

struct dns {
	struct doctor *doctor;
	struct __res_state state;
	bool silent; /* nobody answers: enough of that */
};

/* ---- asking ---- */

static bool set_up(struct dns *dns)
{
	const char *at = dns->doctor->resolver;
	struct socket_address a;

	if (res_ninit(&dns->state) != 0)
		return false;
	dns->state.retrans = WAIT_S;
	dns->state.retry = TRIES;
	if (at == NULL || socket_address_parse(at, &a) != YB_OK)
		return true;
	dns->state.nscount = 1;
	memcpy(&dns->state.nsaddr_list[0], &a.storage,
	       sizeof dns->state.nsaddr_list[0]);
	return true;
}

static enum answer ask(struct dns *dns, const char *name, ns_type type,
		       struct doctor_answers *ret)
{
	uint8_t packet[PACKET_OCTETS];
	int n;

	ret->n = 0;
	if (dns->silent)
		return ANSWER_SILENCE;
	n = res_nquery(&dns->state, name, ns_c_in, (int)type, packet,
		       sizeof packet);
	if (n > (int)sizeof packet)
		n = sizeof packet;
	if (n > 0)
		doctor_answers_read(packet, (size_t)n, type, ret);
	if (ret->n > 0)
		return ANSWER_FOUND;
	if (n > 0 || dns->state.res_h_errno == HOST_NOT_FOUND ||
	    dns->state.res_h_errno == NO_DATA)
		return ANSWER_NONE;
	dns->silent = true;
	doctor_tell(dns->doctor, DOCTOR_SKIPPED, "dns",
		    "look at /etc/resolv.conf, or give --resolver ADDRESS:53",
		    "nobody answers questions of names (asked for %s)", name);
	return ANSWER_SILENCE;
}

static bool has_name(const struct doctor_answers *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (span_eq_nocase(span_str(a->names[i]), span_str(name)))
			return true;
	return false;
}

/* ---- the server's own name ---- */

/* RFC 1035 section 3.5 and RFC 3596 section 2.5. */
static void reverse_name(const char *address, char *ret, size_t cap)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t o[16];
	size_t n = 0;

	if (inet_pton(AF_INET, address, o) == 1) {
		(void)snprintf(ret, cap, "%u.%u.%u.%u.in-addr.arpa", o[3], o[2],
			       o[1], o[0]);
		return;
	}
	*ret = 0;
	if (inet_pton(AF_INET6, address, o) != 1 || cap < 80)
		return;
	for (size_t i = sizeof o; i > 0; i--) {
		ret[n++] = digits[o[i - 1] & 15];
		ret[n++] = '.';
		ret[n++] = digits[o[i - 1] >> 4];
		ret[n++] = '.';
	}
	(void)snprintf(ret + n, cap - n, "ip6.arpa");
}

static void look_at_reverse(struct dns *dns, const char *address)
{
	const char *host = dns->doctor->config->hostname;
	char name[NS_MAXDNAME];
	struct doctor_answers back;
	enum answer got;

	reverse_name(address, name, sizeof name);
	got = ask(dns, name, ns_t_ptr, &back);
	if (got == ANSWER_SILENCE)
		return;
	if (got == ANSWER_FOUND && has_name(&back, host))
		doctor_tell(dns->doctor, DOCTOR_FINE, "dns", NULL,
			    "%s is called %s (PTR)", address, host);
	else
		doctor_tell(dns->doctor, DOCTOR_WARNING, "dns",
			    "whoever gave you the address sets its PTR record; "
			    "it matters for sending mail, not for taking it in",
			    "%s is called %s, not %s (PTR)", address,
			    got == ANSWER_FOUND ? back.names[0] : "nothing",
			    host);
}

static void look_at_host(struct dns *dns)
{
	static const ns_type types[] = { ns_t_a, ns_t_aaaa };
	const char *host = dns->doctor->config->hostname;
	struct doctor_answers found;
	size_t n = 0;

	for (size_t t = 0; t < 2; t++) {
		enum answer got = ask(dns, host, types[t], &found);

		if (got == ANSWER_SILENCE)
			return;
		n += found.n;
		for (size_t i = 0; i < found.n; i++) {
			doctor_tell(dns->doctor, DOCTOR_FINE, "dns", NULL,
				    "%s is at %s (%s)", host, found.names[i],
				    t == 0 ? "A" : "AAAA");
			look_at_reverse(dns, found.names[i]);
		}
	}
	if (n == 0)
		doctor_tell(dns->doctor, DOCTOR_ERROR, "dns",
			    "add an A or AAAA record for it",
			    "%s has no address: nobody can find this server",
			    host);
}

/* ---- the domain ---- */

static void look_at_mx(struct dns *dns, const char *domain)
{
	const char *host = dns->doctor->config->hostname;
	struct doctor_answers found;
	enum answer got = ask(dns, domain, ns_t_mx, &found);

	if (got == ANSWER_SILENCE)
		return;
	if (got == ANSWER_FOUND && has_name(&found, host))
		doctor_tell(dns->doctor, DOCTOR_FINE, "dns", NULL,
			    "mail for %s comes to %s (MX)", domain, host);
	else if (got == ANSWER_FOUND)
		doctor_tell(dns->doctor, DOCTOR_WARNING, "dns",
			    "right if that server hands mail on to this one; "
			    "else change the MX record",
			    "mail for %s goes to %s, not to %s (MX)", domain,
			    found.names[0], host);
	else
		doctor_tell(dns->doctor, DOCTOR_ERROR, "dns",
			    "add the record: MX 10, with this server's name",
			    "%s has no MX record: no mail will come for it",
			    domain);
}

static unsigned port_of(const char *address)
{
	struct span text = span_str(address);
	uint64_t port = 0;

	(void)num_parse(span_skip(text, span_find_last(text, ':') + 1), 65535,
			&port);
	return (unsigned)port;
}

/* The port of the service that the world is to be told; 0: none. */
static unsigned public_port(const struct config *c, enum config_service service)
{
	for (uint32_t i = 0; i < c->listeners_n; i++) {
		const struct config_listener *l = &c->listeners[i];
		struct socket_address a;

		if (l->service == service &&
		    socket_address_parse(l->address, &a) == YB_OK &&
		    !socket_address_is_loopback(&a))
			return port_of(l->address);
	}
	return 0;
}

/* RFC 6186: mail programs find the server by the domain of an address. */
static void look_at_srv(struct dns *dns, const char *domain,
			enum config_service service, const char *label)
{
	const char *host = dns->doctor->config->hostname;
	unsigned port = public_port(dns->doctor->config, service);
	char name[CONFIG_TEXT_MAX + 32];
	struct doctor_answers found;
	enum answer got;

	if (port == 0)
		return;
	(void)snprintf(name, sizeof name, "%s._tcp.%s", label, domain);
	got = ask(dns, name, ns_t_srv, &found);
	if (got == ANSWER_SILENCE)
		return;
	if (got == ANSWER_FOUND && has_name(&found, host) &&
	    found.ports[0] == port)
		doctor_tell(dns->doctor, DOCTOR_FINE, "dns", NULL,
			    "%s leads to %s, port %u (SRV)", name, host, port);
	else if (got == ANSWER_FOUND)
		doctor_tell(dns->doctor, DOCTOR_WARNING, "dns",
			    "correct the record, or mail programs set "
			    "themselves up wrongly",
			    "%s leads to %s, port %u, not to %s, port %u (SRV)",
			    name, found.names[0], found.ports[0], host, port);
	else
		doctor_tell(dns->doctor, DOCTOR_WARNING, "dns",
			    "add it, so that mail programs find the server by "
			    "an address alone",
			    "there is no %s (SRV)", name);
}

void doctor_dns(struct doctor *d)
{
	const char *domain = d->config->default_domain;
	struct dns dns = { .doctor = d };

	if (strcmp(d->config->hostname, "localhost") == 0) {
		doctor_tell(d, DOCTOR_SKIPPED, "dns", NULL,
			    "localhost has no name in the world");
		return;
	}
	if (!set_up(&dns)) {
		doctor_tell(d, DOCTOR_SKIPPED, "dns",
			    "look at /etc/resolv.conf",
			    "there is no resolver here");
		return;
	}
	look_at_host(&dns);
	if (domain[0] != 0) {
		look_at_mx(&dns, domain);
		look_at_srv(&dns, domain, CONFIG_POP3S, "_pop3s");
		look_at_srv(&dns, domain, CONFIG_POP3, "_pop3");
	}
	res_nclose(&dns.state);
}
