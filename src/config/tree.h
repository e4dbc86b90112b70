/*
 * Private to src/config: YAML text as a tree of nodes that know their places.
 * Taken is what a configuration needs: one document of maps, lists and words.
 * Anchors, aliases and tags are refused, so that nothing can unfold to more
 * than was written; depth and number of nodes are limited.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "base/arena.h"
#include "config/problem.h"

enum {
	/* root, listeners, one service, its addresses; and some for errors. */
	TREE_DEPTH_MAX = 8,
	/* Every key given, and every listener, needs less than 200. */
	TREE_NODES_MAX = 4096,
};

enum node_kind {
	NODE_WORD,
	NODE_LIST,
	NODE_MAP,
	NODE_WRONG, /* its problem has been told already */
};

struct node {
	enum node_kind kind;
	bool empty; /* a word that was not written at all */
	struct place at;
	struct span text;   /* of a word; lives in the arena */
	struct node *key;   /* of a child of a map: a word, or wrong */
	struct node *first; /* child of a map or list, in file order */
	struct node *last;
	struct node *next; /* sibling */
};

/*
 * Reads the text. NULL, with problems told unless it was empty, if there is
 * no tree to look at. NOMEM if the arena is too small.
 */
YB_CHECKED enum yb_err tree_parse(struct span yaml, struct arena *arena,
				  struct problems *problems,
				  struct node **ret_root);

#endif
