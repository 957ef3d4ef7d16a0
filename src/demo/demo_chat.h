/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The streamed answers of the simulated app's chat endpoint. */
#ifndef AC_DEMO_DEMO_CHAT_H
#define AC_DEMO_DEMO_CHAT_H

#include <stdint.h>

struct ac_demo_chats;
struct event_base;
struct evhttp_request;

/* No answers yet. base must outlive it; delay_ms passes before each piece of
 * an answer. */
struct ac_demo_chats *ac_demo_chats_new(
    struct event_base *base, int64_t delay_ms);

/*
 * Answers POST /api/chat/, whose session has been checked: takes over the
 * request and sends nothing within the call. If the client leaves, the answer
 * ends by itself.
 */
void ac_demo_chats_start(
    struct ac_demo_chats *chats, struct evhttp_request *req);

/* Ends all answers where they are. Their requests stay with the evhttp they
 * came from, which is to be freed next. */
void ac_demo_chats_free(struct ac_demo_chats *chats);

#endif
