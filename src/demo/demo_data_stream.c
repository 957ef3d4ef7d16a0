/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data stream: a code, a colon and JSON on each line (demo_writer.h). */
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/text.h"
#include "demo/demo_plan.h"
#include "demo/demo_writer.h"

static const char *const usages[] = {
    [AC_DEMO_USAGE_NULL] = "{\"promptTokens\":null,\"completionTokens\":null}",
    [AC_DEMO_USAGE_COUNTED] = "{\"promptTokens\":11,\"completionTokens\":7}",
    [AC_DEMO_USAGE_DRAWN] = "{\"promptTokens\":20,\"completionTokens\":50}",
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

static void
add_quoted(struct evbuffer *line, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			ac_text_add_string(line, "\\");
		ac_text_add(line, &text[i], 1);
	}
}

void
ac_demo_data_stream_add_job(struct ac_demo_plan *plan, const char *id,
    const char *prompt, size_t len, const char *negative)
{
	struct evbuffer *line = ac_text_new();
	size_t line_len;
	char *data;

	ac_text_add_string(line, "0:\"<image_generation> jobId='");
	ac_text_add_string(line, id);
	ac_text_add_string(line, "' prompt='");
	add_quoted(line, prompt, len);
	ac_text_add_string(line, "' negative='");
	add_quoted(line, negative, strlen(negative));
	ac_text_add_string(line, "'</image_generation>\"\n");
	line_len = evbuffer_get_length(line);
	data = ac_text_take(line);
	ac_demo_plan_add(plan, data, line_len);
	free(data);
	finish(plan, "stop", AC_DEMO_USAGE_DRAWN);
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
