#include "store/places.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"

/* Names of one folder that are `digits` of hex. */
struct names {
	size_t digits;
	struct buf all; /* digits and a NUL each */
};

static enum yb_err add_name(void *ctx, const char *name)
{
	struct names *n = ctx;
	uint8_t octets[16];

	if (!hex_parse(span_str(name), octets, n->digits / 2))
		return YB_OK;
	return buf_add(&n->all, span_of(name, n->digits + 1));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum yb_err list_names(const struct files *f, const char *path,
			      struct names *n)
{
	const struct os_storage *os = f->os;
	int dir = f->root;
	enum yb_err err = YB_OK;

	buf_init(&n->all, SIZE_MAX / 2);
	if (*path != 0)
		err = os->open(os->ctx, f->root, path, STORAGE_FOLDER, &dir);
	if (err != YB_OK)
		/* Gone since its name was read. */
		return err == YB_NOT_FOUND ? YB_OK : err;
	err = os->list(os->ctx, dir, add_name, n);
	if (dir != f->root)
		os->close(os->ctx, dir);
	if (err == YB_OK && n->all.n > 0)
		qsort(n->all.p, n->all.n / (n->digits + 1), n->digits + 1,
		      by_text);
	return err;
}

struct walk {
	const struct files *f;
	char after[33]; /* "" from the first on */
	struct account_id *ret;
	size_t max, n;
};

/* Level 0 and 1 are folders of two digits, level 2 has the accounts. */
static enum yb_err walk_level(struct walk *w, const char *path, int level)
{
	struct names names = { .digits = level == 2 ? 32 : 2 };
	enum yb_err err = list_names(w->f, path, &names);
	const char *at = (const char *)names.all.p;
	const char *end = at + names.all.n;

	for (; err == YB_OK && at < end && w->n < w->max;
	     at += names.digits + 1) {
		char below[8];

		if (level == 2) {
			if (strcmp(at, w->after) > 0 &&
			    hex_parse(span_str(at), w->ret[w->n].octets, 16))
				w->n++;
			continue;
		}
		(void)snprintf(below, sizeof below, "%s%s%s", path,
			       *path != 0 ? "/" : "", at);
		/* What lies wholly before is passed over. */
		if (strncmp(at, w->after + 2 * level, 2) < 0 &&
		    (level == 0 || strncmp(path, w->after, 2) == 0))
			continue;
		err = walk_level(w, below, level + 1);
	}
	buf_done(&names.all);
	return err;
}

enum yb_err places_accounts(const struct files *f,
			    const struct account_id *after,
			    struct account_id *ret, size_t max, size_t *ret_n)
{
	struct walk w = { .f = f, .ret = ret, .max = max };
	enum yb_err err;

	if (after != NULL) {
		hex_put((uint8_t *)w.after, span_of(after->octets, 16));
		w.after[32] = 0;
	}
	err = walk_level(&w, "", 0);
	*ret_n = w.n;
	return err;
}

struct numbers {
	uint32_t *ret;
	size_t n;
};

static enum yb_err add_number(void *ctx, const char *name)
{
	struct numbers *w = ctx;
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (*end == 0 && ascii_digit((uint8_t)*name) && *name != '0' &&
	    n <= UINT32_MAX && w->n < PLACES_MAILBOXES_MAX)
		w->ret[w->n++] = (uint32_t)n;
	return YB_OK;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

enum yb_err places_mailboxes(const struct files *f,
			     const struct account_id *account,
			     uint32_t ret[PLACES_MAILBOXES_MAX], size_t *ret_n)
{
	const struct os_storage *os = f->os;
	struct numbers w = { .ret = ret };
	char parent[8], name[40], path[64];
	enum yb_err err;
	int dir;

	*ret_n = 0;
	files_account(account, parent, name);
	(void)snprintf(path, sizeof path, "%s/%s", parent, name);
	err = os->open(os->ctx, f->root, path, STORAGE_FOLDER, &dir);
	if (err != YB_OK)
		return err == YB_NOT_FOUND ? YB_OK : err;
	err = os->list(os->ctx, dir, add_number, &w);
	os->close(os->ctx, dir);
	if (w.n > 0)
		qsort(ret, w.n, sizeof *ret, by_number);
	*ret_n = w.n;
	return err;
}
