#include "cli/doctor_answers.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdbool.h>

/* A name in the data of a record, `skip` octets behind its start. */
static bool take_name(ns_msg *m, const ns_rr *rr, size_t skip, char *ret)
{
	return ns_rr_rdlen(*rr) > skip &&
	       dn_expand(ns_msg_base(*m), ns_msg_end(*m),
			 ns_rr_rdata(*rr) + skip, ret, NS_MAXDNAME) >= 0;
}

static bool take_answer(ns_msg *m, const ns_rr *rr, struct doctor_answers *ret)
{
	char *name = ret->names[ret->n];
	const uint8_t *data = ns_rr_rdata(*rr);

	switch (ns_rr_type(*rr)) {
	case ns_t_a:
		return ns_rr_rdlen(*rr) == 4 &&
		       inet_ntop(AF_INET, data, name, NS_MAXDNAME) != NULL;
	case ns_t_aaaa:
		return ns_rr_rdlen(*rr) == 16 &&
		       inet_ntop(AF_INET6, data, name, NS_MAXDNAME) != NULL;
	case ns_t_ptr:
		return take_name(m, rr, 0, name);
	case ns_t_mx:
		return take_name(m, rr, 2, name);
	case ns_t_srv:
		if (!take_name(m, rr, 6, name))
			return false;
		ret->ports[ret->n] = (unsigned)(data[4] << 8 | data[5]);
		return true;
	default:
		return false;
	}
}

void doctor_answers_read(const uint8_t *packet, size_t n, ns_type type,
			 struct doctor_answers *ret)
{
	ns_msg m;
	ns_rr rr;

	if (n > INT_MAX || ns_initparse(packet, (int)n, &m) != 0)
		return;
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++)
		if (ret->n < DOCTOR_ANSWERS_MAX &&
		    ns_parserr(&m, ns_s_an, i, &rr) == 0 &&
		    ns_rr_type(rr) == type && take_answer(&m, &rr, ret))
			ret->n++;
}
