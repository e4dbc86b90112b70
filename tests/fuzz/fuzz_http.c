/*
 * The head of a request to the metrics' listener. Input: an octet of how many
 * octets come at a time, then the request, whose answer does not depend on
 * that.
 */
#include "fuzz/fuzz.h"

#include "proto/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), whole;
	size_t at_once = fuzz_take(&in) + 1u;
	struct http_request r = { .path = SPAN_NONE }, part;
	enum http_status status, first = HTTP_MORE;

	whole = fuzz_piece(&in, SIZE_MAX);
	status = http_request_read(whole, &r);
	MUST(status != HTTP_MORE || whole.n <= HTTP_HEAD_MAX);
	if (status == HTTP_OK) {
		MUST(r.path.n > 0 && r.path.p[0] == '/');
		for (size_t i = 0; i < r.path.n; i++)
			MUST(r.path.p[i] > ' ' && r.path.p[i] < 0x7f);
	}
	/* What is answered early is what would be answered at the end. */
	for (size_t n = at_once;
	     n < whole.n && n < HTTP_HEAD_MAX && first == HTTP_MORE;
	     n += at_once) {
		struct span rest = whole, piece = fuzz_piece(&rest, n);

		first = http_request_read(piece, &part);
		fuzz_free(piece);
	}
	MUST(first == HTTP_MORE || first == status);
	if (status != HTTP_MORE)
		MUST(*http_status_text(status) != 0);
	fuzz_free(whole);
	return 0;
}
