/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The chat endpoint: see demo_chat.h. It reads the call, decides on all of
 * the answer and leaves the rest to demo_answer.c.
 */
#include "demo/demo_chat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/mem.h"
#include "base/text.h"
#include "demo/demo_answer.h"
#include "demo/demo_auth.h"
#include "demo/demo_job.h"
#include "demo/demo_plan.h"
#include "demo/demo_prompt.h"
#include "demo/demo_scenario.h"
#include "demo/demo_writer.h"

/* Before the user's words, so that what they end with stays at the end. */
#define ADDED_TO_PROMPT "In fine detail: "
#define NEGATIVE        "blurry, the painter's shadow"

/* A call while its answer is decided on. */
struct call {
	struct ac_demo_chat *chat;
	struct evhttp_request *req;
	const char *body;
	size_t len;
};

static void make_plan(struct ac_demo_plan *plan, const struct call *call);
static void add_answer(struct ac_demo_plan *plan,
    const struct ac_demo_prompt *prompt, const struct call *call);
static void add_job(struct ac_demo_plan *plan,
    const struct ac_demo_prompt *prompt, struct ac_demo_jobs *jobs,
    const struct ac_demo_course *course, int64_t polls);
static bool takes_refusal(const struct call *call);

void
ac_demo_chat_init(struct ac_demo_chat *chat, struct ac_demo_answers *answers,
    struct ac_demo_jobs *jobs)
{
	*chat = (struct ac_demo_chat){.answers = answers, .jobs = jobs};
}

void
ac_demo_chat_start(struct ac_demo_chat *chat, struct evhttp_request *req)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	struct call call = {
	    .chat = chat,
	    .req = req,
	    .len = evbuffer_get_length(body),
	    .body = (const char *)evbuffer_pullup(body, -1),
	};
	struct ac_demo_plan plan;

	if (call.body == NULL && call.len > 0)
		ac_out_of_memory();
	make_plan(&plan, &call);
	/* the answer takes its time, and a body can be large */
	evbuffer_drain(body, call.len);
	ac_demo_answers_start(chat->answers, req, &plan);
}

static void
make_plan(struct ac_demo_plan *plan, const struct call *call)
{
	struct ac_demo_prompt prompt;

	ac_demo_plan_init(plan);
	switch (ac_demo_prompt_parse(&prompt, call->body, call->len)) {
	case AC_DEMO_VERDICT_CRASH:
		plan->status = 500;
		plan->headers = NULL;
		break;
	case AC_DEMO_VERDICT_COMPLAIN:
		plan->writer->error(plan, prompt.complaint);
		break;
	case AC_DEMO_VERDICT_ANSWER:
		add_answer(plan, &prompt, call);
		break;
	}
	ac_demo_prompt_clear(&prompt);
}

static void
add_answer(struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt,
    const struct call *call)
{
	const struct ac_demo_course *course;
	int64_t polls;

	course = ac_demo_scenario_course(prompt, &polls);
	if (course != NULL)
		add_job(plan, prompt, call->chat->jobs, course, polls);
	else if (ac_demo_scenario_is_once(prompt) && !takes_refusal(call))
		ac_demo_scenario_plan_usual(plan, prompt);
	else
		ac_demo_scenario_plan(plan, prompt);
}

/* In the real app a small model writes the prompt, in words of its own. */
static void
add_job(struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt,
    struct ac_demo_jobs *jobs, const struct ac_demo_course *course,
    int64_t polls)
{
	struct evbuffer *text = ac_text_new();
	size_t len;
	char *drawn;

	ac_text_add_string(text, ADDED_TO_PROMPT);
	ac_text_add(text, prompt->text, prompt->text_len);
	len = evbuffer_get_length(text);
	drawn = ac_text_take(text);
	ac_demo_data_stream_add_job(plan,
	    ac_demo_jobs_add(jobs, course, polls, drawn, len), drawn, len,
	    NEGATIVE);
	free(drawn);
}

static bool
takes_refusal(const struct call *call)
{
	char *token = ac_demo_auth_token(call->req);
	bool takes = ac_demo_refusals_take(&call->chat->refusals, call->body,
	    call->len, token == NULL ? "" : token);

	free(token);
	return takes;
}
