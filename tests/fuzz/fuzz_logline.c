/*
 * Lines of the log as `yubin log` reads them. Input: the lines. What is
 * printed of them holds no control but its line ends.
 */
#include "fuzz/fuzz.h"

#include "cli/logline.h"

static void fields(struct span line)
{
	char value[LOGLINE_VALUE_MAX];
	struct span rest = line, key;

	while (logline_next(&rest, &key, value)) {
		MUST(key.p >= line.p && key.p + key.n <= line.p + line.n);
		MUST(memchr(value, 0, sizeof value) != NULL);
	}
}

static void print(struct span line, enum logline_form form)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	MUST(to != NULL);
	logline_print(to, line, form);
	MUST(fclose(to) == 0);
	MUST(n > 0 && text[n - 1] == '\n');
	for (size_t i = 0; form == LOGLINE_JSON && i + 1 < n; i++)
		MUST((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct logline_filter filter = { .session = "w0.1.1",
					       .account = "a@example.org",
					       .peer = "::1",
					       .level = 1 };
	struct span in = span_of(data, size);

	while (in.n > 0) {
		struct span rest = span_cut(&in, '\n');
		struct span line = fuzz_piece(&rest, SIZE_MAX);

		fields(line);
		(void)logline_matches(line, &filter);
		print(line, LOGLINE_JSON);
		print(line, LOGLINE_COLOUR);
		fuzz_free(line);
	}
	return 0;
}
