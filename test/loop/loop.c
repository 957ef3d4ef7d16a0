/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The ground of the loop tests: see loop.h. */
#include "loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

enum {
	GUARD_MS = 20000,
	DESCRIPTORS_MAX = 4096,
};

static size_t memory_then;

/* Valgrind is slow, and takes memory of its own that is no growth. */
static bool
is_below_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

int
loop_slowness(void)
{
	return is_below_valgrind() ? 10 : 1;
}

/* A test that fails leaves everything behind: what is found afterwards is
 * no later test's fault. */
static bool is_open;
static bool was_abandoned;

#ifdef HAS_ASAN
const char *__asan_default_options(void);

/* Freed memory that is kept back would look like growth. */
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=4";
}

/* Asked at the process's end. */
int
__lsan_is_turned_off(void)
{
	return was_abandoned || is_open;
}
#endif

static void
drop_line(enum ac_log_level level, const char *line, void *arg)
{
	AC_UNUSED(level);
	AC_UNUSED(line);
	AC_UNUSED(arg);
}

void
loop_process_init(void)
{
	signal(SIGPIPE, SIG_IGN);
	ac_process_init();
	ac_log_set_level(AC_LOG_DEBUG);
	loop_silence_log();
}

void
loop_silence_log(void)
{
	if (getenv("LOOP_LOG") == NULL)
		ac_log_set_sink(drop_line, NULL);
}

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	loop->expired = true;
}

void
loop_open(struct loop *loop)
{
	struct event_config *config = event_config_new();

	was_abandoned = was_abandoned || is_open;
	is_open = true;
	*loop = (struct loop){.descriptors = count_descriptors()};
	assert_non_null(config);
	/* As in main.c. */
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(loop->base);
	loop->guard = evtimer_new(loop->base, on_guard, loop);
	assert_non_null(loop->guard);
}

void
loop_close(struct loop *loop)
{
	event_free(loop->guard);
	event_base_free(loop->base);
	is_open = false;
	if (was_abandoned)
		return;
#ifdef HAS_ASAN
	if (__lsan_do_recoverable_leak_check() != 0)
		fail_msg("memory is left");
#endif
	assert_int_equal(count_descriptors(), loop->descriptors);
}

void
loop_turns(struct loop *loop, int turns)
{
	for (int i = 0; i < turns; i++)
		event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
on_passed(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	*(bool *)arg = true;
}

void
loop_for(struct loop *loop, int ms)
{
	struct timeval time = ac_clock_timeval(ms);

	loop->passed = false;
	event_base_once(
	    loop->base, -1, EV_TIMEOUT, on_passed, &loop->passed, &time);
	while (!loop->passed)
		event_base_loop(loop->base, EVLOOP_ONCE);
}

void
loop_set_guard(struct loop *loop)
{
	struct timeval time =
	    ac_clock_timeval((int64_t)loop_slowness() * GUARD_MS);

	loop->expired = false;
	evtimer_add(loop->guard, &time);
}

void
loop_clear_guard(struct loop *loop)
{
	evtimer_del(loop->guard);
}

void
loop_turn(struct loop *loop, const char *condition, const char *file, int line)
{
	event_base_loop(loop->base, EVLOOP_ONCE);
	if (!loop->expired)
		return;
	print_error("waited in vain for: %s\n", condition);
	_fail(file, line);
}

/* A value of /proc/self/status in bytes. */
static size_t
read_status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	unsigned long kilobytes = 0;
	size_t len = strlen(name);

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			kilobytes = strtoul(line + len + 1, NULL, 10);
	}
	fclose(file);
	return kilobytes * 1024;
}

void
loop_forget_memory(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	/* 5 sets the peak to what is there now (proc(5)). */
	assert_true(fd != -1 && write(fd, "5", 1) == 1);
	close(fd);
	memory_then = read_status("VmHWM");
}

size_t
loop_memory_growth(void)
{
	size_t peak = read_status("VmHWM");

	if (is_below_valgrind() || peak < memory_then)
		return 0;
	return peak - memory_then;
}

int
loop_find_socket_to(uint16_t port)
{
	for (int fd = 3; fd < DESCRIPTORS_MAX; fd++) {
		struct sockaddr_in6 address = {0}; /* the larger of two */
		struct sockaddr_in *v4 = (void *)&address;
		socklen_t len = sizeof(address);

		/* The port stands at the same place in both. */
		if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 &&
		    ntohs(v4->sin_port) == port)
			return fd;
	}
	return -1;
}
