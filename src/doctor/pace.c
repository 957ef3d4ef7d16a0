/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * How evenly a stream came: see pace.h. A proxy that buffers hands on nothing
 * until a buffer (4 or 8 KiB in nginx, some 30 pieces) is full or the answer
 * is over; a model makes its pieces one by one, a few to 400 in a second.
 */
#include "doctor/pace.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	MS = 1000 * 1000, /* in nanoseconds */
	BURST_MS = 10,
	FEW_PIECES = 8,
	QUICK_MS = 100,       /* a whole answer that tells nothing */
	LUMP_MS = 50,         /* within which a lump is read */
	LUMP_WAIT = 10,       /* times as long was waited for it */
	BURST_PIECES = 5,     /* on average, where something buffers … */
	BURST_PAUSE_MS = 100, /* … and then waits */
};

void
ac_pace_init(struct ac_pace *pace, int64_t now_ns)
{
	*pace = (struct ac_pace){.began_ns = now_ns};
}

void
ac_pace_add(struct ac_pace *pace, int64_t now_ns)
{
	int64_t pause_ns = now_ns - pace->last_ns;

	if (pace->pieces == 0)
		pace->first_ns = now_ns;
	else if (pause_ns > pace->pause_ns)
		pace->pause_ns = pause_ns;
	if (pace->pieces == 0 ||
	    now_ns - pace->burst_ns > (int64_t)BURST_MS * MS) {
		pace->burst_ns = now_ns;
		pace->bursts++;
	}
	pace->last_ns = now_ns;
	pace->pieces++;
}

int64_t
ac_pace_first_ms(const struct ac_pace *pace)
{
	return pace->pieces == 0 ? 0 : (pace->first_ns - pace->began_ns) / MS;
}

int64_t
ac_pace_span_ms(const struct ac_pace *pace)
{
	return pace->pieces == 0 ? 0 : (pace->last_ns - pace->first_ns) / MS;
}

enum ac_pace_kind
ac_pace_judge(const struct ac_pace *pace)
{
	int64_t first_ms = ac_pace_first_ms(pace);
	int64_t span_ms = ac_pace_span_ms(pace);

	if (pace->pieces < FEW_PIECES)
		return AC_PACE_FEW;
	if (first_ms + span_ms < QUICK_MS)
		return AC_PACE_QUICK;
	if (span_ms <= LUMP_MS && span_ms * LUMP_WAIT <= first_ms)
		return AC_PACE_LUMP;
	if (pace->bursts * BURST_PIECES <= pace->pieces &&
	    pace->pause_ns >= (int64_t)BURST_PAUSE_MS * MS)
		return AC_PACE_BURSTS;
	return AC_PACE_EVEN;
}

static const char *
name_kind(enum ac_pace_kind kind)
{
	switch (kind) {
	case AC_PACE_FEW:
		return "too few to tell how evenly";
	case AC_PACE_QUICK:
		return "too quick to tell how evenly";
	case AC_PACE_EVEN:
		return "evenly";
	case AC_PACE_BURSTS:
		return "in bursts";
	case AC_PACE_LUMP:
		return "in one lump";
	}
	return "";
}

void
ac_pace_describe(const struct ac_pace *pace, char *out, size_t size)
{
	snprintf(out, size,
	    "%zu piece%s, the first after %" PRId64 " ms, the last %" PRId64
	    " ms later, %s",
	    pace->pieces, pace->pieces == 1 ? "" : "s", ac_pace_first_ms(pace),
	    ac_pace_span_ms(pace), name_kind(ac_pace_judge(pace)));
}

bool
ac_pace_is_held_back(const struct ac_pace *pace)
{
	enum ac_pace_kind kind = ac_pace_judge(pace);

	return kind == AC_PACE_BURSTS || kind == AC_PACE_LUMP;
}
