/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The thinking's stage against a naive search: random answers made of tags,
 * beginnings of tags and other characters, cut anywhere, escaped by chance.
 */
#include <string.h>

#include "base/attr.h"
#include "codec/think.h"
#include "support/escape.h"
#include "support/event_log.h"
#include "support/random.h"
#include "support/unit.h"

enum { ROUNDS = 100000, MAX_PIECES = 16, MAX_RUNS = 5 };

/* A part of an answer: a text that tags can stand in, or a reasoning. */
struct run {
	enum ac_event_type type;
	char text[MAX_PIECES * 10];
	size_t len;
	bool ends_step; /* STEP follows */
};

static void
fill_run(struct random *random, struct run *run)
{
	static const char *const pieces[] = {"<think>", "</think>", "<think>",
	    "</think>", "<", "</", "<thi", "think>", "</thin", "/", ">", "k",
	    "a", "\n", "\"", "\\", "\xc3\xa9", "\xf0\x9f\x98\x80"};
	size_t count = 1 + random_below(random, MAX_PIECES);

	run->len = 0;
	for (size_t i = 0; i < count; i++) {
		const char *piece =
		    pieces[random_below(random, AC_LENGTH(pieces))];

		memcpy(run->text + run->len, piece, strlen(piece));
		run->len += strlen(piece);
	}
}

/* Runs of which no two texts follow each other without a STEP. */
static size_t
fill_answer(struct random *random, struct run runs[MAX_RUNS])
{
	size_t count = 1 + random_below(random, MAX_RUNS);

	for (size_t i = 0; i < count; i++) {
		fill_run(random, &runs[i]);
		runs[i].type = random_below(random, 4) == 0 ? AC_EVENT_REASONING
							    : AC_EVENT_TEXT;
		runs[i].ends_step = runs[i].type == AC_EVENT_TEXT;
		if (i > 0 && runs[i].type == AC_EVENT_REASONING)
			runs[i - 1].ends_step = random_below(random, 2) == 0;
	}
	return count;
}

/* What the naive search knows. */
struct naive {
	enum ac_reasoning mode;
	enum ac_think_scope scope;
	bool inside;
	bool opened;
	bool wrapping;
	struct event_log log;
};

static void
say(struct naive *naive, enum ac_event_type type, const char *text, size_t len)
{
	struct ac_event event = {
	    .type = type,
	    .dropped = naive->mode == AC_REASONING_DROP &&
		       type != AC_EVENT_TEXT && type != AC_EVENT_STEP,
	    .literal = text,
	    .literal_len = len,
	    .text_len = len,
	};

	if (len == 0 && type != AC_EVENT_STEP &&
	    type != AC_EVENT_TEXT_WAS_REASONING)
		return;
	if (event.dropped)
		event.literal_len = 0;
	event_log_on_event(&event, &naive->log);
}

/* Where a tag begins in a text, or the text's end. */
static size_t
find(const char *text, size_t len, const char *tag)
{
	const char *at = memmem(text, len, tag, strlen(tag));

	return at == NULL ? len : (size_t)(at - text);
}

static void
naive_text(struct naive *naive, const char *text, size_t len)
{
	while (len > 0) {
		size_t open_at = len, close_at = len, at;

		if (!naive->inside)
			open_at = find(text, len, "<think>");
		if (naive->inside ||
		    (naive->scope == AC_THINK_WHOLE && !naive->opened))
			close_at = find(text, len, "</think>");
		at = open_at < close_at ? open_at : close_at;
		say(naive, naive->inside ? AC_EVENT_REASONING : AC_EVENT_TEXT,
		    text, at);
		if (at == len)
			return;
		if (at == close_at && !naive->inside)
			say(naive, AC_EVENT_TEXT_WAS_REASONING, "", 0);
		naive->inside = at == open_at;
		naive->opened = true;
		at += at == open_at ? strlen("<think>") : strlen("</think>");
		text += at;
		len -= at;
	}
}

