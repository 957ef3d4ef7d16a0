/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stop strings' stage against its definition: a search over the whole
 * text. Alphabets are small, so that beginnings and occurrences abound; texts
 * are cut anywhere and escaped by chance. And the same for the token limit
 * behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/utf8.h"
#include "codec/limit.h"
#include "codec/stop.h"
#include "support/escape.h"
#include "support/event_log.h"
#include "support/random.h"
#include "support/unit.h"

enum { ROUNDS = 100000, MAX_TEXT = 48, MAX_STOP = 6, NO_LIMIT = -1 };

/* Characters that share bytes, some only their first ones. */
static const char *const alphabet[] = {"a", "b", "\n", "\xc3\xa9", "\xc3\xa8",
    "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81", "\"", "c", "\xe2\x80\xa8"};

struct text {
	char bytes[MAX_TEXT * 4 + 1];
	size_t len;
};

/* A text of min to max characters of the first ones of the alphabet. */
static void
fill_text(struct random *random, struct text *text, size_t min, size_t max,
    size_t letters)
{
	size_t count = min + random_below(random, max - min + 1);

	text->len = 0;
	for (size_t i = 0; i < count; i++) {
		const char *letter = alphabet[random_below(random, letters)];

		memcpy(text->bytes + text->len, letter, strlen(letter));
		text->len += strlen(letter);
	}
	text->bytes[text->len] = '\0';
}

/* The definition. */
static bool
find_first(
    const struct text *text, const struct text *stops, size_t count, size_t *at)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		const char *match = strstr(text->bytes, stops[i].bytes);

		if (match == NULL)
			continue;
		if (!found || (size_t)(match - text->bytes) < *at)
			*at = (size_t)(match - text->bytes);
		found = true;
	}
	return found;
}

/* The log that must come of a text. */
static void
expect(const struct text *text, const struct text *stops, size_t count,
    int64_t max_tokens, struct event_log *log)
{
	struct ac_event event = {
	    .type = AC_EVENT_TEXT,
	    .literal = text->bytes,
	    .literal_len = text->len,
	};
	const char *finish = "F(stop) E";

	if (find_first(text, stops, count, &event.literal_len))
		finish = "F(stop)";
	if (max_tokens != NO_LIMIT &&
	    event.literal_len > (size_t)max_tokens * 4) {
		event.literal_len = (size_t)max_tokens * 4;
		/* Back to a character's first byte. */
		while ((text->bytes[event.literal_len] & 0xc0) == 0x80)
			event.literal_len--;
		finish = "F(length)";
	}
	event.text_len = event.literal_len;
	if (event.literal_len > 0) {
		event_log_on_event(&event, log);
		event_log_string(log);
		assert_true(ac_buf_add_string(&log->out, " "));
	}
	assert_true(ac_buf_add_string(&log->out, finish));
}

/* Whether the answer was cut. */
static bool
compare(struct random *random, struct event_log *log, struct event_log *naive,
    bool limited)
{
	size_t letters = 2 + random_below(random, AC_LENGTH(alphabet) - 1);
	size_t count = 1 + random_below(random, AC_STOP_MAX);
	int64_t max_tokens =
	    limited ? (int64_t)random_below(random, 20) : NO_LIMIT;
	struct ac_stop_string strings[AC_STOP_MAX];
	struct text text, stops[AC_STOP_MAX];
	struct ac_limit limit;
	struct ac_stop stop;

	event_log_reset(log);
	event_log_reset(naive);
	fill_text(random, &text, 0, MAX_TEXT, letters);
	for (size_t i = 0; i < count; i++) {
		fill_text(random, &stops[i], 1, MAX_STOP, letters);
		strings[i] =
		    (struct ac_stop_string){stops[i].bytes, stops[i].len};
	}
	expect(&text, stops, count, max_tokens, naive);
	ac_limit_init(
	    &limit, limited ? max_tokens : INT64_MAX, event_log_on_event, log);
	ac_stop_init(&stop, strings, count, ac_limit_on_event, &limit);
	escape_tell(random, ac_stop_on_event, &stop, AC_EVENT_TEXT, text.bytes,
	    text.len);
	event_log_tell_plain(ac_stop_on_event, &stop, AC_EVENT_FINISH);
	event_log_tell_plain(ac_stop_on_event, &stop, AC_EVENT_END);
	ac_stop_clear(&stop);
	assert_null(log->problem);
	assert_string_equal(event_log_string(log), event_log_string(naive));
	return limit.over || stop.over;
}

static void
run_rounds(size_t rounds, bool limited)
{
	struct random random = {.state = 19700101 + rounds};
	struct event_log log, naive;
	size_t cut = 0;

	event_log_init(&log, EVENT_LOG_DECODED);
	event_log_init(&naive, EVENT_LOG_LITERALS);
	for (size_t i = 0; i < rounds; i++)
		cut += compare(&random, &log, &naive, limited);
	/* Both outcomes are common. */
	assert_in_range(cut, rounds / 5, rounds * 9 / 10);
	event_log_clear(&log);
	event_log_clear(&naive);
}

static void
texts_end_where_a_search_over_the_whole_says(void **state)
{
	AC_UNUSED(state);
	run_rounds(ROUNDS, false);
}

static void
the_limit_cuts_what_the_stop_strings_leave(void **state)
{
	AC_UNUSED(state);
	run_rounds(ROUNDS / 4, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_end_where_a_search_over_the_whole_says),
	    cmocka_unit_test(the_limit_cuts_what_the_stop_strings_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
