/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stop strings' stage: see stop.h. It looks at the bytes of UTF-8 that
 * the literals stand for. A string begins with a whole character, and so do
 * an occurrence and what may become one: text is always cut between two
 * characters.
 */
#include "codec/stop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/literal.h"

static_assert(AC_STOP_LEN_MAX <= UINT16_MAX, "lengths fit into the table");

static void on_text(struct ac_stop *, const struct ac_event *);
static void end_text(struct ac_stop *, const struct ac_event *);
static void begin_anew(struct ac_stop *);

static void
init_pattern(
    struct ac_stop_pattern *pattern, const struct ac_stop_string *string)
{
	size_t matched = 0;

	*pattern = (struct ac_stop_pattern){
	    .text = ac_memdup(string->text, string->len),
	    .len = string->len,
	    .shorter = ac_calloc(string->len, sizeof(*pattern->shorter)),
	};
	for (size_t i = 1; i < pattern->len; i++) {
		while (
		    matched > 0 && pattern->text[matched] != pattern->text[i])
			matched = pattern->shorter[matched - 1];
		if (pattern->text[matched] == pattern->text[i])
			matched++;
		pattern->shorter[i] = (uint16_t)matched;
	}
}

void
ac_stop_init(struct ac_stop *stop, const struct ac_stop_string *strings,
    size_t count, ac_event_fn *next, void *arg)
{
	*stop = (struct ac_stop){
	    .next = next,
	    .arg = arg,
	    .cut = SIZE_MAX,
	};
	for (size_t i = 0; i < count; i++) {
		if (i >= AC_STOP_MAX || strings[i].len > AC_STOP_LEN_MAX)
			abort(); /* a bug of the caller */
		if (strings[i].len == 0)
			continue;
		init_pattern(&stop->patterns[stop->count++], &strings[i]);
		stop->begins[(unsigned char)strings[i].text[0]] = true;
	}
	/* Less than the longest string is held back, and a byte of text takes
	 * at most an escape. */
	ac_buf_init(
	    &stop->held, (size_t)AC_STOP_LEN_MAX * AC_LITERAL_ESCAPE_LEN);
}

void
ac_stop_clear(struct ac_stop *stop)
{
	for (size_t i = 0; i < stop->count; i++) {
		free(stop->patterns[i].text);
		free(stop->patterns[i].shorter);
	}
	stop->count = 0;
	ac_buf_clear(&stop->held);
}

void
ac_stop_mute(struct ac_stop *stop)
{
	stop->over = true;
}

static void
pass(struct ac_stop *stop, const struct ac_event *event)
{
	if (!stop->over)
		stop->next(event, stop->arg);
}

void
ac_stop_on_event(const struct ac_event *event, void *arg)
{
	struct ac_stop *stop = arg;

	if (stop->over)
		return;
	switch (event->type) {
	case AC_EVENT_TEXT:
		on_text(stop, event);
		return;
	case AC_EVENT_REASONING:
	case AC_EVENT_FINISH:
	case AC_EVENT_ERROR:
	case AC_EVENT_END:
		end_text(stop, event);
		break;
	case AC_EVENT_TEXT_WAS_REASONING:
		begin_anew(stop);
		break;
	case AC_EVENT_STEP:
	case AC_EVENT_START:
	case AC_EVENT_TOOL_CALL:
	case AC_EVENT_TOOL_CALL_START:
	case AC_EVENT_TOOL_CALL_DELTA:
	case AC_EVENT_TOOL_RESULT:
	case AC_EVENT_EXTRA:
	case AC_EVENT_TYPES:
		break;
	}
	pass(stop, event);
}

/* The next byte of the text. */
static void
search_byte(struct ac_stop *stop, char c)
{
	stop->seen++;
	for (size_t i = 0; i < stop->count; i++) {
		struct ac_stop_pattern *pattern = &stop->patterns[i];
		size_t matched = pattern->matched;

		if (pattern->found)
			continue;
		while (matched > 0 && pattern->text[matched] != c)
			matched = pattern->shorter[matched - 1];
		if (pattern->text[matched] == c)
			matched++;
		pattern->matched = matched;
		if (matched < pattern->len)
			continue;
		/* All of one length: what ends first began first. */
		pattern->found = true;
		if (stop->seen - matched < stop->cut)
			stop->cut = stop->seen - matched;
	}
}

/* The next character of a literal; returns the bytes that it takes there,
 * or some of them. */
