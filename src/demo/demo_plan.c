/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Building a plan: see demo_plan.h. */
#include "demo/demo_plan.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "demo/demo_text.h"

static const char *const usages[] = {
    [AC_DEMO_USAGE_NULL] = "{\"promptTokens\":null,\"completionTokens\":null}",
    [AC_DEMO_USAGE_COUNTED] = "{\"promptTokens\":11,\"completionTokens\":7}",
};

void
ac_demo_plan_init(struct ac_demo_plan *plan)
{
	*plan = (struct ac_demo_plan){
	    .status = 200,
	    .content_type = "text/plain; charset=utf-8",
	    .body = evbuffer_new(),
	    .wait_ms = AC_DEMO_PACE,
	};
	if (plan->body == NULL)
		ac_out_of_memory();
}

void
ac_demo_plan_clear(struct ac_demo_plan *plan)
{
	evbuffer_free(plan->body);
	free(plan->steps);
}

/* The step for the last len bytes of the body. */
static void
add_step(struct ac_demo_plan *plan, size_t len)
{
	if (plan->count == plan->room) {
		plan->room = plan->room == 0 ? 64 : plan->room * 2;
		plan->steps =
		    ac_realloc(plan->steps, plan->room * sizeof(*plan->steps));
	}
	plan->steps[plan->count++] = (struct ac_demo_step){
	    .wait_ms = plan->is_burst ? 0 : plan->wait_ms,
	    .len = len,
	};
	plan->wait_ms = AC_DEMO_PACE;
}

void
ac_demo_plan_add(struct ac_demo_plan *plan, const char *bytes, size_t len)
{
	if (evbuffer_add(plan->body, bytes, len) != 0)
		ac_out_of_memory();
	add_step(plan, len);
}

static void
add_and_free(struct ac_demo_plan *plan, char *line)
{
	ac_demo_plan_add(plan, line, strlen(line));
	free(line);
}

void
ac_demo_plan_add_start(struct ac_demo_plan *plan)
{
	char id[AC_ID_SIZE];

	ac_id_make(id, "msg-");
	add_and_free(plan, ac_asprintf("f:{\"messageId\":\"%s\"}\n", id));
	plan->wait_ms = 0;
}

void
ac_demo_plan_add_string(
    struct ac_demo_plan *plan, const char *code, const char *text, size_t len)
{
	size_t before = evbuffer_get_length(plan->body);
	json_t *string = json_stringn(text, len);

	if (string == NULL)
		ac_out_of_memory();
	evbuffer_add(plan->body, code, strlen(code));
	ac_json_add(plan->body, string);
	evbuffer_add(plan->body, "\n", 1);
	json_decref(string);
	add_step(plan, evbuffer_get_length(plan->body) - before);
}

void
ac_demo_plan_add_text(
    struct ac_demo_plan *plan, const char *code, const char *text)
{
	size_t len;

	for (; (len = ac_demo_text_piece(text)) > 0; text += len)
		ac_demo_plan_add_string(plan, code, text, len);
}

void
ac_demo_plan_add_step_end(
    struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage)
{
	plan->wait_ms = 0;
	add_and_free(
	    plan, ac_asprintf(
		      "e:{\"finishReason\":\"%s\",\"usage\":%s,\"isContinued\":"
		      "false}\n",
		      reason, usages[usage]));
}

void
ac_demo_plan_add_finish(
    struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage)
{
	ac_demo_plan_add_step_end(plan, reason, usage);
	plan->wait_ms = 0;
	add_and_free(
	    plan, ac_asprintf("d:{\"finishReason\":\"%s\",\"usage\":%s}\n",
		      reason, usages[usage]));
}
