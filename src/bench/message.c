#include "bench/message.h"

#include <time.h>

enum yb_err message_put_header(struct buf *out, uint64_t serial,
			       uint64_t run_id, const char *date)
{
	return buf_addf(out,
			"Date: %s\r\n"
			"From: Load generator <bench@bench.invalid>\r\n"
			"To: undisclosed-recipients:;\r\n"
			"Subject: Message %020llu of a measurement\r\n"
			"Message-ID: <%020llu.%016llx@bench.invalid>\r\n"
			"MIME-Version: 1.0\r\n"
			"Content-Type: text/plain; charset=us-ascii\r\n"
			"\r\n",
			date, (unsigned long long)serial,
			(unsigned long long)serial, (unsigned long long)run_id);
}

/* A small generator (xorshift64); the same text every time. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static enum yb_err put_words(struct buf *out, size_t n, uint64_t *random)
{
	static const char *const words[] = {
		"a",    "post",  "office", "takes",   "mail",     "in",
		"and",  "hands", "it",     "out",     "to",       "those",
		"who",  "ask",   "for",    "letters", "parcels,", "cards",
		"that", "have",  "come",   "from",    "far",      "away.",
		"The",  "clerk", "weighs", "each",    "of",       "them;",
	};
	enum yb_err err = YB_OK;
	bool first = true;

	while (n > 0 && err == YB_OK) {
		uint64_t at =
			next_random(random) % (sizeof words / sizeof words[0]);
		struct span word = span_head(span_str(words[at]), n);

		if (!first) {
			err = buf_add_u8(out, ' ');
			n--;
			word = span_head(word, n);
		}
		if (err == YB_OK)
			err = buf_add(out, word);
		n -= word.n;
		first = false;
	}
	return err;
}

/* A line of `n` octets of message, its CRLF included. */
static enum yb_err put_line(struct buf *out, size_t n, uint64_t *random)
{
	/* One line in 64 starts with a dot, as few do in real mail. */
	bool dot = n > 2 && next_random(random) % 64 == 0;
	enum yb_err err = YB_OK;

	if (dot)
		err = buf_add(out, SPAN_LIT(".."));
	if (err == YB_OK)
		err = put_words(out, n - 2 - dot, random);
	if (err == YB_OK)
		err = buf_add(out, SPAN_LIT("\r\n"));
	return err;
}

enum yb_err message_put_body(struct buf *out, size_t size, const char *date)
{
	enum { LINE_MIN = 50, LINE_MAX = 78 };
	uint64_t random = 0x9e3779b97f4a7c15;
	struct buf header;
	size_t left;
	enum yb_err err;

	buf_init(&header, 1024);
	err = message_put_header(&header, 0, 0, date);
	left = size - header.n;
	if (err == YB_OK && (size < header.n || left < 2))
		err = YB_INVALID;
	buf_done(&header);
	while (err == YB_OK && left > 0) {
		size_t n =
			LINE_MIN + next_random(&random) % (LINE_MAX - LINE_MIN);

		/* No line is shorter than its own end. */
		if (n > left || left - n < 2)
			n = left;
		err = put_line(out, n, &random);
		left -= n;
	}
	if (err == YB_OK)
		err = buf_add(out, SPAN_LIT(".\r\n"));
	return err;
}

void message_date(char dst[MESSAGE_DATE_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	/* The C locale has RFC 5322's names of days and months. */
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(dst, MESSAGE_DATE_MAX, "%a, %d %b %Y %H:%M:%S +0000",
		     &tm) == 0)
		memcpy(dst, "Thu, 01 Jan 1970 00:00:00 +0000", 32);
}
