/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A row of steps and their report: see checkup.h. Owned by a doctor. */
#include "doctor/checkup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/timer.h"

enum { LINE_SIZE = 1024 };

struct ac_checkup {
	struct event_base *base; /* borrowed */
	FILE *out;               /* borrowed */
	struct ac_checkup_plan plan;
	struct event *next;     /* owned: the next step's turn */
	struct event *deadline; /* owned: of the step */
	struct event *end;      /* owned: of them all */
	size_t at;              /* the step that runs */
	bool over;
	unsigned unwell; /* bits of steps that failed or were skipped */
	int64_t began_ms;
	size_t counts[AC_FINDINGS];
};

static const char *const finding_names[] = {
    [AC_FINDING_OK] = "ok",
    [AC_FINDING_WARNING] = "warning",
    [AC_FINDING_FAILED] = "failed",
    [AC_FINDING_SKIPPED] = "skipped",
};

static void on_next(evutil_socket_t, short, void *arg);
static void on_deadline(evutil_socket_t, short, void *arg);
static void on_end(evutil_socket_t, short, void *arg);

struct ac_checkup *
ac_checkup_new(
    struct event_base *base, FILE *out, const struct ac_checkup_plan *plan)
{
	struct ac_checkup *checkup = ac_calloc(1, sizeof(*checkup));

	checkup->base = base;
	checkup->out = out;
	checkup->plan = *plan;
	checkup->next = ac_timer_new(base, on_next, checkup);
	checkup->deadline = ac_timer_new(base, on_deadline, checkup);
	checkup->end = ac_timer_new(base, on_end, checkup);
	return checkup;
}

void
ac_checkup_free(struct ac_checkup *checkup)
{
	event_free(checkup->next);
	event_free(checkup->deadline);
	event_free(checkup->end);
	free(checkup);
}

/* The last line. */
static void
conclude(struct ac_checkup *checkup)
{
	size_t failures = checkup->counts[AC_FINDING_FAILED];
	size_t warnings = checkup->counts[AC_FINDING_WARNING];

	fprintf(checkup->out, "\n%s",
	    failures > 0 ? "Something failed" : "All is well");
	if (failures + warnings > 0)
		fprintf(checkup->out,
		    ": %zu failed, %zu warning%s, %zu skipped", failures,
		    warnings, warnings == 1 ? "" : "s",
		    checkup->counts[AC_FINDING_SKIPPED]);
	fputs(".\n", checkup->out);
	fflush(checkup->out);
}

bool
ac_checkup_run(struct ac_checkup *checkup)
{
	ac_timer_start(checkup->end, checkup->plan.limit_ms);
	ac_timer_run_soon(checkup->next);
	event_base_dispatch(checkup->base);
	conclude(checkup);
	return checkup->counts[AC_FINDING_FAILED] == 0;
}

static void
finish(struct ac_checkup *checkup)
{
	checkup->over = true;
	evtimer_del(checkup->deadline);
	evtimer_del(checkup->end);
	event_del(checkup->next);
	event_base_loopbreak(checkup->base);
}

static void
print_lines(struct ac_checkup *checkup, const char *lines)
{
	const char *prefix = "->";

	while (lines != NULL && *lines != '\0') {
		size_t len = strcspn(lines, "\n");

		fprintf(
		    checkup->out, "%8s %s %.*s\n", "", prefix, (int)len, lines);
		prefix = "  ";
		lines += len + (lines[len] == '\n');
	}
}

void
ac_checkup_say(struct ac_checkup *checkup, enum ac_finding finding,
    const char *advice, const char *fmt, ...)
{
	const char *name = checkup->plan.steps[checkup->at].name;
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (char *c = line; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	fprintf(checkup->out, "%-8s %-13s %s\n", finding_names[finding], name,
	    line);
	print_lines(checkup, advice);
	fflush(checkup->out);
	checkup->counts[finding]++;
	if (finding == AC_FINDING_FAILED || finding == AC_FINDING_SKIPPED)
		checkup->unwell |= 1u << checkup->at;
}

void
ac_checkup_set_limit(struct ac_checkup *checkup, int64_t ms)
{
	ac_timer_start(checkup->deadline, ms);
}

int64_t
ac_checkup_elapsed_ms(const struct ac_checkup *checkup)
{
	return ac_clock_ms() - checkup->began_ms;
}

void
ac_checkup_next(struct ac_checkup *checkup)
{
	if (checkup->over)
		return;
	evtimer_del(checkup->deadline);
	if (++checkup->at == checkup->plan.step_count)
		finish(checkup);
	else
		ac_timer_run_soon(checkup->next);
}

/* The name of the first step that this one would have needed, or NULL. */
static const char *
find_missing(const struct ac_checkup *checkup)
{
	unsigned missing =
	    checkup->plan.steps[checkup->at].needs & checkup->unwell;

	for (size_t i = 0; i < checkup->at; i++) {
		if (missing & 1u << i)
			return checkup->plan.steps[i].name;
	}
	return NULL;
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct ac_checkup *checkup = arg;
	const char *missing = find_missing(checkup);

	AC_UNUSED(fd);
	AC_UNUSED(what);
	checkup->began_ms = ac_clock_ms();
	if (missing != NULL) {
		ac_checkup_say(checkup, AC_FINDING_SKIPPED, NULL,
		    "it needs what failed above (%s)", missing);
		ac_checkup_next(checkup);
		return;
	}
	ac_checkup_set_limit(checkup, AC_CHECKUP_STEP_MS);
	checkup->plan.steps[checkup->at].start(checkup->plan.arg);
}

static void
give_up(struct ac_checkup *checkup, const char *whose)
{
	checkup->plan.stop(checkup->plan.arg);
	ac_checkup_say(checkup, AC_FINDING_FAILED, NULL,
	    "not over after %" PRId64 " ms: %s time is up",
	    ac_checkup_elapsed_ms(checkup), whose);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ac_checkup *checkup = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	give_up(checkup, "the step's");
	ac_checkup_next(checkup);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct ac_checkup *checkup = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	give_up(checkup, "the whole checkup's");
	finish(checkup);
}
