/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data stream: a code, a colon and JSON on each line (demo_writer.h). */
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "demo/demo_plan.h"
#include "demo/demo_writer.h"

static const char *const usages[] = {
    [AC_DEMO_USAGE_NULL] = "{\"promptTokens\":null,\"completionTokens\":null}",
    [AC_DEMO_USAGE_COUNTED] = "{\"promptTokens\":11,\"completionTokens\":7}",
};

static void
start(struct ac_demo_plan *plan)
{
	char id[AC_ID_SIZE];

	ac_id_make(id, "msg-");
	ac_demo_plan_add_and_free(
	    plan, ac_asprintf("f:{\"messageId\":\"%s\"}\n", id));
	plan->wait_ms = 0;
}

static void
text(struct ac_demo_plan *plan, const char *words, size_t len)
{
	ac_demo_plan_add_escaped(plan, "0:\"", words, len, "\"\n");
}

static void
literal(struct ac_demo_plan *plan, const char *words)
{
	ac_demo_plan_add_literal(plan, "0:\"", words, "\"\n");
}

static void
reasoning(struct ac_demo_plan *plan, const char *words, size_t len)
{
	ac_demo_plan_add_escaped(plan, "g:\"", words, len, "\"\n");
}

static void
error(struct ac_demo_plan *plan, const char *message)
{
	ac_demo_plan_add_escaped(
	    plan, "3:\"", message, strlen(message), "\"\n");
}

/* The body then ends as if all was well. */
static void
lose(struct ac_demo_plan *plan)
{
	error(plan, "terminated");
}

/* There is no line for it: the body breaks off. */
static void
give_up(struct ac_demo_plan *plan)
{
	ac_demo_plan_add(plan, "", 0);
	plan->end = AC_DEMO_END_CUT;
}

static void
end_step(
    struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage)
{
	plan->wait_ms = 0;
	ac_demo_plan_add_and_free(
	    plan, ac_asprintf(
		      "e:{\"finishReason\":\"%s\",\"usage\":%s,\"isContinued\":"
		      "false}\n",
		      reason, usages[usage]));
}

static void
step_end(struct ac_demo_plan *plan, const char *reason)
{
	end_step(plan, reason, AC_DEMO_USAGE_NULL);
}

static void
finish(struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage)
{
	end_step(plan, reason, usage);
	plan->wait_ms = 0;
	ac_demo_plan_add_and_free(
	    plan, ac_asprintf("d:{\"finishReason\":\"%s\",\"usage\":%s}\n",
		      reason, usages[usage]));
}

const struct ac_demo_writer ac_demo_data_stream = {
    .headers = AC_DEMO_HEADERS({"content-type", "text/plain; charset=utf-8"},
	{"x-vercel-ai-data-stream", "v1"}),
    .start = start,
    .text = text,
    .literal = literal,
    .reasoning = reasoning,
    .error = error,
    .lose = lose,
    .abort = give_up,
    .step_end = step_end,
    .finish = finish,
};
