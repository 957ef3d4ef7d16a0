/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Encoders for OpenAI's chat completions and its older completions (API
 * reference, "Chat Completions" and "Completions"): frames as server-sent
 * events, and one whole object. Both splice checked literals
 * (codec/literal.h) into text that is made once for each answer. A handler
 * calls the same functions for both forms.
 */
#ifndef AC_CODEC_COMPLETION_H
#define AC_CODEC_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "codec/event.h"

struct evbuffer;

enum ac_completion_form {
	AC_COMPLETION_CHAT, /* chat.completion and chat.completion.chunk */
	/* text_completion, also of a stream's frames. It has no place for a
	 * role and for reasoning: both are left out. */
	AC_COMPLETION_TEXT,
	AC_COMPLETION_FORMS
};

/* What every frame of one answer repeats. */
struct ac_completion_head {
	const char *id;    /* "chatcmpl-…" or "cmpl-…" */
	const char *model; /* UTF-8, not escaped */
	int64_t created;   /* seconds since 1970 */
	enum ac_completion_form form;
};

enum ac_chunk_usage {
	AC_CHUNK_USAGE_NONE, /* no frame mentions usage */
	AC_CHUNK_USAGE_LAST, /* stream_options.include_usage was set */
};

struct ac_chunk_encoder {
	char *head; /* owned: everything up to the choices */
	size_t head_len;
	enum ac_completion_form form;
	enum ac_chunk_usage usage;
};

/* head is read and not kept. */
void ac_chunk_encoder_init(struct ac_chunk_encoder *encoder,
    const struct ac_completion_head *head, enum ac_chunk_usage usage);

void ac_chunk_encoder_clear(struct ac_chunk_encoder *encoder);

/* Each appends one whole frame, its blank line included, to out. The order:
 * role, then texts and reasonings, then finish, then usage, then done.
 * Nothing is appended for usage unless it was asked for, for role and
 * reasoning in the form TEXT, and for an empty reasoning, such as one whose
 * literal was dropped (codec/think.h). */
void ac_chunk_add_role(struct ac_chunk_encoder *encoder, struct evbuffer *out);
void ac_chunk_add_text(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const char *literal, size_t len);
void ac_chunk_add_reasoning(struct ac_chunk_encoder *encoder,
    struct evbuffer *out, const char *literal, size_t len);
void ac_chunk_add_finish(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    enum ac_finish finish);
void ac_chunk_add_usage(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const struct ac_usage *usage);
void ac_chunk_add_done(struct evbuffer *out);

/* A comment, which clients ignore: it shows whoever stands between that the
 * stream is alive (WHATWG HTML, "Server-sent events"). At any place between
 * frames, in either form. */
void ac_chunk_add_comment(struct evbuffer *out);

/* Gathers a whole answer. */
struct ac_completion {
	struct evbuffer *content;   /* owned, literals one after the other */
	struct evbuffer *reasoning; /* owned, NULL while there is none */
	size_t max_len;             /* of both together, in bytes */
};

void ac_completion_init(struct ac_completion *completion, size_t max_len);

void ac_completion_clear(struct ac_completion *completion);

/* False if the answer would grow over max_len. */
AC_MUST_CHECK bool ac_completion_add_text(
    struct ac_completion *completion, const char *literal, size_t len);
AC_MUST_CHECK bool ac_completion_add_reasoning(
    struct ac_completion *completion, const char *literal, size_t len);

/* What AC_EVENT_TEXT_WAS_REASONING says: the text so far goes behind the
 * reasoning so far, or away. */
void ac_completion_move_text_to_reasoning(struct ac_completion *completion);
void ac_completion_drop_text(struct ac_completion *completion);

/* Appends the chat.completion or text_completion object to out and empties
 * the completion. */
void ac_completion_finish(struct ac_completion *completion,
    const struct ac_completion_head *head, enum ac_finish finish,
    const struct ac_usage *usage, struct evbuffer *out);

/* OpenAI's word for a finish: stop, length, content_filter or, in the form
 * CHAT, tool_calls. ERROR has none: an answer that failed is not finished. */
const char *ac_finish_name(enum ac_completion_form form, enum ac_finish finish);

#endif
