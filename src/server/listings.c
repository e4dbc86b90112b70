#include "server/listings.h"

#include <stdlib.h>

#include "os/memfd.h"

/* 2^32 rows and their texts never come; this is 40 million. */
enum { LISTING_MAX = INT32_MAX };

void listings_init(struct listings *l)
{
	*l = (struct listings){ 0 };
	list_init(&l->used);
	list_init(&l->kept);
}

static struct mapped_listing *find(struct list *list, uint64_t number)
{
	list_for_each(link, list) {
		struct mapped_listing *m =
			list_entry(link, struct mapped_listing, link);

		if (m->number == number)
			return m;
	}
	return NULL;
}

static void unmap(struct mapped_listing *m)
{
	list_remove(&m->link);
	memfd_unmap(&m->mapping);
	free(m);
}

static void take_out(struct listings *l, struct mapped_listing *m)
{
	list_remove(&m->link);
	l->kept_n--;
	l->kept_octets -= m->mapping.n;
}

static enum yb_err map(struct listings *l, uint64_t number, int fd,
		       struct mapped_listing **ret)
{
	struct mapped_listing *m = calloc(1, sizeof *m);
	enum yb_err err = m == NULL ? YB_NOMEM : YB_OK;

	if (err == YB_OK)
		err = memfd_map(fd, LISTING_MAX, &m->mapping);
	if (err != YB_OK) {
		free(m);
		return err;
	}
	list_init(&m->link);
	m->number = number;
	list_push(&l->used, &m->link);
	*ret = m;
	return YB_OK;
}

enum yb_err listings_open(struct listings *l, uint64_t number, int fd,
			  struct mapped_listing **ret)
{
	struct mapped_listing *m = find(&l->used, number);

	if (number == 0)
		return YB_INVALID;
	if (m == NULL) {
		m = find(&l->kept, number);
		if (m != NULL) {
			take_out(l, m);
			list_push(&l->used, &m->link);
		}
	}
	if (m == NULL) {
		enum yb_err err = map(l, number, fd, &m);

		if (err != YB_OK)
			return err;
	}
	m->refs++;
	*ret = m;
	return YB_OK;
}

/* Room for those that were used last. */
static void trim(struct listings *l)
{
	while (l->kept_n > LISTINGS_KEPT_MAX ||
	       l->kept_octets > LISTINGS_KEPT_OCTETS) {
		struct mapped_listing *oldest =
			list_entry(l->kept.next, struct mapped_listing, link);

		take_out(l, oldest);
		unmap(oldest);
	}
}

void listings_close(struct listings *l, struct mapped_listing **m_at)
{
	struct mapped_listing *m = *m_at;

	*m_at = NULL;
	if (m == NULL || --m->refs > 0)
		return;
	if (m->number == 0) {
		unmap(m);
		return;
	}
	list_remove(&m->link);
	list_push(&l->kept, &m->link);
	l->kept_n++;
	l->kept_octets += m->mapping.n;
	trim(l);
}

void listings_forget(struct listings *l)
{
	list_for_each(link, &l->used)
		list_entry(link, struct mapped_listing, link)->number = 0;
	while (!list_empty(&l->kept)) {
		struct mapped_listing *m =
			list_entry(l->kept.next, struct mapped_listing, link);

		take_out(l, m);
		unmap(m);
	}
}
