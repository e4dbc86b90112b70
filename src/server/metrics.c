#include "server/metrics.h"

#include <stdio.h>

#include "base/cleanup.h"

/* clang-format off */
const struct metric metric_table[METRIC_FAMILIES] = {
#define X(id, kind_, role_, name_, unit_, a, b, help_)                    \
	{ .name = name_, .unit = unit_, .help = help_,                    \
	  .kind = METRIC_KIND_##kind_, .role = ROLE_##role_,              \
	  .labels = { METRIC_LABEL_##a, METRIC_LABEL_##b },               \
	  .first = METRIC_##id },
	METRICS(X)
#undef X
};

static const struct {
	const char *name;
	uint32_t n;
} labels[METRIC_LABELS_N] = {
#define X(id, name, n) { name, n },
	METRIC_LABELS(X)
#undef X
};

static const char *const pop3_commands[POP3_VERBS] = {
#define X(verb, ...) #verb,
	POP3_COMMANDS(X)
#undef X
	"other"
};

static const char *const smtp_commands[SMTP_VERBS] = {
#define X(verb, ...) #verb,
	SMTP_COMMANDS(X)
#undef X
	"other"
};

#define X(id, text) text,
static const char *const mechanisms[] = { METRIC_MECHANISMS(X) };
static const char *const auth_results[] = { METRIC_AUTH_RESULTS(X) };
static const char *const tls_results[] = { METRIC_TLS_RESULTS(X) };
static const char *const mail_results[] = { METRIC_MAIL_RESULTS(X) };
static const char *const lookup_results[] = { METRIC_LOOKUP_RESULTS(X) };
#undef X

static const char *const lookup_kinds[LOOKUP_KIND_COUNT] = {
	[LOOKUP_POLICY] = "policy",   [LOOKUP_OUTCOME] = "outcome",
	[LOOKUP_ACCOUNT] = "account", [LOOKUP_PASSWORD] = "password",
	[LOOKUP_TOKEN] = "token",
};

#define X(ns, text) ns##ull,
static const uint64_t bounds[] = { METRIC_BUCKETS(X) };
#undef X
#define X(ns, text) text,
static const char *const bound_texts[] = { METRIC_BUCKETS(X) "+Inf" };
#undef X
/* clang-format on */

uint32_t metric_label_count(enum metric_label label)
{
	return labels[label].n;
}

static const char *role_value(uint32_t i)
{
	/* It lives for a moment only: no process that could be missed. */
	return i == ROLE_CONFIG ? NULL : role_name((enum role)i);
}

static const char *service_value(uint32_t i)
{
	return i == CONFIG_METRICS
		       ? NULL
		       : config_service_name((enum config_service)i);
}

const char *metric_label_value(enum metric_label label, uint32_t i)
{
	switch (label) {
	case METRIC_LABEL_NONE:
		return "";
	case METRIC_LABEL_ROLE:
		return role_value(i);
	case METRIC_LABEL_SERVICE:
		return service_value(i);
	case METRIC_LABEL_POP3_COMMAND:
		return pop3_commands[i];
	case METRIC_LABEL_SMTP_COMMAND:
		return smtp_commands[i];
	case METRIC_LABEL_MECHANISM:
		return mechanisms[i];
	case METRIC_LABEL_AUTH_RESULT:
		return auth_results[i];
	case METRIC_LABEL_TLS_RESULT:
		return tls_results[i];
	case METRIC_LABEL_MAIL_RESULT:
		return mail_results[i];
	case METRIC_LABEL_LOOKUP_KIND:
		return lookup_kinds[i];
	case METRIC_LABEL_LOOKUP_RESULT:
		return lookup_results[i];
	case METRIC_LABELS_N:
		break;
	}
	return NULL;
}

enum metric_mechanism metric_mechanism(struct span name)
{
	for (unsigned i = 0; i < METRIC_MECHANISM_OTHER; i++)
		if (span_eq_nocase(name, span_str(mechanisms[i])))
			return (enum metric_mechanism)i;
	return METRIC_MECHANISM_OTHER;
}

const char *metric_mechanism_name(enum metric_mechanism mechanism)
{
	return mechanisms[mechanism];
}

static uint32_t cells_of(enum metric_kind kind)
{
	return kind == METRIC_KIND_HISTOGRAM ? METRIC_CELLS_HISTOGRAM : 1;
}

static uint32_t series_of(const struct metric *m)
{
	return labels[m->labels[0]].n * labels[m->labels[1]].n;
}

void metric_observe(struct metrics_page *page, uint32_t cell, uint64_t ns,
		    uint64_t n)
{
	uint32_t i = 0;

	while (i < ARRAY_LEN(bounds) && ns > bounds[i])
		i++;
	metric_add(page, cell + i, n);
	metric_add(page, cell + METRIC_BUCKETS_N, ns * n);
}

void metrics_forget_gauges(struct metrics_page *page)
{
	for (size_t f = 0; f < METRIC_FAMILIES; f++) {
		const struct metric *m = &metric_table[f];

		if (m->kind != METRIC_KIND_GAUGE &&
		    m->kind != METRIC_KIND_LEAST)
			continue;
		for (uint32_t i = 0; i < series_of(m); i++)
			metric_set(page, m->first + i, 0);
	}
}

/* ---- reading ---- */

void metrics_sum(uint64_t sums[METRIC_CELLS], const struct metrics_page *page,
		 enum role role)
{
	for (size_t f = 0; f < METRIC_FAMILIES; f++) {
		const struct metric *m = &metric_table[f];
		uint32_t n = series_of(m) * cells_of(m->kind);

		for (uint32_t i = m->first; m->role == role && i < m->first + n;
		     i++) {
			uint64_t v = metric_get(page, i);

			if (m->kind != METRIC_KIND_LEAST)
				sums[i] += v;
			else if (v != 0 && (sums[i] == 0 || v < sums[i]))
				sums[i] = v;
		}
	}
}

/* `{service="pop3",` and so on: without the closing bracket; "" if none. */
static void print_labels(const struct metric *m, uint32_t series, char *ret,
			 size_t cap)
{
	uint32_t n = labels[m->labels[1]].n;
	const char *a = metric_label_value(m->labels[0], series / n);
	const char *b = metric_label_value(m->labels[1], series % n);

	*ret = 0;
	if (m->labels[0] == METRIC_LABEL_NONE)
		return;
	if (m->labels[1] == METRIC_LABEL_NONE)
		(void)snprintf(ret, cap, "%s=\"%s\"", labels[m->labels[0]].name,
			       a);
	else
		(void)snprintf(ret, cap, "%s=\"%s\",%s=\"%s\"",
			       labels[m->labels[0]].name, a,
			       labels[m->labels[1]].name, b);
}

static bool is_shown(const struct metric *m, uint32_t series)
{
	uint32_t n = labels[m->labels[1]].n;

	return metric_label_value(m->labels[0], series / n) != NULL &&
	       metric_label_value(m->labels[1], series % n) != NULL;
}

static enum yb_err print_seconds(struct buf *out, uint64_t ns)
{
	return buf_addf(out, "%llu.%09llu\n",
			(unsigned long long)(ns / 1000000000),
			(unsigned long long)(ns % 1000000000));
}

static enum yb_err print_histogram(const struct metric *m, const char *text,
				   const uint64_t *cells, struct buf *out)
{
	const char *comma = *text != 0 ? "," : "";
	const char *open = *text != 0 ? "{" : "",
		   *close = *text != 0 ? "}" : "";
	uint64_t count = 0;
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < METRIC_BUCKETS_N && err == YB_OK; i++) {
		count += cells[i];
		err = buf_addf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", m->name,
			       text, comma, bound_texts[i],
			       (unsigned long long)count);
	}
	if (err == YB_OK)
		err = buf_addf(out, "%s_count%s%s%s %llu\n", m->name, open,
			       text, close, (unsigned long long)count);
	if (err == YB_OK)
		err = buf_addf(out, "%s_sum%s%s%s ", m->name, open, text,
			       close);
	if (err == YB_OK)
		err = print_seconds(out, cells[METRIC_BUCKETS_N]);
	return err;
}

