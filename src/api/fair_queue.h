/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Who may run, and who is next: at most so many at once, the others wait in
 * lines, one for each key, whose turns go round. Pure: no timers, no
 * sockets; whoever waits is told by the caller.
 */
#ifndef AC_API_FAIR_QUEUE_H
#define AC_API_FAIR_QUEUE_H

#include <stddef.h>
#include <sys/queue.h>

#include "base/attr.h"

struct ac_fair_waiter;
struct ac_fair_line;

TAILQ_HEAD(ac_fair_waiters, ac_fair_waiter);
TAILQ_HEAD(ac_fair_lines, ac_fair_line);

struct ac_fair_waiter {
	TAILQ_ENTRY(ac_fair_waiter) entry;
	struct ac_fair_line *line; /* borrowed; NULL: it does not wait */
	void *owner;               /* the caller's */
};

/* One key's; must stay where it is while anybody waits in it. */
struct ac_fair_line {
	TAILQ_ENTRY(ac_fair_line) entry; /* in the round, while not empty */
	struct ac_fair_waiters waiters;  /* first come, first served */
	size_t waiting;
};

struct ac_fair_queue {
	struct ac_fair_lines round; /* the next turn is the first one's */
	size_t running;
	size_t waiting;
	size_t max_running; /* 0: no limit; may be changed at any time */
	size_t max_waiting; /* likewise; 0: nobody waits */
};

enum ac_fair {
	AC_FAIR_RUN,  /* it runs and is counted */
	AC_FAIR_WAIT, /* it waits */
	AC_FAIR_FULL, /* there is no room */
};

void ac_fair_queue_init(struct ac_fair_queue *queue);
void ac_fair_line_init(struct ac_fair_line *line);

/*
 * Lets waiter in, or puts it at the end of line. Where the queue is full but
 * another line is longer by two at least, that line's last goes in its place:
 * *evicted is it, otherwise NULL.
 */
AC_MUST_CHECK enum ac_fair ac_fair_queue_enter(struct ac_fair_queue *queue,
    struct ac_fair_line *line, struct ac_fair_waiter *waiter,
    struct ac_fair_waiter **evicted);

/* Takes a waiter that does not want to wait any longer out. */
void ac_fair_queue_leave(
    struct ac_fair_queue *queue, struct ac_fair_waiter *waiter);

/* One that ran is done. */
void ac_fair_queue_done(struct ac_fair_queue *queue);

/* The next waiter that may run, taken out of its line and counted as running;
 * NULL where nobody waits or there is no room. */
struct ac_fair_waiter *ac_fair_queue_next(struct ac_fair_queue *queue);

#endif