static void
naive_run(struct naive *naive, const struct run *run)
{
	bool reasoning = run->type == AC_EVENT_REASONING;

	if (naive->mode == AC_REASONING_TAGS) {
		if (reasoning && !naive->wrapping)
			say(naive, AC_EVENT_TEXT, "<think>", 7);
		if (!reasoning && naive->wrapping)
			say(naive, AC_EVENT_TEXT, "</think>", 8);
		naive->wrapping = reasoning;
		say(naive, AC_EVENT_TEXT, run->text, run->len);
	} else if (reasoning) {
		naive->opened = true;
		say(naive, AC_EVENT_REASONING, run->text, run->len);
	} else {
		naive_text(naive, run->text, run->len);
	}
	if (run->ends_step)
		say(naive, AC_EVENT_STEP, "", 0);
}

/* Tells the stage an answer in random pieces. */
static void
tell(struct random *random, struct ac_think *think, const struct run *runs,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		escape_tell(random, ac_think_on_event, think, runs[i].type,
		    runs[i].text, runs[i].len);
		if (runs[i].ends_step)
			event_log_tell_plain(
			    ac_think_on_event, think, AC_EVENT_STEP);
	}
	event_log_tell_plain(ac_think_on_event, think, AC_EVENT_FINISH);
}

/* naive is given texts in the place of literals, and copies them. */
static void
compare(struct random *random, enum ac_reasoning mode,
    enum ac_think_scope scope, struct naive *naive, struct event_log *log)
{
	struct run runs[MAX_RUNS];
	size_t count = fill_answer(random, runs);
	struct ac_think think;

	event_log_reset(log);
	event_log_reset(&naive->log);
	naive->mode = mode;
	naive->scope = scope;
	naive->inside = naive->opened = naive->wrapping = false;
	for (size_t i = 0; i < count; i++)
		naive_run(naive, &runs[i]);
	if (naive->wrapping)
		say(naive, AC_EVENT_TEXT, "</think>", 8);
	event_log_tell_plain(event_log_on_event, &naive->log, AC_EVENT_FINISH);
	ac_think_init(&think, mode, scope, event_log_on_event, log);
	tell(random, &think, runs, count);
	assert_null(log->problem);
	assert_string_equal(
	    event_log_string(log), event_log_string(&naive->log));
}

static void
run_rounds(enum ac_reasoning mode, enum ac_think_scope scope, size_t rounds)
{
	struct random random = {.state = 5 + (uint64_t)mode * 2 + scope};
	struct event_log log;
	struct naive naive;

	event_log_init(&log, EVENT_LOG_DECODED);
	event_log_init(&naive.log, EVENT_LOG_LITERALS);
	for (size_t i = 0; i < rounds; i++)
		compare(&random, mode, scope, &naive, &log);
	event_log_clear(&log);
	event_log_clear(&naive.log);
}

static void
streamed_answers_equal_the_naive_search(void **state)
{
	AC_UNUSED(state);
	run_rounds(AC_REASONING_FIELD, AC_THINK_STREAMED, ROUNDS);
	run_rounds(AC_REASONING_DROP, AC_THINK_STREAMED, ROUNDS / 10);
}

static void
whole_answers_equal_the_naive_search(void **state)
{
	AC_UNUSED(state);
	run_rounds(AC_REASONING_FIELD, AC_THINK_WHOLE, ROUNDS);
	run_rounds(AC_REASONING_DROP, AC_THINK_WHOLE, ROUNDS / 10);
}

static void
added_tags_stand_where_reasoning_begins_and_ends(void **state)
{
	AC_UNUSED(state);
	run_rounds(AC_REASONING_TAGS, AC_THINK_STREAMED, ROUNDS / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streamed_answers_equal_the_naive_search),
	    cmocka_unit_test(whole_answers_equal_the_naive_search),
	    cmocka_unit_test(added_tags_stand_where_reasoning_begins_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
