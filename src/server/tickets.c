#include "server/tickets.h"

#include <string.h>

#include "crypto/hmac.h"
#include "crypto/random.h"

enum yb_err tickets_begin(struct tickets *t, uint64_t now_ms)
{
	t->period = now_ms / TICKETS_PERIOD_MS;
	return crypto_random(t->secret, sizeof t->secret);
}

enum yb_err tickets_advance(struct tickets *t, uint64_t now_ms)
{
	while (t->period < now_ms / TICKETS_PERIOD_MS) {
		uint8_t next[HMAC_LEN];
		enum yb_err err =
			hmac_once(span_of(t->secret, sizeof t->secret),
				  SPAN_LIT("next"), next);

		if (err != YB_OK)
			return err;
		memcpy(t->secret, next, sizeof t->secret);
		t->period++;
	}
	return YB_OK;
}

uint64_t tickets_end_ms(const struct tickets *t)
{
	return (t->period + 1) * TICKETS_PERIOD_MS;
}

void tickets_write(const struct tickets *t, struct message_writer *w)
{
	message_write(w);
	message_write_u64(w, t->period);
	message_write_octets(w, span_of(t->secret, sizeof t->secret));
}

bool tickets_read(struct tickets *t, const struct message *m)
{
	struct message_reader r;
	struct span secret;

	message_read(&r, m);
	t->period = message_read_u64(&r);
	secret = message_read_octets(&r);
	if (r.bad || secret.n != sizeof t->secret)
		return false;
	memcpy(t->secret, secret.p, secret.n);
	return true;
}
