/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Bodies that are too large to be stored: long lines up to and over the
 * limit, and thousands of short ones. They are cut at places drawn with a
 * fixed seed and around the ends of their lines.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/body.h"
#include "support/unit.h"

static const char finish_line[] = "d:{\"finishReason\":\"stop\"}\n";
static const char finish_events[] = "FINISH stop prompt=? completion=?\nEND\n";

enum { RANDOM_CUTS = 500, LARGE_RANDOM_CUTS = 40 };

/* A text's line of len bytes (LF not counted) that holds no escape. */
static void
write_text_line(struct body *body, size_t len)
{
	char *line = ac_malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		line[i] = (char)('a' + i % 26);
	memcpy(line, "0:\"", 3);
	line[len - 1] = '"';
	line[len] = '\n';
	body_add(body, line, len + 1);
	free(line);
}

/* A body whose only line is a text of len bytes, and a finish. */
static void
expect_long_line(size_t len)
{
	struct body body = {0};
	struct body events = {0};

	write_text_line(&body, len);
	body_add_string(&events, "TEXT ");
	body_add(&events, body.data + 2, len - 1);
	body_add_string(&events, finish_events);
	body_add_string(&body, finish_line);
	body_expect(recording_start, &body, &events, LARGE_RANDOM_CUTS);
	free(body.data);
	free(events.data);
}

static void
a_line_of_252_kb_is_one_text(void **state)
{
	AC_UNUSED(state);
	expect_long_line(252000);
}

static void
a_line_below_the_limit_is_read(void **state)
{
	AC_UNUSED(state);
	expect_long_line(AC_DATASTREAM_LINE_MAX - 1);
}

static void
a_line_at_the_limit_is_read(void **state)
{
	AC_UNUSED(state);
	expect_long_line(AC_DATASTREAM_LINE_MAX);
}

static void
a_line_over_the_limit_ends_the_answer(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, "0:\"a\"\n");
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	body_add_string(&body, finish_line);
	body_add_string(&events, "TEXT \"a\"\nERROR too-long\n");
	body_expect(recording_start, &body, &events, LARGE_RANDOM_CUTS);
	free(body.data);
	free(events.data);
}

/* A line of len bytes with this code. */
static void
write_other_line(struct body *body, const char *code, size_t len)
{
	const char *old = "0:";
	size_t at = body->len;
	size_t grown = strlen(code) - 1;

	write_text_line(body, len - grown);
	if (grown == 0) {
		body->data[at] = code[0];
		return;
	}
	/* The code goes in front of the colon. */
	body_add(body, old, grown);
	memmove(body->data + at + strlen(code), body->data + at + 1,
	    body->len - grown - at - 1);
	memcpy(body->data + at, code, strlen(code));
}

static void
a_line_over_the_limit_that_nobody_reads_is_skipped(void **state)
{
	static const char *const codes[] = {"2", "9", "k", "zz"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(codes); i++) {
		struct body body = {0};
		struct body events = {0};

		body_add_string(&body, "0:\"\\ud83d\"\n");
		write_other_line(
		    &body, codes[i], (size_t)AC_DATASTREAM_LINE_MAX + 1);
		body_add_string(&body, "0:\"\\ude00\"\n");
		write_other_line(
		    &body, codes[i], (size_t)AC_DATASTREAM_LINE_MAX + 9000);
		body_add_string(&body, finish_line);
		body_add_string(&events, "TEXT \"\\ud83d\\ude00\"\n");
		body_add_string(&events, finish_events);
		body_expect(recording_start, &body, &events, 10);
		free(body.data);
		free(events.data);
	}
}

/* What it would have said of the step counts, skipped or not. */
static void
a_skipped_line_behind_the_last_step_leaves_the_answer_cut(void **state)
{
	static const char step[] = "e:{\"finishReason\":\"stop\"}\n";
	static const char said[] = "STEP stop prompt=? completion=?\n";
	static const struct {
		const char *code;
		const char *end;
	} cases[] = {
	    {"k", "ERROR cut\n"},
	    {"9", "ERROR cut\n"},
	    {"2", finish_events},
	    {"z", finish_events},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct body body = {0};
		struct body events = {0};

		body_add_string(&body, step);
		write_other_line(
		    &body, cases[i].code, (size_t)AC_DATASTREAM_LINE_MAX + 1);
		body_add_string(&events, said);
		body_add_string(&events, cases[i].end);
		body_expect(recording_start, &body, &events, 10);
		free(body.data);
		free(events.data);
	}
}

