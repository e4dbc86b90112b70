/*
 * Messages between the processes (threat 61). Input: an octet that chooses
 * readers, three more with which, then the body of a message.
 */
#include "fuzz/fuzz.h"

#include "mime/listing.h"
#include "server/message.h"

static bool is_inside(struct span part, struct span whole)
{
	return part.n == 0 ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void read_one(struct message_reader *r, unsigned kind, struct span body)
{
	uint8_t fixed[48];

	switch (kind % 6) {
	case 0:
		(void)message_read_u8(r);
		break;
	case 1:
		(void)message_read_u32(r);
		break;
	case 2:
		(void)message_read_u64(r);
		break;
	case 3:
		message_read_into(r, fixed, sizeof fixed);
		break;
	case 4:
		MUST(is_inside(message_read_octets(r), body));
		break;
	default:
		MUST(message_read_err(r) < YB_ERR_COUNT);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), body;
	uint32_t kinds = 0;
	struct message_reader r;
	struct message m;

	for (int i = 0; i < 4; i++)
		kinds = kinds << 8 | fuzz_take(&in);
	body = fuzz_piece(&in, SIZE_MAX);
	m = (struct message){ .type = MESSAGE_LOGIN, .body = body };
	message_read(&r, &m);
	for (; kinds > 0; kinds /= 6) {
		bool was_bad = r.bad;

		read_one(&r, kinds, body);
		MUST(!was_bad || r.bad);
		MUST(r.bad || is_inside(r.rest, body));
	}
	MUST(!message_read_ended(&r) || !r.bad);
	fuzz_free(body);
	return 0;
}
