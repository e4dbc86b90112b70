/*
 * Private to src/config: problems are gathered while a file is read, and told
 * in the order of their places.
 */
#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H

#include "config/config.h"

struct problems {
	size_t n;     /* gathered */
	size_t extra; /* beyond CONFIG_PROBLEMS_MAX, not kept */
	struct config_problem list[CONFIG_PROBLEMS_MAX];
};

struct place {
	unsigned line, column;
};

void problem_add(struct problems *ps, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts by place and tells all. */
void problems_tell(struct problems *ps, config_problem_fn *problem, void *ctx);

/* Foreign text made fit for a terminal, and cut to what a line can show. */
struct shown {
	char text[80];
};

struct shown show_span(struct span s);

#endif
