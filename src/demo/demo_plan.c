/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Building a plan: see demo_plan.h. */
#include "demo/demo_plan.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "demo/demo_writer.h"

static void add_step(struct ac_demo_plan *plan, size_t len);

void
ac_demo_plan_init(struct ac_demo_plan *plan)
{
	*plan = (struct ac_demo_plan){
	    .status = 200,
	    .body = ac_text_new(),
	    .wait_ms = AC_DEMO_PACE,
	};
	ac_demo_plan_set_protocol(plan, AC_DEMO_DATA_STREAM);
}

void
ac_demo_plan_clear(struct ac_demo_plan *plan)
{
	evbuffer_free(plan->body);
	free(plan->steps);
}

void
ac_demo_plan_set_protocol(struct ac_demo_plan *plan, int version)
{
	plan->stream.version = version;
	plan->writer = version >= AC_DEMO_FIRST_UI_STREAM
			   ? &ac_demo_ui_stream
			   : &ac_demo_data_stream;
	plan->headers = plan->writer->headers;
}

void
ac_demo_plan_add(struct ac_demo_plan *plan, const char *bytes, size_t len)
{
	ac_text_add(plan->body, bytes, len);
	add_step(plan, len);
}

void
ac_demo_plan_add_and_free(struct ac_demo_plan *plan, char *line)
{
	ac_demo_plan_add(plan, line, strlen(line));
	free(line);
}

void
ac_demo_plan_add_static(
    struct ac_demo_plan *plan, const char *bytes, size_t len)
{
	if (evbuffer_add_reference(plan->body, bytes, len, NULL, NULL) != 0)
		ac_out_of_memory();
	add_step(plan, len);
}

void
ac_demo_plan_add_escaped(struct ac_demo_plan *plan, const char *before,
    const char *text, size_t len, const char *behind)
{
	size_t had = evbuffer_get_length(plan->body);

	ac_text_add_string(plan->body, before);
	ac_json_add_escaped(plan->body, text, len);
	ac_text_add_string(plan->body, behind);
	add_step(plan, evbuffer_get_length(plan->body) - had);
}

void
ac_demo_plan_add_literal(struct ac_demo_plan *plan, const char *before,
    const char *literal, const char *behind)
{
	size_t len = strlen(before);

	ac_text_add_string(plan->body, before);
	for (; *literal != '\0'; literal++) {
		if (*literal == '\n') {
			add_step(plan, len);
			len = 0;
			continue;
		}
		ac_text_add(plan->body, literal, 1);
		len++;
	}
	ac_text_add_string(plan->body, behind);
	add_step(plan, len + strlen(behind));
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
