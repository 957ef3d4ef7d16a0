/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One-shot timers on the loop, and callbacks that wait for its next turn:
 * libevent's events without a descriptor. They are freed by event_free() and
 * stopped by evtimer_del().
 */
#ifndef AC_BASE_TIMER_H
#define AC_BASE_TIMER_H

#include <stdint.h>

#include <event2/event.h>

/* A timer that does not run; the caller owns it. The process ends where
 * there is no memory for it, or for its start. */
struct event *ac_timer_new(
    struct event_base *base, event_callback_fn on_time, void *arg);

/* Its callback runs in ms milliseconds (negative counts as 0) and never
 * before this returns; a timer that runs begins anew. */
void ac_timer_start(struct event *timer, int64_t ms);

/* Its callback runs within this turn of the loop, after this has returned;
 * a timer that runs is not stopped. */
void ac_timer_run_soon(struct event *timer);

#endif
