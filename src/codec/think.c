/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The thinking's stage: see think.h. It stands behind a decoder. Both tags
 * have '<' in front and nowhere else, so what turns out to be no tag can
 * only go on as one that begins with the character that told.
 */
#include "codec/think.h"

#include <stdint.h>
#include <string.h>

#include "codec/literal.h"

static const char open_tag[] = "<think>";
static const char close_tag[] = "</think>";

static void on_text(struct ac_think *, const struct ac_event *);
static void on_reasoning(struct ac_think *, const struct ac_event *);
static void end_run(struct ac_think *);
static void release_held(struct ac_think *);

void
ac_think_init(struct ac_think *think, enum ac_reasoning mode,
    enum ac_think_scope scope, ac_event_fn *next, void *arg)
{
	*think = (struct ac_think){
	    .next = next,
	    .arg = arg,
	    .mode = mode,
	    .scope = scope,
	};
}

void
ac_think_mute(struct ac_think *think)
{
	think->muted = true;
}

static void
pass(struct ac_think *think, const struct ac_event *event)
{
	if (!think->muted)
		think->next(event, think->arg);
}

void
ac_think_on_event(const struct ac_event *event, void *arg)
{
	struct ac_think *think = arg;

	switch (event->type) {
	case AC_EVENT_TEXT:
		on_text(think, event);
		return;
	case AC_EVENT_REASONING:
		on_reasoning(think, event);
		return;
	case AC_EVENT_FINISH:
		/* At an ERROR the run stays open: it was cut, not ended. */
		end_run(think);
		release_held(think);
		break;
	case AC_EVENT_STEP:
	case AC_EVENT_ERROR:
	case AC_EVENT_END:
		release_held(think);
		break;
	case AC_EVENT_START:
	case AC_EVENT_TOOL_CALL:
	case AC_EVENT_TOOL_CALL_START:
	case AC_EVENT_TOOL_CALL_DELTA:
	case AC_EVENT_TOOL_RESULT:
	case AC_EVENT_EXTRA:
	case AC_EVENT_TEXT_WAS_REASONING:
	case AC_EVENT_TYPES:
		break;
	}
	pass(think, event);
}

/* Passes on a literal that is TEXT or REASONING. */
static void
pass_as(struct ac_think *think, enum ac_event_type type, const char *literal,
    size_t len, size_t text_len)
{
	struct ac_event event = {
	    .type = type,
	    .literal = literal,
	    .literal_len = len,
	    .text_len = text_len,
	};

	if (type == AC_EVENT_REASONING && think->mode == AC_REASONING_DROP) {
		event.literal = "";
		event.literal_len = 0;
		event.dropped = true;
	}
	pass(think, &event);
}

static void
add_tag(struct ac_think *think, const char *tag)
{
	pass_as(think, AC_EVENT_TEXT, tag, strlen(tag), strlen(tag));
}

static void
on_reasoning(struct ac_think *think, const struct ac_event *event)
{
	release_held(think);
	think->opened = true;
	switch (think->mode) {
	case AC_REASONING_FIELD:
		pass(think, event);
		break;
	case AC_REASONING_TAGS:
		if (!think->wrapping)
			add_tag(think, open_tag);
		think->wrapping = true;
		pass_as(think, AC_EVENT_TEXT, event->literal,
		    event->literal_len, event->text_len);
		break;
	case AC_REASONING_DROP:
		pass_as(think, AC_EVENT_REASONING, event->literal,
		    event->literal_len, event->text_len);
		break;
	}
}

/* In the mode TAGS: something else than thinking follows. */
static void
end_run(struct ac_think *think)
{
	if (think->wrapping)
		add_tag(think, close_tag);
	think->wrapping = false;
}

/* What the text's characters are at this place. */
static enum ac_event_type
current_type(const struct ac_think *think)
{
	return think->inside ? AC_EVENT_REASONING : AC_EVENT_TEXT;
}

