/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's server: it owns the listener, the sessions and the
 * answers under way, and leads each request to its endpoint. Started by the
 * server when the program runs with --demo, and by tests.
 *
 *	request -> Host? -> canonical path? -> route -> method -> handler
 */
#include "demo/demo.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "demo/demo_answer.h"
#include "demo/demo_auth.h"
#include "demo/demo_chat.h"
#include "demo/demo_image.h"
#include "demo/demo_job.h"
#include "demo/demo_models.h"
#include "demo/demo_redirect.h"
#include "demo/demo_reply.h"
#include "demo/demo_sessions.h"

enum {
	MAX_HEADER_BYTES = 16 * 1024,
	MAX_BODY_BYTES = 64 * 1024 * 1024,
	BACKLOG = 512,
	REOPEN_MS = 500,
	EVERY_METHOD = 0xffff, /* so that a 405 is ours, not libevent's 501 */
};

struct ac_demo {
	struct evhttp *http;               /* owned */
	struct evconnlistener *listener;   /* http's */
	struct event *reopen;              /* owned */
	struct ac_demo_sessions *sessions; /* owned */
	struct ac_demo_auth auth;
	struct ac_demo_answers *answers; /* owned */
	struct ac_demo_jobs *jobs;       /* owned */
	struct ac_demo_chat chat;
	struct ac_demo_image image;
	char *models; /* owned, JSON */
	uint16_t port;
};

struct route {
	const char *path;
	unsigned methods; /* of enum evhttp_cmd_type */
	const char *allow;
	void (*handle)(struct ac_demo *demo, struct evhttp_request *req);
};

static bool start_listening(struct ac_demo *demo, struct event_base *base);
static void start_reopening(struct ac_demo *demo, struct event_base *base);
static void on_accept_error(struct evconnlistener *listener, void *arg);
static void on_reopen(evutil_socket_t fd, short what, void *arg);
static void on_request(struct evhttp_request *req, void *arg);
static void dispatch(struct ac_demo *demo, struct evhttp_request *req);
static const struct route *find_route(const char *uri);
static bool is_image(const char *uri, size_t len);
static void answer_options(struct evhttp_request *req, const char *allow);
static bool is_refused(struct ac_demo *demo, struct evhttp_request *req);

static void handle_page(struct ac_demo *demo, struct evhttp_request *req);
static void handle_session(struct ac_demo *demo, struct evhttp_request *req);
static void handle_refresh(struct ac_demo *demo, struct evhttp_request *req);
static void handle_status(struct ac_demo *demo, struct evhttp_request *req);
static void handle_models(struct ac_demo *demo, struct evhttp_request *req);
static void handle_chat(struct ac_demo *demo, struct evhttp_request *req);
static void handle_image_status(
    struct ac_demo *demo, struct evhttp_request *req);
static void handle_image(struct ac_demo *demo, struct evhttp_request *req);

