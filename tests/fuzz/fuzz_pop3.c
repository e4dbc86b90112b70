/*
 * The POP3 server engine in all its states. Input: an octet of engine flags,
 * one of how many octets are fed at a time, one of how many the client takes
 * at a time, one of which failures are planted; then what the client sends.
 * 0x01 in it is a handshake if the engine waits for one, 0x02 a minute.
 */
#include "fuzz/fuzz.h"
#include "unit/proto/pop3_drive.h"

static const struct maildrop *the_drop(void)
{
	static struct maildrop drop;

	if (drop.rows != NULL)
		return &drop;
	maildrop_init(&drop);
	maildrop_add(&drop, SPAN_LIT("Subject: one\r\n\r\nbody\r\n.\r\n..x\r\n"));
	maildrop_add(&drop, SPAN_LIT(""));
	maildrop_add(&drop, SPAN_LIT("Subject: \xe6\x97\xa5\r\n\r\nx\r\n"));
	maildrop_add(&drop, SPAN_LIT("no header end\r\n"));
	maildrop_seal(&drop);
	return &drop;
}

/* Every answer is whole lines, each with CRLF, and no NUL. */
static void check_output(const struct pop3_drive *d)
{
	const uint8_t *p = d->got.p;

	MUST(d->got.n == 0 || p[d->got.n - 1] == '\n');
	for (size_t i = 0; i < d->got.n; i++) {
		MUST(p[i] != 0);
		MUST((p[i] == '\n') == (i > 0 && p[i - 1] == '\r'));
	}
	MUST(pop3_server_deleted_count(d->s) <= d->drop->count);
	MUST(d->commits <= 1);
}

static void step(struct pop3_drive *d, struct span piece, uint64_t *now)
{
	struct span rest = piece;

	while (rest.n > 0) {
		struct span text = rest;

		for (size_t i = 0; i < rest.n; i++)
			if (rest.p[i] == 1 || rest.p[i] == 2) {
				text.n = i;
				break;
			}
		pop3_server_tick(d->s, *now, false);
		(void)pop3_drive_feed(d, text);
		rest = span_skip(rest, text.n);
		if (rest.n == 0)
			return;
		if (fuzz_take(&rest) == 2)
			*now += 60000;
		else if (d->starttls && !pop3_server_is_over(d->s))
			pop3_drive_tls(d);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	unsigned flags = fuzz_take(&in) & 15;
	size_t at_once = fuzz_take(&in) + 1;
	uint8_t taken = fuzz_take(&in), failures = fuzz_take(&in);
	uint64_t now = 1000;
	struct pop3_drive d;

	pop3_drive_init(&d, the_drop(), flags);
	d.sent_a_time = taken;
	d.retr_err = (failures & 1) != 0 ? YB_IO : YB_OK;
	d.quit_err = (failures & 2) != 0 ? YB_FULL : YB_OK;
	d.login_err = (failures & 4) != 0 ? YB_OVERLOAD : YB_OK;
	while (in.n > 0) {
		struct span piece = fuzz_piece(&in, at_once);

		step(&d, piece, &now);
		fuzz_free(piece);
	}
	if ((failures & 8) != 0)
		pop3_server_shutdown(d.s);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	check_output(&d);
	if (d.sasl_on)
		sasl_server_done(&d.sasl);
	pop3_drive_done(&d);
	return 0;
}
