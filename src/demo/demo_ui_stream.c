/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The UI message stream: server-sent events, each a JSON object with a type
 * (demo_writer.h). Text and reasoning stand in blocks. That of the reasoning
 * is left open until the text is over, as the real package does where a
 * provider does not say when the thinking ends.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/mem.h"
#include "demo/demo_plan.h"
#include "demo/demo_writer.h"

enum { LAST_WITH_UNKNOWN = 5 };

#define TEXT_ID      "\"id\":\"0\""
#define REASONING_ID "\"id\":\"reasoning-0\""

#define USAGE                                                       \
	",\"messageMetadata\":{\"totalUsage\":{\"inputTokens\":11," \
	"\"outputTokens\":7,\"totalTokens\":18}}"

static const char *const abort_reasons[] = {
    [AC_DEMO_FIRST_UI_STREAM] = "",
    [6] = ",\"reason\":\"This operation was aborted\"",
    [AC_DEMO_LAST_UI_STREAM] =
	",\"reason\":\"AbortError: This operation was aborted\"",
};

/* An event; what is added next leaves with it. */
static void
lead(struct ac_demo_plan *plan, const char *data)
{
	ac_demo_plan_add_and_free(plan, ac_asprintf("data: %s\n\n", data));
	plan->wait_ms = 0;
}

/* An event that leaves with what stands before it. */
static void
trail(struct ac_demo_plan *plan, const char *data)
{
	plan->wait_ms = 0;
	ac_demo_plan_add_and_free(plan, ac_asprintf("data: %s\n\n", data));
}

static void
open_block(struct ac_demo_plan *plan, bool *is_open, const char *data)
{
	if (!*is_open)
		lead(plan, data);
	*is_open = true;
}

static void
close_block(struct ac_demo_plan *plan, bool *is_open, const char *data)
{
	if (*is_open)
		trail(plan, data);
	*is_open = false;
}

static void
close_blocks(struct ac_demo_plan *plan)
{
	if (plan->stream.has_failed)
		return;
	close_block(plan, &plan->stream.has_reasoning,
	    "{\"type\":\"reasoning-end\"," REASONING_ID "}");
	close_block(plan, &plan->stream.has_text,
	    "{\"type\":\"text-end\"," TEXT_ID "}");
}

static void
start(struct ac_demo_plan *plan)
{
	char id[AC_ID_SIZE];
	char *data;

	ac_id_make(id, "msg-");
	data = ac_asprintf("{\"type\":\"start\",\"messageId\":\"%s\"}", id);
	lead(plan, data);
	free(data);
	lead(plan, "{\"type\":\"start-step\"}");
	plan->stream.has_begun = true;
}

static void
open_text(struct ac_demo_plan *plan)
{
	plan->stream.has_failed = false;
	open_block(plan, &plan->stream.has_text,
	    "{\"type\":\"text-start\"," TEXT_ID "}");
}

static void
text(struct ac_demo_plan *plan, const char *words, size_t len)
{
	open_text(plan);
	ac_demo_plan_add_escaped(plan,
	    "data: {\"type\":\"text-delta\"," TEXT_ID ",\"delta\":\"", words,
	    len, "\"}\n\n");
}

static void
literal(struct ac_demo_plan *plan, const char *words)
{
	open_text(plan);
	ac_demo_plan_add_literal(plan,
	    "data: {\"type\":\"text-delta\"," TEXT_ID ",\"delta\":\"", words,
	    "\"}\n\n");
}

static void
reasoning(struct ac_demo_plan *plan, const char *words, size_t len)
{
	open_block(plan, &plan->stream.has_reasoning,
	    "{\"type\":\"reasoning-start\"," REASONING_ID "}");
	ac_demo_plan_add_escaped(plan,
	    "data: {\"type\":\"reasoning-delta\"," REASONING_ID ",\"delta\":\"",
	    words, len, "\"}\n\n");
}

/* One before the first step is all there is; one within leaves its blocks
 * open, unless they go on. */
static void
error(struct ac_demo_plan *plan, const char *message)
{
	bool is_first = !plan->stream.has_begun;

	if (is_first)
		lead(plan, "{\"type\":\"start\"}");
	ac_demo_plan_add_escaped(plan,
	    "data: {\"type\":\"error\",\"errorText\":\"", message,
	    strlen(message), "\"}\n\n");
	plan->stream.has_failed = true;
	if (is_first)
		trail(plan, "[DONE]");
}

/* The stream breaks off, without a word. */
static void
lose(struct ac_demo_plan *plan)
{
	ac_demo_plan_add(plan, "", 0);
	plan->end = AC_DEMO_END_CUT;
}

static void
give_up(struct ac_demo_plan *plan)
{
	ac_demo_plan_add_and_free(
	    plan, ac_asprintf("data: {\"type\":\"abort\"%s}\n\n",
		      abort_reasons[plan->stream.version]));
	trail(plan, "[DONE]");
}

/* As a site has it that is told not to send the finish. */
static void
step_end(struct ac_demo_plan *plan, const char *reason)
{
	AC_UNUSED(reason);
	close_blocks(plan);
	trail(plan, "{\"type\":\"finish-step\"}");
	trail(plan, "[DONE]");
}

static void
finish(struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage)
{
	char *data;

	if (plan->stream.version > LAST_WITH_UNKNOWN &&
	    strcmp(reason, "unknown") == 0)
		reason = "other";
	close_blocks(plan);
	trail(plan, "{\"type\":\"finish-step\"}");
	data = ac_asprintf("{\"type\":\"finish\",\"finishReason\":\"%s\"%s}",
	    reason, usage == AC_DEMO_USAGE_COUNTED ? USAGE : "");
	trail(plan, data);
	free(data);
	trail(plan, "[DONE]");
}

const struct ac_demo_writer ac_demo_ui_stream = {
    .headers = AC_DEMO_HEADERS({"cache-control", "no-cache"},
	{"content-type", "text/event-stream"}, {"x-accel-buffering", "no"},
	{"x-vercel-ai-ui-message-stream", "v1"}),
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
