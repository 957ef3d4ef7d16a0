/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The UI message stream decoder: see uistream.h. The handle of a chat call
 * owns one and feeds it what the upstream sends. A part's type chooses a
 * function from the table below; the members that count are found where they
 * lie (members.h), and a text's literal is handed on from there if it can be
 * (textjoin.h).
 */
#include "codec/uistream.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "codec/literal.h"
#include "codec/members.h"
#include "codec/values.h"

/* The members of a part that count, in any type. */
enum {
	MEMBER_TYPE,
	MEMBER_ID,
	MEMBER_DELTA,
	MEMBER_ERROR_TEXT,
	MEMBER_REASON,
	MEMBER_FINISH_REASON,
	MEMBER_METADATA,
	MEMBERS,
};

static const char *const member_names[MEMBERS] = {
    [MEMBER_TYPE] = "type",
    [MEMBER_ID] = "id",
    [MEMBER_DELTA] = "delta",
    [MEMBER_ERROR_TEXT] = "errorText",
    [MEMBER_REASON] = "reason",
    [MEMBER_FINISH_REASON] = "finishReason",
    [MEMBER_METADATA] = "messageMetadata",
};

struct part {
	const char *json; /* the whole of it, borrowed */
	size_t len;
	enum ac_event_type event; /* of the table below */
	struct ac_member members[MEMBERS];
};

typedef void part_fn(struct ac_uistream *, const struct part *);

static part_fn begin_block;
static part_fn decode_delta;
static part_fn end_block;
static part_fn pass_json;
static part_fn begin_message;
static part_fn begin_step;
static part_fn end_step;
static part_fn reset_step;
static part_fn note_metadata;
static part_fn note_finish;
static part_fn decode_error;
static part_fn decode_abort;

static const struct part_type {
	const char *name;
	part_fn *decode;
	enum ac_event_type event;
} part_types[] = {
    {"text-delta", decode_delta, AC_EVENT_TEXT},
    {"reasoning-delta", decode_delta, AC_EVENT_REASONING},
    {"text-start", begin_block, AC_EVENT_TEXT},
    {"text-end", end_block, AC_EVENT_TEXT},
    {"reasoning-start", begin_block, AC_EVENT_REASONING},
    {"reasoning-end", end_block, AC_EVENT_REASONING},
    {"start", begin_message, AC_EVENT_START},
    {"start-step", begin_step, AC_EVENT_START},
    {"finish-step", end_step, AC_EVENT_STEP},
    {"reset-step", reset_step, AC_EVENT_ERROR},
    {"finish", note_finish, AC_EVENT_FINISH},
    {"message-metadata", note_metadata, AC_EVENT_EXTRA},
    {"error", decode_error, AC_EVENT_ERROR},
    {"abort", decode_abort, AC_EVENT_ERROR},
    {"tool-input-start", pass_json, AC_EVENT_TOOL_CALL_START},
    {"tool-input-delta", pass_json, AC_EVENT_TOOL_CALL_DELTA},
    {"tool-input-available", pass_json, AC_EVENT_TOOL_CALL},
    {"tool-input-error", pass_json, AC_EVENT_EXTRA},
    {"tool-output-available", pass_json, AC_EVENT_TOOL_RESULT},
    {"tool-output-error", pass_json, AC_EVENT_TOOL_RESULT},
    {"tool-output-denied", pass_json, AC_EVENT_TOOL_RESULT},
    {"tool-approval-request", pass_json, AC_EVENT_EXTRA},
    {"tool-approval-response", pass_json, AC_EVENT_EXTRA},
    {"source-url", pass_json, AC_EVENT_EXTRA},
    {"source-document", pass_json, AC_EVENT_EXTRA},
    {"file", pass_json, AC_EVENT_EXTRA},
    {"reasoning-file", pass_json, AC_EVENT_EXTRA},
    {"custom", pass_json, AC_EVENT_EXTRA},
    {"steering-message", pass_json, AC_EVENT_EXTRA},
};

static void on_text(const struct ac_event *, void *arg);
static void skip_data(struct ac_uistream *, const char *data, size_t len);
static void decode_data(struct ac_uistream *, const char *data, size_t len);
static void decode_part(struct ac_uistream *, const char *json, size_t len);
static void finish(struct ac_uistream *);
static void fail(struct ac_uistream *, enum ac_stream_error);

void
ac_uistream_init(struct ac_uistream *decoder, ac_event_fn *on_event, void *arg)
{
	const struct ac_usage unknown = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN};

	*decoder = (struct ac_uistream){
	    .on_event = on_event,
	    .arg = arg,
	    .usage = unknown,
	    .total_usage = unknown,
	};
	ac_sse_init(&decoder->sse, AC_UISTREAM_EVENT_MAX);
	ac_textjoin_init(
	    &decoder->texts, AC_UISTREAM_EVENT_MAX, on_text, decoder);
}

