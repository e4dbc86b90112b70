/*
 * The SMTP and LMTP server engine in all its states, DATA and BDAT among
 * them. Input: an octet of engine flags, one of how many octets are fed at a
 * time, one of how many the client takes at a time, one of which failures are
 * planted; then what the client sends. 0x01 in it is a handshake if the engine
 * waits for one, 0x02 a minute.
 */
#include "fuzz/fuzz.h"
#include "mime/wire.h"
#include "unit/proto/smtp_drive.h"

enum { SIZE_MOST = 4000 };

/* Whatever was kept is strict wire form (threat 33), and within its size. */
static void check_kept(const struct smtp_drive *d)
{
	struct wire_check c;

	wire_check_init(&c);
	wire_check_feed(&c, buf_span(&d->kept));
	MUST(wire_check_finish(&c) == YB_OK);
	/* A line end that BDAT lacked is ours. */
	MUST(c.size - 3 - c.dots <= SIZE_MOST + 2);
	MUST(d->rcpts_n > 0);
	for (size_t i = 0; i < d->sender.n; i++)
		MUST(d->sender.p[i] >= 0x20 && d->sender.p[i] != 0x7f);
}

/* Every answer is whole lines of three digits, each with CRLF. */
static void check_output(const struct smtp_drive *d)
{
	struct span rest = buf_span(&d->got);

	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');

		MUST(line.n >= 5 && line.n <= 512);
		MUST(line.p[line.n - 1] == '\r');
		for (int i = 0; i < 3; i++)
			MUST(ascii_digit(line.p[i]));
		MUST(line.p[3] == ' ' || line.p[3] == '-');
		for (size_t i = 4; i + 1 < line.n; i++)
			MUST(line.p[i] >= 0x20 && line.p[i] < 0x7f);
	}
}

static void step(struct smtp_drive *d, struct span piece, uint64_t *now)
{
	struct span rest = piece;

	while (rest.n > 0) {
		struct span text = rest;

		for (size_t i = 0; i < rest.n; i++)
			if (rest.p[i] == 1 || rest.p[i] == 2) {
				text.n = i;
				break;
			}
		smtp_server_tick(d->s, *now, text.n > 0);
		(void)smtp_drive_feed(d, text);
		rest = span_skip(rest, text.n);
		if (rest.n == 0)
			return;
		if (fuzz_take(&rest) == 2)
			*now += 60000;
		else if (d->starttls && !smtp_server_is_over(d->s))
			smtp_drive_tls(d);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_drive d;
	struct span in = span_of(data, size);
	/* Who spoke early is over before it began. */
	unsigned flags = fuzz_take(&in) & ~(unsigned)SMTP_SPOKE_EARLY & 31;
	size_t at_once = fuzz_take(&in) + 1;
	uint8_t taken = fuzz_take(&in), failures = fuzz_take(&in);
	uint64_t now = 1000;

	smtp_drive_init(&d, flags, SIZE_MOST);
	d.sent_a_time = taken;
	d.on_kept = check_kept;
	d.rcpt_err = (failures & 1) != 0 ? YB_OVERLOAD : YB_OK;
	d.data_err = (failures & 2) != 0 ? YB_FULL : YB_OK;
	d.message_err = (failures & 4) != 0 ? YB_IO : YB_OK;
	d.xclient_err = (failures & 8) != 0 ? YB_INVALID : YB_OK;
	d.refuse_at = (failures & 16) != 0 ? 20 : 0;
	while (in.n > 0) {
		struct span piece = fuzz_piece(&in, at_once);

		step(&d, piece, &now);
		fuzz_free(piece);
	}
	if ((failures & 32) != 0)
		smtp_server_shutdown(d.s, "421 4.3.2 going down");
	(void)smtp_drive_feed(&d, SPAN_NONE);
	check_output(&d);
	MUST(!smtp_server_is_over(d.s) || !d.begun);
	smtp_drive_done(&d);
	return 0;
}
