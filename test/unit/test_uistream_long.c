/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Bodies of the UI message stream that are too large to be stored: events up
 * to and over the limit, ids up to and over theirs, thousands of deltas.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/body.h"
#include "support/unit.h"

static const char start_event[] =
    "data: {\"type\":\"text-start\",\"id\":\"0\"}\n\n";
static const char delta_begin[] =
    "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"";
static const char delta_end[] = "\"}";
static const char done_events[] =
    "data: {\"type\":\"finish\",\"finishReason\":\"stop\"}\n\n"
    "data: [DONE]\n\n";
static const char done_said[] = "FINISH stop prompt=? completion=?\nEND\n";

enum { MANY_CUTS = 500, FEW_CUTS = 30, LIMIT = AC_UISTREAM_EVENT_MAX };

/* count letters of the alphabet. */
static void
add_letters(struct body *body, size_t count)
{
	char *letters = ac_malloc(count + 1);

	for (size_t i = 0; i < count; i++)
		letters[i] = (char)('a' + i % 26);
	body_add(body, letters, count);
	free(letters);
}

/* A delta whose line has len bytes; returns how many letters it says. */
static size_t
add_delta_line(struct body *body, size_t len)
{
	size_t letters = len - strlen(delta_begin) - strlen(delta_end);

	body_add_string(body, delta_begin);
	add_letters(body, letters);
	body_add_string(body, delta_end);
	body_add_string(body, "\n\n");
	return letters;
}

static void
expect(struct body *body, struct body *events, size_t cuts)
{
	body_expect(recording_start_uistream, body, events, cuts);
	free(body->data);
	free(events->data);
}

static void
expect_long_line(size_t len)
{
	struct body body = {0};
	struct body events = {0};

	body_add_string(&body, start_event);
	body_add_string(&events, "TEXT \"");
	add_letters(&events, add_delta_line(&body, len));
	body_add_string(&events, "\"\n");
	body_add_string(&body, done_events);
	body_add_string(&events, done_said);
	expect(&body, &events, FEW_CUTS);
}

static void
a_line_up_to_the_limit_is_read(void **state)
{
	AC_UNUSED(state);
	expect_long_line(252000);
	expect_long_line(LIMIT - 1);
	expect_long_line(LIMIT);
}

static void
a_line_over_the_limit_ends_the_answer(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, start_event);
	body_add_string(&body, delta_begin);
	body_add_string(&body, "\\ud83d\"}\n\n");
	add_delta_line(&body, (size_t)LIMIT + 1);
	body_add_string(&body, done_events);
	body_add_string(&events, "TEXT \"\\ufffd\"\nERROR too-long\n");
	expect(&body, &events, FEW_CUTS);
}

/* An event that begins so and whose line has len bytes. */
static void
add_long_event(struct body *body, const char *begin, size_t len)
{
	body_add_string(body, begin);
	add_letters(body, len - strlen(begin) - strlen(delta_end));
	body_add_string(body, delta_end);
	body_add_string(body, "\n\n");
}

static void
expect_between_texts(const char *begin, bool is_skipped)
{
	struct body body = {0};
	struct body events = {0};

	body_add_string(&body, start_event);
	body_add_string(&body, delta_begin);
	body_add_string(&body, "\\ud83d\"}\n\n");
	add_long_event(&body, begin, (size_t)LIMIT + 9000);
	body_add_string(&body, delta_begin);
	body_add_string(&body, "\\ude00\"}\n\n");
	body_add_string(&body, done_events);
	if (is_skipped) {
		body_add_string(&events, "TEXT \"\\ud83d\\ude00\"\n");
		body_add_string(&events, done_said);
	} else {
		body_add_string(&events, "TEXT \"\\ufffd\"\nERROR too-long\n");
	}
	expect(&body, &events, 3);
}

static void
an_event_over_the_limit_that_nobody_reads_is_skipped(void **state)
{
	static const char *const begins[] = {
	    "data: {\"type\":\"file\",\"url\":\"data:image/png;base64,",
	    "data:\ndata: { \"type\" : \"data-x\" , \"data\":\"",
	    "data: {\"type\":\"hologram\",\"delta\":\"",
	    "data: {\"type\":\"d\\u0061ta-x\",\"a\":\"",
	    "data: {\"type\":\"tool-output-available\",\"output\":\"",
	    "data: {\"type\":\"message-metadata\",\"x\":\"",
	    "data: {\"a\":1e999,\"b\":[\"\xff\",{}],\"type\":\"file\",\"url\":\"",
	    "id: 1\ndata: {\"type\":\ndata: \"file\",\"url\":\"",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(begins); i++)
		expect_between_texts(begins[i], true);
}

