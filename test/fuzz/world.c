/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A clock and a network of one process: see world.h. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/util.h>

#include "fuzz.h"

enum { FIRST_SECOND = 1000 }; /* on the clock, when a world begins */

static struct {
	const struct world_hooks *hooks; /* NULL: everything is the kernel's */
	int64_t ms;
	int64_t wake_ms; /* INT64_MAX: nobody asked */
	int lowest_fd;
	struct sockaddr_un address; /* of the server */
	socklen_t address_len;
	uint32_t random;
} world;

/* The number that the next descriptor will have. */
static int
next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

void
world_enter(const struct world_hooks *hooks)
{
	world.lowest_fd = next_fd();
	world.ms = 0;
	world.wake_ms = INT64_MAX;
	world.address_len = 0;
	world.random = 1;
	world.hooks = hooks;
}

void
world_leave(void)
{
	world.hooks = NULL;
	FUZZ_CHECK(next_fd() == world.lowest_fd);
}

int64_t
world_ms(void)
{
	return world.ms;
}

void
world_wake_at(int64_t ms)
{
	if (ms < world.wake_ms)
		world.wake_ms = ms;
}

int
world_call(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	FUZZ_CHECK(fd >= 0 && world.address_len > 0);
	FUZZ_CHECK(connect(fd, (const struct sockaddr *)&world.address,
		       world.address_len) == 0);
	return fd;
}

/* ---- what stands before libc's ---- */

/* libc's own names of these arguments are reserved. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (world.hooks == NULL ||
	    (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE))
		return (int)syscall(SYS_clock_gettime, clock, now);
	now->tv_sec = FIRST_SECOND + (time_t)(world.ms / 1000);
	now->tv_nsec = (long)(world.ms % 1000) * 1000000;
	return 0;
}

static int
poll_now(int epoll, struct epoll_event *events, int max)
{
	return (int)syscall(SYS_epoll_pwait, epoll, events, max, 0, NULL, 0);
}

/* Everybody waits; the loop for so long, or for ever (-1). */
static void
pass_time(int timeout_ms)
{
	if (timeout_ms > 0 && world.ms + timeout_ms <= world.wake_ms) {
		world.ms += timeout_ms;
		return;
	}
	if (world.wake_ms == INT64_MAX)
		world.hooks->on_stuck(world.hooks->arg);
	else if (world.wake_ms > world.ms)
		world.ms = world.wake_ms;
	world.wake_ms = INT64_MAX;
}

int
epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
	int count;

	if (world.hooks == NULL)
		return (int)syscall(
		    SYS_epoll_pwait, epoll, events, max, timeout_ms, NULL, 0);
	count = poll_now(epoll, events, max);
	if (count != 0 || timeout_ms == 0)
		return count;
	/* The loop comes back for what on_idle did. */
	if (!world.hooks->on_idle(world.hooks->arg))
		pass_time(timeout_ms);
	return 0;
}

/* As a loopback connection: under way at first, and then there at once. */
static int
connect_to_hooks(int fd)
{
	int pair[2];

	FUZZ_CHECK(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		pair) == 0);
	if (!world.hooks->on_connect(pair[1], world.hooks->arg)) {
		close(pair[0]);
		close(pair[1]);
		errno = ECONNREFUSED;
		return -1;
	}
	FUZZ_CHECK(dup3(pair[0], fd, O_CLOEXEC) == fd);
	close(pair[0]);
	errno = EINPROGRESS;
	return -1;
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (world.hooks != NULL && address->sa_family != AF_UNIX)
		return connect_to_hooks(fd);
	return (int)syscall(SYS_connect, fd, address, len);
}

/* The kernel chooses a name that is in no directory. */
static int
bind_nowhere(int fd)
{
	static const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};

	if (syscall(SYS_bind, fd, &unnamed, sizeof(unnamed.sun_family)) != 0)
		return -1;
	world.address_len = sizeof(world.address);
	return getsockname(
	    fd, (struct sockaddr *)&world.address, &world.address_len);
}

int
bind(int fd, const struct sockaddr *address, socklen_t len)
{
	if (world.hooks != NULL && address->sa_family == AF_UNIX)
		return bind_nowhere(fd);
	return (int)syscall(SYS_bind, fd, address, len);
}

void
evutil_secure_rng_get_bytes(void *bytes, size_t len)
{
	unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		world.random = world.random * 1664525 + 1013904223;
		at[i] = (unsigned char)(world.random >> 24);
	}
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
