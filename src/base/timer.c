/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Timers: see timer.h. */
#include "base/timer.h"

#include "base/clock.h"
#include "base/mem.h"

struct event *
ac_timer_new(struct event_base *base, event_callback_fn on_time, void *arg)
{
	struct event *timer = evtimer_new(base, on_time, arg);

	if (timer == NULL)
		ac_out_of_memory();
	return timer;
}

void
ac_timer_start(struct event *timer, int64_t ms)
{
	struct timeval delay = ac_clock_timeval(ms);

	if (evtimer_add(timer, &delay) != 0)
		ac_out_of_memory();
}

void
ac_timer_run_soon(struct event *timer)
{
	event_active(timer, EV_TIMEOUT, 0);
}
