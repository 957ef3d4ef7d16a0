/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stages between decoder and encoder, in the orders in which they are
 * put together: what comes out is the same whether a text comes whole, in
 * two pieces or in single characters, byte for byte, since every character
 * that stays keeps its literal form.
 *
 * The first byte chooses the mode, the scope and the limit, the second where
 * texts are cut in two. Then come lines: a letter, and a literal behind T
 * (text), R (reasoning) and s (a stop string).
 */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "codec/limit.h"
#include "codec/literal.h"
#include "codec/stop.h"
#include "codec/think.h"
#include "fuzz.h"
#include "support/event_log.h"

struct line {
	const char *text;
	size_t len;
};

enum fragmentation { WHOLE, IN_TWO, CHARACTERS };

struct settings {
	enum ac_reasoning mode;
	enum ac_think_scope scope;
	int64_t max_tokens;
	size_t cut_at;
	struct ac_buf texts[AC_STOP_MAX];
	struct ac_stop_string strings[AC_STOP_MAX];
	size_t count;
};

/* All stages and what comes of them. */
struct pipe {
	ac_event_fn *first;
	void *arg;
	struct ac_think think;
	struct ac_stop stop;
	struct ac_limit limit;
	struct event_log log;
};

/* Takes a line off the input; false at its end. */
static bool
next_line(const char **data, size_t *len, struct line *line)
{
	const char *end;

	if (*len == 0)
		return false;
	end = memchr(*data, '\n', *len);
	line->text = *data;
	line->len = end == NULL ? *len : (size_t)(end - *data);
	*data += line->len + (end != NULL);
	*len -= line->len + (end != NULL);
	return true;
}

static void
add_stop_string(struct settings *settings, const struct line *line)
{
	struct ac_buf *text = &settings->texts[settings->count];

	ac_buf_init(text, AC_STOP_LEN_MAX);
	if (!ac_literal_decode(text, line->text + 1, line->len - 1) ||
	    text->len == 0) {
		ac_buf_clear(text);
		return;
	}
	settings->strings[settings->count++] =
	    (struct ac_stop_string){text->data, text->len};
}

static void
read_settings(struct settings *settings, const uint8_t head[2],
    const char *data, size_t len)
{
	struct line line;
	uint8_t tokens = head[0] >> 3;

	*settings = (struct settings){
	    .mode = (enum ac_reasoning)((head[0] & 3) % 3),
	    .scope = head[0] & 4 ? AC_THINK_WHOLE : AC_THINK_STREAMED,
	    .max_tokens = tokens == 31 ? INT64_MAX : tokens,
	    .cut_at = head[1],
	};
	while (next_line(&data, &len, &line)) {
		if (line.len > 0 && line.text[0] == 's' &&
		    settings->count < AC_STOP_MAX)
			add_stop_string(settings, &line);
	}
}

/* Tags are read before the stop strings are looked for, and written after
 * the limit. */
static void
open_pipe(struct pipe *pipe, const struct settings *settings)
{
	bool tags = settings->mode == AC_REASONING_TAGS;

	event_log_init(&pipe->log, EVENT_LOG_LITERALS);
	ac_stop_init(&pipe->stop, settings->strings, settings->count,
	    ac_limit_on_event, &pipe->limit);
	if (tags) {
		ac_think_init(&pipe->think, settings->mode, settings->scope,
		    event_log_on_event, &pipe->log);
		ac_limit_init(&pipe->limit, settings->max_tokens,
		    ac_think_on_event, &pipe->think);
	} else {
		ac_think_init(&pipe->think, settings->mode, settings->scope,
		    ac_stop_on_event, &pipe->stop);
		ac_limit_init(&pipe->limit, settings->max_tokens,
		    event_log_on_event, &pipe->log);
	}
	pipe->first = tags ? ac_stop_on_event : ac_think_on_event;
	pipe->arg = tags ? (void *)&pipe->stop : (void *)&pipe->think;
}

static void
close_pipe(struct pipe *pipe)
{
	ac_stop_clear(&pipe->stop);
	event_log_clear(&pipe->log);
}

static void
tell_text(struct pipe *pipe, enum ac_event_type type, const char *literal,
    size_t len, enum fragmentation fragmentation, size_t cut_at)
{
	size_t end = fragmentation == WHOLE ? len : 0;

	for (size_t from = 0; from < len; from = end) {
		do {
			uint32_t c;

			if (end < len)
				end += ac_literal_next(
				    literal + end, len - end, &c);
		} while (end < len && fragmentation == IN_TWO &&
			 (from > 0 || end < cut_at));
		event_log_tell(
		    pipe->first, pipe->arg, type, literal + from, end - from);
	}
}

/* A text's literal must be clean, as a decoder's are. */
static void
tell_literal(struct pipe *pipe, enum ac_event_type type,
    const struct line *line, enum fragmentation fragmentation, size_t cut_at)
{
	struct ac_buf literal;

	ac_buf_init(&literal, line->len * AC_LITERAL_ESCAPE_LEN);
	if (ac_literal_repair(&literal, line->text + 1, line->len - 1))
		tell_text(pipe, type, literal.data, literal.len, fragmentation,
		    cut_at);
	ac_buf_clear(&literal);
}

/* False at the answer's end. */
static bool
tell_line(struct pipe *pipe, const struct line *line,
    enum fragmentation fragmentation, size_t cut_at)
{
	switch (line->len == 0 ? '\0' : line->text[0]) {
	case 'T':
		tell_literal(pipe, AC_EVENT_TEXT, line, fragmentation, cut_at);
		return true;
	case 'R':
		tell_literal(
		    pipe, AC_EVENT_REASONING, line, fragmentation, cut_at);
		return true;
	case 'S':
		event_log_tell_plain(pipe->first, pipe->arg, AC_EVENT_STEP);
		return true;
	case 'X':
		event_log_tell_plain(pipe->first, pipe->arg, AC_EVENT_EXTRA);
		return true;
	case '!':
		event_log_tell_plain(pipe->first, pipe->arg, AC_EVENT_ERROR);
		return false;
	default:
		return true;
	}
}

static void
play(struct pipe *pipe, const struct settings *settings, const char *data,
    size_t len, enum fragmentation fragmentation)
{
	struct line line;

	open_pipe(pipe, settings);
	while (next_line(&data, &len, &line)) {
		if (!tell_line(pipe, &line, fragmentation, settings->cut_at))
			return;
	}
	event_log_tell_plain(pipe->first, pipe->arg, AC_EVENT_FINISH);
	event_log_tell_plain(pipe->first, pipe->arg, AC_EVENT_END);
}

static void
expect_same(struct event_log *a, struct event_log *b)
{
	FUZZ_CHECK(a->problem == NULL);
	FUZZ_CHECK(b->problem == NULL);
	FUZZ_CHECK(a->finished || a->over);
	FUZZ_CHECK(strcmp(event_log_string(a), event_log_string(b)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pipe whole, in_two, characters;
	struct settings settings;
	const char *body = (const char *)data + 2;

	if (size < 2)
		return 0;
	size -= 2;
	read_settings(&settings, data, body, size);
	play(&whole, &settings, body, size, WHOLE);
	play(&in_two, &settings, body, size, IN_TWO);
	play(&characters, &settings, body, size, CHARACTERS);
	expect_same(&whole.log, &in_two.log);
	expect_same(&whole.log, &characters.log);
	close_pipe(&whole);
	close_pipe(&in_two);
	close_pipe(&characters);
	for (size_t i = 0; i < settings.count; i++)
		ac_buf_clear(&settings.texts[i]);
	return 0;
}
