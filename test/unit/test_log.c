/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log: the form of a line, what is escaped, what is cut, and which
 * levels are written. */
#include "base/log.h"

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "support/unit.h"

enum { LINE_SIZE = 2048, LONGEST_LINE = LINE_SIZE - 2 };

/* The last line, and how many there were. */
struct sink {
	char line[2 * LINE_SIZE];
	enum ac_log_level level;
	unsigned lines;
};

static void
catch_line(enum ac_log_level level, const char *line, void *arg)
{
	struct sink *sink = arg;

	assert_true(strlen(line) < sizeof(sink->line));
	strncpy(sink->line, line, sizeof(sink->line) - 1);
	sink->level = level;
	sink->lines++;
}

static int
set_up(void **state)
{
	static struct sink sink;

	sink = (struct sink){.lines = 0};
	*state = &sink;
	ac_log_set_sink(catch_line, &sink);
	ac_log_set_level(AC_LOG_INFO);
	return 0;
}

static int
tear_down(void **state)
{
	AC_UNUSED(state);
	ac_log_set_sink(NULL, NULL);
	ac_log_set_level(AC_LOG_INFO);
	return 0;
}

/* The line behind its time. */
static const char *
without_time(const struct sink *sink)
{
	return sink->line + strlen("2026-01-02T03:04:05.678Z ");
}

static void
a_line_is_time_level_message_and_fields(void **state)
{
	struct sink *sink = *state;
	regex_t form;

	ac_log_warn("session renewal failed", AC_STR("reason", "reset"),
	    AC_INT("pause_ms", -250), AC_STR("empty", ""),
	    AC_STR("absent", NULL));
	assert_int_equal(regcomp(&form,
			     "^20[0-9]{2}-[01][0-9]-[0-3][0-9]"
			     "T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "
			     "WARN session renewal failed reason=reset "
			     "pause_ms=-250 empty=\"\" absent=\"\"$",
			     REG_EXTENDED | REG_NOSUB),
	    0);
	if (regexec(&form, sink->line, 0, NULL, 0) != 0)
		fail_msg("the line is %s", sink->line);
	assert_int_equal(sink->level, AC_LOG_WARN);
	regfree(&form);
}

static void
the_time_is_utc_and_now(void **state)
{
	struct sink *sink = *state;
	struct tm utc = {0};
	time_t now = time(NULL);

	ac_log_info("m", AC_INT("n", 1));
	assert_non_null(strptime(sink->line, "%Y-%m-%dT%H:%M:%S.", &utc));
	assert_in_range(timegm(&utc), now, now + 20);
}

static void
a_line_needs_no_fields(void **state)
{
	struct sink *sink = *state;
	const struct ac_log_field none[] = {{.key = NULL}};

	ac_log_write(AC_LOG_ERROR, "it stands alone", none);
	assert_string_equal(without_time(sink), "ERROR it stands alone");
}

static void
numbers_of_any_size_are_written(void **state)
{
	struct sink *sink = *state;

	ac_log_info("n", AC_INT("least", INT64_MIN), AC_INT("zero", 0),
	    AC_INT("most", INT64_MAX));
	assert_string_equal(without_time(sink),
	    "INFO n least=-9223372036854775808 zero=0 "
	    "most=9223372036854775807");
}

struct escape_case {
	const char *value;
	const char *written;
};

