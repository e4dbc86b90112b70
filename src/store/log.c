#include "store/log.h"

#include <xxhash.h>

#include "base/num.h"

/* "YUBINLOG" and "YBR1" as they stand in the file. */
#define LOG_HEAD_MAGIC   0x474f4c4e49425559ull
#define LOG_RECORD_MAGIC 0x31524259u

/* 2^56 octets: no file is larger, and sums of sizes cannot overflow. */
#define LOG_WIRE_MAX ((uint64_t)1 << 56)

_Static_assert(sizeof(struct log_expunge) == 8, "as in the file");
_Static_assert(sizeof(struct uid_range) == 8, "as in the file");
_Static_assert(sizeof(struct log_undelete) == 8, "as in the file");
_Static_assert(sizeof(struct log_undelete_range) == 12, "as in the file");

bool log_change_decode(const struct log_record *record,
		       const uint8_t src[LOG_CHANGE_SIZE],
		       struct log_change *ret)
{
	bool undelete = record->type == LOG_UNDELETE;
	struct log_change change = {
		.count = get_le32(src + 4),
		.total = undelete ? get_le32(src) : 0,
		.range_size = undelete ? sizeof(struct log_undelete_range)
				       : sizeof(struct uid_range),
	};

	if (record->wire_size != LOG_CHANGE_SIZE + (uint64_t)change.count *
							   change.range_size ||
	    change.total > record->seq)
		return false;
	*ret = change;
	return true;
}

void log_put_session(uint8_t dst[16], const struct store_session *session)
{
	memset(dst, 0, 16);
	put_le32(dst, session->start);
	put_le32(dst + 4, session->number);
	dst[8] = session->worker;
	dst[9] = session->kind;
}

void log_get_session(const uint8_t src[16], struct store_session *ret)
{
	*ret = (struct store_session){ .start = get_le32(src),
				       .number = get_le32(src + 4),
				       .worker = src[8],
				       .kind = src[9] };
}

uint64_t log_sum(struct span s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}

/* Three seeds, so that no sum of one kind can stand for one of another. */
void log_keys_init(struct log_keys *keys, const uint8_t id[16])
{
	struct span s = span_of(id, 16);

	keys->body = log_sum(s, 1);
	keys->head = log_sum(s, 2);
	keys->entry = log_sum(s, 3);
}

void log_head_encode(const struct log_head *head, uint8_t dst[LOG_HEAD_SIZE])
{
	memset(dst, 0, LOG_HEAD_SIZE);
	put_le64(dst, LOG_HEAD_MAGIC);
	put_le16(dst + 8, LOG_MAJOR);
	put_le16(dst + 10, LOG_MINOR);
	put_le32(dst + 12, LOG_HEAD_SIZE);
	put_le32(dst + 16, head->incompat);
	put_le32(dst + 20, head->ro_compat);
	put_le32(dst + 24, head->compat);
	put_le32(dst + 28, head->uidvalidity);
	memcpy(dst + 32, head->id, sizeof head->id);
	put_le64(dst + 48, head->generation);
	put_le64(dst + 56, head->next_uid);
	put_le64(dst + 64, head->next_seq);
	put_le64(dst + 72, (uint64_t)head->created_ns);
	memcpy(dst + 80, head->place.account.octets, 16);
	put_le32(dst + 96, head->place.mailbox);
	put_le64(dst + 120, log_sum(span_of(dst, 120), 0));
}

enum yb_err log_head_decode(const uint8_t src[LOG_HEAD_SIZE],
			    struct log_head *ret)
{
	if (get_le64(src) != LOG_HEAD_MAGIC ||
	    get_le64(src + 120) != log_sum(span_of(src, 120), 0))
		return YB_CORRUPT;
	if (get_le16(src + 8) != LOG_MAJOR ||
	    get_le32(src + 12) != LOG_HEAD_SIZE)
		return YB_VERSION;
	if (get_le64(src + 56) > (uint64_t)LOG_UID_MAX + 1 ||
	    get_le64(src + 64) > LOG_SEQ_MAX)
		return YB_CORRUPT;
	*ret = (struct log_head){
		.incompat = get_le32(src + 16),
		.ro_compat = get_le32(src + 20),
		.compat = get_le32(src + 24),
		.uidvalidity = get_le32(src + 28),
		.generation = get_le64(src + 48),
		.next_uid = get_le64(src + 56),
		.next_seq = get_le64(src + 64),
		.created_ns = (int64_t)get_le64(src + 72),
		.place.mailbox = get_le32(src + 96),
	};
	memcpy(ret->id, src + 32, sizeof ret->id);
	memcpy(ret->place.account.octets, src + 80, 16);
	return YB_OK;
}

