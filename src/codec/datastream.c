/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The data-stream decoder: see datastream.h. The handle of a chat call owns
 * one and feeds it what the upstream sends. A line's code chooses a function
 * from the table below; a text's literal is handed on where it lies unless a
 * surrogate pair was cut between two lines or there is something to repair.
 */
#include "codec/datastream.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/literal.h"

/* What a line's value is made of. */
enum value_kind {
	VALUE_UNKNOWN, /* the line is skipped */
	VALUE_TEXT,    /* a string that is passed on */
	VALUE_ERROR,   /* a string that ends the answer */
	VALUE_JSON,    /* anything, passed on as it is */
	VALUE_STEP,    /* finish and usage of a step */
	VALUE_FINISH,  /* finish and usage of the message */
};

struct code {
	enum value_kind kind;
	enum ac_event_type event;
};

static const struct code codes[UCHAR_MAX + 1] = {
    ['0'] = {VALUE_TEXT, AC_EVENT_TEXT},
    ['2'] = {VALUE_JSON, AC_EVENT_EXTRA},
    ['3'] = {VALUE_ERROR, AC_EVENT_ERROR},
    ['8'] = {VALUE_JSON, AC_EVENT_EXTRA},
    ['9'] = {VALUE_JSON, AC_EVENT_TOOL_CALL},
    ['a'] = {VALUE_JSON, AC_EVENT_TOOL_RESULT},
    ['b'] = {VALUE_JSON, AC_EVENT_TOOL_CALL_START},
    ['c'] = {VALUE_JSON, AC_EVENT_TOOL_CALL_DELTA},
    ['d'] = {VALUE_FINISH, AC_EVENT_FINISH},
    ['e'] = {VALUE_STEP, AC_EVENT_STEP},
    ['f'] = {VALUE_JSON, AC_EVENT_START},
    ['g'] = {VALUE_TEXT, AC_EVENT_REASONING},
    ['h'] = {VALUE_JSON, AC_EVENT_EXTRA},
    ['i'] = {VALUE_JSON, AC_EVENT_EXTRA},
    ['j'] = {VALUE_JSON, AC_EVENT_EXTRA},
    ['k'] = {VALUE_JSON, AC_EVENT_EXTRA},
};

static const char *const finish_names[] = {
    [AC_FINISH_STOP] = "stop",
    [AC_FINISH_LENGTH] = "length",
    [AC_FINISH_CONTENT_FILTER] = "content-filter",
    [AC_FINISH_TOOL_CALLS] = "tool-calls",
    [AC_FINISH_ERROR] = "error",
    [AC_FINISH_OTHER] = "other",
    [AC_FINISH_UNKNOWN] = "unknown",
};
static_assert(AC_LENGTH(finish_names) == AC_FINISHES, "a name for each");

static void decode_line(struct ac_datastream *, const char *line, size_t len);
static void decode_value(
    struct ac_datastream *, struct code, const char *json, size_t len);
