/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a client of the server gets: reads HTTP answers as strictly as they
 * are to be written, and ends the run where one is not.
 */
#ifndef AC_TEST_ANSWER_H
#define AC_TEST_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "fuzz.h"

struct answer {
	int status;
	char type[64]; /* its Content-Type, without parameters */
	bool is_whole; /* the framing says so */
	bool
	    ends_itself; /* with a length, chunks or nothing; else by closing */
	bool closes;     /* Connection: close */
	struct ac_buf body;
};

enum answer_method { ANSWER_TO_ANY, ANSWER_TO_HEAD };

/* Reads the next answer of what came, interim ones skipped; returns how many
 * bytes it has. 0: there is no whole head, and nothing to clear. ended: the
 * connection was closed behind these bytes, which end with a NUL that does not
 * count. */
size_t answer_read(struct answer *answer, const char *data, size_t len,
    bool ended, enum answer_method method);

void answer_clear(struct answer *answer);

/* Checks the body of a whole answer: JSON is JSON, an error says what it is,
 * a stream has frames of JSON and ends with [DONE] or one error. */
void answer_check(const struct answer *answer);

/* The text of a chat's or a completion's choices, reasoning too, joined, and
 * then its finish_reason; to be freed with ac_buf_clear(). */
struct ac_buf answer_text(const struct answer *answer);

#endif