static const struct escape_case escape_cases[] = {
    {"plain", "plain"},
    {"a/b:c.d-e_f~!'#", "a/b:c.d-e_f~!'#"},
    {"two words", "\"two words\""},
    {" ", "\" \""},
    {"a=b", "\"a=b\""},
    {"say \"x\"", "\"say \\\"x\\\"\""},
    {"\"", "\"\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    {"a\nERROR forged", "\"a\\x0aERROR forged\""},
    {"\r\n\t", "\"\\x0d\\x0a\\x09\""},
    {"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
    {"~ ~", "\"~ ~\""},
    {"\x1b[31mred", "\"\\x1b[31mred\""},
    {"caf\xc3\xa9", "\"caf\\xc3\\xa9\""},
    {"\xff\x80", "\"\\xff\\x80\""},
    {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\""},
    {"100%s%n", "100%s%n"},
};

static void
odd_values_are_quoted_and_escaped(void **state)
{
	struct sink *sink = *state;

	for (size_t i = 0; i < AC_LENGTH(escape_cases); i++) {
		const struct escape_case *c = &escape_cases[i];
		char expected[100];

		ac_log_info("m", AC_STR("k", c->value), AC_INT("n", 1));
		snprintf(
		    expected, sizeof(expected), "INFO m k=%s n=1", c->written);
		assert_string_equal(without_time(sink), expected);
	}
}

static void
no_byte_of_a_value_leaves_the_line_unescaped(void **state)
{
	struct sink *sink = *state;

	for (int c = 1; c < 256; c++) {
		char value[] = {'a', (char)c, 'b', '\0'};

		ac_log_info("m", AC_STR("k", value));
		for (const char *p = sink->line; *p != '\0'; p++)
			assert_in_range((unsigned char)*p, ' ', '~');
	}
}

static void
a_long_line_is_cut(void **state)
{
	static char value[3 * LINE_SIZE];
	struct sink *sink = *state;

	memset(value, 'a', sizeof(value) - 1);
	ac_log_info("long", AC_STR("k", value), AC_INT("n", 1));
	assert_int_equal(strlen(sink->line), LONGEST_LINE);
	assert_memory_equal(without_time(sink), "INFO long k=aaaaaaaa", 20);
	memset(value, '\n', sizeof(value) - 1);
	ac_log_info("long", AC_STR("k", value), AC_STR("l", value));
	assert_int_equal(strlen(sink->line), LONGEST_LINE);
	assert_null(strchr(sink->line, '\n'));
}

/* Around the end of the room, byte by byte. */
static void
a_line_that_just_fits_is_whole(void **state)
{
	static char value[LINE_SIZE];
	struct sink *sink = *state;
	size_t room;

	ac_log_info("m", AC_STR("k", "v"));
	room = LONGEST_LINE - (strlen(sink->line) - 1);
	memset(value, 'a', room);
	ac_log_info("m", AC_STR("k", value));
	assert_int_equal(strlen(sink->line), LONGEST_LINE);
	value[room] = 'b';
	ac_log_info("m", AC_STR("k", value));
	assert_int_equal(strlen(sink->line), LONGEST_LINE);
	assert_null(strchr(without_time(sink), 'b'));
}

static void
a_level_lets_itself_and_the_more_serious_pass(void **state)
{
	struct sink *sink = *state;

	for (int threshold = AC_LOG_ERROR; threshold < AC_LOG_LEVELS;
	     threshold++) {
		ac_log_set_level((enum ac_log_level)threshold);
		sink->lines = 0;
		ac_log_error("e", AC_INT("n", 1));
		ac_log_warn("w", AC_INT("n", 1));
		ac_log_info("i", AC_INT("n", 1));
		ac_log_debug("d", AC_INT("n", 1));
		assert_int_equal(sink->lines, threshold + 1);
		assert_int_equal(sink->level, threshold);
	}
	assert_string_equal(without_time(sink), "DEBUG d n=1");
}

/* What standard error gets while one line is logged. */
static ssize_t
read_standard_error(char *out, size_t size, const char *value)
{
	int ends[2];
	int saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	ac_log_set_sink(NULL, NULL);
	ac_log_error("m", AC_STR("k", value));
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	len = read(ends[0], out, size);
	close(ends[0]);
	return len;
}

static void
without_a_sink_a_line_goes_to_standard_error(void **state)
{
	static char value[2 * LINE_SIZE];
	char out[4 * LINE_SIZE];
	ssize_t len = read_standard_error(out, sizeof(out), "v");
	static const char end[] = "ERROR m k=v\n";

	AC_UNUSED(state);
	assert_true(len > (ssize_t)strlen(end));
	assert_memory_equal(out + len - strlen(end), end, strlen(end));
	memset(value, 'a', sizeof(value) - 1);
	len = read_standard_error(out, sizeof(out), value);
	assert_int_equal(len, LONGEST_LINE + 1);
	assert_ptr_equal(memchr(out, '\n', (size_t)len), out + len - 1);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LOG_TEST(a_line_is_time_level_message_and_fields),
	    LOG_TEST(the_time_is_utc_and_now),
	    LOG_TEST(a_line_needs_no_fields),
	    LOG_TEST(numbers_of_any_size_are_written),
	    LOG_TEST(odd_values_are_quoted_and_escaped),
	    LOG_TEST(no_byte_of_a_value_leaves_the_line_unescaped),
	    LOG_TEST(a_long_line_is_cut),
	    LOG_TEST(a_line_that_just_fits_is_whole),
	    LOG_TEST(a_level_lets_itself_and_the_more_serious_pass),
	    LOG_TEST(without_a_sink_a_line_goes_to_standard_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
