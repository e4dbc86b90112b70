/* What `yubin bench` prints about a run, as text or as JSON. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include <stdbool.h>

#include "bench/bench.h"

/* The exit code: any error, or nothing measured, is a failure. */
int bench_report(const struct bench_plan *plan, const struct bench_result *r,
		 bool json);

#endif
