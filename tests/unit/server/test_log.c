#include "unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/fd.h"
#include "server/log.h"

struct taken {
	int pipes[2];
	struct log *log;
	char text[64 * 1024];
	size_t n;
};

static struct taken *taken_new(void)
{
	struct taken *t = calloc(1, sizeof *t);

	t->log = calloc(1, sizeof *t->log);
	assert_int_equal(pipe(t->pipes), 0);
	log_init(t->log, NULL, "test", t->pipes[1]);
	return t;
}

static const char *take(struct taken *t)
{
	ssize_t n = read(t->pipes[0], t->text, sizeof t->text - 1);

	t->n = n > 0 ? (size_t)n : 0;
	t->text[t->n] = 0;
	return t->text;
}

static void taken_free(struct taken *t)
{
	fd_close(&t->pipes[0]);
	fd_close(&t->pipes[1]);
	free(t->log);
	free(t);
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text != 0; text++)
		n += *text == c;
	return n;
}

static void writes_logfmt(void **state)
{
	struct taken *t = taken_new();
	struct log_line line;

	(void)state;
	log_begin(&line, t->log, LOG_INFO, "session");
	log_field_str(&line, "end", "quit");
	log_field_u64(&line, "retr", 12);
	log_field_str(&line, "why", "two words");
	log_field_str(&line, "none", "");
	log_end(&line);
	assert_non_null(strstr(take(t), " level=info proc=test event=session "
					"end=quit retr=12 why=\"two words\" "
					"none=\"\"\n"));
	taken_free(t);
}

/* Threat 58: CR, LF, ESC, quotes, 8-bit: one line, nothing forged. */
static void foreign_text_cannot_forge_a_line(void **state)
{
	struct taken *t = taken_new();
	struct log_line line;

	(void)state;
	log_begin(&line, t->log, LOG_WARN, "x");
	log_field(&line, "user",
		  SPAN_LIT("a\r\nts=1 level=info\x1b[2J\"\\ %n%s \xe2\x80\xae="
			   "\0z"));
	log_end(&line);
	take(t);
	assert_int_equal(count(t->text, '\n'), 1);
	assert_int_equal(count(t->text, '\r'), 0);
	assert_int_equal(count(t->text, '\x1b'), 0);
	assert_non_null(strstr(t->text,
			       "user=\"a\\x0d\\x0ats=1 level=info\\x1b[2J\\\""
			       "\\\\ %n%s \\xe2\\x80\\xae=\\x00z\"\n"));
	log_message(t->log, LOG_INFO, "x", "%s", "one\ntwo");
	assert_int_equal(count(take(t), '\n'), 1);
	taken_free(t);
}

static void long_text_is_cut(void **state)
{
	struct taken *t = taken_new();
	static uint8_t large[64 * 1024];
	struct log_line line;

	(void)state;
	memset(large, 'x', sizeof large);
	log_begin(&line, t->log, LOG_INFO, "x");
	for (int i = 0; i < 50; i++)
		log_field(&line, "k", span_of(large, sizeof large));
	log_end(&line);
	take(t);
	assert_true(t->n <= LOG_LINE_MAX);
	assert_int_equal(count(t->text, '\n'), 1);
	assert_int_equal(t->text[t->n - 1], '\n');
	assert_non_null(strstr(t->text, "xxx...\" "));
	taken_free(t);
}

static void lines_of_a_turn_leave_together(void **state)
{
	struct taken *t = taken_new();
	struct loop *loop;

	(void)state;
	assert_ok(loop_new(&loop));
	log_init(t->log, loop, "test", t->pipes[1]);
	for (int i = 0; i < 3; i++)
		log_message(t->log, LOG_INFO, "x", "line %d", i);
	loop_turn(loop, 0);
	assert_int_equal(count(take(t), '\n'), 3);
	/* More than the buffer holds is written earlier, never lost. */
	for (int i = 0; i < 300; i++)
		log_message(t->log, LOG_INFO, "x", "line %d %*s", i, 80, "");
	log_flush(t->log);
	assert_int_equal(count(take(t), '\n'), 300);
	loop_free(&loop);
	taken_free(t);
}

/* Threat 31: a full log disk loses lines, tells of it, and stops nothing. */
static void losses_are_told_once_writing_works(void **state)
{
	struct taken *t = taken_new();
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	log_init(t->log, NULL, "test", full);
	log_message(t->log, LOG_INFO, "x", "one");
	log_message(t->log, LOG_INFO, "x", "two");
	t->log->fd = t->pipes[1];
	log_message(t->log, LOG_INFO, "x", "three");
	take(t);
	assert_null(strstr(t->text, "two"));
	assert_non_null(strstr(t->text, "msg=\"three\"\n"));
	assert_non_null(strstr(t->text, "2 writes to the log failed"));
	log_message(t->log, LOG_INFO, "x", "four");
	assert_null(strstr(take(t), "failed"));
	fd_close(&full);
	taken_free(t);
}

/* Threat 58: a flood is told by its first lines and its number. */
static void strangers_have_a_limit(void **state)
{
	struct taken *t = taken_new();
	struct loop *loop = NULL;

	(void)state;
	assert_true(log_allows_stranger(t->log)); /* without a loop: always */
	assert_int_equal(loop_new(&loop), YB_OK);
	log_init(t->log, loop, "test", t->pipes[1]);
	for (int round = 0; round < 2; round++) {
		unsigned allowed = 0;
		int turns = 0;

		for (int i = 0; i < LOG_STRANGERS_MAX + 300; i++)
			allowed += log_allows_stranger(t->log);
		assert_int_equal(allowed, LOG_STRANGERS_MAX);
		while (t->log->suppressed > 0 && turns++ < 1000)
			loop_turn(loop, 10);
		log_flush(t->log);
		assert_non_null(strstr(take(t), "event=suppressed lines=300 "));
	}
	assert_true(log_allows_stranger(t->log));
	loop_timer_stop(&t->log->window);
	loop_task_cancel(&t->log->flush);
	loop_free(&loop);
	taken_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_logfmt),
		cmocka_unit_test(foreign_text_cannot_forge_a_line),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(lines_of_a_turn_leave_together),
		cmocka_unit_test(losses_are_told_once_writing_works),
		cmocka_unit_test(strangers_have_a_limit),
	};

	return cmocka_run_group_tests_name("server/log", tests, NULL, NULL);
}