static void
an_answer_that_ends_in_a_skipped_line_is_cut(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, "e:{}\n");
	write_other_line(&body, "2", (size_t)AC_DATASTREAM_LINE_MAX + 9);
	body.len--;
	body_add_string(
	    &events, "STEP unknown prompt=? completion=?\nERROR cut\n");
	body_expect(recording_start, &body, &events, 10);
	free(body.data);
	free(events.data);
}

static void
a_line_over_the_limit_is_not_awaited_to_its_end(void **state)
{
	struct recording recording;
	struct body body = {0};

	AC_UNUSED(state);
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	recording_start(&recording);
	recording_feed(&recording, body.data, AC_DATASTREAM_LINE_MAX);
	assert_int_equal(recording.events, 0);
	recording_feed(&recording, body.data + AC_DATASTREAM_LINE_MAX, 1);
	assert_int_equal(recording.events, 1);
	recording_end(&recording);
	assert_string_equal(recording.text, "ERROR too-long\n");
	recording_clear(&recording);
	free(body.data);
}

static void
a_held_surrogate_goes_out_before_a_line_that_is_too_long(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, "0:\"\\ud83d\"\n");
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	body_add_string(&events, "TEXT \"\\ufffd\"\nERROR too-long\n");
	body_expect(recording_start, &body, &events, 3);
	free(body.data);
	free(events.data);
}

static void
a_line_over_the_limit_behind_the_finish_does_not_count(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, finish_line);
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	body_add_string(&events, finish_events);
	body_expect(recording_start, &body, &events, 3);
	free(body.data);
	free(events.data);
}

/* The longest line of nothing but bytes to replace: it grows sixfold. */
static void
a_line_of_bad_bytes_at_the_limit_is_mended(void **state)
{
	struct body body = {0};
	struct body events = {0};
	const size_t bad = AC_DATASTREAM_LINE_MAX - strlen("0:\"\"");

	AC_UNUSED(state);
	body_add_string(&body, "0:\"\\ud83d\"\n");
	write_text_line(&body, AC_DATASTREAM_LINE_MAX);
	memset(body.data + body.len - bad - 2, '\xff', bad);
	body_add_string(&events, "TEXT \"\\ufffd\"\nTEXT \"");
	events.data = ac_realloc(events.data, events.len + 6 * bad + 1);
	for (size_t i = 0; i < bad; i++)
		memcpy(events.data + events.len + 6 * i, "\\ufffd", 6);
	events.len += 6 * bad;
	body_add_string(&events, "\"\n");
	body_add_string(&events, finish_events);
	body_add_string(&body, finish_line);
	body_expect(recording_start, &body, &events, 3);
	free(body.data);
	free(events.data);
}

static void
three_thousand_short_lines_are_as_many_texts(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	for (size_t i = 0; i < 3000; i++) {
		char line[] = "0:\"a\"\n";
		char event[] = "TEXT \"a\"\n";

		line[3] = event[6] = (char)('a' + i % 26);
		body_add_string(&body, line);
		body_add_string(&events, event);
	}
	body_add_string(&body, finish_line);
	body_add_string(&events, finish_events);
	body_expect(recording_start, &body, &events, RANDOM_CUTS);
	free(body.data);
	free(events.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_252_kb_is_one_text),
	    cmocka_unit_test(a_line_below_the_limit_is_read),
	    cmocka_unit_test(a_line_at_the_limit_is_read),
	    cmocka_unit_test(a_line_over_the_limit_ends_the_answer),
	    cmocka_unit_test(
		a_line_over_the_limit_that_nobody_reads_is_skipped),
	    cmocka_unit_test(
		a_skipped_line_behind_the_last_step_leaves_the_answer_cut),
	    cmocka_unit_test(an_answer_that_ends_in_a_skipped_line_is_cut),
	    cmocka_unit_test(a_line_over_the_limit_is_not_awaited_to_its_end),
	    cmocka_unit_test(
		a_held_surrogate_goes_out_before_a_line_that_is_too_long),
	    cmocka_unit_test(
		a_line_over_the_limit_behind_the_finish_does_not_count),
	    cmocka_unit_test(a_line_of_bad_bytes_at_the_limit_is_mended),
	    cmocka_unit_test(three_thousand_short_lines_are_as_many_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