/* Passes on the bytes from one offset of the event's literal to another. */
static void
pass_piece(struct ac_think *think, const struct ac_event *event, size_t from,
    size_t to)
{
	const char *literal = event->literal + from;
	size_t len = to - from;
	enum ac_event_type type = current_type(think);

	if (len == 0)
		return;
	if (len < event->literal_len)
		pass_as(think, type, literal, len,
		    ac_literal_check(literal, len).text_len);
	else if (type == event->type)
		pass(think, event);
	else
		pass_as(think, type, literal, len, event->text_len);
}

/* No tag comes of what is held back, or it is cut here. */
static void
release_held(struct ac_think *think)
{
	size_t len = think->held_len;

	think->tag_len = think->held_len = 0;
	if (len > 0)
		pass_as(think, current_type(think), think->held, len,
		    ac_literal_check(think->held, len).text_len);
}

/* Where the next '<' stands in a literal, or its end. */
static size_t
find_angle(const char *s, size_t len, size_t at)
{
	while (at < len && s[at] != '<') {
		uint32_t c;
		size_t bytes;

		if (s[at] != '\\') {
			at++;
			continue;
		}
		bytes = ac_literal_next(s + at, len - at, &c);
		if (c == '<')
			break;
		at += bytes;
	}
	return at;
}

/* Whether the characters so far and one more are a beginning of tag. */
static bool
goes_on(const struct ac_think *think, const char *tag, uint32_t c)
{
	return (uint32_t)tag[think->tag_len] == c &&
	       memcmp(think->tag, tag, think->tag_len) == 0;
}

/* Whether a </think> would say that the text before it was thinking. */
static bool
mends(const struct ac_think *think)
{
	return think->scope == AC_THINK_WHOLE && !think->opened;
}

/* The tag that counts here and that c belongs to; NULL if it belongs to
 * none. */
static const char *
find_tag(const struct ac_think *think, uint32_t c)
{
	if (!think->inside && goes_on(think, open_tag, c))
		return open_tag;
	if ((think->inside || mends(think)) && goes_on(think, close_tag, c))
		return close_tag;
	return NULL;
}

/* A tag is complete. */
static void
take_tag(struct ac_think *think, const char *tag)
{
	struct ac_event event = {
	    .type = AC_EVENT_TEXT_WAS_REASONING,
	    .dropped = think->mode == AC_REASONING_DROP,
	};

	think->tag_len = think->held_len = 0;
	if (tag == close_tag && !think->inside)
		pass(think, &event);
	think->inside = tag == open_tag;
	think->opened = true;
}

static void
search_tags(struct ac_think *think, const struct ac_event *event)
{
	const char *s = event->literal;
	size_t len = event->literal_len;
	size_t passed = 0; /* what lies before has been passed on */
	size_t tag_at = 0; /* where a tag may begin, if not earlier */
	size_t at = 0;

	while (at < len) {
		uint32_t c;
		size_t bytes = ac_literal_next(s + at, len - at, &c);
		const char *tag = find_tag(think, c);

		if (tag == NULL && think->tag_len > 0) {
			/* None; but c may begin one. */
			release_held(think);
			tag_at = at;
		} else if (tag == NULL) {
			at = tag_at = find_angle(s, len, at + bytes);
		} else {
			think->tag[think->tag_len++] = (char)c;
			at += bytes;
			if (tag[think->tag_len] != '\0')
				continue;
			pass_piece(think, event, passed, tag_at);
			take_tag(think, tag);
			passed = tag_at = at;
		}
	}
	if (think->tag_len == 0)
		tag_at = len;
	pass_piece(think, event, passed, tag_at);
	/* Six bytes at most for each character of less than a tag: it fits. */
	memcpy(think->held + think->held_len, s + tag_at, len - tag_at);
	think->held_len += len - tag_at;
}

static void
on_text(struct ac_think *think, const struct ac_event *event)
{
	if (think->mode != AC_REASONING_TAGS) {
		search_tags(think, event);
		return;
	}
	end_run(think);
	pass(think, event);
}
