/*
 * Puts messages into an INBOX octet for octet, without the trace fields that
 * come with SMTP and LMTP: dialogue files name sizes. No server may run.
 *
 *	fill_maildrop STORE ACCOUNT-ID FILE...
 *	fill_maildrop STORE ACCOUNT-ID -n COUNT FILE
 *
 * The second form delivers one message so many times, many at once.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "mime/wire.h"
#include "store/store.h"

enum { MESSAGE_MAX = 16 * 1024 * 1024, IN_FLIGHT = 8192 };

static enum yb_err read_text(const char *path, struct buf *out)
{
	uint8_t block[65536];
	size_t n;
	enum yb_err err = YB_OK;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return YB_NOT_FOUND;
	while (err == YB_OK && (n = fread(block, 1, sizeof block, f)) > 0)
		err = buf_add(out, span_of(block, n));
	(void)fclose(f); /* only read */
	return err;
}

struct crowd {
	size_t waiting;
	enum yb_err err; /* of the first that failed */
};

static void one_of_many(void *ctx, const enum yb_err *errs, size_t n)
{
	struct crowd *crowd = ctx;

	crowd->waiting--;
	if (n != 1 || errs[0] != YB_OK)
		crowd->err = n == 1 ? errs[0] : YB_INVALID;
}

static void wait_for(struct store *st, const struct crowd *crowd, size_t most)
{
	struct pollfd ready = { store_fd(st), POLLIN, 0 };

	while (crowd->waiting > most) {
		(void)poll(&ready, 1, -1);
		store_run(st);
	}
}

/* The message of a file, `count` times. */
static enum yb_err put(struct store *st, struct store_place place,
		       const char *path, unsigned long count)
{
	struct crowd crowd = { .err = YB_OK };
	struct store_delivery d = { .mode = STORE_EACH,
				    .places = &place,
				    .places_n = 1,
				    .fd = -1,
				    .received_ns = 1000000000 };
	struct buf text, wire;
	enum yb_err err;

	buf_init(&text, MESSAGE_MAX);
	buf_init(&wire, MESSAGE_MAX);
	err = read_text(path, &text);
	if (err == YB_OK)
		err = wire_encode_all(buf_span(&text), &wire);
	d.wire = buf_span(&wire);
	d.wire_n = wire.n;
	for (; err == YB_OK && crowd.err == YB_OK && count > 0; count--) {
		crowd.waiting++;
		store_deliver(st, &d, one_of_many, &crowd);
		wait_for(st, &crowd, IN_FLIGHT - 1);
	}
	wait_for(st, &crowd, 0);
	buf_done(&text);
	buf_done(&wire);
	return err != YB_OK ? err : crowd.err;
}

int main(int argc, char **argv)
{
	struct store_place place = { .mailbox = STORE_INBOX };
	struct store_config config = { .threads = 0 };
	struct store *st;
	enum yb_err err;

	if (argc < 3 || !hex_parse(span_str(argv[2]), place.account.octets,
				   sizeof place.account.octets)) {
		(void)fprintf(stderr,
			      "fill_maildrop STORE ACCOUNT-ID FILE...\n");
		return 2;
	}
	config.path = argv[1];
	if (argc == 6 && strcmp(argv[3], "-n") == 0) {
		config.threads = 2;
		err = store_open(&config, &st);
		if (err == YB_OK)
			err = put(st, place, argv[5],
				  strtoul(argv[4], NULL, 10));
		argc = 3;
	} else {
		err = store_open(&config, &st);
	}
	for (int i = 3; i < argc && err == YB_OK; i++) {
		err = put(st, place, argv[i], 1);
		if (err != YB_OK)
			(void)fprintf(stderr, "%s: ", argv[i]);
	}
	if (err != YB_OK) {
		(void)fprintf(stderr, "%s\n", err_text(err));
		return 1;
	}
	store_close(&st);
	return 0;
}
