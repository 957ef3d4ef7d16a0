/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Server-sent events as the HTML standard reads them: a table of streams and
 * the data of their events, each fed whole, byte by byte and cut everywhere;
 * and where an event lies that is handed out.
 */
#include "codec/sse.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/body.h"
#include "support/unit.h"

enum { MAX = 40 };

struct sse_case {
	const char *stream;
	const char *events;
};

/* A stream, and the data of its events with a bar behind each, up to the
 * first that is too long. */
static const struct sse_case cases[] = {
    {"", ""},
    {"\n\n\n", ""},
    {"data: a\n\n", "a|"},
    {"data:a\n\n", "a|"},
    {"data:  a \n\n", " a |"},
    {"data: a\n\ndata: b\n\n", "a|b|"},
    {"data: a\ndata: b\n\n", "a\nb|"},
    {"data: a\ndata\ndata:b\n\n", "a\n\nb|"},
    /* Line ends, mixed too. */
    {"data: a\r\n\r\ndata: b\r\n\r\n", "a|b|"},
    {"data: a\r\rdata: b\r\r", "a|b|"},
    {"data: a\r\n\ndata: b\n\r\n", "a|b|"},
    {"data: a\r\ndata: b\r\n\r\n", "a\nb|"},
    {"data: a\rdata: b\r\r", "a\nb|"},
    {"data: a\n\rdata: b\n\r", "a|b|"},
    {"\r\n\r\r\n\ndata: a\r\n\r", "a|"},
    /* Events with data that are empty, and without any. */
    {"data\n\n", "|"},
    {"data:\n\n", "|"},
    {"data: \n\n", "|"},
    {"data\ndata\n\n", "\n|"},
    {"event: ping\n\n", ""},
    {"id: 1\nretry: 5\n\ndata: a\n\n", "a|"},
    /* Other fields and comments stand anywhere. */
    {"event: x\ndata: a\nid: 1\nretry: 2\n\n", "a|"},
    {": c\ndata: a\n: c\ndata: b\n:\n\n", "a\nb|"},
    {":\n\n:\r\n\r\n", ""},
    {"data: a\n\n: stream-open\n\ndata: b\n\n", "a|b|"},
    {"unknown: a\nunknown\n\n", ""},
    {"dat: a\ndatab: b\ndata : c\n data: d\nDATA: e\n\n", ""},
    {"data: a: b\n\n", "a: b|"},
    {"data::\n\n", ":|"},
    /* A byte order mark counts in front of all only. */
    {"\xef\xbb\xbf"
     "data: a\n\n",
	"a|"},
    {"\xef\xbb\xbf\n\xef\xbb\xbf"
     "data: a\n\n",
	""},
    {"\xef\xbb\xbf\xef\xbb\xbf"
     "data: a\n\n",
	""},
    {"\n\xef\xbb\xbf"
     "data: a\n\n",
	""},
    {"data: \xef\xbb\xbf\n\n", "\xef\xbb\xbf|"},
    {"\xef\xbb"
     "data: a\n\n",
	""},
    /* What no empty line ended is no event. */
    {"data: a", ""},
    {"data: a\n", ""},
    {"data: a\r", ""},
    {"data: a\n\ndata: b\n", "a|"},
    {"data: a\n: comment", ""},
    /* Forty bytes: a line, and the data of an event. */
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghi\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi|"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghij\n\n", "!"},
    {"data: a\n\n:abcdefghijklmnopqrstuvwxyzabcdefghijklmn", "a|!"},
    {":abcdefghijklmnopqrstuvwxyzabcdefghijklm\rdata:a\r\r", "a|"},
    {"data:abcdefghijklmnopqrst\ndata:abcdefghijklmnopqrs\n\n",
	"abcdefghijklmnopqrst\nabcdefghijklmnopqrs|"},
    {"data:abcdefghijklmnopqrst\ndata:abcdefghijklmnopqrst\n\n", "!"},
    {"data:abcdefghijklmnopqrst\ndata:abcdefghijklmnopqrs\ndata\n\n", "!"},
};

/* The same where what is too long is skipped: its first bytes and a mark. */
static const struct sse_case skipped[] = {
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\n\ndata: b\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!b|"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\r\r\ndata: b\r\r",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!b|"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\r\n\r\ndata: b\r\n\r\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!b|"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\ndata: b\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\n:\nx\n\n\n\ndata\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!|"},
    {"data: a\n\ndata:abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
	"a|abcdefghijklmnopqrstuvwxyzabcdefghi!"},
    {"data:abcdefghijklmnopqrst\ndata:abcdefghijklmnopqrst\r\n\r\ndata: c\n\n",
	"abcdefghijklmnopqrst\nabcdefghijklmnopqrs!c|"},
    {"data:abcdefghijklmnopqrst\ndata:abcdefghijklmnopqrs\ndata:x\n\ndata\n\n",
	"abcdefghijklmnopqrst\nabcdefghijklmnopqrs!|"},
    {"data:ab\ndata:abcdefghijklmnopqrstuvwxyzabcdefghijkl\n\ndata: c\n\n",
	"ab\nabcdefghijklmnopqrstuvwxyzabcdefghi!c|"},
    {"data:ab\n:abcdefghijklmnopqrstuvwxyzabcdefghijklmnop\n\ndata: c\n\n",
	"ab!c|"},
    {":abcdefghijklmnopqrstuvwxyzabcdefghijklmnop\n\ndata: c\n\n", "!c|"},
    {"\xef\xbb\xbf"
     "data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\n\n\xef\xbb\xbf"
     "data: b\n\ndata: c\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdef!c|"},
    {"data:abcdefghijklmnopqrstuvwxyzabcdefghijkl\n\n"
     "data:bcdefghijklmnopqrstuvwxyzabcdefghijklm\n\ndata: c\n\n",
	"abcdefghijklmnopqrstuvwxyzabcdefghi!"
	"bcdefghijklmnopqrstuvwxyzabcdefghij!c|"},
};

