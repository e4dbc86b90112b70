#include "store/set_aside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "os/clock.h"
#include "store/files.h"

/* "YUBINDMG" as it stands in the file. */
#define SET_ASIDE_MAGIC 0x474d444e49425559ull

/* Files set aside in one folder within one second. */
enum { SET_ASIDE_NAMES = 1000 };

static enum yb_err create(const struct os_storage *os, int dir,
			  const char *kind, char name[SET_ASIDE_NAME_MAX],
			  int *ret_fd)
{
	long long now = (long long)(clock_real_ns() / 1000000000);
	enum yb_err err = YB_EXISTS;

	for (int n = 0; n < SET_ASIDE_NAMES && err == YB_EXISTS; n++) {
		(void)snprintf(name, SET_ASIDE_NAME_MAX, "%s.%lld.%d", kind,
			       now, n);
		err = os->open(os->ctx, dir, name, STORAGE_CREATE, ret_fd);
	}
	return err;
}

static enum yb_err keep(const struct os_storage *os, int dir, const char *kind,
			struct span head, int from, uint64_t at, uint64_t n,
			char name[SET_ASIDE_NAME_MAX])
{
	struct iovec iov = { (void *)(uintptr_t)head.p, head.n };
	int fd;
	enum yb_err err = create(os, dir, kind, name, &fd);

	if (err != YB_OK)
		return err;
	if (head.n > 0)
		err = os->write(os->ctx, fd, &iov, 1, 0);
	if (err == YB_OK)
		err = files_copy(os, from, at, n, fd, head.n);
	if (err == YB_OK)
		err = os->sync(os->ctx, fd);
	os->close(os->ctx, fd);
	if (err == YB_OK)
		err = os->sync_folder(os->ctx, dir);
	else /* half a copy is of no use */
		(void)os->remove(os->ctx, dir, name, false);
	return err;
}

enum yb_err set_aside_tail(const struct os_storage *os, int dir, int from,
			   uint64_t at, uint64_t n)
{
	char name[SET_ASIDE_NAME_MAX];

	return keep(os, dir, "torn", SPAN_NONE, from, at, n, name);
}

enum yb_err set_aside_damage(const struct os_storage *os, int dir,
			     const struct log_head *head, int from, uint64_t at,
			     uint64_t n, char ret_name[SET_ASIDE_NAME_MAX])
{
	uint8_t octets[SET_ASIDE_HEAD_SIZE] = { 0 };

	put_le64(octets, SET_ASIDE_MAGIC);
	memcpy(octets + 8, head->id, sizeof head->id);
	put_le64(octets + 24, head->generation - 1);
	put_le64(octets + 32, at);
	put_le64(octets + 40, n);
	put_le64(octets + 56, log_sum(span_of(octets, 56), 0));
	return keep(os, dir, "damaged", span_of(octets, sizeof octets), from,
		    at, n, ret_name);
}

bool set_aside_decode(const uint8_t src[SET_ASIDE_HEAD_SIZE],
		      struct set_aside_head *ret)
{
	if (get_le64(src) != SET_ASIDE_MAGIC ||
	    get_le64(src + 56) != log_sum(span_of(src, 56), 0))
		return false;
	*ret = (struct set_aside_head){ .generation = get_le64(src + 24),
					.offset = get_le64(src + 32),
					.size = get_le64(src + 40) };
	memcpy(ret->log_id, src + 8, sizeof ret->log_id);
	return true;
}

bool set_aside_when(const char *name, int64_t *ret_s)
{
	char *end;

	if (strncmp(name, "torn.", 5) == 0)
		name += 5;
	else if (strncmp(name, "damaged.", 8) == 0)
		name += 8;
	else
		return false;
	*ret_s = strtoll(name, &end, 10);
	return *end == '.';
}