static const struct route routes[] = {
    {"/", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS", handle_page},
    {"/api/auth/session/", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD,
	"GET, HEAD, OPTIONS", handle_session},
    {"/api/auth/session/refresh/", EVHTTP_REQ_POST, "OPTIONS, POST",
	handle_refresh},
    {"/api/auth/status/", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD,
	"GET, HEAD, OPTIONS", handle_status},
    {"/api/models/", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS",
	handle_models},
    {"/api/chat/", EVHTTP_REQ_POST, "OPTIONS, POST", handle_chat},
    {"/api/image-status/", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD,
	"GET, HEAD, OPTIONS", handle_image_status},
};

static const struct route image_route = {AC_DEMO_IMAGE_PATH,
    EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS", handle_image};

struct ac_demo *
ac_demo_new(struct event_base *base, const struct ac_demo_settings *settings,
    char *why, size_t why_size)
{
	struct ac_demo *demo = ac_calloc(1, sizeof(*demo));

	demo->http = evhttp_new(base);
	if (demo->http == NULL)
		ac_out_of_memory();
	evhttp_set_allowed_methods(demo->http, EVERY_METHOD);
	evhttp_set_max_headers_size(demo->http, MAX_HEADER_BYTES);
	evhttp_set_max_body_size(demo->http, MAX_BODY_BYTES);
	evhttp_set_default_content_type(demo->http, NULL);
	evhttp_set_timeout(demo->http, AC_DEMO_IDLE_S);
	evhttp_set_gencb(demo->http, on_request, demo);
	demo->sessions = ac_demo_sessions_new(settings->session_ttl_s);
	ac_demo_auth_init(&demo->auth, demo->sessions, settings->access_token);
	demo->answers = ac_demo_answers_new(base, settings->delay_ms);
	demo->jobs = ac_demo_jobs_new();
	ac_demo_chat_init(&demo->chat, demo->answers, demo->jobs);
	demo->models = ac_demo_models_json();
	if (!start_listening(demo, base)) {
		snprintf(why, why_size, "cannot listen on 127.0.0.1: %s",
		    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
		ac_demo_free(demo);
		return NULL;
	}
	demo->image = (struct ac_demo_image){
	    .answers = demo->answers,
	    .jobs = demo->jobs,
	    .port = demo->port,
	};
	start_reopening(demo, base);
	ac_log_debug("demo listening", AC_INT("port", demo->port));
	return demo;
}

/* The accepted sockets inherit TCP_NODELAY: the pieces of an answer are
 * small, and each should leave when it is written. */
static bool
start_listening(struct ac_demo *demo, struct event_base *base)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t address_len = sizeof(address);
	struct evconnlistener *listener;
	int fd, on = 1;

	listener = evconnlistener_new_bind(base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
	    (struct sockaddr *)&address, (int)sizeof(address));
	if (listener == NULL)
		return false;
	fd = evconnlistener_get_fd(listener);
	if (getsockname(fd, (struct sockaddr *)&address, &address_len) != 0 ||
	    evhttp_bind_listener(demo->http, listener) == NULL) {
		evconnlistener_free(listener);
		return false;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	demo->port = ntohs(address.sin_port);
	demo->listener = listener;
	return true;
}

/*
 * Out of descriptors, accept(2) fails again and again and the loop would
 * spin, so the listener is switched off for a moment. Its error callback gets
 * evhttp's argument and not ours, hence a steady tick that switches it on.
 */
static void
start_reopening(struct ac_demo *demo, struct event_base *base)
{
	struct timeval tick = ac_clock_timeval(REOPEN_MS);

	evconnlistener_set_error_cb(demo->listener, on_accept_error);
	demo->reopen = event_new(base, -1, EV_PERSIST, on_reopen, demo);
	if (demo->reopen == NULL || event_add(demo->reopen, &tick) != 0)
		ac_out_of_memory();
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	int error = EVUTIL_SOCKET_ERROR();

	AC_UNUSED(arg);
	ac_log_warn("demo cannot accept a connection",
	    AC_STR("reason", evutil_socket_error_to_string(error)));
	evconnlistener_disable(listener);
}

static void
on_reopen(evutil_socket_t fd, short what, void *arg)
{
	struct ac_demo *demo = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	evconnlistener_enable(demo->listener);
}

uint16_t
ac_demo_port(const struct ac_demo *demo)
{
	return demo->port;
}

/* The answers let go of their requests first; evhttp then frees these
 * together with the connections. */
void
ac_demo_free(struct ac_demo *demo)
{
	if (demo == NULL)
		return;
	ac_demo_answers_free(demo->answers);
	if (demo->reopen != NULL)
		event_free(demo->reopen);
	evhttp_free(demo->http);
	ac_demo_sessions_free(demo->sessions);
	ac_demo_jobs_free(demo->jobs);
	free(demo->models);
	free(demo);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	dispatch(arg, req);
}

static void
dispatch(struct ac_demo *demo, struct evhttp_request *req)
{
	const struct route *route;
	unsigned method = (unsigned)evhttp_request_get_command(req);

	if (ac_demo_reply_lacks_host(req)) {
		ac_demo_reply_bad_request(req);
		return;
	}
	if (ac_demo_redirect(req))
		return;
	route = find_route(evhttp_request_get_uri(req));
	if (route == NULL)
		ac_demo_reply_page(
		    req, 404, "404: This page could not be found.");
	else if (method == EVHTTP_REQ_OPTIONS)
		answer_options(req, route->allow);
	else if ((method & route->methods) == 0)
		ac_demo_reply_empty(req, 405);
	else
		route->handle(demo, req);
}

static const struct route *
find_route(const char *uri)
{
	size_t len = strcspn(uri, "?");

	for (size_t i = 0; i < AC_LENGTH(routes); i++) {
		if (strlen(routes[i].path) == len &&
		    memcmp(routes[i].path, uri, len) == 0)
			return &routes[i];
	}
	return is_image(uri, len) ? &image_route : NULL;
}

/* Whether the path is that of a file, whatever its name. */
static bool
is_image(const char *uri, size_t len)
{
	size_t folder_len = strlen(image_route.path);

	return len > folder_len &&
	       memcmp(uri, image_route.path, folder_len) == 0 &&
	       memchr(uri + folder_len, '/', len - folder_len - 1) == NULL;
}

static void
answer_options(struct evhttp_request *req, const char *allow)
{
	ac_demo_reply_prepare(req, NULL);
	ac_demo_reply_add_header(req, "allow", allow);
	ac_demo_reply_send(req, 204, NULL);
}

static void
handle_page(struct ac_demo *demo, struct evhttp_request *req)
{
	AC_UNUSED(demo);
	ac_demo_reply_page(
	    req, 200, "The simulated Akash Chat of akashchat-api");
}

static void
handle_session(struct ac_demo *demo, struct evhttp_request *req)
{
	ac_demo_auth_session(&demo->auth, req);
}

static void
handle_refresh(struct ac_demo *demo, struct evhttp_request *req)
{
	ac_demo_auth_refresh(&demo->auth, req);
}

static void
handle_status(struct ac_demo *demo, struct evhttp_request *req)
{
	ac_demo_auth_status(&demo->auth, req);
}

static void
handle_models(struct ac_demo *demo, struct evhttp_request *req)
{
	if (is_refused(demo, req))
		return;
	ac_demo_reply_json(req, 200, demo->models);
}

static void
handle_chat(struct ac_demo *demo, struct evhttp_request *req)
{
	if (is_refused(demo, req))
		return;
	ac_demo_chat_start(&demo->chat, req);
}

static void
handle_image_status(struct ac_demo *demo, struct evhttp_request *req)
{
	ac_demo_image_status(&demo->image, req);
}

static void
handle_image(struct ac_demo *demo, struct evhttp_request *req)
{
	ac_demo_image_file(&demo->image, req);
}

/* True, and the request is answered, unless its session lives. */
static bool
is_refused(struct ac_demo *demo, struct evhttp_request *req)
{
	if (ac_demo_auth_passes(&demo->auth, req))
		return false;
	ac_demo_reply_json(req, 403,
	    "{\"success\":false,\"message\":\"Unauthorized: Invalid "
	    "session\"}");
	return true;
}