void
ac_uistream_clear(struct ac_uistream *decoder)
{
	ac_sse_clear(&decoder->sse);
	ac_blocks_clear(&decoder->blocks);
	ac_textjoin_clear(&decoder->texts);
}

void
ac_uistream_stop(struct ac_uistream *decoder)
{
	decoder->stopped = true;
}

void
ac_uistream_feed(struct ac_uistream *decoder, const char *data, size_t len)
{
	const char *event;
	size_t event_len;

	/* After [DONE] nothing counts. */
	while (!decoder->stopped && !decoder->done) {
		switch (ac_sse_next(
		    &decoder->sse, &data, &len, &event, &event_len)) {
		case AC_SSE_MORE:
			return;
		case AC_SSE_TOO_LONG:
			skip_data(decoder, event, event_len);
			break;
		case AC_SSE_EVENT:
			decode_data(decoder, event, event_len);
		}
	}
}

static void
emit(struct ac_uistream *decoder, const struct ac_event *event)
{
	if (!decoder->stopped)
		decoder->on_event(event, decoder->arg);
}

static void
on_text(const struct ac_event *event, void *arg)
{
	struct ac_uistream *decoder = arg;

	decoder->said = decoder->step_said = true;
	emit(decoder, event);
}

void
ac_uistream_end(struct ac_uistream *decoder)
{
	const struct ac_event event = {.type = AC_EVENT_END};

	if (decoder->stopped)
		return;
	if (!decoder->done) {
		fail(decoder, AC_STREAM_ERROR_CUT);
		return;
	}
	emit(decoder, &event);
	decoder->stopped = true;
}

static void
fail(struct ac_uistream *decoder, enum ac_stream_error error)
{
	const struct ac_event event = {.type = AC_EVENT_ERROR, .error = error};

	ac_textjoin_flush(&decoder->texts);
	emit(decoder, &event);
	decoder->stopped = true;
}

/* literal: clean. */
static void
fail_with_text(struct ac_uistream *decoder, const char *literal, size_t len)
{
	const struct ac_event event = {
	    .type = AC_EVENT_ERROR,
	    .error = AC_STREAM_ERROR_UPSTREAM,
	    .literal = literal,
	    .literal_len = len,
	    .text_len = ac_literal_check(literal, len).text_len,
	};

	ac_textjoin_flush(&decoder->texts);
	emit(decoder, &event);
	decoder->stopped = true;
}

static void
decode_data(struct ac_uistream *decoder, const char *data, size_t len)
{
	static const char done[] = {'[', 'D', 'O', 'N', 'E', ']'};

	if (len == sizeof(done) && memcmp(data, done, len) == 0)
		finish(decoder);
	else if (len > 0)
		decode_part(decoder, data, len);
}

static const struct part_type *
find_type(const struct ac_member *type)
{
	static const struct part_type data_type = {
	    "data-", pass_json, AC_EVENT_EXTRA};
	const size_t prefix = strlen(data_type.name);
	const char *name = type->value + 1;
	size_t len = type->len - 2;

	for (size_t i = 0; i < AC_LENGTH(part_types); i++) {
		if (ac_literal_equals(name, len, part_types[i].name))
			return &part_types[i];
	}
	if (len >= prefix && memcmp(name, data_type.name, prefix) == 0)
		return &data_type;
	return NULL;
}

/* data: the beginning of what is too long. What would not be read is not
 * missed. */
static void
skip_data(struct ac_uistream *decoder, const char *data, size_t len)
{
	enum { BEGINNING_MAX = 4096 };
	struct ac_member type = {.name = member_names[MEMBER_TYPE]};
	const struct part_type *found = NULL;
	struct ac_buf beginning;
	bool ok;

	ac_buf_init(&beginning, BEGINNING_MAX);
	ok = ac_value_take_beginning(
		 &beginning, data, len < BEGINNING_MAX ? len : BEGINNING_MAX) &&
	     ac_members_find(beginning.data, beginning.len, &type, 1) &&
	     type.is_string;
	if (ok)
		found = find_type(&type);
	ac_buf_clear(&beginning);
	if (!ok || (found != NULL && found->decode != pass_json &&
		       found->decode != note_metadata))
		fail(decoder, AC_STREAM_ERROR_TOO_LONG);
	else
		ac_sse_skip(&decoder->sse);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Finds a part's members, or none. Returns what they lie in, to be freed, if
 * a value that nobody needs had to be taken out first, otherwise NULL. */
static char *
find_members(struct part *part)
{
	char *mended;

	if (ac_members_find(part->json, part->len, part->members, MEMBERS))
		return NULL;
	mended = ac_memdup(part->json, part->len);
	ac_value_mend(mended, part->len);
	if (!ac_members_find(mended, part->len, part->members, MEMBERS))
		part->members[MEMBER_TYPE].is_string = false;
	return mended;
}

static void
decode_part(struct ac_uistream *decoder, const char *json, size_t len)
{
	struct part part;
	const struct part_type *type;
	char *mended;

	while (len > 0 && is_space(json[len - 1]))
		len--;
	while (len > 0 && is_space(json[0])) {
		json++;
		len--;
	}
	part = (struct part){.json = json, .len = len};
	for (size_t i = 0; i < MEMBERS; i++)
		part.members[i].name = member_names[i];
	mended = find_members(&part);
	if (!part.members[MEMBER_TYPE].is_string) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
	} else if ((type = find_type(&part.members[MEMBER_TYPE])) != NULL) {
		part.event = type->event;
		type->decode(decoder, &part);
	}
	free(mended);
}