static void
feed_and_skip(
    struct ac_sse *sse, struct body *events, const char *piece, size_t len)
{
	char *copy = ac_memdup(piece, len);
	const char *data = copy;
	enum ac_sse_result result;
	const char *event;
	size_t event_len;

	while ((result = ac_sse_next(sse, &data, &len, &event, &event_len)) !=
	       AC_SSE_MORE) {
		body_add(events, event, event_len);
		body_add_string(events, result == AC_SSE_EVENT ? "|" : "!");
		if (result == AC_SSE_TOO_LONG)
			ac_sse_skip(sse);
	}
	assert_int_equal(len, 0);
	if (sse->skipping)
		assert_null(sse->line.data);
	free(copy);
}

/* Takes the events of a piece that is freed at once. */
static void
feed_until_too_long(
    struct ac_sse *sse, struct body *events, const char *piece, size_t len)
{
	char *copy = ac_memdup(piece, len);
	enum ac_sse_result result = AC_SSE_EVENT;
	const char *data = copy;

	if (events->len > 0 && events->data[events->len - 1] == '!')
		result = AC_SSE_MORE;
	while (result == AC_SSE_EVENT) {
		const char *event;
		size_t event_len;

		result = ac_sse_next(sse, &data, &len, &event, &event_len);
		if (result == AC_SSE_TOO_LONG)
			body_add_string(events, "!");
		if (result != AC_SSE_EVENT)
			break;
		body_add(events, event, event_len);
		body_add_string(events, "|");
	}
	if (result == AC_SSE_MORE && events->len > 0 &&
	    events->data[events->len - 1] != '!')
		assert_int_equal(len, 0);
	free(copy);
}

typedef void feed_fn(
    struct ac_sse *sse, struct body *events, const char *piece, size_t len);

/* The stream in pieces of piece bytes, the first of first. */
static void
expect(feed_fn *feed, const struct sse_case *wanted, size_t first, size_t piece)
{
	const char *stream = wanted->stream;
	size_t len = strlen(stream);
	struct body events = {0};
	struct ac_sse sse;

	ac_sse_init(&sse, MAX);
	body_add_string(&events, "");
	feed(&sse, &events, stream, first);
	for (size_t at = first; at < len; at += piece)
		feed(&sse, &events, stream + at,
		    piece < len - at ? piece : len - at);
	if (strcmp(events.data, wanted->events) != 0)
		fail_msg("'%s', %zu and %zu: '%s'", stream, first, piece,
		    events.data);
	ac_sse_clear(&sse);
	free(events.data);
}

static void
expect_however_cut(feed_fn *feed, const struct sse_case *wanted)
{
	size_t len = strlen(wanted->stream);

	for (size_t piece = 1; piece < 5; piece++)
		expect(feed, wanted, 0, piece);
	for (size_t at = 0; at <= len; at++)
		expect(feed, wanted, at, len + 1);
}

static void
streams_are_cut_into_their_events(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++)
		expect_however_cut(feed_until_too_long, &cases[i]);
}

static void
an_event_that_is_too_long_can_be_skipped(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(skipped); i++)
		expect_however_cut(feed_and_skip, &skipped[i]);
}

static void
an_event_of_one_line_is_handed_out_where_it_lies(void **state)
{
	static const char stream[] = "id: 1\ndata: a\r\n: c\r\n\r\ndata:b\n\n";
	const char *data = stream;
	size_t len = strlen(stream);
	struct ac_sse sse;
	const char *event;
	size_t event_len;

	AC_UNUSED(state);
	ac_sse_init(&sse, MAX);
	assert_int_equal(
	    ac_sse_next(&sse, &data, &len, &event, &event_len), AC_SSE_EVENT);
	assert_ptr_equal(event, strchr(stream, 'a') + strlen("ata: "));
	assert_int_equal(event_len, 1);
	assert_int_equal(
	    ac_sse_next(&sse, &data, &len, &event, &event_len), AC_SSE_EVENT);
	assert_ptr_equal(event, stream + strlen(stream) - 3);
	assert_int_equal(event_len, 1);
	assert_null(sse.line.data);
	assert_null(sse.data.data);
	ac_sse_clear(&sse);
}

static void
memory_of_an_event_that_was_cut_is_given_back(void **state)
{
	const char *data = "data: long";
	size_t len = strlen(data);
	struct ac_sse sse;
	const char *event;
	size_t event_len;

	AC_UNUSED(state);
	ac_sse_init(&sse, MAX);
	assert_int_equal(
	    ac_sse_next(&sse, &data, &len, &event, &event_len), AC_SSE_MORE);
	data = "er\n\n";
	len = strlen(data);
	assert_int_equal(
	    ac_sse_next(&sse, &data, &len, &event, &event_len), AC_SSE_EVENT);
	assert_int_equal(event_len, strlen("longer"));
	assert_memory_equal(event, "longer", event_len);
	assert_int_equal(
	    ac_sse_next(&sse, &data, &len, &event, &event_len), AC_SSE_MORE);
	assert_null(sse.line.data);
	assert_null(sse.data.data);
	ac_sse_clear(&sse);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_are_cut_into_their_events),
	    cmocka_unit_test(an_event_that_is_too_long_can_be_skipped),
	    cmocka_unit_test(an_event_of_one_line_is_handed_out_where_it_lies),
	    cmocka_unit_test(memory_of_an_event_that_was_cut_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
