/*
 * Plays sequences against the POP3 server engine, for the model test
 * (tests/blackbox/pop3_model.py). The maildrop is made of the files named.
 *
 *	pop3_play FILE... < sequences > transcripts
 *
 * A sequence is a line of words: engine flags, octets that the client takes
 * at a time (0: all), then steps: "h" with octets in hex to feed, "t" for the
 * handshake if the engine waits for one, "k" with milliseconds that pass. The
 * transcript is a line: what the client got in hex or "-", whether the
 * session is over, how many commits were asked for, and what was deleted.
 */
#include "unit/proto/pop3_drive.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

enum { FILE_MAX = 1024 * 1024 };

static void add_file(struct maildrop *drop, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf text;
	uint8_t part[4096];
	size_t n;

	assert_non_null(f);
	buf_init(&text, FILE_MAX);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		assert_ok(buf_add(&text, span_of(part, n)));
	(void)fclose(f); /* only read */
	maildrop_add(drop, buf_span(&text));
	buf_done(&text);
}

static void feed_hex(struct pop3_drive *d, const char *hex, uint64_t now)
{
	size_t n = strlen(hex) / 2;
	size_t before = d->got.n;
	/* Memory of exactly that size: reading past it is seen. */
	uint8_t *octets = malloc(n > 0 ? n : 1);

	assert_non_null(octets);
	assert_true(hex_parse(span_str(hex), octets, n));
	pop3_server_tick(d->s, now, false);
	(void)pop3_drive_feed(d, span_of(octets, n));
	if (d->got.n > before)
		pop3_server_tick(d->s, now, true);
	free(octets);
}

static void play(struct maildrop *drop, char *line)
{
	char *rest = NULL;
	char *word = strtok_r(line, " \n", &rest);
	uint64_t now = 1000;
	struct pop3_drive d;

	assert_non_null(word);
	pop3_drive_init(&d, drop, (unsigned)strtoul(word, NULL, 10));
	word = strtok_r(NULL, " \n", &rest);
	assert_non_null(word);
	d.sent_a_time = strtoul(word, NULL, 10);
	(void)pop3_drive_feed(&d, SPAN_NONE);
	while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
		if (word[0] == 'h') {
			feed_hex(&d, word + 1, now);
		} else if (word[0] == 'k') {
			now += strtoul(word + 1, NULL, 10);
			pop3_server_tick(d.s, now, false);
		} else if (d.starttls && !pop3_server_is_over(d.s)) {
			pop3_drive_tls(&d);
		}
	}
	for (size_t i = 0; i < d.got.n; i++)
		(void)printf("%02x", d.got.p[i]);
	(void)printf("%s %d %u %llu\n", d.got.n == 0 ? "-" : "",
		     pop3_server_is_over(d.s), d.commits,
		     (unsigned long long)d.deleted);
	pop3_drive_done(&d);
}

int main(int argc, char **argv)
{
	struct maildrop drop;
	char *line = NULL;
	size_t cap = 0;

	maildrop_init(&drop);
	for (int i = 1; i < argc; i++)
		add_file(&drop, argv[i]);
	maildrop_seal(&drop);
	while (getline(&line, &cap, stdin) > 0) {
		play(&drop, line);
		(void)fflush(stdout);
	}
	free(line);
	maildrop_done(&drop);
	return 0;
}
