/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One answer, checked while it comes: see answer.h. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plan.h"
#include "wire.h"

enum { LINE_MAX_LEN = 64 * 1024 * 1024 };

enum {
	IN_HEAD,
	IN_SIZE,      /* the line before a chunk */
	IN_BODY,      /* a chunk, or a body with a length */
	BEHIND_CHUNK, /* its CR LF */
	IN_TRAILER,   /* the empty line behind the last chunk */
	AT_END,
};

void
answer_init(struct answer *answer, const struct answer_wish *wish)
{
	*answer = (struct answer){.wish = wish};
}

void
answer_clear(struct answer *answer)
{
	free(answer->line);
	answer->line = NULL;
}

void
answer_reset(struct answer *answer)
{
	free(answer->line);
	answer_init(answer, answer->wish);
}

static void
fail(struct answer *answer, const char *problem)
{
	if (answer->problem == NULL)
		answer->problem = problem;
}

/* Appends to what is kept for later. */
static void
keep(struct answer *answer, const char *data, size_t len)
{
	size_t wanted = answer->line_len + len + 1;

	if (wanted > LINE_MAX_LEN) {
		fail(answer, "a line is too long");
		return;
	}
	if (wanted > answer->line_size) {
		answer->line_size = 2 * wanted;
		answer->line = realloc(answer->line, answer->line_size);
		if (answer->line == NULL)
			wire_fatal("out of memory");
	}
	memcpy(answer->line + answer->line_len, data, len);
	answer->line_len += len;
	answer->line[answer->line_len] = '\0';
}

/* ---- what the body says -------------------------------------------------- */

static void
take_text(struct answer *answer, const char *text, size_t len)
{
	if (!plan_matches(answer->wish->delta_len, answer->text_len, text, len))
		fail(answer, "the text is not what was sent");
	answer->text_len += len;
}

/* The texts are free of escapes, so that the next quote ends one. */
static void
take_string(struct answer *answer, const char *line, const char *before)
{
	const char *text = strstr(line, before);
	const char *end;

	if (text == NULL)
		return;
	text += strlen(before);
	end = strchr(text, '"');
	if (end == NULL)
		fail(answer, "a string does not end");
	else
		take_text(answer, text, (size_t)(end - text));
}

static void
take_app_line(struct answer *answer, const char *line)
{
	if (strncmp(line, "0:", 2) == 0)
		take_string(answer, line, "0:\"");
	else if (strncmp(line, "3:", 2) == 0)
		fail(answer, "an error came in the stream");
	else if (strncmp(line, "d:", 2) == 0)
		answer->finished = answer->ended = true;
}

static void
take_event(struct answer *answer, const char *line)
{
	if (line[0] == '\0' || line[0] == ':')
		return;
	if (strncmp(line, "data: ", 6) != 0)
		fail(answer, "a line is not an event's");
	else if (strcmp(line, "data: [DONE]") == 0)
		answer->ended = true;
	else if (strstr(line, "\"error\"") != NULL)
		fail(answer, "an error came in the stream");
	else if (strstr(line, "\"finish_reason\":\"stop\"") != NULL)
		answer->finished = true;
	else
		take_string(answer, line, "\"content\":\"");
}

/* Takes the lines that are complete and keeps what is not. */
static void
take_lines(struct answer *answer, const char *data, size_t len)
{
	const char *end;

	while ((end = memchr(data, '\n', len)) != NULL) {
		keep(answer, data, (size_t)(end - data));
		len -= (size_t)(end + 1 - data);
		data = end + 1;
		if (answer->wish->form == ANSWER_APP)
			take_app_line(answer, answer->line);
		else
			take_event(answer, answer->line);
		answer->line_len = 0;
	}
	keep(answer, data, len);
}

static void
take_body(struct answer *answer, const char *data, size_t len)
{
	if (answer->wish->form == ANSWER_APP ||
	    answer->wish->form == ANSWER_STREAM)
		take_lines(answer, data, len);
	else
		keep(answer, data, len);
}

/* The body has come to its end. */
static void
take_end(struct answer *answer)
{
	uint64_t wanted = answer->wish->deltas * answer->wish->delta_len;

	answer->state = AT_END;
	answer->whole = true;
	if (answer->wish->form == ANSWER_MODELS) {
		if (answer->line == NULL ||
		    strstr(answer->line, "\"Bench-Model-14\"") == NULL)
			fail(answer, "the list of models is not whole");
		return;
	}
	if (answer->wish->form == ANSWER_WHOLE) {
		const char *line = answer->line == NULL ? "" : answer->line;

		take_string(answer, line, "\"content\":\"");
		answer->finished = answer->ended =
		    strstr(line, "\"finish_reason\":\"stop\"") != NULL;
	}
	if (!answer->finished || !answer->ended)
		fail(answer, "an answer ended early");
	else if (answer->text_len != wanted)
		fail(answer, "text is missing");
}

/* ---- HTTP ---------------------------------------------------------------- */

/* The head is in line, without its last line's end. */
static void
take_head(struct answer *answer)
{
	const char *length = strcasestr(answer->line, "\r\nContent-Length:");

	answer->chunked =
	    strcasestr(answer->line, "\r\nTransfer-Encoding: chunked") != NULL;
	if (strncmp(answer->line, "HTTP/1.1 200 ", 13) != 0)
		fail(answer, "the status is not 200");
	else if (!answer->chunked && length == NULL)
		fail(answer, "an answer has no framing");
	answer->state = answer->chunked ? IN_SIZE : IN_BODY;
	if (length != NULL)
		answer->body_left =
		    strtoull(strchr(length + 2, ':') + 1, NULL, 10);
	if (strcasestr(answer->line, "\r\nConnection: close") != NULL)
		fail(answer, "the connection is to be closed");
	answer->line_len = 0;
	if (!answer->chunked && answer->body_left == 0)
		take_end(answer);
}

/* A byte of a head, of a chunk's size, or of what stands behind a chunk. */
static void
feed_framing(struct answer *answer, char byte)
{
	if (answer->state == IN_HEAD) {
		keep(answer, &byte, 1);
		if (byte == '\n' && answer->line_len >= 4 &&
		    memcmp(answer->line + answer->line_len - 4, "\r\n\r\n",
			4) == 0)
			take_head(answer);
		return;
	}
	if (answer->state == IN_SIZE && byte != '\n') {
		if (byte != '\r')
			answer->body_left =
			    16 * answer->body_left +
			    (uint64_t)(byte <= '9' ? byte - '0'
						   : (byte | 32) - 'a' + 10);
	} else if (answer->state == IN_SIZE) {
		answer->state = answer->body_left == 0 ? IN_TRAILER : IN_BODY;
	} else if (answer->state == BEHIND_CHUNK && byte == '\n') {
		answer->state = IN_SIZE;
	} else if (answer->state == IN_TRAILER && byte == '\n') {
		take_end(answer);
	}
}

void
answer_feed(struct answer *answer, const char *data, size_t len)
{
	while (len > 0 && answer->problem == NULL) {
		size_t used = 1;

		if (answer->state == AT_END) {
			fail(answer, "something came behind an answer");
		} else if (answer->state == IN_BODY) {
			used = len < answer->body_left
				   ? len
				   : (size_t)answer->body_left;
			take_body(answer, data, used);
			answer->body_left -= used;
			if (answer->body_left == 0 && answer->chunked)
				answer->state = BEHIND_CHUNK;
			else if (answer->body_left == 0)
				take_end(answer);
		} else {
			feed_framing(answer, *data);
		}
		data += used;
		len -= used;
	}
}
