#include "config/tree.h"

#include <yaml.h>

struct builder {
	struct arena *arena;
	struct problems *problems;
	struct node *root;
	struct node *open[TREE_DEPTH_MAX]; /* maps and lists being read */
	struct node *key[TREE_DEPTH_MAX];  /* that waits for its value */
	size_t depth;
	size_t nodes;
	size_t documents;
};

/* ---- octets that cannot be in a configuration ---- */

/* What a first octet of UTF-8 promises; 0 if none starts like that. */
static size_t utf8_promise(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* How many octets the character at the front of `s` has; 0 if it is none. */
static size_t utf8_len(struct span s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = utf8_promise(s.p[0]);
	uint32_t point;

	if (n < 2)
		return n;
	if (n > s.n)
		return 0;
	point = s.p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s.p[i] & 0x3fu);
	}
	if (point < least[n] || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return n;
}

/* The YAML parser would tell an offset; an editor wants line and column. */
static bool check_octets(struct span s, struct problems *problems)
{
	struct place at = { 1, 1 };

	while (s.n > 0) {
		size_t n = utf8_len(s);
		uint8_t c = s.p[0];

		if (n == 0) {
			problem_add(problems, at,
				    "octet 0x%02x is not UTF-8; save the file "
				    "as UTF-8",
				    c);
			return false;
		}
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		    c == 0x7f) {
			problem_add(problems, at,
				    "octet 0x%02x cannot be in a configuration",
				    c);
			return false;
		}
		at.column++;
		if (c == '\n')
			at = (struct place){ at.line + 1, 1 };
		s = span_skip(s, n);
	}
	return true;
}

/* ---- events to nodes ---- */

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){ (unsigned)mark.line + 1,
			       (unsigned)mark.column + 1 };
}

/* Puts `node` where it belongs: a root, a list's item, a key, or its value. */
static void attach(struct builder *b, struct node *node)
{
	struct node *parent;

	if (b->depth == 0) {
		b->root = node;
		return;
	}
	parent = b->open[b->depth - 1];
	if (parent->kind == NODE_MAP && b->key[b->depth - 1] == NULL) {
		if (node->kind != NODE_WORD && node->kind != NODE_WRONG) {
			problem_add(b->problems, node->at,
				    "a key has to be a word");
		}
		b->key[b->depth - 1] = node;
		return;
	}
	node->key = b->key[b->depth - 1];
	b->key[b->depth - 1] = NULL;
	if (parent->last == NULL)
		parent->first = node;
	else
		parent->last->next = node;
	parent->last = node;
}

static enum yb_err add_node(struct builder *b, const yaml_event_t *ev,
			    enum node_kind kind, struct node **ret)
{
	struct node *node;

	if (++b->nodes > TREE_NODES_MAX) {
		problem_add(b->problems, place_of(ev->start_mark),
			    "more than %d values; this is no configuration",
			    TREE_NODES_MAX);
		return YB_TOO_BIG;
	}
	node = arena_alloc(b->arena, sizeof *node);
	if (node == NULL)
		return YB_NOMEM;
	node->kind = kind;
	node->at = place_of(ev->start_mark);
	attach(b, node);
	*ret = node;
	return YB_OK;
}

static void refuse_marks(struct builder *b, const yaml_event_t *ev,
			 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct place at = place_of(ev->start_mark);

	if (anchor != NULL)
		problem_add(b->problems, at,
			    "anchor \"&%s\": anchors and aliases are not "
			    "taken; write the value where it is meant",
			    show_span(span_str((const char *)anchor)).text);
	if (tag != NULL)
		problem_add(b->problems, at,
			    "tag \"%s\": tags are not taken; leave it out",
			    show_span(span_str((const char *)tag)).text);
}

static enum yb_err on_word(struct builder *b, const yaml_event_t *ev)
{
	const yaml_char_t *value = ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	struct node *node;
	enum yb_err err = add_node(b, ev, NODE_WORD, &node);

