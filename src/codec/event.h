/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a decoder says about an answer and an encoder is told: the one
 * vocabulary between the upstream's protocols and the clients' APIs.
 *
 * An answer is START*, then TEXT, REASONING, TOOL… and EXTRA in any order,
 * STEP where a step of several ends, and last either FINISH and END or one
 * ERROR. Nothing follows ERROR or END. A stage between the two (think.h,
 * stop.h, limit.h) is an ac_event_fn that calls the next one; one that cuts
 * an answer short says FINISH and then nothing, not even END.
 */
#ifndef AC_CODEC_EVENT_H
#define AC_CODEC_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ac_event_type {
	AC_EVENT_START,     /* a step of the answer begins */
	AC_EVENT_TEXT,      /* literal: a piece of the answer, not empty */
	AC_EVENT_REASONING, /* literal: a piece of the thinking */
	AC_EVENT_TOOL_CALL, /* json: a whole call */
	AC_EVENT_TOOL_CALL_START, /* json: a call whose arguments follow */
	AC_EVENT_TOOL_CALL_DELTA, /* json: a piece of those arguments */
	AC_EVENT_TOOL_RESULT,     /* json */
	AC_EVENT_EXTRA,           /* json: data, sources, files, annotations */
	AC_EVENT_STEP,            /* finish, usage: a step ended */
	AC_EVENT_FINISH,          /* finish, usage: the message ended */
	AC_EVENT_ERROR,           /* error, literal: the answer failed */
	AC_EVENT_END,             /* the stream ended as it should */
	/* All TEXT so far was thinking (think.h); text_len is 0. */
	AC_EVENT_TEXT_WAS_REASONING,
	AC_EVENT_TYPES
};

enum ac_finish {
	AC_FINISH_STOP,
	AC_FINISH_LENGTH,
	AC_FINISH_CONTENT_FILTER,
	AC_FINISH_TOOL_CALLS,
	AC_FINISH_ERROR,
	AC_FINISH_OTHER,
	AC_FINISH_UNKNOWN,
	AC_FINISHES
};

enum ac_stream_error {
	AC_STREAM_ERROR_NONE,
	AC_STREAM_ERROR_UPSTREAM,  /* the upstream said so: literal */
	AC_STREAM_ERROR_MALFORMED, /* bytes that are not the protocol */
	AC_STREAM_ERROR_TOO_LONG,  /* a line longer than is read */
	AC_STREAM_ERROR_CUT,       /* it ended without a finish */
};

enum { AC_TOKENS_UNKNOWN = -1 };

struct ac_usage {
	int64_t prompt_tokens;     /* or AC_TOKENS_UNKNOWN */
	int64_t completion_tokens; /* or AC_TOKENS_UNKNOWN */
};

struct ac_event {
	enum ac_event_type type;
	enum ac_finish finish;
	enum ac_stream_error error;
	struct ac_usage usage;
	/* REASONING: its literal was left out, its text_len kept, so that the
	 * consumer can count it and knows that the answer has begun.
	 * TEXT_WAS_REASONING: that text is to be left out likewise. */
	bool dropped;
	/* A checked JSON string literal without its quotes: valid UTF-8, no
	 * lone surrogate, fit to be copied into other JSON. Borrowed for the
	 * time of the callback; not NUL-terminated. */
	const char *literal;
	size_t literal_len;
	size_t text_len; /* bytes of UTF-8 that the literal stands for */
	/* A JSON value as it came, checked. Borrowed likewise. */
	const char *json;
	size_t json_len;
};

/* Receives one event; event is borrowed for the call. It may stop the
 * decoder that calls it, but not free it. */
typedef void ac_event_fn(const struct ac_event *event, void *arg);

#endif
