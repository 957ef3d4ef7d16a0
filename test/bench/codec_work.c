/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Work for instructions.py to count: an answer with so many deltas goes from
 * the upstream's bytes to the client's, without sockets and without a loop.
 *
 *	codec_work CASE DELTAS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_answer.h"
#include "base/attr.h"

/* One way of being asked and answered. */
struct work {
	const char *name;
	enum ac_chat_protocol protocol;
	const char *head;
	const char *delta;
	int deltas_in_read; /* how many one read of the upstream brings */
	bool stream;
	bool has_stop;
	int64_t max_tokens;
};

#define UI_HEAD                               \
	"data: {\"type\":\"start\"}\n\n"      \
	"data: {\"type\":\"start-step\"}\n\n" \
	"data: {\"type\":\"text-start\",\"id\":\"0\"}\n\n"

static const struct work works[] = {
    {
	.name = "stream",
	.protocol = AC_CHAT_DATA_STREAM,
	.head = "f:{\"messageId\":\"msg-12\"}\n",
	.delta = "0:\" word 12345\"\n",
	.deltas_in_read = 1,
	.stream = true,
    },
    {
	.name = "burst",
	.protocol = AC_CHAT_DATA_STREAM,
	.head = "f:{\"messageId\":\"msg-12\"}\n",
	.delta = "0:\" word 12345\"\n",
	.deltas_in_read = 100,
	.stream = true,
    },
    {
	.name = "escapes",
	.protocol = AC_CHAT_DATA_STREAM,
	.head = "f:{\"messageId\":\"msg-12\"}\n",
	.delta = "0:\"\\n\\t\\\"\xc3\xa9\xe2\x82\xac\\u0001\\ud83d\\ude00\"\n",
	.deltas_in_read = 1,
	.stream = true,
    },
    {
	.name = "whole",
	.protocol = AC_CHAT_DATA_STREAM,
	.head = "f:{\"messageId\":\"msg-12\"}\n",
	.delta = "0:\" word 12345\"\n",
	.deltas_in_read = 1,
    },
    {
	.name = "stages",
	.protocol = AC_CHAT_DATA_STREAM,
	.head = "f:{\"messageId\":\"msg-12\"}\n",
	.delta = "0:\" word 12345\"\n",
	.deltas_in_read = 1,
	.stream = true,
	.has_stop = true,
	.max_tokens = 1000000,
    },
    {
	.name = "uistream",
	.protocol = AC_CHAT_UI_STREAM,
	.head = UI_HEAD,
	.delta = "data: {\"type\":\"text-delta\",\"id\":\"0\","
		 "\"delta\":\" word 12345\"}\n\n",
	.deltas_in_read = 1,
	.stream = true,
    },
};

static void
fail(const char *what)
{
	fprintf(stderr, "codec_work: %s\n", what);
	exit(2);
}

static struct ac_chat_answer *
new_answer(const struct work *work)
{
	static const struct ac_stop_string stop = {
	    .text = "Observation:",
	    .len = 12,
	};
	struct ac_chat_answer_wish wish = {
	    .form = AC_COMPLETION_CHAT,
	    .model = "Meta-Llama-3-3-70B-Instruct",
	    .stream = work->stream,
	    .reasoning = AC_REASONING_FIELD,
	    .stops = &stop,
	    .stop_count = work->has_stop ? 1 : 0,
	    .max_tokens = work->max_tokens,
	    .prompt_len = 10,
	};
	struct ac_chat_answer *answer = ac_chat_answer_new(&wish);

	ac_chat_answer_open(answer, work->protocol);
	ac_chat_answer_feed(answer, work->head, strlen(work->head));
	return answer;
}

/* What has come of the text so far, which is not kept. */
static size_t
drain(const struct work *work, struct ac_chat_answer *answer)
{
	struct evbuffer *frames;
	size_t len;

	if (!work->stream)
		return 0;
	frames = ac_chat_answer_frames(answer);
	len = evbuffer_get_length(frames);
	evbuffer_drain(frames, len);
	return len;
}

static void
run(const struct work *work, long deltas)
{
	size_t len = strlen(work->delta);
	size_t piece_len = len * (size_t)work->deltas_in_read;
	char *piece = malloc(piece_len);
	struct ac_chat_answer *answer = new_answer(work);
	size_t written = 0;

	if (piece == NULL)
		fail("out of memory");
	for (int i = 0; i < work->deltas_in_read; i++)
		memcpy(piece + (size_t)i * len, work->delta, len);
	for (long i = 0; i < deltas; i += work->deltas_in_read) {
		ac_chat_answer_feed(answer, piece, piece_len);
		written += drain(work, answer);
	}
	if (ac_chat_answer_state(answer) != AC_CHAT_ANSWER_BEGUN ||
	    (work->stream && written < (size_t)deltas * len))
		fail("the answer is not what it should be");
	ac_chat_answer_free(answer);
	free(piece);
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage: codec_work CASE DELTAS");
	for (size_t i = 0; i < AC_LENGTH(works); i++) {
		if (strcmp(argv[1], works[i].name) == 0) {
			run(&works[i], strtol(argv[2], NULL, 10));
			return 0;
		}
	}
	fail("no such case");
}
