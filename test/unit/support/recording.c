/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writing down a decoder's events: see recording.h. */
#include "support/recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"

/* The interface that the decoders have in common. */
struct recording_protocol {
	void (*feed)(struct recording *, const char *data, size_t len);
	void (*end)(struct recording *);
	void (*stop)(struct recording *);
	void (*clear)(struct recording *);
};

static const char *const type_names[AC_EVENT_TYPES] = {
    [AC_EVENT_START] = "START",
    [AC_EVENT_TEXT] = "TEXT",
    [AC_EVENT_REASONING] = "REASONING",
    [AC_EVENT_TOOL_CALL] = "TOOL_CALL",
    [AC_EVENT_TOOL_CALL_START] = "TOOL_CALL_START",
    [AC_EVENT_TOOL_CALL_DELTA] = "TOOL_CALL_DELTA",
    [AC_EVENT_TOOL_RESULT] = "TOOL_RESULT",
    [AC_EVENT_EXTRA] = "EXTRA",
    [AC_EVENT_STEP] = "STEP",
    [AC_EVENT_FINISH] = "FINISH",
    [AC_EVENT_ERROR] = "ERROR",
    [AC_EVENT_END] = "END",
    [AC_EVENT_TEXT_WAS_REASONING] = "TEXT_WAS_REASONING",
};

static const char *const finish_names[AC_FINISHES] = {
    [AC_FINISH_STOP] = "stop",
    [AC_FINISH_LENGTH] = "length",
    [AC_FINISH_CONTENT_FILTER] = "content-filter",
    [AC_FINISH_TOOL_CALLS] = "tool-calls",
    [AC_FINISH_ERROR] = "error",
    [AC_FINISH_OTHER] = "other",
    [AC_FINISH_UNKNOWN] = "unknown",
};

static const char *const error_names[] = {
    [AC_STREAM_ERROR_NONE] = "none",
    [AC_STREAM_ERROR_UPSTREAM] = "upstream",
    [AC_STREAM_ERROR_MALFORMED] = "malformed",
    [AC_STREAM_ERROR_TOO_LONG] = "too-long",
    [AC_STREAM_ERROR_CUT] = "cut",
};

/* A literal must be a JSON string of text_len bytes to a strict parser. */
static void
check_literal(struct recording *recording, const struct ac_event *event)
{
	size_t len = event->literal_len + 2;
	char *json = ac_malloc(len);
	json_t *value;

	json[0] = json[len - 1] = '"';
	if (event->literal_len > 0)
		memcpy(json + 1, event->literal, event->literal_len);
	value = json_loadb(json, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json_is_string(value))
		recording->problem = "a literal that jansson refuses";
	else if (json_string_length(value) != event->text_len)
		recording->problem = "a text_len that is not the text's";
	json_decref(value);
	free(json);
}

static void
write_literal(FILE *out, const struct ac_event *event)
{
	fputs(" \"", out);
	if (event->literal_len > 0)
		fwrite(event->literal, 1, event->literal_len, out);
	fputc('"', out);
}

static void
write_count(FILE *out, const char *name, int64_t count)
{
	if (count == AC_TOKENS_UNKNOWN)
		fprintf(out, " %s=?", name);
	else
		fprintf(out, " %s=%" PRId64, name, count);
}

static void
write_event(FILE *out, const struct ac_event *event)
{
	fputs(type_names[event->type], out);
	switch (event->type) {
	case AC_EVENT_TEXT:
	case AC_EVENT_REASONING:
		write_literal(out, event);
		break;
	case AC_EVENT_START:
	case AC_EVENT_TOOL_CALL:
	case AC_EVENT_TOOL_CALL_START:
	case AC_EVENT_TOOL_CALL_DELTA:
	case AC_EVENT_TOOL_RESULT:
	case AC_EVENT_EXTRA:
		fputc(' ', out);
		fwrite(event->json, 1, event->json_len, out);
		break;
	case AC_EVENT_STEP:
	case AC_EVENT_FINISH:
		fprintf(out, " %s", finish_names[event->finish]);
		write_count(out, "prompt", event->usage.prompt_tokens);
		write_count(out, "completion", event->usage.completion_tokens);
		break;
	case AC_EVENT_ERROR:
		fprintf(out, " %s", error_names[event->error]);
		if (event->error == AC_STREAM_ERROR_UPSTREAM)
			write_literal(out, event);
		break;
	case AC_EVENT_END:
	case AC_EVENT_TEXT_WAS_REASONING:
	case AC_EVENT_TYPES:
		break;
	}
	fputc('\n', out);
}

