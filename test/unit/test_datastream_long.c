/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Bodies that are too large to be stored: long lines up to and over the
 * limit, and thousands of short ones. They are cut at places drawn with a
 * fixed seed and around the ends of their lines.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/random.h"
#include "support/recording.h"
#include "support/unit.h"

static const char finish_line[] = "d:{\"finishReason\":\"stop\"}\n";
static const char finish_events[] = "FINISH stop prompt=? completion=?\nEND\n";

enum { RANDOM_CUTS = 500, LARGE_RANDOM_CUTS = 40 };

/* A body that is being written. */
struct body {
	char *data;
	size_t len;
};

static void
write_to(struct body *body, const char *data, size_t len)
{
	body->data = ac_realloc(body->data, body->len + len + 1);
	memcpy(body->data + body->len, data, len);
	body->len += len;
	body->data[body->len] = '\0';
}

static void
write_string(struct body *body, const char *s)
{
	write_to(body, s, strlen(s));
}

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
	write_to(body, line, len + 1);
	free(line);
}

/* Plays the body in two pieces; the caller compares and clears. */
static void
play_cut(struct recording *recording, const struct body *body, size_t at)
{
	recording_start(recording);
	recording_feed(recording, body->data, at);
	recording_feed(recording, body->data + at, body->len - at);
	recording_end(recording);
	assert_null(recording->problem);
}

static void
play_pieces(struct recording *recording, const struct body *body, size_t piece)
{
	recording_start(recording);
	for (size_t at = 0; at < body->len; at += piece) {
		size_t left = body->len - at;

		recording_feed(
		    recording, body->data + at, left < piece ? left : piece);
	}
	recording_end(recording);
	assert_null(recording->problem);
}

static void
expect_text(
    struct recording *recording, const char *events, size_t len, size_t at)
{
	if (recording->text_size != len ||
	    memcmp(recording->text, events, len) != 0)
		fail_msg("cut at %zu: the events begin with %.100s", at,
		    recording->text);
	recording_clear(recording);
}

static void
expect_at(const struct body *body, const struct body *events, size_t at)
{
	struct recording recording;

	if (at > body->len)
		return;
	play_cut(&recording, body, at);
	expect_text(&recording, events->data, events->len, at);
}

/* Whole, in pieces, cut at count random places and around each line's end
 * (of the first lines). */
static void
expect_events(const struct body *body, const struct body *events, size_t count)
{
	static const size_t pieces[] = {1, 2, 3, 7, 4096, 16384};
	struct random random = {.state = 20240611};
	struct recording recording;
	size_t at = 0;

	expect_at(body, events, 0);
	for (size_t i = 0; i < AC_LENGTH(pieces); i++) {
		play_pieces(&recording, body, pieces[i]);
		expect_text(&recording, events->data, events->len, pieces[i]);
	}
	for (size_t i = 0; i < count; i++)
		expect_at(body, events, random_below(&random, body->len));
	for (size_t line = 0; line < 5 && at < body->len; line++) {
		const char *end = strchr(body->data + at, '\n');

		if (end == NULL)
			break;
		at = (size_t)(end - body->data);
		for (size_t near = at < 3 ? 0 : at - 3; near < at + 5; near++)
			expect_at(body, events, near);
		at++;
	}
}

/* A body whose only line is a text of len bytes, and a finish. */
static void
expect_long_line(size_t len)
{
	struct body body = {0};
	struct body events = {0};

	write_text_line(&body, len);
	write_string(&events, "TEXT ");
	write_to(&events, body.data + 2, len - 1);
	write_string(&events, finish_events);
	write_string(&body, finish_line);
	expect_events(&body, &events, LARGE_RANDOM_CUTS);
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
	write_string(&body, "0:\"a\"\n");
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	write_string(&body, finish_line);
	write_string(&events, "TEXT \"a\"\nERROR too-long\n");
	expect_events(&body, &events, LARGE_RANDOM_CUTS);
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
	write_string(&body, "0:\"\\ud83d\"\n");
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	write_string(&events, "TEXT \"\\ufffd\"\nERROR too-long\n");
	expect_events(&body, &events, 3);
	free(body.data);
	free(events.data);
}

static void
a_line_over_the_limit_behind_the_finish_does_not_count(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	write_string(&body, finish_line);
	write_text_line(&body, (size_t)AC_DATASTREAM_LINE_MAX + 1);
	write_string(&events, finish_events);
	expect_events(&body, &events, 3);
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
	write_string(&body, "0:\"\\ud83d\"\n");
	write_text_line(&body, AC_DATASTREAM_LINE_MAX);
	memset(body.data + body.len - bad - 2, '\xff', bad);
	write_string(&events, "TEXT \"\\ufffd\"\nTEXT \"");
	events.data = ac_realloc(events.data, events.len + 6 * bad + 1);
	for (size_t i = 0; i < bad; i++)
		memcpy(events.data + events.len + 6 * i, "\\ufffd", 6);
	events.len += 6 * bad;
	write_string(&events, "\"\n");
	write_string(&events, finish_events);
	write_string(&body, finish_line);
	expect_events(&body, &events, 3);
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
		write_string(&body, line);
		write_string(&events, event);
	}
	write_string(&body, finish_line);
	write_string(&events, finish_events);
	expect_events(&body, &events, RANDOM_CUTS);
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
