#include "server/recipients.h"

#include "proto/smtp_server.h"

enum {
	/* Recipients may share mailboxes: room for each of them to lead to a
	 * few, and for a few of them to lead to all. */
	LINKS_MAX = 8 * STORE_PLACES_MAX,
};

void recipients_init(struct recipients *r)
{
	buf_init(&r->places, STORE_PLACES_MAX * sizeof(struct store_place));
	buf_init(&r->quotas, STORE_PLACES_MAX * sizeof(struct recipient_quota));
	buf_init(&r->links, LINKS_MAX * sizeof(uint32_t));
	buf_init(&r->ends, SMTP_RECIPIENTS_MAX * sizeof(uint32_t));
}

void recipients_reset(struct recipients *r)
{
	buf_done(&r->places);
	buf_done(&r->quotas);
	buf_done(&r->links);
	buf_done(&r->ends);
}

size_t recipients_n(const struct recipients *r)
{
	return r->ends.n / sizeof(uint32_t);
}

size_t recipients_places_n(const struct recipients *r)
{
	return r->places.n / sizeof(struct store_place);
}

static enum yb_err add_place(struct recipients *r,
			     const struct store_place *place,
			     const struct recipient_quota *quota)
{
	const struct store_place *have = (const void *)r->places.p;
	size_t n = recipients_places_n(r);
	uint32_t at = 0;
	enum yb_err err = YB_OK;

	while (at < n && memcmp(&have[at], place, sizeof *place) != 0)
		at++;
	if (at == n)
		err = buf_add(&r->places, span_of(place, sizeof *place));
	if (at == n && err == YB_OK)
		err = buf_add(&r->quotas, span_of(quota, sizeof *quota));
	return err == YB_OK ? buf_add(&r->links, span_of(&at, sizeof at)) : err;
}

static enum yb_err add_places(struct recipients *r,
			      struct message_reader *fields)
{
	uint32_t n = message_read_u32(fields);
	enum yb_err err = n > 0 ? YB_OK : YB_INVALID;

	for (uint32_t i = 0; i < n && err == YB_OK; i++) {
		struct recipient_quota quota;
		struct store_place place;

		memset(&place, 0, sizeof place);
		message_read_into(fields, place.account.octets,
				  sizeof place.account.octets);
		place.mailbox = message_read_u32(fields);
		(void)message_read_u32(fields); /* reserved */
		quota.octets = message_read_u64(fields);
		quota.messages = message_read_u64(fields);
		err = fields->bad ? YB_INVALID : add_place(r, &place, &quota);
	}
	if (err == YB_OK && !message_read_ended(fields))
		err = YB_INVALID;
	return err;
}

enum yb_err recipients_add(struct recipients *r, struct message_reader *fields)
{
	size_t places = r->places.n, links = r->links.n, quotas = r->quotas.n;
	enum yb_err err = add_places(r, fields);
	uint32_t end = (uint32_t)(r->links.n / sizeof end);

	if (err == YB_OK)
		err = buf_add(&r->ends, span_of(&end, sizeof end));
	if (err == YB_OK)
		return YB_OK;
	r->places.n = places;
	r->quotas.n = quotas;
	r->links.n = links;
	return err == YB_TOO_BIG ? YB_TOO_MANY : err;
}

/* 0: all well; 1: never; 2: perhaps later. */
static int weight(enum yb_err err)
{
	if (err == YB_OK)
		return 0;
	return err_class(err) == YB_CLASS_PERM ? 1 : 2;
}

enum yb_err recipients_outcome(const struct recipients *r, size_t at,
			       const enum yb_err *of_place)
{
	const uint32_t *ends = (const void *)r->ends.p;
	const uint32_t *links = (const void *)r->links.p;
	enum yb_err worst = YB_OK;

	for (uint32_t i = at > 0 ? ends[at - 1] : 0; i < ends[at]; i++)
		if (weight(of_place[links[i]]) > weight(worst))
			worst = of_place[links[i]];
	return worst;
}
