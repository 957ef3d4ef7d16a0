/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The token limit's stage: see limit.h. */
#include "codec/limit.h"

#include "codec/literal.h"

static void on_piece(struct ac_limit *, const struct ac_event *);

void
ac_limit_init(
    struct ac_limit *limit, int64_t max_tokens, ac_event_fn *next, void *arg)
{
	*limit = (struct ac_limit){
	    .next = next,
	    .arg = arg,
	};
	if (max_tokens > INT64_MAX / AC_LIMIT_BYTES_PER_TOKEN)
		limit->room = UINT64_MAX;
	else if (max_tokens > 0)
		limit->room = (uint64_t)max_tokens * AC_LIMIT_BYTES_PER_TOKEN;
}

void
ac_limit_mute(struct ac_limit *limit)
{
	limit->over = true;
}

static void
pass(struct ac_limit *limit, const struct ac_event *event)
{
	if (!limit->over)
		limit->next(event, limit->arg);
}

void
ac_limit_on_event(const struct ac_event *event, void *arg)
{
	struct ac_limit *limit = arg;

	if (event->type == AC_EVENT_TEXT || event->type == AC_EVENT_REASONING)
		on_piece(limit, event);
	else
		pass(limit, event);
}

/* The beginning of a piece, as much as fits. */
static struct ac_event
cut(const struct ac_limit *limit, const struct ac_event *event)
{
	struct ac_event piece = *event;

	piece.text_len = (size_t)limit->room;
	/* What was dropped has no characters to cut between. */
	if (!event->dropped)
		piece.literal_len = ac_literal_prefix(
		    event->literal, event->literal_len, &piece.text_len);
	return piece;
}

static void
on_piece(struct ac_limit *limit, const struct ac_event *event)
{
	static const struct ac_event finish = {
	    .type = AC_EVENT_FINISH,
	    .finish = AC_FINISH_LENGTH,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	};
	struct ac_event piece;

	if (event->text_len <= limit->room) {
		limit->room -= event->text_len;
		pass(limit, event);
		return;
	}
	piece = cut(limit, event);
	if (piece.text_len > 0)
		pass(limit, &piece);
	pass(limit, &finish);
	limit->over = true;
}
