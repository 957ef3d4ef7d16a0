/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Requests for chats and for completions: one is refused with a reason, or
 * accepted within its bounds; what an accepted one is translated into is
 * what the web app takes (contract.h).
 */
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_request.h"
#include "api/field_rules.h"
#include "base/bytes.h"
#include "base/text.h"
#include "contract.h"
#include "fuzz.h"

static void
check_translation(const struct ac_chat_request *request)
{
	static const struct ac_options options = {.system_prompt = NULL};
	struct ac_bytes *body =
	    ac_chat_request_translate(request, &options, "m");

	contract_check_chat(body->data, body->len);
	ac_bytes_unref(body);
}

static void
check_request(const struct ac_chat_request *request)
{
	FUZZ_CHECK(request->stop_count <= AC_STOP_MAX);
	for (size_t i = 0; i < request->stop_count; i++)
		FUZZ_CHECK(request->stops[i].len > 0);
	FUZZ_CHECK(request->max_tokens >= 0);
	FUZZ_CHECK(request->prompt_len >= 0);
	if (request->ignored != NULL) {
		FUZZ_CHECK(*request->ignored != '\0');
		FUZZ_CHECK(strlen(request->ignored) <= AC_IGNORED_MAX_LEN);
		for (const char *p = request->ignored; *p != '\0'; p++)
			FUZZ_CHECK(*p >= ' ' && *p <= '~');
	}
	check_translation(request);
}

static void
check_body(const uint8_t *data, size_t size,
    bool (*parse)(
	struct ac_chat_request *, struct evbuffer *, struct ac_error *))
{
	struct evbuffer *body = ac_text_new();
	struct ac_chat_request request;
	struct ac_error error = {.code = AC_ERROR_NONE};

	ac_text_add(body, (const char *)data, size);
	if (parse(&request, body, &error)) {
		check_request(&request);
		ac_chat_request_clear(&request);
	} else {
		FUZZ_CHECK(error.code != AC_ERROR_NONE);
		FUZZ_CHECK(*error.message != '\0');
	}
	evbuffer_free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_body(data, size, ac_chat_request_parse);
	check_body(data, size, ac_completion_request_parse);
	return 0;
}
