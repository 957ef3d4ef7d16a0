/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Recorded calls and their scene: see call.h. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "net/proxy.h"
#include "net/resolver.h"
#include "net/tls.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

static int
or_default(int ms)
{
	return ms == 0 ? DEFAULT_TIMEOUT_MS : ms;
}

void
scene_open(struct scene *scene, const struct scene_wish *wish)
{
	static const struct scene_wish nothing;
	struct ac_http_origin origin = {0};
	const char *why;
	char *url;

	if (wish == NULL)
		wish = &nothing;
	*scene = (struct scene){.tls = NULL};
	loop_open(&scene->loop);
	scene->peer = peer_new_at(scene->loop.base,
	    wish->peer_ip == NULL ? "127.0.0.1" : wish->peer_ip, 0,
	    wish->peer_tls);
	assert_non_null(scene->peer);
	scene->reaper = ac_reaper_new(scene->loop.base);
	scene->resolver = ac_resolver_new(scene->loop.base);
	if (wish->ca_file != NULL) {
		char reason[512] = "";

		scene->tls =
		    ac_tls_new(wish->ca_file, NULL, reason, sizeof(reason));
		assert_string_equal(reason, "");
	}
	url = ac_asprintf("http%s://%s:%u", scene->tls == NULL ? "" : "s",
	    wish->host == NULL ? "127.0.0.1" : wish->host,
	    (unsigned)(wish->port == 0 ? scene->peer->port : wish->port));
	assert_true(ac_url_parse(&scene->url, url, &why));
	free(url);
	origin.base = scene->loop.base;
	origin.reaper = scene->reaper;
	origin.tls = scene->tls;
	origin.url = &scene->url;
	origin.connect_timeout_ms = or_default(wish->connect_timeout_ms);
	origin.answer_timeout_ms = or_default(wish->answer_timeout_ms);
	origin.silence_timeout_ms = or_default(wish->silence_timeout_ms);
	origin.retries = wish->retries;
	if (wish->proxy != NULL) {
		snprintf(scene->proxy_name, sizeof(scene->proxy_name),
		    "127.0.0.1:%u", (unsigned)scene->peer->port);
		snprintf(
		    scene->proxy_host, sizeof(scene->proxy_host), "127.0.0.1");
		wish->proxy->host = scene->proxy_host;
		wish->proxy->port = scene->peer->port;
		wish->proxy->host_port = scene->proxy_name;
		origin.proxy = wish->proxy;
	}
	scene->client = ac_http_client_new(&origin, scene->resolver);
}

void
scene_drop_client(struct scene *scene)
{
	ac_http_client_free(scene->client);
	scene->client = NULL;
	ac_reaper_free(scene->reaper);
	scene->reaper = NULL;
}

void
scene_close(struct scene *scene)
{
	if (scene->reaper != NULL)
		scene_drop_client(scene);
	ac_resolver_free(scene->resolver);
	ac_tls_free(scene->tls);
	ac_url_clear(&scene->url);
	peer_free(scene->peer);
	if (scene->turn_at_end)
		loop_turns(&scene->loop, 1);
	loop_close(&scene->loop);
}

static void
note_problem(struct call *call, const char *problem)
{
	if (call->problem == NULL)
		call->problem = problem;
}

/* What holds for every handler. */
static void
check_moment(struct call *call)
{
	if (!call->started)
		note_problem(call, "a handler ran before the start returned");
	if (call->dones > 0)
		note_problem(call, "a handler ran after on_done");
	else if (call->call == NULL)
		note_problem(call, "a handler ran after the cancelling");
}

static void
act(struct call *call, enum call_moment moment)
{
	if (call->within != NULL)
		call->within(call, moment);
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct call *call = arg;
	const char *cookie = ac_http_head_find(head, "Set-Cookie");

	check_moment(call);
	if (call->heads++ > 0)
		note_problem(call, "on_head ran twice");
	call->status = head->status;
	snprintf(call->cookie, sizeof(call->cookie), "%s",
	    cookie == NULL ? "" : cookie);
	act(call, CALL_HEAD);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct call *call = arg;
	size_t len = evbuffer_get_length(data);
	size_t room = sizeof(call->body) - 1 - call->body_kept;
	unsigned char *bytes = evbuffer_pullup(data, -1);

	check_moment(call);
	if (call->heads == 0)
		note_problem(call, "on_data ran before on_head");
	if (len == 0)
		note_problem(call, "on_data ran for nothing");
	for (size_t i = 0; i < len; i++)
		call->body_sum += bytes[i];
	if (len < room)
		room = len;
	memcpy(call->body + call->body_kept, bytes, room);
	call->body_kept += room;
	call->body_len += len;
	call->newest_len = len;
	call->datas++;
	evbuffer_drain(data, len);
	act(call, CALL_DATA);
}

static void
on_done(const struct ac_error *error, void *arg)
{
	struct call *call = arg;

	check_moment(call);
	call->dones++;
	call->call = NULL;
	call->succeeded = error == NULL;
	if (error != NULL)
		call->error = *error;
	if (error == NULL && call->heads == 0)
		note_problem(call, "it succeeded without a head");
	act(call, CALL_DONE);
}

static const struct ac_http_handlers handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

/* Leaves what the test has set beforehand. */
static void
start(struct call *call, struct scene *scene,
    const struct ac_http_request *request)
{
	call->scene = scene;
	call->call =
	    ac_http_call_start(scene->client, request, &handlers, call);
	call->started = true;
}

void
call_get(struct call *call, struct scene *scene, const char *path)
{
	struct ac_http_header header = {"X-Test", "yes"};
	struct ac_http_request request = {
	    .method = AC_HTTP_GET,
	    .path = path,
	    .headers = &header,
	    .header_count = 1,
	};

	start(call, scene, &request);
}

void
call_post(struct call *call, struct scene *scene, const char *path, size_t len)
{
	char *data = ac_malloc(len + 1);
	struct ac_http_request request = {
	    .method = AC_HTTP_POST,
	    .path = path,
	};

	memset(data, 'x', len);
	request.body = ac_bytes_take(data, len);
	start(call, scene, &request);
	ac_bytes_unref(request.body);
}

void
call_cancel(struct call *call)
{
	struct ac_http_call *running = call->call;

	call->call = NULL;
	ac_http_call_cancel(running);
}

void
call_leave(struct call *call)
{
	struct ac_http_call *running = call->call;

	call->call = NULL;
	ac_http_call_leave(running);
}

void
call_wait(struct call *call)
{
	LOOP_UNTIL(&call->scene->loop, call->dones > 0);
	/* Whatever comes too late would come now. */
	loop_turns(&call->scene->loop, 3);
	if (call->problem != NULL)
		fail_msg("%s", call->problem);
	assert_int_equal(call->dones, 1);
}

void
call_wait_for_success(struct call *call, int status, const char *body)
{
	call_wait(call);
	if (!call->succeeded)
		fail_msg("it failed: %s", call->error.message);
	assert_int_equal(call->status, status);
	assert_string_equal(call->body, body);
}

void
call_wait_for_error(struct call *call, enum ac_error_code code)
{
	call_wait(call);
	assert_false(call->succeeded);
	if (call->error.code != code)
		print_error("the error: %s\n", call->error.message);
	assert_int_equal(call->error.code, code);
	assert_true(strlen(call->error.message) > 0);
}

void
call_check_client(struct scene *scene)
{
	struct call *call = ac_calloc(1, sizeof(*call));

	call_get(call, scene, "/check");
	call_wait_for_success(call, 200, "ok");
	free(call);
}
