/*
 * The names of those who delete, as text.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

void store_session_print(const struct store_session *session,
			 char ret[STORE_SESSION_TEXT])
{
	char prefix[8] = "c";

	*ret = 0;
	if (session->kind == STORE_NOBODY)
		return;
	if (session->kind == STORE_WORKER_SESSION)
		(void)snprintf(prefix, sizeof prefix, "w%u",
			       (unsigned)session->worker);
	(void)snprintf(ret, STORE_SESSION_TEXT, "%s.%lx.%lx", prefix,
		       (unsigned long)session->start,
		       (unsigned long)session->number);
}

/* Up to the dot or the end; false if it is no number of 32 bits. */
static bool cut_number(struct span *text, int base, uint32_t *ret)
{
	struct span part = span_cut(text, '.');
	char digits[12], *end;
	unsigned long n;

	if (part.n == 0 || !span_to_str(part, digits, sizeof digits))
		return false;
	n = strtoul(digits, &end, base);
	*ret = (uint32_t)n;
	return *end == 0 && n <= UINT32_MAX && *digits != '-' && *digits != '+';
}

bool store_session_parse(struct span text, struct store_session *ret)
{
	struct store_session session = { .kind = STORE_COMMAND };
	struct span who = span_cut(&text, '.');
	uint32_t worker = 0;

	if (who.n > 1 && who.p[0] == 'w') {
		who = span_skip(who, 1);
		session.kind = STORE_WORKER_SESSION;
		if (!cut_number(&who, 10, &worker) || worker > UINT8_MAX)
			return false;
		session.worker = (uint8_t)worker;
	} else if (!span_eq(who, span_str("c"))) {
		return false;
	}
	if (!cut_number(&text, 16, &session.start) ||
	    !cut_number(&text, 16, &session.number) || text.n > 0)
		return false;
	*ret = session;
	return true;
}
