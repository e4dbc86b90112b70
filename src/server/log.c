#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "os/clock.h"

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

static void flush_task(void *ctx)
{
	log_flush(ctx);
}

static void end_window(void *ctx, uint64_t now_ms)
{
	struct log *log = ctx;
	UNSET struct log_line line;

	(void)now_ms;
	log->strangers = 0;
	if (log->suppressed == 0)
		return;
	log_begin(&line, log, LOG_WARN, "suppressed");
	log_field_u64(&line, "lines", log->suppressed);
	log_field_str(&line, "msg",
		      "more strangers than are worth a line each");
	log->suppressed = 0;
	log_end(&line);
}

bool log_allows_stranger(struct log *log)
{
	if (log->loop == NULL)
		return true;
	if (log->strangers == 0)
		loop_timer_set(log->loop, &log->window,
			       loop_now(log->loop) + LOG_SUPPRESSED_MS);
	if (log->strangers < LOG_STRANGERS_MAX) {
		log->strangers++;
		return true;
	}
	log->suppressed++;
	return false;
}

void log_init(struct log *log, struct loop *loop, const char *process, int fd)
{
	log->loop = loop;
	log->process = process;
	log->fd = fd;
	log->n = 0;
	log->lost = 0;
	log->stamp[0] = 0;
	/* The C library reads the time zone's file at first use, which no
	 * caged process may. */
	tzset();
	log->strangers = 0;
	log->suppressed = 0;
	loop_task_init(&log->flush, flush_task, log);
	loop_timer_init(&log->window, end_window, log);
}

void log_flush(struct log *log)
{
	uint64_t lost = log->lost;
	bool written;

	if (log->n == 0)
		return;
	/* A full log disk must not stop the mail: what cannot be written is
	 * counted, and told once writing works again. */
	written = write(log->fd, log->buffer, log->n) >= 0;
	log->n = 0;
	log->lost = written ? 0 : lost + 1;
	if (written && lost > 0)
		log_message(log, LOG_WARN, "log",
			    "lines were lost: %llu writes to the log failed",
			    (unsigned long long)lost);
}

/* ---- building a line ---- */

static void add(struct log_line *line, const char *p, size_t n)
{
	/* Room for the line end is always kept. */
	if (n > sizeof line->text - 1 - line->n)
		n = sizeof line->text - 1 - line->n;
	memcpy(line->text + line->n, p, n);
	line->n += n;
}

static bool is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static void add_escaped(struct log_line *line, uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	char text[4] = { '\\', (char)c, 0, 0 };
	size_t n = 2;

	if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
		text[0] = (char)c;
		n = 1;
	} else if (c != '"' && c != '\\') {
		text[1] = 'x';
		text[2] = digits[c >> 4];
		text[3] = digits[c & 15];
		n = 4;
	}
	add(line, text, n);
}

static void add_value(struct log_line *line, struct span value)
{
	bool cut = value.n > LOG_VALUE_MAX;
	bool plain = value.n > 0 && !cut;

	value = span_head(value, LOG_VALUE_MAX);
	for (size_t i = 0; i < value.n && plain; i++)
		plain = is_plain(value.p[i]);
	if (plain) {
		add(line, (const char *)value.p, value.n);
		return;
	}
	add(line, "\"", 1);
	for (size_t i = 0; i < value.n; i++)
		add_escaped(line, value.p[i]);
	if (cut)
		add(line, "...", 3);
	add(line, "\"", 1);
}

static void add_key(struct log_line *line, const char *key)
{
	if (line->n > 0)
		add(line, " ", 1);
	add(line, key, strlen(key));
	add(line, "=", 1);
}

void log_field(struct log_line *line, const char *key, struct span value)
{
	add_key(line, key);
	add_value(line, value);
}

void log_field_str(struct log_line *line, const char *key, const char *value)
{
	log_field(line, key, span_str(value));
}

void log_field_u64(struct log_line *line, const char *key, uint64_t value)
{
	uint8_t digits[NUM_U64_DIGITS];

	add_key(line, key);
	add(line, (const char *)digits, num_put(digits, value));
}

void log_field_hex(struct log_line *line, const char *key, uint64_t value)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];

	for (size_t i = sizeof text; i > 0; value >>= 4)
		text[--i] = digits[value & 15];
	add_key(line, key);
	add(line, text, sizeof text);
}

/* The date is made anew once a second. */
static void add_time(struct log_line *line)
{
	struct log *log = line->log;
	int64_t now = clock_real_ns();
	time_t second = (time_t)(now / 1000000000);
	unsigned ms = (unsigned)(now / 1000000 % 1000);
	char fraction[6] = { '.',
			     (char)('0' + ms / 100),
			     (char)('0' + ms / 10 % 10),
			     (char)('0' + ms % 10),
			     'Z',
			     0 };
	struct tm tm;

	if (log->stamp[0] == 0 || log->second != second) {
		(void)gmtime_r(&second, &tm);
		(void)strftime(log->stamp, sizeof log->stamp,
			       "%Y-%m-%dT%H:%M:%S", &tm);
		log->second = second;
	}
	add_key(line, "ts");
	add(line, log->stamp, strlen(log->stamp));
	add(line, fraction, 5);
}

void log_begin(struct log_line *line, struct log *log, enum log_level level,
	       const char *event)
{
	line->log = log;
	line->n = 0;
	add_time(line);
	log_field_str(line, "level", level_names[level]);
	log_field_str(line, "proc", log->process);
	log_field_str(line, "event", event);
}

void log_end(struct log_line *line)
{
	struct log *log = line->log;

	line->text[line->n++] = '\n';
	if (line->n > sizeof log->buffer - log->n)
		log_flush(log);
	memcpy(log->buffer + log->n, line->text, line->n);
	log->n += line->n;
	if (log->loop == NULL)
		log_flush(log);
	else
		loop_defer(log->loop, &log->flush);
}

void log_message(struct log *log, enum log_level level, const char *event,
		 const char *format, ...)
{
	UNSET char text[1024];
	UNSET struct log_line line;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0)
		return;
	log_begin(&line, log, level, event);
	add_key(&line, "msg");
	add(&line, "\"", 1);
	for (size_t i = 0; i < (size_t)n && i < sizeof text - 1; i++)
		add_escaped(&line, (uint8_t)text[i]);
	add(&line, "\"", 1);
	log_end(&line);
}
