/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A client's request for a chat completion or a completion: checked, and
 * translated into what the web app's POST /api/chat/ takes
 * (docs/internals/requests.md).
 */
#ifndef AC_API_CHAT_REQUEST_H
#define AC_API_CHAT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/options.h"
#include "codec/stop.h"

struct ac_bytes;
struct evbuffer;

struct ac_chat_request {
	json_t *json;      /* owned: the body; what follows is borrowed */
	const char *model; /* as asked for, NULL if absent */
	const json_t *messages;
	bool stream;
	bool include_usage;
	struct ac_optional_real temperature;
	struct ac_optional_real top_p;
	struct ac_stop_string stops[AC_STOP_MAX]; /* none is empty */
	size_t stop_count;
	int64_t max_tokens; /* of the answer; 0: no limit was asked for */
	int64_t prompt_len; /* bytes of text in the messages */
	/* Owned: the fields without effect, as X-Ignored-Parameters tells
	 * them (api/field_rules.h); NULL if there is none. */
	char *ignored;
};

/* Reads the body of POST /v1/chat/completions, whatever its Content-Type
 * says, and checks every field that is used. False sets error, with the path
 * of the field at fault; then there is nothing to clear. */
AC_MUST_CHECK bool ac_chat_request_parse(struct ac_chat_request *request,
    struct evbuffer *body, struct ac_error *error);

/* The same for POST /v1/completions: the prompt becomes the message of a
 * user. An absent max_tokens is no limit here either, where OpenAI's API
 * would end at 16. */
AC_MUST_CHECK bool ac_completion_request_parse(struct ac_chat_request *request,
    struct evbuffer *body, struct ac_error *error);

void ac_chat_request_clear(struct ac_chat_request *request);

/* The body for the web app, with model in place of the one asked for and
 * the options' defaults for what the request leaves open. The caller holds
 * the reference. */
struct ac_bytes *ac_chat_request_translate(
    const struct ac_chat_request *request, const struct ac_options *options,
    const char *model);

#endif