static void
any_other_event_over_the_limit_ends_the_answer(void **state)
{
	static const char *const begins[] = {
	    "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"",
	    "data: {\"type\":\"reasoning-delta\",\"x\":\"",
	    "data: {\"type\":\"text-start\",\"id\":\"",
	    "data: {\"type\":\"start\",\"x\":\"",
	    "data: {\"type\":\"finish-step\",\"x\":\"",
	    "data: {\"type\":\"finish\",\"x\":\"",
	    "data: {\"type\":\"error\",\"errorText\":\"",
	    "data: {\"type\":\"abort\",\"reason\":\"",
	    "data: {\"url\":\"",
	    "data: {\"type\":\"file",
	    "data: {\"type\":1,\"url\":\"",
	    "data: {\"type\":file,\"url\":\"",
	    "data: [\"type\",\"file\",\"",
	    "data: \"",
	    ":\"",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(begins); i++)
		expect_between_texts(begins[i], false);
}

static void
a_comment_over_the_limit_ends_the_answer(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, ":");
	add_letters(&body, LIMIT);
	body_add_string(&body, "\n");
	body_add_string(&body, done_events);
	body_add_string(&events, "ERROR too-long\n");
	expect(&body, &events, FEW_CUTS);
}

static void
a_line_over_the_limit_is_not_awaited_to_its_end(void **state)
{
	struct recording recording;
	struct body body = {0};

	AC_UNUSED(state);
	add_letters(&body, (size_t)LIMIT + 1);
	recording_start_uistream(&recording);
	recording_feed(&recording, body.data, LIMIT);
	assert_int_equal(recording.events, 0);
	recording_feed(&recording, body.data + LIMIT, 1);
	assert_int_equal(recording.events, 1);
	recording_end(&recording);
	assert_string_equal(recording.text, "ERROR too-long\n");
	recording_clear(&recording);
	free(body.data);
}

/* Lines below the limit whose data are len bytes together. */
static void
add_joined_delta(struct body *body, size_t len)
{
	const size_t white = LIMIT / 2;
	size_t rest = len - white - 1;
	char *tabs = ac_malloc(white);

	memset(tabs, '\t', white);
	body_add_string(body, "data:");
	body_add(body, tabs, white);
	body_add_string(body, "\n");
	free(tabs);
	add_delta_line(body, rest + strlen("data: "));
}

static void
joined_data_up_to_the_limit_are_read(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, start_event);
	add_joined_delta(&body, LIMIT);
	body_add_string(&body, done_events);
	body_add_string(&events, "TEXT \"");
	add_letters(&events, LIMIT - LIMIT / 2 - 1 + strlen("data: ") -
				 strlen(delta_begin) - strlen(delta_end));
	body_add_string(&events, "\"\n");
	body_add_string(&events, done_said);
	expect(&body, &events, FEW_CUTS);
}

static void
joined_data_over_the_limit_end_the_answer(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, start_event);
	add_joined_delta(&body, (size_t)LIMIT + 1);
	body_add_string(&body, done_events);
	body_add_string(&events, "ERROR too-long\n");
	expect(&body, &events, FEW_CUTS);
}

/* Nothing of what is skipped is kept. */
static void
comments_and_fields_may_be_more_than_the_limit_together(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	for (size_t i = 0; i < 5; i++) {
		body_add_string(&body, i % 2 == 0 ? ":" : "id:");
		add_letters(&body, LIMIT / 3);
		body_add_string(&body, "\n");
	}
	body_add_string(&body, done_events);
	body_add_string(&events, done_said);
	expect(&body, &events, FEW_CUTS);
}

/* The longest delta of nothing but bytes to replace: it grows sixfold. */
static void
a_delta_of_bad_bytes_at_the_limit_is_mended(void **state)
{
	struct body body = {0};
	struct body events = {0};
	char *mended;
	size_t bad;

	AC_UNUSED(state);
	body_add_string(&body, start_event);
	bad = add_delta_line(&body, LIMIT);
	memset(body.data + body.len - strlen("\"}\n\n") - bad, '\xff', bad);
	body_add_string(&events, "TEXT \"");
	mended = ac_malloc(bad * strlen("\\ufffd"));
	for (size_t i = 0; i < bad; i++)
		memcpy(mended + i * strlen("\\ufffd"), "\\ufffd",
		    strlen("\\ufffd"));
	body_add(&events, mended, bad * strlen("\\ufffd"));
	free(mended);
	body_add_string(&events, "\"\n");
	body_add_string(&body, done_events);
	body_add_string(&events, done_said);
	expect(&body, &events, 3);
}

/* Each bad byte of an id becomes three, and then it is more than is read. */
static void
an_id_of_bad_bytes_is_malformed(void **state)
{
	static const char begin[] = "data: {\"type\":\"text-start\",\"id\":\"";
	const size_t bad = LIMIT / 2;
	struct body body = {0};
	struct body events = {0};
	char *bytes = ac_malloc(bad);

	AC_UNUSED(state);
	memset(bytes, '\xff', bad);
	body_add_string(&body, begin);
	body_add(&body, bytes, bad);
	body_add_string(&body, "\"}\n\n");
	free(bytes);
	body_add_string(&events, "ERROR malformed\n");
	expect(&body, &events, 3);
}

