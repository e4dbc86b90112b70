/*
 * A channel between two processes: messages in packets over a SEQPACKET pair.
 * Small messages of one turn of the loop travel together in one packet. What
 * the other end does not take yet is queued up to a limit; what passes it is
 * refused. Anything malformed ends the channel.
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include "base/buf.h"
#include "net/loop.h"
#include "os/packet.h"
#include "server/message.h"

enum {
	/*
	 * Octets queued towards a process that does not read: a full set of
	 * requests (REQUESTS_MAX) with answers of a few KiB each.
	 */
	CHANNEL_QUEUE_MAX = 32 * 1024 * 1024,
	/* Packets, since each may hold descriptors and costs more than its
	 * octets: an answer to each of a full set of requests. */
	CHANNEL_PACKETS_MAX = 8192,
	/* The largest body: a packet less the head and its padding. */
	CHANNEL_BODY_MAX = PACKET_MAX - 64,
};

struct channel {
	struct loop *loop;
	struct loop_io io;
	struct loop_task flush;
	struct loop_task resume;
	int fd;
	bool ended;
	uint8_t *batch; /* messages not yet sent, PACKET_MAX octets */
	size_t batch_n;
	struct list queue; /* packets that the socket did not take */
	size_t queued;     /* octets of them */
	size_t queued_n;
	/* False ends the channel: the message was malformed. */
	bool (*on_message)(void *ctx, struct message *m);
	/*
	 * The channel is over and closed. The memory of `ch` has to stay until
	 * the loop's turn ends; channel_open() may use it again.
	 */
	void (*on_end)(void *ctx, enum yb_err why);
	void *ctx;
};

/* Takes `fd` over and watches it. Set the callbacks and ctx before. */
YB_CHECKED enum yb_err channel_open(struct channel *ch, struct loop *loop,
				    int fd);

/* Closes without calling on_end. Harmless twice. */
void channel_close(struct channel *ch);

/*
 * Sends a message whose body is `parts` one behind the other, at most
 * CHANNEL_BODY_MAX octets; a part that is octets needs its length written
 * before it. Descriptors stay the caller's. GONE if the channel is over,
 * OVERLOAD if too much waits already.
 */
YB_CHECKED enum yb_err channel_send(struct channel *ch, enum message_type type,
				    uint64_t id, const struct span *parts,
				    size_t parts_n, const int *fds,
				    size_t fds_n);

/* The same with the fields of a writer for a body. */
YB_CHECKED enum yb_err channel_send_fields(struct channel *ch,
					   enum message_type type, uint64_t id,
					   const struct message_writer *w);

/*
 * Lets the message wait for the next one that is sent, or for channel_flush():
 * for notices that nobody waits for.
 */
YB_CHECKED enum yb_err channel_send_lazily(struct channel *ch,
					   enum message_type type, uint64_t id,
					   const struct message_writer *w);
void channel_flush(struct channel *ch);

/* Whether everything has left for the other end. */
bool channel_is_drained(const struct channel *ch);

#endif
