/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The simulated app's chat endpoint: what a call is answered. */
#ifndef AC_DEMO_DEMO_CHAT_H
#define AC_DEMO_DEMO_CHAT_H

#include "demo/demo_refusals.h"

struct ac_demo_answers;
struct ac_demo_jobs;
struct evhttp_request;

struct ac_demo_chat {
	struct ac_demo_answers *answers; /* borrowed */
	struct ac_demo_jobs *jobs;       /* borrowed */
	struct ac_demo_refusals refusals;
};

/* Nothing refused yet. answers and jobs must outlive it. */
void ac_demo_chat_init(struct ac_demo_chat *chat,
    struct ac_demo_answers *answers, struct ac_demo_jobs *jobs);

/* Answers POST /api/chat/, whose session has been checked: takes over the
 * request and sends nothing within the call. */
void ac_demo_chat_start(struct ac_demo_chat *chat, struct evhttp_request *req);

#endif
