/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * GET /v1/models and GET /v1/models/{id}: the upstream's list in OpenAI's
 * form, with the fields that the Go program gave beside it. A key sees the
 * models that it may use.
 *
 *	handle -> WAIT (for the list) -> reply
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "api/admission.h"
#include "api/api.h"
#include "api/handlers.h"
#include "api/keys.h"
#include "api/request.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

enum { CREATED = 1755000000 }; /* the site tells no date; the Go program's */

struct models_call {
	struct ac_request *request;  /* its own; NULL once replied to */
	struct ac_models_wait *wait; /* the list's, until it is told */
	char *id;                    /* owned; NULL: the whole list */
};

static void start(struct ac_request *, char *id);
static void on_list(
    const struct ac_model_list *, const struct ac_error *, void *arg);
static void reply_list(struct models_call *, const struct ac_model_list *);
static void reply_model(struct models_call *, const struct ac_model_list *);
static void on_gone(void *arg);

static const struct ac_request_hooks hooks = {.on_gone = on_gone};

void
ac_handle_models(struct ac_request *request, const char *tail)
{
	AC_UNUSED(tail);
	start(request, NULL);
}

void
ac_handle_model(struct ac_request *request, const char *tail)
{
	/* Ids hold slashes: clients send them plain or as %2F. */
	size_t len;
	char *decoded = evhttp_uridecode(tail, 0, &len);

	if (decoded == NULL)
		ac_out_of_memory();
	if (strlen(decoded) != len)
		*decoded = '\0'; /* %00: no model is called like that */
	start(request, decoded);
}

static void
start(struct ac_request *request, char *id)
{
	struct models_call *call = ac_calloc(1, sizeof(*call));

	call->request = request;
	call->id = id;
	ac_request_wait(request, &hooks, call);
	call->wait = ac_models_wait_start(
	    ac_request_api(request)->upstream->models, on_list, call);
}

static void
free_call(struct models_call *call)
{
	free(call->id);
	free(call);
}

static void
on_list(
    const struct ac_model_list *list, const struct ac_error *error, void *arg)
{
	struct models_call *call = arg;

	if (list == NULL)
		ac_request_reply_error(call->request, error);
	else if (call->id == NULL)
		reply_list(call, list);
	else
		reply_model(call, list);
	free_call(call);
}

/* Written without a tree: some clients ask for the list again and again. */
static void
add_model(struct evbuffer *out, const struct ac_model *model)
{
	ac_text_add_string(out, "{\"id\":");
	ac_json_add_string(out, model->id, strlen(model->id));
	evbuffer_add_printf(out,
	    ",\"object\":\"model\",\"created\":%d,"
	    "\"owned_by\":\"Akash Network\",\"permission\":null,\"root\":",
	    CREATED);
	ac_json_add_string(out, model->id, strlen(model->id));
	ac_text_add_string(out, ",\"parent\":null");
	if (model->name != NULL) {
		ac_text_add_string(out, ",\"name\":");
		ac_json_add_string(out, model->name, strlen(model->name));
	}
	if (model->context_window != AC_CONTEXT_WINDOW_UNKNOWN)
		evbuffer_add_printf(
		    out, ",\"context_window\":%" PRId64, model->context_window);
	ac_text_add_string(out, "}");
}

static void
reply_list(struct models_call *call, const struct ac_model_list *list)
{
	const struct ac_key *key = ac_request_key(call->request);
	struct evbuffer *body = ac_text_new();
	const char *comma = "";

	ac_text_add_string(body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < list->count; i++) {
		if (!ac_key_may_use(key, list->models[i].id))
			continue;
		ac_text_add_string(body, comma);
		add_model(body, &list->models[i]);
		comma = ",";
	}
	ac_text_add_string(body, "]}");
	ac_request_reply(call->request, 200, body);
	evbuffer_free(body);
}

static void
reply_model(struct models_call *call, const struct ac_model_list *list)
{
	const struct ac_model *model = ac_model_find(list, call->id);
	struct evbuffer *body;
	struct ac_error error;

	if (model != NULL &&
	    ac_key_may_use(ac_request_key(call->request), model->id)) {
		body = ac_text_new();
		add_model(body, model);
		ac_request_reply(call->request, 200, body);
		evbuffer_free(body);
		return;
	}
	ac_error_set_param(&error, AC_ERROR_MODEL_NOT_FOUND, "model",
	    "The model '%.200s' does not exist.", call->id);
	ac_request_reply_error(call->request, &error);
}

static void
on_gone(void *arg)
{
	struct models_call *call = arg;

	ac_models_wait_cancel(call->wait);
	free_call(call);
}