/* A block's id as plain bytes: where they lie, or in out (to be cleared). */
static bool
read_id(
    const struct part *part, struct ac_buf *out, const char **id, size_t *len)
{
	const struct ac_member *member = &part->members[MEMBER_ID];

	ac_buf_init(out, AC_UISTREAM_EVENT_MAX);
	if (!member->is_string)
		return false;
	*id = member->value + 1;
	*len = member->len - 2;
	if (member->report.state == AC_LITERAL_CLEAN &&
	    memchr(*id, '\\', *len) == NULL)
		return true;
	if (!ac_literal_decode(out, *id, *len))
		return false;
	*id = out->data;
	*len = out->len;
	return true;
}

/* The number of the open block that the part is for; 0 where there is none,
 * which is no stream that the package writes or reads. */
static uint64_t
find_block(struct ac_uistream *decoder, const struct part *part)
{
	struct ac_buf decoded;
	uint64_t number = 0;
	const char *id;
	size_t len;

	if (read_id(part, &decoded, &id, &len))
		number = ac_blocks_find(&decoder->blocks, part->event, id, len);
	ac_buf_clear(&decoded);
	return number;
}

static void
begin_block(struct ac_uistream *decoder, const struct part *part)
{
	struct ac_buf decoded;
	const char *id;
	size_t len;

	if (!read_id(part, &decoded, &id, &len))
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
	else if (!ac_blocks_open(&decoder->blocks, part->event, id, len))
		fail(decoder, AC_STREAM_ERROR_TOO_LONG);
	ac_buf_clear(&decoded);
}

static void
decode_delta(struct ac_uistream *decoder, const struct part *part)
{
	const struct ac_member *delta = &part->members[MEMBER_DELTA];
	struct ac_text_piece piece = {
	    .type = part->event,
	    .source = find_block(decoder, part),
	};

	if (piece.source == 0 || !delta->is_string) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	piece.literal = delta->value + 1;
	piece.len = delta->len - 2;
	piece.report = delta->report;
	ac_textjoin_add(&decoder->texts, &piece);
}

static void
end_block(struct ac_uistream *decoder, const struct part *part)
{
	uint64_t number = find_block(decoder, part);

	if (number == 0) {
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
		return;
	}
	ac_textjoin_flush_source(&decoder->texts, part->event, number);
	ac_blocks_close(&decoder->blocks, number);
}

/* What is passed on must be JSON to the last byte. A line feed stands between
 * tokens, where data came in several lines, and is not to break a line of
 * whoever passes it on further. */
static void
pass_json(struct ac_uistream *decoder, const struct part *part)
{
	struct ac_event event = {
	    .type = part->event,
	    .json = part->json,
	    .json_len = part->len,
	};
	json_t *value = ac_json_parse_lenient(part->json, part->len);
	char *flat = NULL;

	/* Nobody needs it to read the answer. */
	if (value == NULL)
		return;
	json_decref(value);
	if (memchr(part->json, '\n', part->len) != NULL) {
		event.json = flat = ac_memdup(part->json, part->len);
		for (size_t i = 0; i < part->len; i++) {
			if (flat[i] == '\n')
				flat[i] = ' ';
		}
	}
	emit(decoder, &event);
	free(flat);
}

/* The metadata are the site's own; many put the usage there. */
static void
read_usage(struct ac_uistream *decoder, const struct part *part)
{
	const struct ac_member *member = &part->members[MEMBER_METADATA];
	json_t *metadata;

	if (member->value == NULL || member->is_string)
		return;
	metadata = ac_json_parse_lenient(member->value, member->len);
	ac_value_update_usage(
	    &decoder->usage, json_object_get(metadata, "usage"));
	ac_value_update_usage(
	    &decoder->total_usage, json_object_get(metadata, "totalUsage"));
	json_decref(metadata);
}

