/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One answer in the making: the upstream's bytes go in, the client's bytes
 * come out, and at every moment it says how far it is. No I/O and no time: it
 * is handle_chat.c that knows of connections and deadlines.
 *
 *	bytes -> decoder -> think, stop, limit -> frames or one object
 *
 * The model that draws answers with a job instead of text. When its picture
 * is there, it becomes the answer's text, as Markdown.
 */
#ifndef AC_API_CHAT_ANSWER_H
#define AC_API_CHAT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "codec/completion.h"
#include "codec/stop.h"
#include "codec/think.h"
#include "upstream/chat.h"

struct ac_chat_answer;
struct ac_image_text;
struct evbuffer;

/* What the client asked for; read and not kept. */
struct ac_chat_answer_wish {
	enum ac_completion_form form;
	const char *model;
	bool stream;
	bool include_usage; /* of a stream */
	enum ac_reasoning reasoning;
	const struct ac_stop_string *stops;
	size_t stop_count;
	int64_t max_tokens; /* 0: no limit */
	int64_t prompt_len; /* bytes of text that were asked */
	bool draws;         /* the model is the one that draws */
};

enum ac_chat_answer_state {
	AC_CHAT_ANSWER_WAITING, /* nothing has come that proves an answer */
	AC_CHAT_ANSWER_BEGUN,
	/* The upstream draws; the answer is to be put by the caller. */
	AC_CHAT_ANSWER_DRAWING,
	AC_CHAT_ANSWER_FINISHED, /* it is whole */
	AC_CHAT_ANSWER_FAILED,
};

struct ac_chat_answer *ac_chat_answer_new(
    const struct ac_chat_answer_wish *wish);

/* answer may be NULL. */
void ac_chat_answer_free(struct ac_chat_answer *answer);

/* What the body is written in; once, before the first of it. */
void ac_chat_answer_open(
    struct ac_chat_answer *answer, enum ac_chat_protocol protocol);

/* len bytes of the body, cut anywhere. What comes after the answer is
 * FINISHED or FAILED is not looked at. */
void ac_chat_answer_feed(
    struct ac_chat_answer *answer, const char *data, size_t len);

/* The body ended as HTTP says it should: the answer is over, whole or not. */
void ac_chat_answer_end(struct ac_chat_answer *answer);

/* The job that is to be waited for, while it is DRAWING. */
const char *ac_chat_answer_job_id(const struct ac_chat_answer *answer);

/* What the job draws, from DRAWING on; borrowed. */
const struct ac_image_text *ac_chat_answer_drawn_prompt(
    const struct ac_chat_answer *answer);

/* The job's picture is at url: from DRAWING to FINISHED. */
void ac_chat_answer_put_picture(struct ac_chat_answer *answer, const char *url);

/* The body broke off. True where a whole job had come: DRAWING then, since
 * nothing is missing of it. */
AC_MUST_CHECK bool ac_chat_answer_end_early(struct ac_chat_answer *answer);

enum ac_chat_answer_state ac_chat_answer_state(
    const struct ac_chat_answer *answer);

/* Whether a text or a reasoning has come, though it may be held back. */
bool ac_chat_answer_was_heard(const struct ac_chat_answer *answer);

/* Why it FAILED. */
const struct ac_error *ac_chat_answer_error(
    const struct ac_chat_answer *answer);

/* Whether it was FINISHED here, by a stop string or a limit, while the
 * upstream may go on. */
bool ac_chat_answer_is_cut(const struct ac_chat_answer *answer);

/* What was used, once it is FINISHED; estimates where nobody counted. */
const struct ac_usage *ac_chat_answer_usage(
    const struct ac_chat_answer *answer);

/* Of a stream: the frames that are to be sent, which the caller drains. */
struct evbuffer *ac_chat_answer_frames(struct ac_chat_answer *answer);

/* Of an answer that is not streamed, FINISHED: appends its JSON to out, once.
 */
void ac_chat_answer_write(struct ac_chat_answer *answer, struct evbuffer *out);

#endif
