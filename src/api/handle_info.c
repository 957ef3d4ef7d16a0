/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GET /health and GET /: answers from memory, without a key. */
#include <event2/buffer.h>

#include "api/handlers.h"
#include "api/request.h"
#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"

static void
reply_text(struct ac_request *request, const char *json, size_t len)
{
	struct evbuffer *body = ac_text_new();

	ac_text_add(body, json, len);
	ac_request_reply(request, 200, body);
	evbuffer_free(body);
}

void
ac_handle_health(struct ac_request *request, const char *tail)
{
	static const char json[] =
	    "{\"status\":\"ok\",\"message\":\"akashchat-api is running\","
	    "\"version\":\"" AC_VERSION "\"}";

	AC_UNUSED(tail);
	reply_text(request, json, sizeof(json) - 1);
}

void
ac_handle_root(struct ac_request *request, const char *tail)
{
	static const char json[] =
	    "{\"name\":\"akashchat-api\",\"version\":\"" AC_VERSION "\","
	    "\"description\":\"Akash Chat behind the OpenAI API\","
	    "\"routes\":{"
	    "\"chat\":\"POST /v1/chat/completions\","
	    "\"completions\":\"POST /v1/completions\","
	    "\"models\":\"GET /v1/models\","
	    "\"model\":\"GET /v1/models/{id}\","
	    "\"images\":\"POST /v1/images/generations\","
	    "\"image\":\"GET /images/{name}\","
	    "\"health\":\"GET /health\","
	    "\"metrics\":\"GET /metrics\"}}";

	AC_UNUSED(tail);
	reply_text(request, json, sizeof(json) - 1);
}