static void decode_text(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void mend_text(struct ac_datastream *, enum ac_event_type,
    const char *literal, size_t len, const struct ac_literal_report *);
static void decode_error(struct ac_datastream *, const char *json, size_t len);
static void decode_json(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void decode_finish(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void fail(struct ac_datastream *, enum ac_stream_error);

void
ac_datastream_init(
    struct ac_datastream *decoder, ac_event_fn *on_event, void *arg)
{
	*decoder = (struct ac_datastream){
	    .on_event = on_event,
	    .arg = arg,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	};
	ac_linesplit_init(&decoder->split, AC_DATASTREAM_LINE_MAX);
	/* A repaired literal grows: a bad byte becomes six. */
	ac_buf_init(&decoder->scratch,
	    (size_t)AC_DATASTREAM_LINE_MAX * AC_LITERAL_ESCAPE_LEN +
		AC_LITERAL_ESCAPE_LEN);
}

void
ac_datastream_clear(struct ac_datastream *decoder)
{
	ac_linesplit_clear(&decoder->split);
	ac_buf_clear(&decoder->scratch);
}

void
ac_datastream_stop(struct ac_datastream *decoder)
{
	decoder->stopped = true;
}

void
ac_datastream_feed(struct ac_datastream *decoder, const char *data, size_t len)
{
	const char *line;
	size_t line_len;

	/* After the message's end nothing counts. */
	while (!decoder->stopped && !decoder->finished) {
		switch (ac_linesplit_next(
		    &decoder->split, &data, &len, &line, &line_len)) {
		case AC_LINE_MORE:
			return;
		case AC_LINE_TOO_LONG:
			fail(decoder, AC_STREAM_ERROR_TOO_LONG);
			return;
		case AC_LINE_WHOLE:
			decode_line(decoder, line, line_len);
		}
	}
}

static void
emit(struct ac_datastream *decoder, const struct ac_event *event)
{
	if (!decoder->stopped)
		decoder->on_event(event, decoder->arg);
}

/* A high surrogate that got no partner goes out as a replacement. */
static void
flush_high(struct ac_datastream *decoder)
{
	struct ac_event event = {
	    .type = decoder->high_type,
	    .literal = "\\ufffd",
	    .literal_len = AC_LITERAL_ESCAPE_LEN,
	    .text_len = 3,
	};

	if (!decoder->has_high)
		return;
	decoder->has_high = false;
	emit(decoder, &event);
}

void
ac_datastream_end(struct ac_datastream *decoder)
{
	struct ac_event event = {.type = AC_EVENT_END};

	if (decoder->stopped)
		return;
	if (!decoder->finished && (ac_linesplit_has_partial(&decoder->split) ||
				      !decoder->step_ended)) {
		fail(decoder, AC_STREAM_ERROR_CUT);
		return;
	}
	if (!decoder->finished) {
		/* A last step's end without the message's is a good end. */
		struct ac_event finish = {
		    .type = AC_EVENT_FINISH,
		    .finish = decoder->step_finish,
		    .usage = decoder->usage,
		};
		emit(decoder, &finish);
	}
	emit(decoder, &event);
	decoder->stopped = true;
}

static void
fail(struct ac_datastream *decoder, enum ac_stream_error error)
{
	struct ac_event event = {.type = AC_EVENT_ERROR, .error = error};

	flush_high(decoder);
	emit(decoder, &event);
	decoder->stopped = true;
}

static bool
is_code_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void
decode_line(struct ac_datastream *decoder, const char *line, size_t len)
{
	size_t code_len = 0;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	while (code_len < len && is_code_char(line[code_len]))
		code_len++;
	if (code_len == 0 || code_len == len || line[code_len] != ':') {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	if (code_len == 1)
		decode_value(
		    decoder, codes[(unsigned char)line[0]], line + 2, len - 2);
}

static void
decode_value(struct ac_datastream *decoder, struct code code, const char *json,
    size_t len)
{
	while (len > 0 && json[len - 1] == ' ')
		len--;
	switch (code.kind) {
	case VALUE_UNKNOWN:
		break;
	case VALUE_TEXT:
		decode_text(decoder, code.event, json, len);
		break;
	case VALUE_ERROR:
		decode_error(decoder, json, len);
		break;
	case VALUE_JSON:
		decode_json(decoder, code.event, json, len);
		break;
	case VALUE_STEP:
	case VALUE_FINISH:
		decode_finish(decoder, code.event, json, len);
		break;
	}
}

static bool
is_quoted(const char *json, size_t len)
{
	return len >= 2 && json[0] == '"' && json[len - 1] == '"';
}

static void
emit_text(struct ac_datastream *decoder, enum ac_event_type type,
    const char *literal, size_t len, size_t text_len)
{
	struct ac_event event = {
	    .type = type,
	    .literal = literal,
	    .literal_len = len,
	    .text_len = text_len,
	};

	if (len > 0)
		emit(decoder, &event);
}

/*
 * A text that cannot be passed on where it lies: it brings the partner of
 * the surrogate that was held back, or ends with one to hold back, or holds
 * something to replace.
 */
static void
mend_text(struct ac_datastream *decoder, enum ac_event_type type,
    const char *literal, size_t len, const struct ac_literal_report *report)
{
	struct ac_buf *scratch = &decoder->scratch;
	char joined[2 * AC_LITERAL_ESCAPE_LEN];
	bool ok = true;

	ac_buf_clear(scratch);
	if (decoder->has_high && decoder->high_type == type &&
	    report->begins_with_low) {
		memcpy(joined, decoder->high, AC_LITERAL_ESCAPE_LEN);
		memcpy(joined + AC_LITERAL_ESCAPE_LEN, literal,
		    AC_LITERAL_ESCAPE_LEN);
		decoder->has_high = false;
		literal += AC_LITERAL_ESCAPE_LEN;
		len -= AC_LITERAL_ESCAPE_LEN;
		ok = ac_buf_add(scratch, joined, sizeof(joined));
	}
	flush_high(decoder);
	if (report->ends_with_high) {
		len -= AC_LITERAL_ESCAPE_LEN;
		memcpy(decoder->high, literal + len, AC_LITERAL_ESCAPE_LEN);
		decoder->high_type = type;
		decoder->has_high = true;
	}
	if (!ok || !ac_literal_repair(scratch, literal, len)) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	emit_text(decoder, type, scratch->data, scratch->len,
	    ac_literal_check(scratch->data, scratch->len).text_len);
}

static void
decode_text(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	struct ac_literal_report report;

	if (!is_quoted(json, len)) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	report = ac_literal_check(json + 1, len - 2);
	if (report.state == AC_LITERAL_BROKEN) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	decoder->step_ended = false;
	if (len == 2)
		return;
	if (report.state == AC_LITERAL_CLEAN && !decoder->has_high)
		emit_text(decoder, type, json + 1, len - 2, report.text_len);
	else
		mend_text(decoder, type, json + 1, len - 2, &report);
}

/* Puts the text of an error into scratch: the string that 3: carries, or
 * whatever other JSON stands there as a text of its own. */
static bool
read_error_text(struct ac_datastream *decoder, const char *json, size_t len)
{
	struct ac_buf *scratch = &decoder->scratch;
	struct evbuffer *text;
	json_t *value;

	if (is_quoted(json, len) &&
	    ac_literal_check(json + 1, len - 2).state != AC_LITERAL_BROKEN)
		return ac_literal_repair(scratch, json + 1, len - 2);
	value = ac_json_parse_lenient(json, len);
	if (value == NULL)
		return false;
	json_decref(value);
	text = ac_text_new();
	ac_json_add_escaped(text, json, len);
	len = evbuffer_get_length(text);
	json = (const char *)evbuffer_pullup(text, -1);
	if (!ac_buf_add(scratch, json, len))
		ac_buf_reset(scratch);
	evbuffer_free(text);
	return true;
}

static void
decode_error(struct ac_datastream *decoder, const char *json, size_t len)
{
	struct ac_event event = {
	    .type = AC_EVENT_ERROR,
	    .error = AC_STREAM_ERROR_UPSTREAM,
	};
	struct ac_buf *scratch = &decoder->scratch;

	ac_buf_clear(scratch);
	flush_high(decoder);
	if (!read_error_text(decoder, json, len)) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	event.literal = scratch->data;
	event.literal_len = scratch->len;
	event.text_len = ac_literal_check(scratch->data, scratch->len).text_len;
	emit(decoder, &event);
	decoder->stopped = true;
}

static void
decode_json(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	json_t *value = ac_json_parse_lenient(json, len);
	struct ac_event event = {
	    .type = type,
	    .json = json,
	    .json_len = len,
	};

	if (value == NULL) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	json_decref(value);
	if (type == AC_EVENT_START)
		decoder->step_ended = false;
	emit(decoder, &event);
}

static enum ac_finish
find_finish(const char *name)
{
	for (size_t i = 0; name != NULL && i < AC_FINISHES; i++) {
		if (strcmp(name, finish_names[i]) == 0)
			return (enum ac_finish)i;
	}
	return AC_FINISH_UNKNOWN;
}

/* A count is a number, null or absent. */
static int64_t
find_tokens(const json_t *usage, const char *key)
{
	const json_t *tokens = json_object_get(usage, key);

	if (!json_is_number(tokens) || json_number_value(tokens) < 0 ||
	    json_number_value(tokens) > 1e15)
		return AC_TOKENS_UNKNOWN;
	return (int64_t)json_number_value(tokens);
}

static void
decode_finish(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	json_t *value = ac_json_parse_lenient(json, len);
	const json_t *usage = json_object_get(value, "usage");
	struct ac_event event = {
	    .type = type,
	    .finish = find_finish(
		json_string_value(json_object_get(value, "finishReason"))),
	    .usage.prompt_tokens = find_tokens(usage, "promptTokens"),
	    .usage.completion_tokens = find_tokens(usage, "completionTokens"),
	};

	if (!json_is_object(value)) {
		json_decref(value);
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	json_decref(value);
	flush_high(decoder);
	if (type == AC_EVENT_STEP) {
		decoder->step_ended = true;
		decoder->step_finish = event.finish;
		decoder->usage = event.usage;
	} else {
		decoder->finished = true;
	}
	emit(decoder, &event);
}
