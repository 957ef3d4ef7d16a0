/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How fast the loop goes round: see turns.h. */
#include "server/turns.h"

#include <stdbool.h>

int64_t
ac_turns_rest_ns(
    struct ac_turns *turns, int64_t now_ns, size_t streams, uint64_t deltas)
{
	int64_t earliest = now_ns - (int64_t)AC_TURNS_AT_ONCE * AC_TURN_NS;
	bool had_deltas = deltas != turns->deltas;

	turns->deltas = deltas;
	if (streams < AC_TURNS_STREAMS_MIN || turns->due_ns < earliest)
		turns->due_ns = earliest;
	if (!had_deltas)
		return 0;
	turns->due_ns += AC_TURN_NS;
	return turns->due_ns > now_ns ? turns->due_ns - now_ns : 0;
}
