/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Random literals against jansson, whose parser is strict: it accepts just
 * what is clean and what was repaired, and reads the same text.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "codec/literal.h"
#include "support/random.h"
#include "support/unit.h"
#include "support/utf16.h"

enum { ROUNDS = 40000, MAX_LEN = 32, MAX_UNITS = 24 };

/* The string that jansson reads between quotes, or NULL. */
static json_t *
parse(const char *literal, size_t len)
{
	char *json = ac_malloc(len + 2);
	json_t *value;

	json[0] = json[len + 1] = '"';
	if (len > 0)
		memcpy(json + 1, literal, len);
	value =
	    json_loadb(json, len + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	free(json);
	return value;
}

static void
expect_text(json_t *value, const char *text, size_t len)
{
	assert_true(json_is_string(value));
	assert_int_equal(json_string_length(value), len);
	assert_memory_equal(json_string_value(value), text, len);
	json_decref(value);
}

/* Repaired and decoded, a literal says the same. */
static void
check_readable(const char *literal, size_t len, size_t text_len)
{
	struct ac_buf repaired, text;

	ac_buf_init(&repaired, 6 * len);
	ac_buf_init(&text, text_len);
	assert_true(ac_literal_repair(&repaired, literal, len));
	assert_true(ac_literal_decode(&text, literal, len));
	assert_int_equal(text.len, text_len);
	assert_int_equal(ac_literal_check(repaired.data, repaired.len).state,
	    AC_LITERAL_CLEAN);
	expect_text(
	    parse(repaired.data, repaired.len), ac_buf_string(&text), text.len);
	ac_buf_clear(&repaired);
	ac_buf_clear(&text);
}

static enum ac_literal_state
check_against_jansson(const char *literal, size_t len)
{
	struct ac_literal_report report = ac_literal_check(literal, len);
	json_t *value = parse(literal, len);

	assert_int_equal(report.state == AC_LITERAL_CLEAN, value != NULL);
	json_decref(value);
	if (report.state != AC_LITERAL_BROKEN)
		check_readable(literal, len, report.text_len);
	return report.state;
}

/* Bytes that make escapes, surrogates and UTF-8, whole or broken. */
static size_t
fill_pieces(struct random *random, char *literal)
{
	static const char *const pieces[] = {"a", "\\", "u", "\\u00e9",
	    "\\ud83d", "\\ude00", "\\uDBFF", "\\uDFFF", "\\n", "\\\"", "\\/",
	    "\"", "\xc3", "\xa9", "\xe2\x82\xac", "\xe2", "\x82", "\xf0\x9f",
	    "\x98\x80", "\xed\xa0\x80", "\xff", "\xc0", "\x7f", "\x01",
	    "\\u0000", "d83d", " "};
	size_t room = random_below(random, MAX_LEN + 1);
	size_t len = 0;

	for (;;) {
		const char *piece =
		    pieces[random_below(random, AC_LENGTH(pieces))];

		if (len + strlen(piece) > room)
			return len;
		memcpy(literal + len, piece, strlen(piece));
		len += strlen(piece);
	}
}

static void
jansson_accepts_what_is_clean_or_repaired(void **state)
{
	struct random random = {.state = 7};
	size_t counts[3] = {0};
	char literal[MAX_LEN];

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t len = fill_pieces(&random, literal);

		counts[check_against_jansson(literal, len)]++;
	}
	/* The pieces are such that each state is common. */
	assert_true(counts[AC_LITERAL_CLEAN] > ROUNDS / 20);
	assert_true(counts[AC_LITERAL_REPAIR] > ROUNDS / 20);
	assert_true(counts[AC_LITERAL_BROKEN] > ROUNDS / 20);
}

static void
random_bytes_are_judged_as_jansson_does(void **state)
{
	struct random random = {.state = 8};
	char literal[MAX_LEN];

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t len = random_below(&random, MAX_LEN / 4);

		for (size_t j = 0; j < len; j++)
			literal[j] = (char)random_next(&random);
		check_against_jansson(literal, len);
	}
}

static void
every_two_bytes_are_judged_as_jansson_does(void **state)
{
	AC_UNUSED(state);
	for (int first = 0; first < 256; first++) {
		for (int second = 0; second < 256; second++) {
			const char literal[] = {(char)first, (char)second};

			check_against_jansson(literal, 2);
		}
	}
}

static void
a_correct_encoder_is_understood(void **state)
{
	struct random random = {.state = 9};

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint16_t units[MAX_UNITS];
		size_t len = random_below(&random, MAX_UNITS + 1);
		char *literal, *text;
		size_t literal_len, text_len;
		FILE *literal_out = open_memstream(&literal, &literal_len);
		FILE *text_out = open_memstream(&text, &text_len);
		struct ac_buf decoded;

		utf16_fill(&random, units, len);
		utf16_write_literal(&random, literal_out, units, len);
		utf16_write_utf8(text_out, units, len);
		fclose(literal_out);
		fclose(text_out);
		assert_int_not_equal(
		    check_against_jansson(literal, literal_len),
		    AC_LITERAL_BROKEN);
		ac_buf_init(&decoded, text_len);
		assert_true(ac_literal_decode(&decoded, literal, literal_len));
		assert_int_equal(decoded.len, text_len);
		assert_memory_equal(ac_buf_string(&decoded), text, text_len);
		ac_buf_clear(&decoded);
		free(literal);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(jansson_accepts_what_is_clean_or_repaired),
	    cmocka_unit_test(random_bytes_are_judged_as_jansson_does),
	    cmocka_unit_test(every_two_bytes_are_judged_as_jansson_does),
	    cmocka_unit_test(a_correct_encoder_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
