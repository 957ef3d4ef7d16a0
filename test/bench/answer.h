/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reads one HTTP answer after the other and checks that each is whole: its
 * framing, every byte of its text (plan.h), its finish and its end. It knows
 * the two forms that are compared: the app's data stream, which nginx passes,
 * and OpenAI's, which the program makes of it.
 */
#ifndef AC_BENCH_ANSWER_H
#define AC_BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_form {
	ANSWER_APP,    /* lines of the data stream */
	ANSWER_STREAM, /* chat.completion.chunk events */
	ANSWER_WHOLE,  /* one chat.completion */
	ANSWER_MODELS, /* a list of models, of either */
};

/* What every answer is to be. */
struct answer_wish {
	enum answer_form form;
	uint64_t deltas;
	uint64_t delta_len;
};

struct answer {
	const struct answer_wish *wish; /* borrowed */
	const char *problem;            /* NULL: none so far */
	bool whole;                     /* its end has come */
	uint64_t text_len;              /* so far */
	/* The rest is its own. */
	int state;
	bool finished;
	bool ended;
	uint64_t body_left; /* of the chunk, or of the body */
	bool chunked;
	char *line; /* owned: what is not complete yet */
	size_t line_len;
	size_t line_size;
};

void answer_init(struct answer *answer, const struct answer_wish *wish);
void answer_clear(struct answer *answer);

/* The next one is to come on the same connection. */
void answer_reset(struct answer *answer);

/* Feeds len bytes, which must not go beyond the answer. */
void answer_feed(struct answer *answer, const char *data, size_t len);

#endif
