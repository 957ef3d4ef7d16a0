/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an answer is to be: see plan.h. */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 5 };

bool
plan_find(struct plan *plan, const char *text, size_t len)
{
	const char *mark = memmem(text, len, PLAN_MARK, strlen(PLAN_MARK));
	char copy[128];
	size_t room;

	if (mark == NULL)
		return false;
	room = len - (size_t)(mark - text);
	if (room > sizeof(copy) - 1)
		room = sizeof(copy) - 1;
	memcpy(copy, mark, room);
	copy[room] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): our own numbers, checked below */
	return sscanf(copy,
		   PLAN_MARK "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			     " %" SCNu64,
		   &plan->deltas, &plan->interval_us, &plan->per_tick,
		   &plan->delta_len, &plan->holds) == 5 &&
	       plan->delta_len >= PLAN_DELTA_MIN &&
	       plan->delta_len <= PLAN_DELTA_MAX && plan->per_tick > 0;
}

void
plan_write_delta(const struct plan *plan, uint64_t n, char *out)
{
	out[0] = ' ';
	for (int i = DIGITS; i > 0; i--) {
		out[i] = (char)('0' + n % 10);
		n /= 10;
	}
	memset(out + 1 + DIGITS, 'x', plan->delta_len - 1 - DIGITS);
}

static char
char_at(uint64_t delta_len, uint64_t place)
{
	uint64_t n = place / delta_len;
	uint64_t column = place % delta_len;

	if (column == 0)
		return ' ';
	if (column > DIGITS)
		return 'x';
	for (uint64_t i = column; i < DIGITS; i++)
		n /= 10;
	return (char)('0' + n % 10);
}

bool
plan_matches(uint64_t delta_len, uint64_t place, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != char_at(delta_len, place + i))
			return false;
	}
	return true;
}
