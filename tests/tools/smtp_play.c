/*
 * Plays sequences against the SMTP and LMTP server engine, for the model test
 * (tests/blackbox/smtp_model.py).
 *
 *	smtp_play < sequences > transcripts
 *
 * A sequence is a line of words: engine flags, the largest message, octets
 * that the client takes at a time (0: all), then steps: "h" with octets in
 * hex to feed, "t" for the handshake if the engine waits for one, "k" with
 * milliseconds that pass, "f" with a number of enum smtp_play_failure. The
 * transcript is a line: for each message that was kept "m" and its sender,
 * recipients ("," between), protocol and wire form, in hex with "/" between;
 * then what the client got, in hex with "-" behind, whether the session is
 * over, and how many messages were aborted.
 */
#include "unit/proto/smtp_drive.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

/* What fails from now on, with `YB_FULL`. */
enum smtp_play_failure { FAIL_NOTHING, FAIL_RCPT, FAIL_DATA, FAIL_MESSAGE };

static void put_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		(void)printf("%02x", s.p[i]);
}

static void put_kept(const struct smtp_drive *d)
{
	(void)printf(" m");
	put_hex(buf_span(&d->sender));
	(void)printf("/");
	for (size_t i = 0; i < d->rcpts_n; i++) {
		put_hex(span_str(i > 0 ? "," : ""));
		put_hex(span_str(d->rcpts[i]));
	}
	(void)printf("/");
	put_hex(span_str(smtp_server_with(d->s)));
	(void)printf("/");
	put_hex(buf_span(&d->kept));
}

static void feed_hex(struct smtp_drive *d, const char *hex, uint64_t now)
{
	size_t n = strlen(hex) / 2;
	/* Memory of exactly that size: reading past it is seen. */
	uint8_t *octets = malloc(n > 0 ? n : 1);

	assert_non_null(octets);
	assert_true(hex_parse(span_str(hex), octets, n));
	smtp_server_tick(d->s, now, true);
	(void)smtp_drive_feed(d, span_of(octets, n));
	free(octets);
}

static void set_failure(struct smtp_drive *d, unsigned what)
{
	d->rcpt_err = what == FAIL_RCPT ? YB_FULL : YB_OK;
	d->data_err = what == FAIL_DATA ? YB_FULL : YB_OK;
	d->message_err = what == FAIL_MESSAGE ? YB_FULL : YB_OK;
}

static void play(char *line)
{
	static struct smtp_drive d;
	char *rest = NULL, *words[2];
	char *word = strtok_r(line, " \n", &rest);
	uint64_t now = 1000;

	assert_non_null(word);
	for (int i = 0; i < 2; i++) {
		words[i] = strtok_r(NULL, " \n", &rest);
		assert_non_null(words[i]);
	}
	smtp_drive_init(&d, (unsigned)strtoul(word, NULL, 10),
			strtoul(words[0], NULL, 10));
	d.sent_a_time = strtoul(words[1], NULL, 10);
	d.on_kept = put_kept;
	(void)smtp_drive_feed(&d, SPAN_NONE);
	while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
		if (word[0] == 'h') {
			feed_hex(&d, word + 1, now);
		} else if (word[0] == 'k') {
			now += strtoul(word + 1, NULL, 10);
			smtp_server_tick(d.s, now, false);
			(void)smtp_drive_feed(&d, SPAN_NONE);
		} else if (word[0] == 'f') {
			set_failure(&d, (unsigned)strtoul(word + 1, NULL, 10));
		} else if (d.starttls && !smtp_server_is_over(d.s)) {
			smtp_drive_tls(&d);
		}
	}
	(void)printf(" ");
	put_hex(buf_span(&d.got));
	(void)printf("- %d %u\n", smtp_server_is_over(d.s), d.aborts);
	smtp_drive_done(&d);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		play(line);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}