/* A header is believed only in this log and only at this offset. */
static uint64_t record_sum(const struct log_keys *keys, uint64_t at,
			   const uint8_t *src)
{
	uint8_t offset[8];

	put_le64(offset, at);
	return log_sum(span_of(src, LOG_RECORD_SIZE - 8),
		       log_sum(span_of(offset, sizeof offset), keys->head));
}

uint64_t log_record_sum(const uint8_t src[LOG_RECORD_SIZE])
{
	return get_le64(src + LOG_RECORD_SIZE - 8);
}

uint64_t log_record_encode(const struct log_keys *keys, uint64_t at,
			   const struct log_record *record,
			   uint8_t dst[LOG_RECORD_SIZE])
{
	uint64_t sum;

	memset(dst, 0, LOG_RECORD_SIZE);
	put_le32(dst, LOG_RECORD_MAGIC);
	put_le16(dst + 4, record->type);
	put_le16(dst + 6, record->flags);
	put_le64(dst + 8, record->seq);
	put_le64(dst + 16, record->uid);
	put_le64(dst + 24, record->wire_size);
	put_le32(dst + 32, record->extras_size);
	put_le32(dst + 36, record->header_size);
	put_le32(dst + 40, record->dots);
	put_le64(dst + 48, (uint64_t)record->received_ns);
	memcpy(dst + 56, record->id, sizeof record->id);
	put_le64(dst + 72, record->body_sum);
	sum = record_sum(keys, at, dst);
	put_le64(dst + 88, sum);
	return sum;
}

static bool is_sound(const struct log_record *r)
{
	if (r->uid > LOG_UID_MAX || r->seq > LOG_SEQ_MAX ||
	    r->wire_size > LOG_WIRE_MAX)
		return false;
	if (r->type != LOG_MESSAGE)
		return true;
	/* The wire form of an empty message is ".CRLF". */
	return r->uid > 0 && r->wire_size >= 3 && r->dots <= r->wire_size - 3 &&
	       r->header_size <= r->wire_size - 3;
}

bool log_record_decode(const struct log_keys *keys, uint64_t at,
		       const uint8_t src[LOG_RECORD_SIZE],
		       struct log_record *ret)
{
	struct log_record r;

	if (get_le32(src) != LOG_RECORD_MAGIC ||
	    log_record_sum(src) != record_sum(keys, at, src))
		return false;
	r = (struct log_record){
		.type = get_le16(src + 4),
		.flags = get_le16(src + 6),
		.seq = get_le64(src + 8),
		.uid = get_le64(src + 16),
		.wire_size = get_le64(src + 24),
		.extras_size = get_le32(src + 32),
		.header_size = get_le32(src + 36),
		.dots = get_le32(src + 40),
		.received_ns = (int64_t)get_le64(src + 48),
		.body_sum = get_le64(src + 72),
	};
	memcpy(r.id, src + 56, sizeof r.id);
	if (!is_sound(&r))
		return false;
	*ret = r;
	return true;
}

/* XXH3's state wants an alignment that malloc() does not give. */
struct log_summer *log_summer_new(const struct log_keys *keys)
{
	struct log_summer *s = (struct log_summer *)XXH3_createState();

	if (s != NULL)
		log_summer_reset(s, keys);
	return s;
}

void log_summer_reset(struct log_summer *s, const struct log_keys *keys)
{
	/* Fails for NULL only. */
	(void)XXH3_64bits_reset_withSeed((XXH3_state_t *)s, keys->body);
}

void log_summer_add(struct log_summer *s, struct span part)
{
	if (part.n > 0)
		(void)XXH3_64bits_update((XXH3_state_t *)s, part.p, part.n);
}

uint64_t log_summer_end(const struct log_summer *s)
{
	return XXH3_64bits_digest((const XXH3_state_t *)s);
}

void log_summer_free(struct log_summer **s)
{
	(void)XXH3_freeState((XXH3_state_t *)*s); /* takes NULL */
	*s = NULL;
}
