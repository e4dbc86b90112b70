/*
 * Private to src/config: the list of further certificates, from its node.
 */
#ifndef CONFIG_CERTIFICATES_H
#define CONFIG_CERTIFICATES_H

#include "config/tree.h"

struct buf;

/* Reads what stands behind "tls: certificates:" into `c`; tells problems. */
void certificates_read(const struct node *node, struct config *c,
		       struct problems *ps);

bool certificates_are_same(const struct config *a, const struct config *b);

/* Prints the list; with `commented` also what it is for. */
YB_CHECKED enum yb_err certificates_print(const struct config *c,
					  bool commented, struct buf *out);

#endif
