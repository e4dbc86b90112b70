/*
 * The configuration. Input: the YAML. What is taken can be printed, and what
 * is printed means the same.
 */
#include "fuzz/fuzz.h"

#include "base/cleanup.h"
#include "config/config.h"

enum { PRINTED_MAX = 1024 * 1024 };

static void count_problem(void *ctx, const struct config_problem *p)
{
	unsigned *n = ctx;

	(*n)++;
	MUST(p->text[0] != 0);
	for (const char *c = p->text; *c != 0; c++)
		MUST((uint8_t)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE struct config *c = calloc(1, sizeof *c);
	AUTO_FREE struct config *again = calloc(1, sizeof *again);
	struct span in = span_of(data, size);
	struct span yaml = fuzz_piece(&in, SIZE_MAX);
	struct buf shown, twice;
	unsigned problems = 0;

	MUST(c != NULL && again != NULL);
	buf_init(&shown, PRINTED_MAX);
	buf_init(&twice, PRINTED_MAX);
	if (config_parse(yaml, "/etc/yubin/yubin.yaml", count_problem,
			 &problems, c) != YB_OK) {
		MUST(problems > 0);
		fuzz_free(yaml);
		return 0;
	}
	fuzz_free(yaml);
	MUST(problems == 0 && config_is_valid(span_of(c, sizeof *c)));
	MUST(config_show(c, &shown) == YB_OK);
	MUST(config_parse(buf_span(&shown), "/etc/yubin/yubin.yaml",
			  count_problem, &problems, again) == YB_OK);
	MUST(config_show(again, &twice) == YB_OK);
	MUST(span_eq(buf_span(&shown), buf_span(&twice)));
	buf_done(&twice);
	buf_done(&shown);
	return 0;
}