static void
an_error_at_the_limit_that_grows_is_passed_on(void **state)
{
	static const char begin[] = "data: {\"type\":\"error\",\"x\":\"";
	struct body body = {0};
	struct body events = {0};
	size_t letters = LIMIT - strlen(begin) - strlen(delta_end);

	AC_UNUSED(state);
	body_add_string(&body, begin);
	add_letters(&body, letters);
	body_add_string(&body, "\"}\n\n");
	body_add_string(&events,
	    "ERROR upstream \"{\\\"type\\\":\\\"error\\\",\\\"x\\\":\\\"");
	add_letters(&events, letters);
	body_add_string(&events, "\\\"}\"\n");
	expect(&body, &events, FEW_CUTS);
}

static void
add_block_start(struct body *body, size_t id)
{
	char *event = ac_asprintf(
	    "data: {\"type\":\"text-start\",\"id\":\"b%zu\"}\n\n", id);

	body_add_string(body, event);
	free(event);
}

static void
add_block_end(struct body *body, size_t id)
{
	char *event = ac_asprintf(
	    "data: {\"type\":\"text-end\",\"id\":\"b%zu\"}\n\n", id);

	body_add_string(body, event);
	free(event);
}

/* So many may be open, and any number one after the other. */
static void
blocks_are_bounded_by_how_many_are_open(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	for (size_t i = 0; i < (size_t)3 * AC_BLOCKS_MAX; i++) {
		add_block_start(&body, i);
		if (i + 1 >= AC_BLOCKS_MAX)
			add_block_end(&body, i + 1 - AC_BLOCKS_MAX);
	}
	body_add_string(&body, done_events);
	body_add_string(&events, done_said);
	expect(&body, &events, FEW_CUTS);
}

static void
too_many_open_blocks_end_the_answer(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_BLOCKS_MAX; i++)
		add_block_start(&body, i);
	/* One of them again is no further one. */
	add_block_start(&body, 0);
	body_add_string(&body, start_event);
	body_add_string(&body, done_events);
	body_add_string(&events, "ERROR too-long\n");
	expect(&body, &events, FEW_CUTS);
}

/* first: the first of len bytes, as it stands in JSON. */
static void
expect_id(const char *first, size_t len, const char *said)
{
	struct body body = {0};
	struct body events = {0};

	body_add_string(&body, "data: {\"type\":\"text-start\",\"id\":\"");
	body_add_string(&body, first);
	add_letters(&body, len - 1);
	body_add_string(&body, "\"}\n\n");
	body_add_string(&body, done_events);
	body_add_string(&events, said);
	expect(&body, &events, FEW_CUTS);
}

static void
an_id_over_its_limit_ends_the_answer(void **state)
{
	static const char *const first[] = {"a", "\\u0061"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(first); i++) {
		expect_id(first[i], AC_BLOCK_ID_MAX, done_said);
		expect_id(first[i], AC_BLOCK_ID_MAX + 1, "ERROR too-long\n");
		expect_id(
		    first[i], (size_t)8 * AC_BLOCK_ID_MAX, "ERROR too-long\n");
	}
}

static void
three_thousand_deltas_are_as_many_texts(void **state)
{
	struct body body = {0};
	struct body events = {0};

	AC_UNUSED(state);
	body_add_string(&body, start_event);
	for (size_t i = 0; i < 3000; i++) {
		char letter = (char)('a' + i % 26);

		body_add_string(&body, delta_begin);
		body_add(&body, &letter, 1);
		body_add_string(&body, "\"}\n\n");
		body_add_string(&events, "TEXT \"");
		body_add(&events, &letter, 1);
		body_add_string(&events, "\"\n");
	}
	body_add_string(&body, done_events);
	body_add_string(&events, done_said);
	expect(&body, &events, MANY_CUTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_up_to_the_limit_is_read),
	    cmocka_unit_test(a_line_over_the_limit_ends_the_answer),
	    cmocka_unit_test(
		an_event_over_the_limit_that_nobody_reads_is_skipped),
	    cmocka_unit_test(any_other_event_over_the_limit_ends_the_answer),
	    cmocka_unit_test(a_comment_over_the_limit_ends_the_answer),
	    cmocka_unit_test(a_line_over_the_limit_is_not_awaited_to_its_end),
	    cmocka_unit_test(joined_data_up_to_the_limit_are_read),
	    cmocka_unit_test(joined_data_over_the_limit_end_the_answer),
	    cmocka_unit_test(
		comments_and_fields_may_be_more_than_the_limit_together),
	    cmocka_unit_test(a_delta_of_bad_bytes_at_the_limit_is_mended),
	    cmocka_unit_test(an_id_of_bad_bytes_is_malformed),
	    cmocka_unit_test(an_error_at_the_limit_that_grows_is_passed_on),
	    cmocka_unit_test(blocks_are_bounded_by_how_many_are_open),
	    cmocka_unit_test(too_many_open_blocks_end_the_answer),
	    cmocka_unit_test(an_id_over_its_limit_ends_the_answer),
	    cmocka_unit_test(three_thousand_deltas_are_as_many_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
