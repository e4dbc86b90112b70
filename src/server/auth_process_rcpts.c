/*
 * Recipients: which mailboxes a name leads to, asked outside where the site
 * has its accounts there.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "server/auth_process_private.h"

enum {
	/* Recipients that wait for somebody outside: as many as one worker may
	 * ask about. */
	RCPTS_MAX = 8192,
	/* Names that one of them leads over, aliases and all. */
	RCPT_TURNS_MAX = 64,
};

/* A recipient, while somebody outside is asked about it. */
struct rcpt {
	struct outside_wait wait;
	struct auth_process *process;
	uint32_t worker;
	uint64_t incarnation, id;
	unsigned turns; /* that it has taken */
	size_t n;
	uint8_t address[];
};

/* False: the channel is full. */
static bool send_places(struct peer *to, uint64_t id, enum yb_err err,
			struct auth_places *places)
{
	UNSET struct message_writer w;
	struct span parts[2];

	if (err != YB_OK)
		places->n = 0;
	message_write(&w);
	message_write_u32(&w, err);
	message_write_u32(&w, (uint32_t)places->n);
	parts[0] = message_written(&w);
	parts[1] = span_of(places->at, places->n * sizeof places->at[0]);
	return channel_send(&to->channel, MESSAGE_RCPT_DONE, id, parts, 2, NULL,
			    0) == YB_OK;
}

/* AGAIN: it waits for another name; else `places`, or why there are none. */
static enum yb_err look_up(struct rcpt *r, struct auth_places *places)
{
	struct auth *auth = r->process->auth;
	enum yb_err err;

	do {
		err = auth_recipient(auth, span_of(r->address, r->n), places);
		if (err == YB_AGAIN && ++r->turns > RCPT_TURNS_MAX)
			return YB_TOO_MANY;
		if (err == YB_AGAIN) {
			err = auth_recipient_wait(auth, &r->wait);
			if (err != YB_OK)
				return err;
			err = YB_AGAIN; /* it is known by now */
		}
	} while (err == YB_AGAIN);
	return err;
}

static void rcpt_free(struct rcpt *r)
{
	r->process->rcpts_n--;
	free(r);
}

static void on_known(struct outside_wait *w, struct auth *a, enum yb_err err)
{
	struct rcpt *r = list_entry(w, struct rcpt, wait);
	UNSET struct auth_places places;
	struct peer *peer;

	(void)a;
	if (err == YB_OK)
		err = look_up(r, &places);
	if (err == YB_AGAIN)
		return;
	peer = auth_process_worker(r->process, r->worker, r->incarnation);
	if (peer != NULL) /* else its deadline tells */
		(void)send_places(peer, r->id, err, &places);
	rcpt_free(r);
}

static struct rcpt *rcpt_new(struct auth_process *p, struct peer *from,
			     uint64_t id, struct span address)
{
	struct rcpt *r;

	if (p->rcpts_n >= RCPTS_MAX)
		return NULL;
	r = calloc(1, sizeof *r + address.n);
	if (r == NULL)
		return NULL;
	*r = (struct rcpt){ .process = p,
			    .worker = from->number,
			    .incarnation = from->incarnation,
			    .id = id,
			    .n = address.n };
	r->wait.done = on_known;
	memcpy(r->address, address.p, address.n);
	p->rcpts_n++;
	return r;
}

bool auth_process_rcpt(struct auth_process *p, struct peer *from,
		       struct message *m)
{
	struct message_reader r;
	UNSET struct auth_places places;
	struct span address;
	struct rcpt *rcpt;
	enum yb_err err;

	message_read(&r, m);
	address = message_read_octets(&r);
	if (!message_read_ended(&r))
		return false;
	auth_set_now(p->auth, loop_now(p->process.loop));
	err = auth_recipient(p->auth, address, &places);
	if (err == YB_AGAIN) {
		rcpt = rcpt_new(p, from, m->id, address);
		err = rcpt == NULL ? YB_OVERLOAD : look_up(rcpt, &places);
		if (err == YB_AGAIN)
			return true;
		if (rcpt != NULL)
			rcpt_free(rcpt);
	}
	return send_places(from, m->id, err, &places);
}
