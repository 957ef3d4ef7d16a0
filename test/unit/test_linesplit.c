/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The line splitter: what is a line, where it lies and when one is too
 * long. */
#include "codec/linesplit.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

/* The bytes that are fed, and the line that came last. */
struct feed {
	struct ac_linesplit split;
	const char *data;
	size_t len;
	const char *line;
	size_t line_len;
};

static void
start(struct feed *feed, size_t max)
{
	*feed = (struct feed){0};
	ac_linesplit_init(&feed->split, max);
}

static void
give(struct feed *feed, const char *data)
{
	feed->data = data;
	feed->len = strlen(data);
}

static enum ac_line
next(struct feed *feed)
{
	return ac_linesplit_next(&feed->split, &feed->data, &feed->len,
	    &feed->line, &feed->line_len);
}

static void
expect_line(struct feed *feed, const char *line)
{
	assert_int_equal(next(feed), AC_LINE_WHOLE);
	assert_int_equal(feed->line_len, strlen(line));
	assert_memory_equal(feed->line, line, feed->line_len);
}

static void
lines_in_one_piece_are_handed_out_where_they_lie(void **state)
{
	static const char data[] = "one\n\ntwo\n";
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 10);
	give(&feed, data);
	expect_line(&feed, "one");
	assert_ptr_equal(feed.line, data);
	expect_line(&feed, "");
	assert_ptr_equal(feed.line, data + 4);
	expect_line(&feed, "two");
	assert_ptr_equal(feed.line, data + 5);
	assert_int_equal(feed.len, 0);
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_false(ac_linesplit_has_partial(&feed.split));
	ac_linesplit_clear(&feed.split);
}

static void
a_line_in_pieces_is_put_together(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 10);
	give(&feed, "ab");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_int_equal(feed.len, 0);
	assert_true(ac_linesplit_has_partial(&feed.split));
	give(&feed, "");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "cd\nef\ngh");
	expect_line(&feed, "abcd");
	assert_false(ac_linesplit_has_partial(&feed.split));
	expect_line(&feed, "ef");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_true(ac_linesplit_has_partial(&feed.split));
	give(&feed, "\n");
	expect_line(&feed, "gh");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_false(ac_linesplit_has_partial(&feed.split));
	ac_linesplit_clear(&feed.split);
}

static void
only_the_line_feed_ends_a_line(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 20);
	give(&feed, "a\rb\xe2\x80\xa8"
		    "c\x0b\r\n");
	expect_line(&feed, "a\rb\xe2\x80\xa8"
			   "c\x0b\r");
	feed.data = "a\0b\nc";
	feed.len = 5;
	assert_int_equal(next(&feed), AC_LINE_WHOLE);
	assert_int_equal(feed.line_len, 3);
	assert_memory_equal(feed.line, "a\0b", 3);
	ac_linesplit_clear(&feed.split);
}

static void
a_line_of_the_maximum_passes_whole_and_in_pieces(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 5);
	give(&feed, "12345\n12345\n123");
	expect_line(&feed, "12345");
	expect_line(&feed, "12345");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "45");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "\n");
	expect_line(&feed, "12345");
	ac_linesplit_clear(&feed.split);
}

static void
a_longer_line_is_too_long_whole_and_in_pieces(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 5);
	give(&feed, "123456\n");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	ac_linesplit_clear(&feed.split);
	start(&feed, 5);
	give(&feed, "123456");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	ac_linesplit_clear(&feed.split);
	start(&feed, 5);
	give(&feed, "12345");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "6");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	ac_linesplit_clear(&feed.split);
	start(&feed, 5);
	give(&feed, "123");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "456\n");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	ac_linesplit_clear(&feed.split);
}

static void
a_line_that_is_too_long_can_be_skipped(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 5);
	give(&feed, "1234567\nab\n");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	assert_int_equal(feed.line_len, 5);
	assert_memory_equal(feed.line, "12345", 5);
	ac_linesplit_skip(&feed.split);
	assert_true(ac_linesplit_has_partial(&feed.split));
	expect_line(&feed, "ab");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "1");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "23456");
	assert_int_equal(next(&feed), AC_LINE_TOO_LONG);
	assert_int_equal(feed.line_len, 5);
	assert_memory_equal(feed.line, "12345", 5);
	ac_linesplit_skip(&feed.split);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(&feed), AC_LINE_MORE);
		assert_null(feed.split.partial.data);
		assert_true(ac_linesplit_has_partial(&feed.split));
		give(&feed, "7890123");
	}
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "4\n");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_false(ac_linesplit_has_partial(&feed.split));
	give(&feed, "\ncd\n");
	expect_line(&feed, "");
	expect_line(&feed, "cd");
	ac_linesplit_clear(&feed.split);
}

/* The full length counts again for the line behind one in pieces. */
static void
a_line_in_pieces_takes_nothing_from_the_next(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 5);
	give(&feed, "1234");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "5\n67890\n");
	expect_line(&feed, "12345");
	expect_line(&feed, "67890");
	give(&feed, "abcde");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "\n");
	expect_line(&feed, "abcde");
	ac_linesplit_clear(&feed.split);
}

static void
a_long_line_s_memory_is_given_back(void **state)
{
	struct feed feed;

	AC_UNUSED(state);
	start(&feed, 100);
	give(&feed, "long");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	give(&feed, "er\n");
	expect_line(&feed, "longer");
	assert_int_equal(next(&feed), AC_LINE_MORE);
	assert_null(feed.split.partial.data);
	ac_linesplit_clear(&feed.split);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_in_one_piece_are_handed_out_where_they_lie),
	    cmocka_unit_test(a_line_in_pieces_is_put_together),
	    cmocka_unit_test(only_the_line_feed_ends_a_line),
	    cmocka_unit_test(a_line_of_the_maximum_passes_whole_and_in_pieces),
	    cmocka_unit_test(a_longer_line_is_too_long_whole_and_in_pieces),
	    cmocka_unit_test(a_line_that_is_too_long_can_be_skipped),
	    cmocka_unit_test(a_line_in_pieces_takes_nothing_from_the_next),
	    cmocka_unit_test(a_long_line_s_memory_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
