/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The reaper: a list and one event that is made active when the list gets
 * its first entry. An entry's free function may hand over further things;
 * they go in the same run.
 */
#include "base/reaper.h"

#include <stdlib.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/timer.h"

struct entry {
	struct entry *next;
	void (*free_thing)(void *thing);
	void *thing;
};

struct ac_reaper {
	struct event *event; /* owned */
	struct entry *first; /* owned, oldest first */
	struct entry **last;
};

static void
reap(struct ac_reaper *reaper)
{
	struct entry *entry;

	while ((entry = reaper->first) != NULL) {
		reaper->first = entry->next;
		if (reaper->first == NULL)
			reaper->last = &reaper->first;
		entry->free_thing(entry->thing);
		free(entry);
	}
}

static void
on_active(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	reap(arg);
}

struct ac_reaper *
ac_reaper_new(struct event_base *base)
{
	struct ac_reaper *reaper = ac_calloc(1, sizeof(*reaper));

	reaper->last = &reaper->first;
	reaper->event = ac_timer_new(base, on_active, reaper);
	return reaper;
}

void
ac_reaper_free(struct ac_reaper *reaper)
{
	if (reaper == NULL)
		return;
	reap(reaper);
	event_free(reaper->event);
	free(reaper);
}

void
ac_reaper_add(
    struct ac_reaper *reaper, void (*free_thing)(void *thing), void *thing)
{
	struct entry *entry = ac_calloc(1, sizeof(*entry));

	entry->free_thing = free_thing;
	entry->thing = thing;
	if (reaper->first == NULL)
		ac_timer_run_soon(reaper->event);
	*reaper->last = entry;
	reaper->last = &entry->next;
}