static void
on_event(const struct ac_event *event, void *arg)
{
	struct recording *recording = arg;

	if (recording->over)
		recording->problem = "an event after ERROR or END";
	if (recording->finished && event->type != AC_EVENT_END)
		recording->problem = "something between FINISH and END";
	if (recording->stop_at != 0 && recording->events >= recording->stop_at)
		recording->problem = "an event after the stop";
	if (recording->checks)
		check_literal(recording, event);
	recording->over =
	    event->type == AC_EVENT_ERROR || event->type == AC_EVENT_END;
	recording->finished = event->type == AC_EVENT_FINISH;
	recording->decoded_len += event->text_len;
	write_event(recording->out, event);
	if (++recording->events == recording->stop_at)
		recording->protocol->stop(recording);
}

static void
feed_datastream(struct recording *recording, const char *data, size_t len)
{
	ac_datastream_feed(&recording->decoder.datastream, data, len);
}

static void
end_datastream(struct recording *recording)
{
	ac_datastream_end(&recording->decoder.datastream);
}

static void
stop_datastream(struct recording *recording)
{
	ac_datastream_stop(&recording->decoder.datastream);
}

static void
clear_datastream(struct recording *recording)
{
	ac_datastream_clear(&recording->decoder.datastream);
}

static const struct recording_protocol datastream = {
    .feed = feed_datastream,
    .end = end_datastream,
    .stop = stop_datastream,
    .clear = clear_datastream,
};

static void
feed_uistream(struct recording *recording, const char *data, size_t len)
{
	ac_uistream_feed(&recording->decoder.uistream, data, len);
}

static void
end_uistream(struct recording *recording)
{
	ac_uistream_end(&recording->decoder.uistream);
}

static void
stop_uistream(struct recording *recording)
{
	ac_uistream_stop(&recording->decoder.uistream);
}

static void
clear_uistream(struct recording *recording)
{
	ac_uistream_clear(&recording->decoder.uistream);
}

static const struct recording_protocol uistream = {
    .feed = feed_uistream,
    .end = end_uistream,
    .stop = stop_uistream,
    .clear = clear_uistream,
};

static void
start(struct recording *recording, const struct recording_protocol *protocol)
{
	*recording = (struct recording){.protocol = protocol};
	recording->out =
	    open_memstream(&recording->text, &recording->text_size);
	if (recording->out == NULL)
		ac_out_of_memory();
}

void
recording_start(struct recording *recording)
{
	start(recording, &datastream);
	ac_datastream_init(&recording->decoder.datastream, on_event, recording);
}

void
recording_start_uistream(struct recording *recording)
{
	start(recording, &uistream);
	ac_uistream_init(&recording->decoder.uistream, on_event, recording);
}

void
recording_feed(struct recording *recording, const char *data, size_t len)
{
	char *copy = ac_malloc(len);

	if (len > 0)
		memcpy(copy, data, len);
	recording->protocol->feed(recording, copy, len);
	free(copy);
}

void
recording_end(struct recording *recording)
{
	recording->protocol->end(recording);
	fclose(recording->out);
	recording->out = NULL;
}

void
recording_clear(struct recording *recording)
{
	if (recording->out != NULL)
		fclose(recording->out);
	free(recording->text);
	recording->protocol->clear(recording);
}
