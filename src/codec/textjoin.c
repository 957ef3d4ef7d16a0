/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Texts and the surrogate pairs cut between them: see textjoin.h. Each of
 * the upstream's decoders owns one. */
#include "codec/textjoin.h"

#include <stdlib.h>
#include <string.h>

static void mend(struct ac_textjoin *, const struct ac_text_piece *);

void
ac_textjoin_init(
    struct ac_textjoin *join, size_t max, ac_event_fn *emit, void *arg)
{
	*join = (struct ac_textjoin){.emit = emit, .arg = arg};
	/* A repaired literal grows: a bad byte becomes six. */
	ac_buf_init(&join->scratch,
	    max * AC_LITERAL_ESCAPE_LEN + AC_LITERAL_ESCAPE_LEN);
}

void
ac_textjoin_clear(struct ac_textjoin *join)
{
	ac_buf_clear(&join->scratch);
}

static void
emit_text(struct ac_textjoin *join, enum ac_event_type type,
    const char *literal, size_t len, size_t text_len)
{
	struct ac_event event = {
	    .type = type,
	    .literal = literal,
	    .literal_len = len,
	    .text_len = text_len,
	};

	if (len > 0)
		join->emit(&event, join->arg);
}

void
ac_textjoin_flush(struct ac_textjoin *join)
{
	if (!join->has_high)
		return;
	join->has_high = false;
	emit_text(join, join->high_type, "\\ufffd", AC_LITERAL_ESCAPE_LEN, 3);
}

static bool
holds_half_of(
    const struct ac_textjoin *join, enum ac_event_type type, uint64_t source)
{
	return join->has_high && join->high_type == type &&
	       join->high_source == source;
}

void
ac_textjoin_flush_source(
    struct ac_textjoin *join, enum ac_event_type type, uint64_t source)
{
	if (holds_half_of(join, type, source))
		ac_textjoin_flush(join);
}

void
ac_textjoin_add(struct ac_textjoin *join, const struct ac_text_piece *piece)
{
	if (piece->len == 0)
		return;
	if (piece->report.state != AC_LITERAL_CLEAN || join->has_high)
		mend(join, piece);
	else
		emit_text(join, piece->type, piece->literal, piece->len,
		    piece->report.text_len);
}

/*
 * A text that cannot be passed on where it lies: it brings the partner of
 * the surrogate that was held back, or ends with one to hold back, or holds
 * something to replace.
 */
static void
mend(struct ac_textjoin *join, const struct ac_text_piece *piece)
{
	struct ac_buf *scratch = &join->scratch;
	const char *literal = piece->literal;
	char joined[2 * AC_LITERAL_ESCAPE_LEN];
	size_t len = piece->len;

	ac_buf_clear(scratch);
	if (holds_half_of(join, piece->type, piece->source) &&
	    piece->report.begins_with_low) {
		memcpy(joined, join->high, AC_LITERAL_ESCAPE_LEN);
		memcpy(joined + AC_LITERAL_ESCAPE_LEN, literal,
		    AC_LITERAL_ESCAPE_LEN);
		join->has_high = false;
		literal += AC_LITERAL_ESCAPE_LEN;
		len -= AC_LITERAL_ESCAPE_LEN;
		ac_buf_put(scratch, joined, sizeof(joined));
	}
	ac_textjoin_flush(join);
	if (piece->report.ends_with_high) {
		len -= AC_LITERAL_ESCAPE_LEN;
		memcpy(join->high, literal + len, AC_LITERAL_ESCAPE_LEN);
		join->high_type = piece->type;
		join->high_source = piece->source;
		join->has_high = true;
	}
	if (!ac_literal_repair(scratch, literal, len))
		abort(); /* it is not broken, and sixfold fits */
	emit_text(join, piece->type, scratch->data, scratch->len,
	    ac_literal_check(scratch->data, scratch->len).text_len);
}
