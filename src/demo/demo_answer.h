/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers of the simulated app that take their time: plans that are carried
 * out. */
#ifndef AC_DEMO_DEMO_ANSWER_H
#define AC_DEMO_DEMO_ANSWER_H

#include <stdint.h>

struct ac_demo_answers;
struct ac_demo_plan;
struct event_base;
struct evhttp_request;

/* No answers yet. base must outlive it; delay_ms is what a plan's
 * AC_DEMO_PACE stands for. */
struct ac_demo_answers *ac_demo_answers_new(
    struct event_base *base, int64_t delay_ms);

/*
 * Answers a request as the plan says: takes over both (the caller does not
 * clear the plan) and sends nothing within the call. If the client leaves,
 * the answer ends by itself.
 */
void ac_demo_answers_start(struct ac_demo_answers *answers,
    struct evhttp_request *req, const struct ac_demo_plan *plan);

/* Ends all answers where they are. Their requests stay with the evhttp they
 * came from, which is to be freed next. */
void ac_demo_answers_free(struct ac_demo_answers *answers);

#endif