	if (err != YB_OK)
		return err;
	refuse_marks(b, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	node->text = span_of(arena_strndup(b->arena, value, n), n);
	node->empty =
		n == 0 && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return node->text.p == NULL ? YB_NOMEM : YB_OK;
}

static enum yb_err on_alias(struct builder *b, const yaml_event_t *ev)
{
	struct node *node;
	enum yb_err err = add_node(b, ev, NODE_WRONG, &node);
	const char *name = (const char *)ev->data.alias.anchor;

	if (err == YB_OK)
		problem_add(b->problems, node->at,
			    "alias \"*%s\": anchors and aliases are not "
			    "taken; write the value where it is meant",
			    show_span(span_str(name)).text);
	return err;
}

static enum yb_err on_open(struct builder *b, const yaml_event_t *ev)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	struct node *node;
	enum yb_err err;

	if (b->depth == TREE_DEPTH_MAX) {
		problem_add(b->problems, place_of(ev->start_mark),
			    "more than %d levels; this is no configuration",
			    TREE_DEPTH_MAX);
		return YB_TOO_BIG;
	}
	err = add_node(b, ev, map ? NODE_MAP : NODE_LIST, &node);
	if (err != YB_OK)
		return err;
	if (map)
		refuse_marks(b, ev, ev->data.mapping_start.anchor,
			     ev->data.mapping_start.tag);
	else
		refuse_marks(b, ev, ev->data.sequence_start.anchor,
			     ev->data.sequence_start.tag);
	b->key[b->depth] = NULL;
	b->open[b->depth++] = node;
	return YB_OK;
}

static enum yb_err on_event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_word(b, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(b, ev);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, ev);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return YB_OK;
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ == 0)
			return YB_OK;
		problem_add(b->problems, place_of(ev->start_mark),
			    "a second document starts here; one file is one "
			    "configuration");
		return YB_INVALID;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return YB_OK;
	}
	return YB_OK;
}

/* ---- the parser's own words ---- */

/* Where the text has a tab at `at`, counted from the start of its line. */
static bool has_tab_at(struct span yaml, struct place at)
{
	for (unsigned line = 1; line < at.line; line++)
		(void)span_cut(&yaml, '\n');
	yaml = span_head(yaml, span_find(yaml, '\n'));
	return at.column <= yaml.n && span_find(yaml, '\t') < at.column;
}

static void tell_syntax(struct builder *b, const yaml_parser_t *parser,
			struct span yaml)
{
	struct place at = place_of(parser->problem_mark);
	const char *what =
		parser->problem != NULL ? parser->problem : "cannot be read";

	if (has_tab_at(yaml, at))
		problem_add(b->problems, at,
			    "a tab character: YAML is indented with spaces");
	else if (parser->context != NULL)
		problem_add(b->problems, at, "not YAML: %s, %s (line %zu)",
			    what, parser->context,
			    parser->context_mark.line + 1);
	else
		problem_add(b->problems, at, "not YAML: %s", what);
}

static enum yb_err read_events(struct builder *b, yaml_parser_t *parser,
			       struct span yaml)
{
	enum yb_err err = YB_OK;
	bool end = false;

	while (err == YB_OK && !end) {
		yaml_event_t ev;

		if (yaml_parser_parse(parser, &ev) == 0) {
			if (parser->error == YAML_MEMORY_ERROR)
				return YB_NOMEM;
			tell_syntax(b, parser, yaml);
			return YB_SYNTAX;
		}
		err = on_event(b, &ev);
		end = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	return err;
}

enum yb_err tree_parse(struct span yaml, struct arena *arena,
		       struct problems *problems, struct node **ret_root)
{
	struct builder b = { .arena = arena, .problems = problems };
	yaml_parser_t parser;
	enum yb_err err;

	*ret_root = NULL;
	if (!check_octets(yaml, problems))
		return YB_OK;
	if (yaml_parser_initialize(&parser) == 0)
		return YB_NOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	/* libyaml wants a pointer even to nothing. */
	yaml_parser_set_input_string(
		&parser, yaml.p != NULL ? yaml.p : (const uint8_t *)"", yaml.n);
	err = read_events(&b, &parser, yaml);
	yaml_parser_delete(&parser);
	if (err == YB_NOMEM)
		return err;
	/* What was read before a syntax error may be half a map. */
	if (err == YB_OK || err == YB_INVALID)
		*ret_root = b.root;
	return YB_OK;
}
