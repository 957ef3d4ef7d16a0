/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GET /health, /ready and /: answers from memory, without a key. */
#include <event2/buffer.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/request.h"
#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "upstream/session.h"
#include "upstream/upstream.h"

static void
reply_text(struct ac_request *request, int status, const char *json)
{
	struct evbuffer *body = ac_text_new();

	ac_text_add_string(body, json);
	ac_request_reply(request, status, body);
	evbuffer_free(body);
}

void
ac_handle_health(struct ac_request *request, const char *tail)
{
	static const char json[] =
	    "{\"status\":\"ok\",\"message\":\"akashchat-api is running\","
	    "\"version\":\"" AC_VERSION "\"}";

	AC_UNUSED(tail);
	reply_text(request, 200, json);
}

void
ac_handle_ready(struct ac_request *request, const char *tail)
{
	const struct ac_api *api = ac_request_api(request);

	AC_UNUSED(tail);
	if (api->draining)
		reply_text(request, 503,
		    "{\"status\":\"not ready\","
		    "\"reason\":\"the program is shutting down\"}");
	else if (!ac_session_is_available(api->upstream->session))
		reply_text(request, 503,
		    "{\"status\":\"not ready\","
		    "\"reason\":\"no session with the upstream can be had\"}");
	else
		reply_text(request, 200, "{\"status\":\"ready\"}");
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
	    "\"ready\":\"GET /ready\","
	    "\"metrics\":\"GET /metrics\"}}";

	AC_UNUSED(tail);
	reply_text(request, 200, json);
}
