/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* doctor/pace: what the times of a stream's pieces say. */
#include "doctor/pace.h"

#include "base/attr.h"
#include "support/unit.h"

#define MS (INT64_C(1000000))

/* Some time on a monotonic clock. */
#define BEGAN (123456 * MS)

struct stream {
	const char *name;
	size_t bursts;
	size_t burst_pieces;
	int64_t first_ms; /* after the question */
	int64_t pause_ms; /* between two bursts */
	int64_t piece_us; /* between two pieces of a burst */
	enum ac_pace_kind kind;
};

static void
play(const struct stream *stream, struct ac_pace *pace)
{
	ac_pace_init(pace, BEGAN);
	for (size_t i = 0; i < stream->bursts; i++) {
		int64_t at = BEGAN + stream->first_ms * MS +
			     (int64_t)i * stream->pause_ms * MS;

		for (size_t j = 0; j < stream->burst_pieces; j++)
			ac_pace_add(
			    pace, at + (int64_t)j * stream->piece_us * 1000);
	}
}

static const struct stream streams[] = {
    {"nothing", 0, 0, 0, 0, 0, AC_PACE_FEW},
    {"one-piece", 1, 1, 500, 0, 0, AC_PACE_FEW},
    {"seven-at-once", 1, 7, 500, 0, 0, AC_PACE_FEW},
    {"eight-at-once", 1, 8, 500, 0, 0, AC_PACE_LUMP},
    {"one-by-one", 30, 1, 600, 50, 0, AC_PACE_EVEN},
    {"slowly-one-by-one", 10, 1, 600, 2000, 0, AC_PACE_EVEN},
    {"300-a-second", 90, 1, 200, 3, 0, AC_PACE_EVEN},
    {"a-few-tokens-at-a-time", 20, 3, 600, 150, 0, AC_PACE_EVEN},
    {"buffers-of-thirty", 4, 30, 900, 900, 0, AC_PACE_BURSTS},
    {"buffers-read-in-pieces", 4, 30, 900, 900, 200, AC_PACE_BURSTS},
    {"all-at-once", 1, 40, 1500, 0, 0, AC_PACE_LUMP},
    {"all-at-once-read-in-pieces", 1, 40, 1500, 0, 1000, AC_PACE_LUMP},
    {"a-fast-model", 1, 40, 100, 0, 1000, AC_PACE_EVEN},
    {"at-once-without-a-wait", 1, 40, 20, 0, 0, AC_PACE_QUICK},
    {"quick", 40, 1, 5, 2, 0, AC_PACE_QUICK},
};

static void
judges_streams(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(streams); i++) {
		struct ac_pace pace;

		play(&streams[i], &pace);
		if (ac_pace_judge(&pace) != streams[i].kind)
			fail_msg("%s: %d", streams[i].name,
			    (int)ac_pace_judge(&pace));
	}
}

static void
measures_in_milliseconds(void **state)
{
	static const struct stream stream = {
	    "", 4, 30, 900, 800, 0, AC_PACE_BURSTS};
	struct ac_pace pace;

	AC_UNUSED(state);
	play(&stream, &pace);
	assert_int_equal(pace.pieces, 120);
	assert_int_equal(pace.bursts, 4);
	assert_int_equal(pace.pause_ns, 800 * MS);
	assert_int_equal(ac_pace_first_ms(&pace), 900);
	assert_int_equal(ac_pace_span_ms(&pace), 2400);
}

static void
expect_text(const struct stream *stream, const char *expected)
{
	struct ac_pace pace;
	char text[256];

	play(stream, &pace);
	ac_pace_describe(&pace, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void
tells_it_in_words(void **state)
{
	AC_UNUSED(state);
	expect_text(&streams[0],
	    "0 pieces, the first after 0 ms, the last 0 ms later, too few to "
	    "tell how evenly");
	expect_text(&streams[1],
	    "1 piece, the first after 500 ms, the last 0 ms later, too few to "
	    "tell how evenly");
	expect_text(&streams[4],
	    "30 pieces, the first after 600 ms, the last 1450 ms later, "
	    "evenly");
	expect_text(&streams[8],
	    "120 pieces, the first after 900 ms, the last 2700 ms later, in "
	    "bursts");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges_streams),
	    cmocka_unit_test(measures_in_milliseconds),
	    cmocka_unit_test(tells_it_in_words),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
