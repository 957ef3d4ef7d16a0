/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Cutting a body for a decoder: see cuts.h. */
#include "cuts.h"

#include <string.h>

/* A recording of the body in pieces of piece bytes, the first of first. */
static void
play(struct recording *recording, const char *body, size_t len, size_t first,
    size_t piece)
{
	recording_feed(recording, body, first);
	for (size_t at = first; at < len; at += piece)
		recording_feed(
		    recording, body + at, piece < len - at ? piece : len - at);
	recording_end(recording);
	FUZZ_CHECK(recording->problem == NULL);
}

static void
expect_same(const struct recording *a, const struct recording *b)
{
	FUZZ_CHECK(a->text_size == b->text_size);
	FUZZ_CHECK(memcmp(a->text, b->text, a->text_size) == 0);
	FUZZ_CHECK(a->decoded_len == b->decoded_len);
}

static void
expect_prefix(const struct recording *a, const struct recording *whole)
{
	FUZZ_CHECK(a->text_size <= whole->text_size);
	FUZZ_CHECK(memcmp(a->text, whole->text, a->text_size) == 0);
}

void
cuts_check(recording_start_fn *start, const uint8_t *data, size_t size)
{
	struct recording whole, bytes, cut, stopped;
	const char *body = (const char *)data + 2;
	size_t at, len;

	if (size < 2)
		return;
	len = size - 2;
	at = (data[0] | (size_t)data[1] << 8) % (len + 1);
	start(&whole);
	start(&bytes);
	start(&cut);
	start(&stopped);
	whole.checks = true;
	stopped.stop_at = at % 8 + 1;
	play(&whole, body, len, len, 1);
	play(&bytes, body, len, 0, 1);
	play(&cut, body, len, at, len + 1);
	play(&stopped, body, len, at, len + 1);
	FUZZ_CHECK(whole.over);
	expect_same(&whole, &bytes);
	expect_same(&whole, &cut);
	expect_prefix(&stopped, &whole);
	recording_clear(&whole);
	recording_clear(&bytes);
	recording_clear(&cut);
	recording_clear(&stopped);
}