static enum yb_err print_family(const struct metric *m, const uint64_t *sums,
				struct buf *out)
{
	static const char *const types[] = { "counter", "gauge", "gauge",
					     "histogram" };
	enum yb_err err =
		buf_addf(out, "# TYPE %s %s\n", m->name, types[m->kind]);
	char text[128];

	if (err == YB_OK && *m->unit != 0)
		err = buf_addf(out, "# UNIT %s %s\n", m->name, m->unit);
	if (err == YB_OK)
		err = buf_addf(out, "# HELP %s %s\n", m->name, m->help);
	for (uint32_t i = 0; i < series_of(m) && err == YB_OK; i++) {
		const uint64_t *cells = &sums[m->first + i * cells_of(m->kind)];
		bool plain;

		if (!is_shown(m, i))
			continue;
		print_labels(m, i, text, sizeof text);
		plain = *text == 0;
		if (m->kind == METRIC_KIND_HISTOGRAM)
			err = print_histogram(m, text, cells, out);
		else
			err = buf_addf(out, "%s%s%s%s%s %llu\n", m->name,
				       m->kind == METRIC_KIND_COUNTER ? "_total"
								      : "",
				       plain ? "" : "{", text, plain ? "" : "}",
				       (unsigned long long)*cells);
	}
	return err;
}

enum yb_err metrics_print(const uint64_t sums[METRIC_CELLS], struct buf *out)
{
	enum yb_err err = YB_OK;

	for (size_t f = 0; f < METRIC_FAMILIES && err == YB_OK; f++)
		err = print_family(&metric_table[f], sums, out);
	if (err == YB_OK)
		err = buf_addf(out,
			       "# TYPE yubin_build info\n"
			       "# HELP yubin_build The program that runs.\n"
			       "yubin_build_info{version=\"%s\"} 1\n"
			       "# EOF\n",
			       YUBIN_VERSION);
	return err;
}

enum yb_err metrics_readiness(const uint64_t sums[METRIC_CELLS],
			      bool *ret_ready, struct buf *out)
{
	enum yb_err err = YB_OK;
	bool ready = true;

	for (uint32_t i = 0; i < ROLE_COUNT && err == YB_OK; i++) {
		uint64_t wanted = sums[METRIC_WANTED + i];
		uint64_t there = sums[METRIC_READY + i];

		if (there >= wanted)
			continue;
		ready = false;
		err = buf_addf(out, "%s: %llu of %llu ready\n",
			       role_name((enum role)i),
			       (unsigned long long)there,
			       (unsigned long long)wanted);
	}
	if (sums[METRIC_READ_ONLY] != 0 && err == YB_OK) {
		ready = false;
		err = buf_addf(out, "store: its disk takes no writes\n");
	}
	*ret_ready = ready;
	return err;
}
