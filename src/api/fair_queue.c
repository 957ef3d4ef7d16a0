/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The fair queue: see fair_queue.h. */
#include "api/fair_queue.h"

#include <stdbool.h>
#include <stdlib.h>

void
ac_fair_queue_init(struct ac_fair_queue *queue)
{
	*queue = (struct ac_fair_queue){.running = 0};
	TAILQ_INIT(&queue->round);
}

void
ac_fair_line_init(struct ac_fair_line *line)
{
	*line = (struct ac_fair_line){.waiting = 0};
	TAILQ_INIT(&line->waiters);
}

static bool
has_room(const struct ac_fair_queue *queue)
{
	return queue->max_running == 0 || queue->running < queue->max_running;
}

/* The last of the longest line, if that is longer than line by two. */
static struct ac_fair_waiter *
find_evicted(const struct ac_fair_queue *queue, const struct ac_fair_line *line)
{
	const struct ac_fair_line *longest = NULL, *one;

	TAILQ_FOREACH(one, &queue->round, entry)
	{
		if (longest == NULL || one->waiting > longest->waiting)
			longest = one;
	}
	if (longest == NULL || longest->waiting < line->waiting + 2)
		return NULL;
	return TAILQ_LAST(&longest->waiters, ac_fair_waiters);
}

enum ac_fair
ac_fair_queue_enter(struct ac_fair_queue *queue, struct ac_fair_line *line,
    struct ac_fair_waiter *waiter, struct ac_fair_waiter **evicted)
{
	*evicted = NULL;
	waiter->line = NULL;
	/* Room that is free while others wait is theirs. */
	if (queue->waiting == 0 && has_room(queue)) {
		queue->running++;
		return AC_FAIR_RUN;
	}
	if (queue->waiting >= queue->max_waiting) {
		*evicted = find_evicted(queue, line);
		if (*evicted == NULL)
			return AC_FAIR_FULL;
		ac_fair_queue_leave(queue, *evicted);
	}
	if (line->waiting++ == 0)
		TAILQ_INSERT_TAIL(&queue->round, line, entry);
	TAILQ_INSERT_TAIL(&line->waiters, waiter, entry);
	waiter->line = line;
	queue->waiting++;
	return AC_FAIR_WAIT;
}

void
ac_fair_queue_leave(struct ac_fair_queue *queue, struct ac_fair_waiter *waiter)
{
	struct ac_fair_line *line = waiter->line;

	TAILQ_REMOVE(&line->waiters, waiter, entry);
	waiter->line = NULL;
	queue->waiting--;
	if (--line->waiting == 0)
		TAILQ_REMOVE(&queue->round, line, entry);
}

void
ac_fair_queue_done(struct ac_fair_queue *queue)
{
	if (queue->running-- == 0)
		abort(); /* a bug of the caller */
}

struct ac_fair_waiter *
ac_fair_queue_next(struct ac_fair_queue *queue)
{
	struct ac_fair_line *line = TAILQ_FIRST(&queue->round);
	struct ac_fair_waiter *waiter;

	if (line == NULL || !has_room(queue))
		return NULL;
	waiter = TAILQ_FIRST(&line->waiters);
	/* To the end of the round, unless the line is empty then. */
	TAILQ_REMOVE(&queue->round, line, entry);
	TAILQ_INSERT_TAIL(&queue->round, line, entry);
	ac_fair_queue_leave(queue, waiter);
	queue->running++;
	return waiter;
}
