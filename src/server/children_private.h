/*
 * Private to the supervisor's processes: children.c has their lives,
 * children_hand_over.c what they are handed.
 */
#ifndef SERVER_CHILDREN_PRIVATE_H
#define SERVER_CHILDREN_PRIVATE_H

#include "server/children.h"

/* A message that has descriptors at most, and no fields. */
enum yb_err child_hand(struct child *c, enum message_type type, uint64_t id,
		       const int *fds, size_t n);

/* Made once: successors count on where a process has died. */
YB_CHECKED enum yb_err child_make_page(struct child *c);

/* What it goes by; the same at the start and at a reload. */
YB_CHECKED enum yb_err child_hand_settings(struct child *c);

/* All that a process that was just started needs. */
YB_CHECKED enum yb_err child_hand_all(struct child *c);

#endif
