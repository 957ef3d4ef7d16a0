/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The text of checked messages. The upstream knows nothing of tools, so what
 * a conversation says of them is told in words (docs/internals/requests.md):
 *
 *	[Called tool get_weather (call_1) with {"city":"Oslo"}]
 *
 *	[Result of tool get_weather (call_1)]
 *	12 degrees
 */
#ifndef AC_API_CHAT_HISTORY_H
#define AC_API_CHAT_HISTORY_H

#include <stdbool.h>

#include <jansson.h>

struct evbuffer;

/* Appends a message's text: its content with parts joined without a
 * separator, of an assistant without the thinking at its beginning, but with
 * its refusal and its calls of tools. */
void ac_history_add_text(struct evbuffer *out, const json_t *message);

/* Whether a message is what a tool or a function gave back. */
bool ac_history_is_result(const json_t *message);

/* Appends such a message; calls as below. */
void ac_history_add_result(
    struct evbuffer *out, const json_t *message, const json_t *calls);

/* Notes the names of the tools that a message calls in calls, an object whose
 * keys are the calls' ids: a result names the id alone. */
void ac_history_note_calls(json_t *calls, const json_t *message);

#endif
