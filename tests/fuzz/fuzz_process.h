/*
 * For the targets that are a process: its own source is part of them, so that
 * what its peers may say reaches the functions that read it. Channels are real,
 * and nobody reads at their other ends but drain().
 *
 * A message in the input: an octet of its type, one of its id, one of its
 * descriptors, two of its length, and its body.
 */
#ifndef TESTS_FUZZ_FUZZ_PROCESS_H
#define TESTS_FUZZ_FUZZ_PROCESS_H

#include "fuzz/fuzz.h"

#include <unistd.h>

#include "os/fd.h"
#include "os/memfd.h"
#include "os/packet.h"
#include "server/process.h"

enum { FUZZ_FDS = 2, FUZZ_MESSAGES = 64 };

/* A channel that stays open; its other end. */
static inline int fuzz_channel(struct channel *ch, struct loop *loop)
{
	int pair[2];

	MUST(packet_pair(pair) == YB_OK);
	MUST(channel_open(ch, loop, pair[0]) == YB_OK);
	return pair[1];
}

static inline void fuzz_drain(int fd)
{
	static uint8_t buffer[PACKET_MAX];
	int fds[PACKET_FDS_MAX];
	size_t n, fds_n;

	while (packet_receive(fd, buffer, &n, fds, &fds_n) == YB_OK)
		while (fds_n > 0)
			fd_close(&fds[--fds_n]);
}

/* 0: none; 1: a sealed file of memory with octets of the input; 2: one that
 * can still be changed; 3: no file at all. */
static inline int fuzz_fd(unsigned kind, struct span octets)
{
	int pair[2], fd = -1;

	switch (kind) {
	case 1:
		MUST(memfd_make("fuzz", octets, &fd) == YB_OK);
		break;
	case 2:
		MUST(memfd_open("fuzz", &fd) == YB_OK);
		break;
	default:
		MUST(pipe(pair) == 0);
		MUST(close(pair[1]) == 0);
		fd = pair[0];
		break;
	}
	return fd;
}

/*
 * Takes a message off the input and gives it to `take`; false if it was
 * malformed, which ends a channel.
 */
static inline bool fuzz_message(struct span *in,
				bool (*take)(void *ctx, struct message *m),
				void *ctx)
{
	int fds[FUZZ_FDS];
	struct message m = { .fds = fds };
	unsigned kinds;
	size_t n;
	bool good;

	m.type = (enum message_type)(1 +
				     fuzz_take(in) % (MESSAGE_TYPE_COUNT - 1));
	m.id = fuzz_take(in);
	kinds = fuzz_take(in);
	n = (size_t)fuzz_take(in) << 8 | fuzz_take(in);
	m.body = fuzz_piece(in, n);
	for (; kinds % 4 != 0 && m.fds_n < FUZZ_FDS; kinds /= 4)
		fds[m.fds_n++] = fuzz_fd(kinds % 4, m.body);
	good = take(ctx, &m);
	for (size_t i = 0; i < m.fds_n; i++)
		fd_close(&fds[i]);
	fuzz_free(m.body);
	return good;
}

#endif
