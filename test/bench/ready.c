/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * How long a program takes to be of use: starts it, asks for a path until it
 * answers 200, and prints the milliseconds, and the memory it takes then. The
 * children of the program (nginx's worker) count too.
 *
 *	bench_ready PORT PATH PROGRAM [ARG ...]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usage.h"
#include "wire.h"

enum { PATIENCE_S = 10 };

static bool
is_answered(const struct sockaddr_in *address, const char *request)
{
	char answer[256];
	ssize_t len = -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		wire_fatal("no socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
		len = recv(fd, answer, sizeof(answer) - 1, 0);
	close(fd);
	return len > 13 && memcmp(answer, "HTTP/1.1 200 ", 13) == 0;
}

/* The program and its first child, where it has one. */
static struct usage_pids
family_of(pid_t pid)
{
	struct usage_pids pids = {.count = 1, .pids = {pid}};
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	if (file == NULL)
		return pids;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
	while (pids.count < USAGE_PIDS_MAX && fscanf(file, "%d", &child) == 1)
		pids.pids[pids.count++] = child;
	(void)fclose(file);
	return pids;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address;
	struct usage_memory memory;
	struct usage_pids pids;
	char request[256];
	int64_t began_ns;
	int64_t ready_ns;
	pid_t pid;

	if (argc < 4)
		wire_fatal("usage: bench_ready PORT PATH PROGRAM [ARG ...]");
	wire_loopback(&address, (uint16_t)strtoul(argv[1], NULL, 10));
	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
	    argv[2]);
	began_ns = wire_now_ns();
	if (posix_spawn(&pid, argv[3], NULL, NULL, argv + 3, environ) != 0)
		wire_fatal("the program does not start");
	while (!is_answered(&address, request)) {
		if (wire_now_ns() - began_ns > PATIENCE_S * 1000000000LL) {
			kill(pid, SIGKILL);
			wire_fatal("the program does not answer");
		}
		usleep(100);
	}
	ready_ns = wire_now_ns() - began_ns;
	pids = family_of(pid);
	memory = usage_memory(&pids);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	printf("{\"ready_us\":%" PRId64 ",\"rss_kb\":%" PRId64
	       ",\"pss_kb\":%" PRId64 "}\n",
	    ready_ns / 1000, memory.rss_kb, memory.pss_kb);
	return 0;
}
