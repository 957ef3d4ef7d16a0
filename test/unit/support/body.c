/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies that are written by a test: see body.h. */
#include "support/body.h"

#include <string.h>

#include "base/mem.h"
#include "support/random.h"
#include "support/unit.h"

void
body_add(struct body *body, const char *data, size_t len)
{
	body->data = ac_realloc(body->data, body->len + len + 1);
	memcpy(body->data + body->len, data, len);
	body->len += len;
	body->data[body->len] = '\0';
}

void
body_add_string(struct body *body, const char *s)
{
	body_add(body, s, strlen(s));
}

/* Plays the body in two pieces; the caller compares and clears. */
static void
play_cut(recording_start_fn *start, struct recording *recording,
    const struct body *body, size_t at)
{
	start(recording);
	recording_feed(recording, body->data, at);
	recording_feed(recording, body->data + at, body->len - at);
	recording_end(recording);
	assert_null(recording->problem);
}

static void
play_pieces(recording_start_fn *start, struct recording *recording,
    const struct body *body, size_t piece)
{
	start(recording);
	for (size_t at = 0; at < body->len; at += piece) {
		size_t left = body->len - at;

		recording_feed(
		    recording, body->data + at, left < piece ? left : piece);
	}
	recording_end(recording);
	assert_null(recording->problem);
}

static void
expect_text(
    struct recording *recording, const char *events, size_t len, size_t at)
{
	if (recording->text_size != len ||
	    memcmp(recording->text, events, len) != 0)
		fail_msg("cut at %zu: the events begin with %.100s", at,
		    recording->text);
	recording_clear(recording);
}

static void
expect_at(recording_start_fn *start, const struct body *body,
    const struct body *events, size_t at)
{
	struct recording recording;

	if (at > body->len)
		return;
	play_cut(start, &recording, body, at);
	expect_text(&recording, events->data, events->len, at);
}

void
body_expect(recording_start_fn *start, const struct body *body,
    const struct body *events, size_t count)
{
	static const size_t pieces[] = {1, 2, 3, 7, 4096, 16384};
	struct random random = {.state = 20240611};
	struct recording recording;
	size_t at = 0;

	expect_at(start, body, events, 0);
	for (size_t i = 0; i < AC_LENGTH(pieces); i++) {
		play_pieces(start, &recording, body, pieces[i]);
		expect_text(&recording, events->data, events->len, pieces[i]);
	}
	for (size_t i = 0; i < count; i++)
		expect_at(
		    start, body, events, random_below(&random, body->len));
	for (size_t line = 0; line < 5 && at < body->len; line++) {
		const char *end = strchr(body->data + at, '\n');

		if (end == NULL)
			break;
		at = (size_t)(end - body->data);
		for (size_t near = at < 3 ? 0 : at - 3; near < at + 5; near++)
			expect_at(start, body, events, near);
		at++;
	}
}
