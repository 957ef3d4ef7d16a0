/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sockets from a service manager: see handed_sockets.h. */
#include "base/handed_sockets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

/* A whole number above 0, or 0. */
static long
read_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long number;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	number = strtol(text, &end, 10);
	return *end == '\0' ? number : 0;
}

static bool
is_listening(int fd)
{
	int type = 0;
	int accepts = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 &&
	       accepts != 0;
}

static void
prepare(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Whether the first name of *names, which moves on, is "metrics". */
static bool
take_name(const char **names)
{
	static const char metrics[] = "metrics";
	size_t len = strcspn(*names, ":");
	bool is_metrics =
	    len == sizeof(metrics) - 1 && strncmp(*names, metrics, len) == 0;

	*names += len;
	if (**names == ':')
		++*names;
	return is_metrics;
}

static bool
take(struct ac_handed_sockets *clients, struct ac_handed_sockets *metrics,
    long count, char *reason, size_t reason_size)
{
	const char *names = getenv("LISTEN_FDNAMES");

	if (count > AC_HANDED_SOCKETS_MAX) {
		snprintf(reason, reason_size,
		    "LISTEN_FDS=%ld: at most %d sockets are taken", count,
		    AC_HANDED_SOCKETS_MAX);
		return false;
	}
	if (names == NULL)
		names = "";
	for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
		struct ac_handed_sockets *sockets =
		    take_name(&names) ? metrics : clients;

		if (!is_listening(fd)) {
			snprintf(reason, reason_size,
			    "LISTEN_FDS=%ld: descriptor %d is no listening "
			    "stream socket",
			    count, fd);
			return false;
		}
		prepare(fd);
		sockets->fds[sockets->count++] = fd;
	}
	return true;
}

bool
ac_handed_sockets_take(struct ac_handed_sockets *clients,
    struct ac_handed_sockets *metrics, char *reason, size_t reason_size)
{
	long count = read_number("LISTEN_FDS");
	bool ok = true;

	clients->count = 0;
	metrics->count = 0;
	if (count > 0 && read_number("LISTEN_PID") == (long)getpid())
		ok = take(clients, metrics, count, reason, reason_size);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return ok;
}

void
ac_handed_sockets_close(struct ac_handed_sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++)
		close(sockets->fds[i]);
	sockets->count = 0;
}
