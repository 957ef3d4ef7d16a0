/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A short log of events: see event_log.h. */
#include "support/event_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/literal.h"

enum { LOG_MAX = 16 * 1024 * 1024 };

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

void
event_log_init(struct event_log *log, enum event_log_form form)
{
	*log = (struct event_log){.form = form, .last = AC_EVENT_TYPES};
	ac_buf_init(&log->out, LOG_MAX);
}

void
event_log_clear(struct event_log *log)
{
	ac_buf_clear(&log->out);
}

void
event_log_reset(struct event_log *log)
{
	struct ac_buf out = log->out;

	ac_buf_reset(&out);
	*log = (struct event_log){
	    .form = log->form, .out = out, .last = AC_EVENT_TYPES};
}

static void
add(struct event_log *log, const char *s)
{
	if (!ac_buf_add_string(&log->out, s))
		log->problem = "too much to write down";
}

static void
add_number(struct event_log *log, int64_t number)
{
	char digits[24] = "?";

	if (number != AC_TOKENS_UNKNOWN)
		snprintf(digits, sizeof(digits), "%" PRId64, number);
	add(log, digits);
}

/* Completes what texts of the same kind were added to. */
static void
close_run(struct event_log *log)
{
	if (log->dropped > 0) {
		add(log, "r");
		add_number(log, (int64_t)log->dropped);
	} else if (log->last == AC_EVENT_TEXT ||
		   log->last == AC_EVENT_REASONING) {
		add(log, "]");
	}
	log->dropped = 0;
}

static void
add_text(struct event_log *log, const struct ac_event *event)
{
	struct ac_literal_report report =
	    ac_literal_check(event->literal, event->literal_len);
	bool ok;

	if (report.state != AC_LITERAL_CLEAN)
		log->problem = "a literal that is not clean";
	if (report.text_len != event->text_len)
		log->problem = "a text_len that is not the text's";
	if (event->literal_len == 0)
		log->problem = "a text without a character";
	ok = log->form == EVENT_LOG_DECODED
		 ? ac_literal_decode(
		       &log->out, event->literal, event->literal_len)
		 : ac_buf_add(&log->out, event->literal, event->literal_len);
	if (!ok)
		log->problem = "too much to write down";
}

static void
add_finish(struct event_log *log, const struct ac_event *event)
{
	add(log, "F(");
	add(log, finish_names[event->finish]);
	if (event->usage.prompt_tokens != AC_TOKENS_UNKNOWN ||
	    event->usage.completion_tokens != AC_TOKENS_UNKNOWN) {
		add(log, ",");
		add_number(log, event->usage.prompt_tokens);
		add(log, ",");
		add_number(log, event->usage.completion_tokens);
	}
	add(log, ")");
}

static void
add_event(struct event_log *log, const struct ac_event *event)
{
	switch (event->type) {
	case AC_EVENT_TEXT:
	case AC_EVENT_REASONING:
		add_text(log, event);
		break;
	case AC_EVENT_STEP:
		add(log, "S");
		break;
	case AC_EVENT_FINISH:
		add_finish(log, event);
		break;
	case AC_EVENT_ERROR:
		add(log, "!(");
		add(log, error_names[event->error]);
		add(log, ")");
		break;
	case AC_EVENT_END:
		add(log, "E");
		break;
	case AC_EVENT_TEXT_WAS_REASONING:
		add(log, event->dropped ? "w" : "W");
		break;
	case AC_EVENT_START:
	case AC_EVENT_TOOL_CALL:
	case AC_EVENT_TOOL_CALL_START:
	case AC_EVENT_TOOL_CALL_DELTA:
	case AC_EVENT_TOOL_RESULT:
	case AC_EVENT_EXTRA:
		add(log, "X");
		break;
	case AC_EVENT_TYPES:
		log->problem = "no type of event";
		break;
	}
}

/* The order that event.h lays down. */
static void
check_order(struct event_log *log, const struct ac_event *event)
{
	if (log->over)
		log->problem = "an event after ERROR or END";
	if (log->finished && event->type != AC_EVENT_END)
		log->problem = "something else than END after FINISH";
	if (event->type == AC_EVENT_FINISH)
		log->finished = true;
	if (event->type == AC_EVENT_ERROR || event->type == AC_EVENT_END)
		log->over = true;
}

void
event_log_on_event(const struct ac_event *event, void *arg)
{
	struct event_log *log = arg;
	bool is_text =
	    event->type == AC_EVENT_TEXT || event->type == AC_EVENT_REASONING;
	bool is_dropped = is_text && event->dropped;

	check_order(log, event);
	log->events++;
	log->last_event = event;
	if (is_dropped && event->literal_len != 0)
		log->problem = "a dropped text that is there";
	if (is_dropped && log->dropped > 0) {
		log->dropped += event->text_len;
		return;
	}
	if (event->type != log->last || !is_text || is_dropped) {
		close_run(log);
		if (log->out.len > 0)
			add(log, " ");
		if (is_text && !is_dropped)
			add(log, event->type == AC_EVENT_TEXT ? "T[" : "R[");
	}
	log->last = is_dropped ? AC_EVENT_TYPES : event->type;
	if (is_dropped)
		log->dropped = event->text_len;
	else
		add_event(log, event);
}

const char *
event_log_string(struct event_log *log)
{
	close_run(log);
	log->last = AC_EVENT_TYPES;
	return ac_buf_string(&log->out);
}

void
event_log_tell(ac_event_fn *stage, void *arg, enum ac_event_type type,
    const char *literal, size_t len)
{
	struct ac_event event = {
	    .type = type,
	    .literal_len = len,
	    .text_len = ac_literal_check(literal, len).text_len,
	};
	char *copy = ac_malloc(len);

	if (len > 0)
		memcpy(copy, literal, len);
	event.literal = copy;
	stage(&event, arg);
	free(copy);
}

void
event_log_tell_plain(ac_event_fn *stage, void *arg, enum ac_event_type type)
{
	struct ac_event event = {
	    .type = type,
	    .finish = AC_FINISH_STOP,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	    .error = type == AC_EVENT_ERROR ? AC_STREAM_ERROR_CUT
					    : AC_STREAM_ERROR_NONE,
	};

	stage(&event, arg);
}
