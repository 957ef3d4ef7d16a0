/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings of the whole process that a host may want (akashchat.h). */
#include <stdlib.h>
#include <sys/resource.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/mem.h"

/* What libevent warns of (a connection that went away under it) is nothing
 * that an operator could act on. */
static void
on_libevent_log(int severity, const char *message)
{
	if (severity == EVENT_LOG_ERR)
		ac_log_error("libevent", AC_STR("message", message));
	else
		ac_log_debug("libevent", AC_STR("message", message));
}

static void
on_libevent_fatal(int status)
{
	ac_log_error("libevent gave up", AC_INT("status", status));
	abort();
}

/* As many descriptors as this process may have. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void
ac_process_init(void)
{
	raise_descriptor_limit();
	event_set_mem_functions(ac_malloc, ac_realloc, free);
	json_set_alloc_funcs(ac_malloc, free);
	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
}

void
ac_log_failure(const char *message, const char *reason)
{
	ac_log_error(message, AC_STR("reason", reason));
}
