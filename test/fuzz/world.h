/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A machine for one process: its clock goes on only when everybody waits, and
 * its network is pairs of Unix sockets. The functions of libc that libevent
 * uses for either are replaced in the targets that are linked with this, so
 * that an input is played without waiting, and the same each time.
 *
 * Between world_enter() and world_leave() connect() to an IP address makes a
 * pair whose other end goes to on_connect; bind() of a path listens on a
 * socket that only world_call() reaches; and when the loop has nothing to do,
 * on_idle is asked before time passes.
 */
#ifndef AC_TEST_WORLD_H
#define AC_TEST_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct world_hooks {
	/* Takes the other end of a new connection, non-blocking; false (and it
	 * is closed): refused. */
	bool (*on_connect)(int fd, void *arg);
	/* Does what is next, if there is something; false: time may pass. It
	 * runs within epoll_wait() and must not touch the loop's events, but
	 * may break the loop. */
	bool (*on_idle)(void *arg);
	/* The loop waits, and nothing will ever come. */
	void (*on_stuck)(void *arg);
	void *arg;
};

/* Hooks are borrowed. */
void world_enter(const struct world_hooks *hooks);

/* Ends the run if a descriptor is open that was not when it was entered. */
void world_leave(void);

/* How long the world has lasted. */
int64_t world_ms(void);

/* Somebody of the hooks' side is to be asked again when the world is as old as
 * that; the earliest one counts. */
void world_wake_at(int64_t ms);

/* A new client of the server that is listening, non-blocking. */
int world_call(void);

#endif
