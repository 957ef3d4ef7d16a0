/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The data-stream decoder: see datastream.h. The handle of a chat call owns
 * one and feeds it what the upstream sends. A line's code chooses a function
 * from the table below; a text's literal is handed on where it lies if it can
 * be (textjoin.h).
 */
#include "codec/datastream.h"

#include <limits.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "codec/literal.h"
#include "codec/members.h"
#include "codec/values.h"

/* What a line's value is made of. */
enum value_kind {
	VALUE_UNKNOWN,   /* the line is skipped */
	VALUE_TEXT,      /* a string that is passed on */
	VALUE_ERROR,     /* a string that ends the answer */
	VALUE_JSON,      /* anything, passed on as it is */
	VALUE_STEP_JSON, /* the same, and a step is under way */
	VALUE_STEP,      /* finish and usage of a step */
	VALUE_FINISH,    /* finish and usage of the message */
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
    ['9'] = {VALUE_STEP_JSON, AC_EVENT_TOOL_CALL},
    ['a'] = {VALUE_STEP_JSON, AC_EVENT_TOOL_RESULT},
    ['b'] = {VALUE_STEP_JSON, AC_EVENT_TOOL_CALL_START},
    ['c'] = {VALUE_STEP_JSON, AC_EVENT_TOOL_CALL_DELTA},
    ['d'] = {VALUE_FINISH, AC_EVENT_FINISH},
    ['e'] = {VALUE_STEP, AC_EVENT_STEP},
    ['f'] = {VALUE_STEP_JSON, AC_EVENT_START},
    ['g'] = {VALUE_TEXT, AC_EVENT_REASONING},
    ['h'] = {VALUE_STEP_JSON, AC_EVENT_EXTRA},
    ['i'] = {VALUE_STEP_JSON, AC_EVENT_EXTRA},
    ['j'] = {VALUE_STEP_JSON, AC_EVENT_EXTRA},
    ['k'] = {VALUE_STEP_JSON, AC_EVENT_EXTRA},
};

static void skip_line(struct ac_datastream *, const char *line, size_t len);
static void decode_line(struct ac_datastream *, const char *line, size_t len);
static void decode_value(
    struct ac_datastream *, struct code, const char *json, size_t len);
static void decode_text(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void decode_error(struct ac_datastream *, const char *json, size_t len);
static void decode_json(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void decode_finish(
    struct ac_datastream *, enum ac_event_type, const char *json, size_t len);
static void fail(struct ac_datastream *, enum ac_stream_error);

static void
emit(struct ac_datastream *decoder, const struct ac_event *event)
{
	if (!decoder->stopped)
		decoder->on_event(event, decoder->arg);
}

static void
emit_text(const struct ac_event *event, void *arg)
{
	emit(arg, event);
}

void
ac_datastream_init(
    struct ac_datastream *decoder, ac_event_fn *on_event, void *arg)
{
	*decoder = (struct ac_datastream){
	    .on_event = on_event,
	    .arg = arg,
	};
	ac_linesplit_init(&decoder->split, AC_DATASTREAM_LINE_MAX);
	ac_textjoin_init(
	    &decoder->texts, AC_DATASTREAM_LINE_MAX, emit_text, decoder);
}

void
ac_datastream_clear(struct ac_datastream *decoder)
{
	ac_linesplit_clear(&decoder->split);
	ac_textjoin_clear(&decoder->texts);
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
			skip_line(decoder, line, line_len);
			break;
		case AC_LINE_WHOLE:
			decode_line(decoder, line, line_len);
		}
	}
}