static size_t
search_character(struct ac_stop *stop, const char *s, size_t len)
{
	uint32_t code_point;
	char utf8[4];
	size_t bytes, utf8_bytes;

	if (s[0] != '\\') {
		/* As good as decoded, also where UTF-8 needs more bytes. */
		search_byte(stop, s[0]);
		return 1;
	}
	bytes = ac_literal_next(s, len, &code_point);
	utf8_bytes = ac_utf8_encode(code_point, utf8);
	for (size_t i = 0; i < utf8_bytes; i++)
		search_byte(stop, utf8[i]);
	return bytes;
}

/* Where in the text from the first held byte the earliest occurrence begins
 * that is complete or may become so. What lies before is only text. */
static size_t
find_safe(const struct ac_stop *stop)
{
	size_t safe = stop->cut < stop->seen ? stop->cut : stop->seen;

	for (size_t i = 0; i < stop->count; i++) {
		const struct ac_stop_pattern *pattern = &stop->patterns[i];

		if (!pattern->found && stop->seen - pattern->matched < safe)
			safe = stop->seen - pattern->matched;
	}
	return safe;
}

static bool
is_decided(const struct ac_stop *stop)
{
	return stop->cut != SIZE_MAX && find_safe(stop) == stop->cut;
}

static void
search(struct ac_stop *stop, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && !is_decided(stop)) {
		if (find_safe(stop) == stop->seen) {
			size_t from = i;

			while (i < len && s[i] != '\\' &&
			       !stop->begins[(unsigned char)s[i]])
				i++;
			stop->seen += i - from;
			if (i == len)
				break;
		}
		i += search_character(stop, s + i, len - i);
	}
}

static void
pass_text(
    struct ac_stop *stop, const char *literal, size_t len, size_t text_len)
{
	struct ac_event event = {
	    .type = AC_EVENT_TEXT,
	    .literal = literal,
	    .literal_len = len,
	    .text_len = text_len,
	};

	if (len > 0)
		pass(stop, &event);
}

/* Passes on what is held back up to text_len bytes of text, all of it at
 * most; returns what that was. */
static size_t
release_held(struct ac_stop *stop, size_t text_len)
{
	struct ac_buf *held = &stop->held;
	size_t len = ac_literal_prefix(held->data, held->len, &text_len);

	pass_text(stop, held->data, len, text_len);
	held->len -= len;
	memmove(held->data, held->data + len, held->len);
	return text_len;
}

/* The answer ends before the occurrence that was found, which event made
 * certain. */
static void
finish(struct ac_stop *stop, const struct ac_event *event)
{
	struct ac_event finish = {
	    .type = AC_EVENT_FINISH,
	    .finish = AC_FINISH_STOP,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	};

	if (event->type == AC_EVENT_FINISH)
		finish.usage = event->usage;
	pass(stop, &finish);
	stop->over = true;
}

static void
on_text(struct ac_stop *stop, const struct ac_event *event)
{
	size_t len = 0, safe, text_len;

	search(stop, event->literal, event->literal_len);
	safe = text_len = find_safe(stop);
	if (stop->held.len > 0)
		text_len -= release_held(stop, safe);
	if (stop->held.len == 0 && text_len == event->text_len) {
		len = event->literal_len;
		pass(stop, event);
	} else if (stop->held.len == 0) {
		len = ac_literal_prefix(
		    event->literal, event->literal_len, &text_len);
		pass_text(stop, event->literal, len, text_len);
	}
	if (is_decided(stop)) {
		finish(stop, event);
		return;
	}
	stop->seen -= safe;
	if (stop->cut != SIZE_MAX)
		stop->cut -= safe;
	/* It is shorter than the longest string. */
	ac_buf_put(&stop->held, event->literal + len, event->literal_len - len);
}

/* Nothing is in the search any more. */
static void
reset(struct ac_stop *stop)
{
	for (size_t i = 0; i < stop->count; i++) {
		stop->patterns[i].matched = 0;
		stop->patterns[i].found = false;
	}
	stop->seen = 0;
	stop->cut = SIZE_MAX;
}

/* No more text comes: an occurrence that waited for a longer one that began
 * earlier is the first. */
static void
end_text(struct ac_stop *stop, const struct ac_event *event)
{
	if (stop->held.len > 0)
		release_held(stop, stop->cut);
	if (stop->cut != SIZE_MAX)
		finish(stop, event);
	else
		reset(stop);
}

static void
begin_anew(struct ac_stop *stop)
{
	if (stop->held.len > 0)
		release_held(stop, SIZE_MAX);
	reset(stop);
}