static void
begin_message(struct ac_uistream *decoder, const struct part *part)
{
	read_usage(decoder, part);
	pass_json(decoder, part);
}

static void
note_metadata(struct ac_uistream *decoder, const struct part *part)
{
	read_usage(decoder, part);
	pass_json(decoder, part);
}

static void
begin_step(struct ac_uistream *decoder, const struct part *part)
{
	ac_textjoin_flush(&decoder->texts);
	decoder->step_open = true;
	decoder->step_said = false;
	pass_json(decoder, part);
}

/* It carries neither reason nor usage. Blocks stay open: version 7 lets a
 * step end while a block of another is not over. */
static void
end_step(struct ac_uistream *decoder, const struct part *part)
{
	const struct ac_event event = {
	    .type = part->event,
	    .finish = AC_FINISH_UNKNOWN,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	};

	ac_textjoin_flush(&decoder->texts);
	decoder->step_open = false;
	emit(decoder, &event);
}

/* Takes back what the step has said (version 7). What was passed on cannot
 * be taken back, so it is a failure then. */
static void
reset_step(struct ac_uistream *decoder, const struct part *part)
{
	static const char text[] =
	    "The upstream took back a part of its answer.";

	AC_UNUSED(part);
	ac_textjoin_flush(&decoder->texts);
	ac_blocks_clear(&decoder->blocks);
	if (decoder->step_said)
		fail_with_text(decoder, text, strlen(text));
}

/* Several streams that were merged each bring one; the last reason counts,
 * but no reason takes an error back, and text may follow. */
static void
note_finish(struct ac_uistream *decoder, const struct part *part)
{
	const struct ac_member *member = &part->members[MEMBER_FINISH_REASON];

	read_usage(decoder, part);
	decoder->has_finish = true;
	if (!member->is_string)
		return;
	decoder->has_reason = true;
	if (ac_literal_equals(
		member->value + 1, member->len - 2, "interrupted"))
		/* Version 7: the model's own stream was cut. */
		fail(decoder, AC_STREAM_ERROR_CUT);
	else if (decoder->finish != AC_FINISH_ERROR)
		decoder->finish =
		    ac_value_finish_literal(member->value + 1, member->len - 2);
}

/* json: a string or, since nobody is to miss an error, anything. */
static void
fail_with_value(struct ac_uistream *decoder, const char *json, size_t len)
{
	struct ac_buf text;

	ac_buf_init(
	    &text, (size_t)AC_UISTREAM_EVENT_MAX * AC_LITERAL_ESCAPE_LEN);
	if (ac_value_error_text(&text, json, len))
		fail_with_text(decoder, text.data, text.len);
	else
		fail(decoder, AC_STREAM_ERROR_MALFORMED);
	ac_buf_clear(&text);
}

static void
decode_error(struct ac_uistream *decoder, const struct part *part)
{
	const struct ac_member *text = &part->members[MEMBER_ERROR_TEXT];

	if (text->value != NULL)
		fail_with_value(decoder, text->value, text->len);
	else
		fail_with_value(decoder, part->json, part->len);
}

/* Version 5 gives no reason. */
static void
decode_abort(struct ac_uistream *decoder, const struct part *part)
{
	static const char no_reason[] = "The upstream aborted its answer.";
	const struct ac_member *reason = &part->members[MEMBER_REASON];

	if (reason->is_string && reason->len > strlen("\"\""))
		fail_with_value(decoder, reason->value, reason->len);
	else
		fail_with_text(decoder, no_reason, strlen(no_reason));
}

static int64_t
choose_count(int64_t first, int64_t second)
{
	return first != AC_TOKENS_UNKNOWN ? first : second;
}

/* [DONE]: without a finish part it is a good end too, unless a step is
 * open, which then broke off. */
static void
finish(struct ac_uistream *decoder)
{
	const struct ac_usage *total = &decoder->total_usage;
	struct ac_event event = {
	    .type = AC_EVENT_FINISH,
	    .finish = decoder->finish,
	    .usage.prompt_tokens = choose_count(
		total->prompt_tokens, decoder->usage.prompt_tokens),
	    .usage.completion_tokens = choose_count(
		total->completion_tokens, decoder->usage.completion_tokens),
	};

	if (!decoder->has_finish && decoder->step_open) {
		fail(decoder, AC_STREAM_ERROR_CUT);
		return;
	}
	ac_textjoin_flush(&decoder->texts);
	if (!decoder->has_reason)
		event.finish =
		    decoder->said ? AC_FINISH_STOP : AC_FINISH_UNKNOWN;
	decoder->done = true;
	emit(decoder, &event);
}