void
ac_datastream_end(struct ac_datastream *decoder)
{
	struct ac_event event = {.type = AC_EVENT_END};

	if (decoder->stopped)
		return;
	if (!decoder->finished &&
	    (ac_linesplit_has_partial(&decoder->split) || !decoder->complete)) {
		fail(decoder, AC_STREAM_ERROR_CUT);
		return;
	}
	if (!decoder->finished) {
		/* A last step's end without the message's is a good end. */
		struct ac_event finish = {
		    .type = AC_EVENT_FINISH,
		    .finish = decoder->failed ? AC_FINISH_ERROR
					      : decoder->step_finish,
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

	ac_textjoin_flush(&decoder->texts);
	emit(decoder, &event);
	decoder->stopped = true;
}

static bool
is_code_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* How many bytes in front of the first colon are a code; 0: none. */
static size_t
find_code(const char *line, size_t len)
{
	size_t code_len = 0;

	while (code_len < len && is_code_char(line[code_len]))
		code_len++;
	return code_len < len && line[code_len] == ':' ? code_len : 0;
}

/* line: the beginning of one that is too long. What would not be read is not
 * missed. */
static void
skip_line(struct ac_datastream *decoder, const char *line, size_t len)
{
	const size_t code_len = find_code(line, len);
	enum value_kind kind = VALUE_UNKNOWN;

	if (code_len == 1)
		kind = codes[(unsigned char)line[0]].kind;
	if (code_len == 0 || (kind != VALUE_UNKNOWN && kind != VALUE_JSON &&
				 kind != VALUE_STEP_JSON)) {
		fail(decoder, AC_STREAM_ERROR_TOO_LONG);
		return;
	}
	if (kind == VALUE_STEP_JSON)
		decoder->complete = false;
	ac_linesplit_skip(&decoder->split);
}

static void
decode_line(struct ac_datastream *decoder, const char *line, size_t len)
{
	size_t code_len;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	code_len = find_code(line, len);
	if (code_len == 0) {
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
	case VALUE_STEP_JSON:
		decoder->complete = false;
		decode_json(decoder, code.event, json, len);
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

static void
decode_text(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	struct ac_text_piece piece = {.type = type};

	if (len < 2 || json[0] != '"' || json[len - 1] != '"') {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	piece.literal = json + 1;
	piece.len = len - 2;
	piece.report = ac_literal_check(piece.literal, piece.len);
	if (piece.report.state == AC_LITERAL_BROKEN) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	decoder->complete = false;
	ac_textjoin_add(&decoder->texts, &piece);
}

static void
decode_error(struct ac_datastream *decoder, const char *json, size_t len)
{
	struct ac_event event = {
	    .type = AC_EVENT_ERROR,
	    .error = AC_STREAM_ERROR_UPSTREAM,
	};
	struct ac_buf text;

	ac_textjoin_flush(&decoder->texts);
	ac_buf_init(
	    &text, (size_t)AC_DATASTREAM_LINE_MAX * AC_LITERAL_ESCAPE_LEN);
	if (ac_value_error_text(&text, json, len)) {
		event.literal = text.data;
		event.literal_len = text.len;
		event.text_len = ac_literal_check(text.data, text.len).text_len;
		emit(decoder, &event);
		decoder->stopped = true;
	} else {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
	}
	ac_buf_clear(&text);
}

/*
 * Finds members of an object of ASCII text without escapes. What comes out is
 * what jansson would say, without its tree; true of all that the site sends
 * in practice. False: it is another kind of object, or none.
 */
static bool
find_plain(
    const char *json, size_t len, struct ac_member *members, size_t count)
{
	for (size_t i = 0; i < len; i++) {
		if (json[i] < ' ' || json[i] > '~' || json[i] == '\\')
			return false;
	}
	return ac_members_find(json, len, members, count);
}

static void
decode_json(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	struct ac_event event = {
	    .type = type,
	    .json = json,
	    .json_len = len,
	};
	json_t *value;

	if (!find_plain(json, len, NULL, 0)) {
		value = ac_json_parse_lenient(json, len);
		if (value == NULL)
			return; /* nobody needs it to read the answer */
		json_decref(value);
	}
	emit(decoder, &event);
}

/* A count that one of the steps leaves out is unknown for all of them. */
static void
add_usage(struct ac_usage *total, const struct ac_usage *step)
{
	total->prompt_tokens =
	    ac_value_add_tokens(total->prompt_tokens, step->prompt_tokens);
	total->completion_tokens = ac_value_add_tokens(
	    total->completion_tokens, step->completion_tokens);
}

/* Usage that cannot be read is none, and no reason to fail. */
static json_t *
parse_finish(const char *json, size_t len)
{
	json_t *value = ac_json_parse_lenient(json, len);
	char *mended;

	if (value != NULL)
		return value;
	mended = ac_memdup(json, len);
	ac_value_mend(mended, len);
	value = ac_json_parse_lenient(mended, len);
	free(mended);
	return value;
}

/* Reads a count of digits alone, or its absence. */
static bool
read_plain_count(const struct ac_member *member, int64_t *count)
{
	enum { DIGITS_MAX = 9 };

	*count = AC_TOKENS_UNKNOWN;
	if (member->value == NULL)
		return true;
	if (member->len > DIGITS_MAX)
		return false;
	*count = 0;
	for (size_t i = 0; i < member->len; i++) {
		if (member->value[i] < '0' || member->value[i] > '9')
			return false;
		*count = *count * 10 + (member->value[i] - '0');
	}
	return true;
}

/* What a step's or a message's end says, where it says it plainly. */
static bool
read_plain_finish(
    struct ac_event *event, bool *continued, const char *json, size_t len)
{
	struct ac_member members[] = {{.name = "finishReason"},
	    {.name = "isContinued"}, {.name = "usage"}};
	struct ac_member counts[] = {
	    {.name = "promptTokens"}, {.name = "completionTokens"}};
	const struct ac_member *usage = &members[2];

	if (!find_plain(json, len, members, AC_LENGTH(members)) ||
	    usage->value == NULL || !members[0].is_string ||
	    !ac_members_find(
		usage->value, usage->len, counts, AC_LENGTH(counts)))
		return false;
	event->finish =
	    ac_value_finish_literal(members[0].value + 1, members[0].len - 2);
	*continued = members[1].len == 4 && *members[1].value == 't';
	return read_plain_count(&counts[0], &event->usage.prompt_tokens) &&
	       read_plain_count(&counts[1], &event->usage.completion_tokens);
}

/* The same of anything that is an object, or can be mended into one. */
static bool
read_finish(
    struct ac_event *event, bool *continued, const char *json, size_t len)
{
	json_t *value = parse_finish(json, len);
	const json_t *usage = json_object_get(value, "usage");
	bool ok = json_is_object(value);

	event->finish = ac_value_finish(
	    json_string_value(json_object_get(value, "finishReason")));
	event->usage.prompt_tokens = ac_value_tokens(usage, "promptTokens");
	event->usage.completion_tokens =
	    ac_value_tokens(usage, "completionTokens");
	*continued = json_is_true(json_object_get(value, "isContinued"));
	json_decref(value);
	return ok;
}

static void
decode_finish(struct ac_datastream *decoder, enum ac_event_type type,
    const char *json, size_t len)
{
	struct ac_event event = {.type = type};
	bool continued;

	if (!read_plain_finish(&event, &continued, json, len) &&
	    !read_finish(&event, &continued, json, len)) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	ac_textjoin_flush(&decoder->texts);
	decoder->failed |= event.finish == AC_FINISH_ERROR;
	if (type == AC_EVENT_STEP) {
		/* Behind these the message goes on. */
		decoder->complete =
		    !continued && event.finish != AC_FINISH_TOOL_CALLS;
		decoder->step_finish = event.finish;
		add_usage(&decoder->usage, &event.usage);
	} else {
		decoder->finished = true;
		if (decoder->failed)
			event.finish = AC_FINISH_ERROR;
	}
	emit(decoder, &event);
}
