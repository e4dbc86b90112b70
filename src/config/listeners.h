/*
 * Private to src/config: the map of listeners, from its node.
 */
#ifndef CONFIG_LISTENERS_H
#define CONFIG_LISTENERS_H

#include "config/tree.h"

/*
 * Reads `node`, what stands behind "listeners:", into `c`, whose paths are
 * set; tells what is wrong.
 */
void listeners_read(const struct node *node, struct config *c,
		    struct problems *ps);

#endif
