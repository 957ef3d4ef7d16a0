/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Frees things after the callbacks that still stand on them have returned.
 * Nothing asynchronous is freed inside its own callback: it is handed here
 * and goes within the same turn of the loop, in the order of the handing.
 */
#ifndef AC_BASE_REAPER_H
#define AC_BASE_REAPER_H

struct ac_reaper;
struct event_base;

/* A reaper on the host's loop; base must outlive it. */
struct ac_reaper *ac_reaper_new(struct event_base *base);

/* Frees what is still waiting, then the reaper. */
void ac_reaper_free(struct ac_reaper *reaper);

/* Calls free_thing(thing) later in this turn of the loop, never before this
 * function returns. */
void ac_reaper_add(
    struct ac_reaper *reaper, void (*free_thing)(void *thing), void *thing);

#endif
