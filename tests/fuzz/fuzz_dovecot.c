/*
 * The server half of Dovecot's authentication protocol. Input: an octet of how
 * many octets are fed at a time, one of how logins end, then what the client
 * sends. What is answered is whole lines, and nothing of the client's is in
 * them but numbers.
 */
#include "fuzz/fuzz.h"

#include "proto/dovecot_server.h"

enum { GOT_MAX = 1024 * 1024 };

static void answer(struct dovecot_server *s, uint8_t how)
{
	struct dovecot_event ev;

	while (dovecot_server_poll(s, &ev)) {
		MUST(ev.address.n < 1024 && ev.response.n < 16384);
		if (ev.kind == DOVECOT_EV_CANCEL)
			continue;
		if ((how & 1) != 0)
			dovecot_server_challenge(s, SPAN_LIT("VXNlcjo"));
		else
			dovecot_server_done(s,
					    (how & 2) != 0 ? YB_OK : YB_DENIED,
					    SPAN_LIT("alice@example.org"));
		how = (uint8_t)(how >> 1 | how << 7);
	}
}

static void take(struct dovecot_server *s, struct buf *got)
{
	struct out_piece piece;

	while (out_peek(dovecot_server_output(s), &piece, 1) == 1) {
		MUST(buf_add(got, span_of(piece.p, (size_t)piece.n)) == YB_OK);
		out_sent(dovecot_server_output(s), piece.n);
	}
}

static void check(struct span got)
{
	MUST(got.n > 0 && got.p[got.n - 1] == '\n');
	for (size_t i = 0; i < got.n; i++)
		MUST(got.p[i] == '\n' || got.p[i] == '\t' ||
		     (got.p[i] >= ' ' && got.p[i] < 0x7f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dovecot_server_config config = {
		.sasl = "PLAIN LOGIN SCRAM-SHA-256", .pid = 7, .number = 9
	};
	struct span in = span_of(data, size);
	size_t at_once = fuzz_take(&in) + 1u;
	uint8_t how = fuzz_take(&in);
	struct dovecot_server *s = dovecot_server_new(&config);
	struct buf got;

	MUST(s != NULL);
	buf_init(&got, GOT_MAX);
	take(s, &got);
	while (in.n > 0 && dovecot_server_end_reason(s) == NULL) {
		struct span piece = fuzz_piece(&in, at_once), rest = piece;
		size_t n;

		do {
			n = dovecot_server_feed(s, rest);
			MUST(n <= rest.n);
			rest = span_skip(rest, n);
			answer(s, how);
			take(s, &got);
		} while (n > 0 && rest.n > 0);
		MUST(rest.n == 0 || !dovecot_server_is_hungry(s) ||
		     dovecot_server_end_reason(s) != NULL);
		fuzz_free(piece);
	}
	check(buf_span(&got));
	buf_done(&got);
	dovecot_server_free(&s);
	return 0;
}
