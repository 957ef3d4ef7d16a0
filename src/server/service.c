/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Words to the service manager (akashchat.h): datagrams to the Unix socket
 * that NOTIFY_SOCKET names, by the protocol that sd_notify(3) documents. A
 * library for it would bring all of libsystemd.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <akashchat/akashchat.h>

#include "base/clock.h"

/* A name that begins with '@' is of the abstract kind. */
static socklen_t
fill_address(struct sockaddr_un *address, const char *name)
{
	size_t len = strlen(name);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((*name != '/' && *name != '@') || len >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, name, len);
	if (*name == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
ac_service_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len;
	int fd;

	if (name == NULL || (len = fill_address(&address, name)) == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (struct sockaddr *)&address, len);
	close(fd);
}

void
ac_service_notify_reloading(void)
{
	char state[80];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    ac_clock_ns() / 1000);
	ac_service_notify(state);
}

int64_t
ac_service_watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	char *end;
	long long usec;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	usec = strtoll(text, &end, 10);
	return *end == '\0' ? usec / 1000 : 0;
}
