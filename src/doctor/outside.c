/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The checkup of a running installation: see outside.h. What is asked for is
 * what clients ask for, and most questions cost the site nothing.
 */
#include "doctor/outside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "doctor/outside_private.h"
#include "doctor/own.h"
#include "doctor/words.h"
#include "net/http_client.h"

enum {
	ALL_MS = 300000,
	READY_ASKS = 12,
	READY_PAUSE_MS = 250,
	SEEN_SIZE = 160,
};

enum {
	STEP_CONFIGURATION,
	STEP_PROXY,
	STEP_NAMES,
	STEP_CONNECTION,
	STEP_HEALTH,
	STEP_READY,
	STEP_KEYS,
	STEP_MODELS,
	STEP_PREFLIGHT,
	STEP_LARGE,
	STEP_CHAT,
	STEP_HEADERS,
	STEP_PAGES,
	STEPS
};

static const char unreachable[] =
    "Is the address right, and does the program run there (systemctl status,\n"
    "docker ps)? SERVER_ADDRESS=localhost:16571 is for this machine alone. "
    "Does a\nfirewall stand in the way?";

static void start_configuration(void *arg);
static void start_proxy(void *arg);
static void start_names(void *arg);
static void start_connection(void *arg);
static void start_health(void *arg);
static void start_ready(void *arg);

#define NEED(step) (1u << (step))

static const struct ac_checkup_step steps[] = {
    [STEP_CONFIGURATION] = {"configuration", 0, start_configuration},
    [STEP_PROXY] = {"proxy", NEED(STEP_CONFIGURATION), start_proxy},
    [STEP_NAMES] = {"names", NEED(STEP_PROXY), start_names},
    [STEP_CONNECTION] = {"connection", NEED(STEP_NAMES), start_connection},
    [STEP_HEALTH] = {"health", NEED(STEP_CONNECTION), start_health},
    [STEP_READY] = {"ready", NEED(STEP_HEALTH), start_ready},
    [STEP_KEYS] = {"keys", NEED(STEP_HEALTH), ac_outside_start_keys},
    [STEP_MODELS] = {"models", NEED(STEP_HEALTH), ac_outside_start_models},
    [STEP_PREFLIGHT] = {"preflight", NEED(STEP_HEALTH),
	ac_outside_start_preflight},
    [STEP_LARGE] = {"large body", NEED(STEP_MODELS), ac_outside_start_large},
    [STEP_CHAT] = {"chat", NEED(STEP_MODELS), ac_outside_start_chat},
    /* A chat that came in a lump still has its head. */
    [STEP_HEADERS] = {"headers", NEED(STEP_MODELS), ac_outside_start_headers},
    [STEP_PAGES] = {"pages", NEED(STEP_MODELS), ac_outside_start_pages},
};
static_assert(AC_LENGTH(steps) == STEPS, "a row for each step");

static void
stop(void *arg)
{
	struct outside *outside = arg;

	ac_reach_stop(&outside->reach);
	if (outside->ask != NULL)
		ac_ask_cancel(outside->ask);
	outside->ask = NULL;
	if (outside->look != NULL)
		ac_stream_look_cancel(outside->look);
	outside->look = NULL;
	if (outside->again != NULL)
		evtimer_del(outside->again);
}

static void
build(struct outside *outside, FILE *out)
{
	struct ac_checkup_plan plan = {
	    .steps = steps,
	    .step_count = STEPS,
	    .limit_ms = ALL_MS,
	    .stop = stop,
	    .arg = outside,
	};

	ac_reach_init(
	    &outside->reach, outside->base, outside->reaper, outside->options);
	outside->checkup = ac_checkup_new(outside->base, out, &plan);
	outside->reach.checkup = outside->checkup;
	outside->reach.url = &outside->target.url;
	outside->reach.advice = unreachable;
	if (outside->key != NULL)
		outside->authorization = ac_asprintf("Bearer %s", outside->key);
}

static void
clear(struct outside *outside)
{
	stop(outside);
	ac_reach_clear(&outside->reach);
	ac_http_client_free(outside->client);
	ac_reaper_free(outside->reaper);
	ac_reach_clear_late(&outside->reach);
	ac_checkup_free(outside->checkup);
	ac_target_clear(&outside->target);
	ac_wipe_and_free(outside->authorization);
	free(outside->model);
	if (outside->again != NULL)
		event_free(outside->again);
}

bool
ac_outside_check(struct event_base *base, struct ac_config *config, FILE *out)
{
	const struct ac_arguments *arguments = ac_config_arguments(config);
	const struct ac_options *options = ac_config_options(config);
	struct outside outside = {
	    .base = base,
	    .options = options,
	    .complaint = arguments->complaint,
	    .asked_origin = arguments->origin,
	    .key = options->bearer_token,
	    .reaper = ac_reaper_new(base),
	};
	const char *why;
	bool well;

	/* The command line has read it before. */
	if (!ac_target_parse(&outside.target, arguments->url, &why))
		abort();
	build(&outside, out);
	fprintf(out, "akashchat-api %s checks %s from outside\n\n",
	    ac_version(), arguments->url);
	well = ac_checkup_run(outside.checkup);
	clear(&outside);
	return well;
}

static void
start_configuration(void *arg)
{
	struct outside *outside = arg;

	ac_own_check_configuration(outside->checkup, outside->complaint);
}

static void
start_proxy(void *arg)
{
	struct outside *outside = arg;

	ac_reach_choose_proxy(&outside->reach);
}

static void
start_names(void *arg)
{
	struct outside *outside = arg;

	ac_reach_look_up(&outside->reach);
}

static void
start_connection(void *arg)
{
	struct outside *outside = arg;

	ac_reach_connect(&outside->reach);
}

/* ---- asking ---------------------------------------------------------------
 */

const char *
ac_outside_origin(const struct outside *outside)
{
	return outside->asked_origin != NULL ? outside->asked_origin
					     : "http://localhost";
}

static void
add_header(struct ac_http_request *request, struct ac_http_header *headers,
    const char *name, const char *value)
{
	if (value != NULL)
		headers[request->header_count++] =
		    (struct ac_http_header){name, value};
}

void
ac_outside_ask(struct outside *outside, const struct outside_question *question,
    const struct ac_ask_handlers *handlers)
{
	struct ac_http_header headers[OUTSIDE_HEADERS_MAX];
	char *path =
	    ac_asprintf("%s%s", outside->target.url.path, question->path);
	struct ac_http_request request = {
	    .method = question->method,
	    .path = path,
	    .headers = headers,
	    .body = question->body,
	};

	add_header(
	    &request, headers, "User-Agent", "akashchat-api/" AC_VERSION);
	add_header(&request, headers, "Authorization", question->authorization);
	add_header(&request, headers, "Origin", question->origin);
	if (question->body != NULL)
		add_header(
		    &request, headers, "Content-Type", "application/json");
	if (question->is_preflight) {
		add_header(
		    &request, headers, "Access-Control-Request-Method", "POST");
		add_header(&request, headers, "Access-Control-Request-Headers",
		    "authorization,content-type");
	}
	outside->location[0] = '\0';
	outside->ask = ac_ask_start(
	    outside->client, outside->reaper, &request, handlers, outside);
	free(path);
}

char *
ac_outside_error_code(const struct ac_ask_reply *reply)
{
	json_t *value = reply->is_json ? ac_json_parse_lenient(
					     reply->body.data, reply->body.len)
				       : NULL;
	const json_t *error = json_object_get(value, "error");
	const char *code = ac_json_get_string(error, "code");
	char *copy = NULL;

	if (json_is_object(error))
		copy = ac_strdup(code == NULL ? "" : code);
	json_decref(value);
	return copy;
}

void
ac_outside_fail(struct outside *outside, const struct ac_error *error)
{
	ac_checkup_say(outside->checkup, AC_FINDING_FAILED, unreachable,
	    "%s (%" PRId64 " ms)", ac_words_cause(error),
	    ac_checkup_elapsed_ms(outside->checkup));
	ac_checkup_next(outside->checkup);
}

const char *
ac_outside_advice(int status)
{
	if (status >= 300 && status < 400)
		return "Use the address that it leads to; clients do not "
		       "follow with a POST.";
	switch (status) {
	case 401:
	case 403:
		return "Something before the program wants a password or "
		       "refuses this address\n(nginx: auth_basic, allow and "
		       "deny; or a CDN).";
	case 404:
		return "Is the path right? nginx: proxy_pass "
		       "http://127.0.0.1:16571; in location /.";
	case 502:
	case 503:
	case 504:
		return "The proxy answers, what is behind it does not: does "
		       "the program run, and is it\nwhere the proxy looks for "
		       "it (nginx: proxy_pass)?";
	default:
		return "Is the address right? Something else may listen "
		       "there.";
	}
}

void
ac_outside_wonder(struct outside *outside, const struct ac_ask_reply *reply)
{
	char line[SEEN_SIZE];

	ac_words_copy_line(
	    line, sizeof(line), reply->body.data, reply->body.len);
	ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
	    ac_outside_advice(reply->status),
	    "HTTP %d%s%s, not an answer of this program%s%s", reply->status,
	    outside->location[0] == '\0' ? "" : " to ", outside->location,
	    line[0] == '\0' ? "" : ": ", line);
	ac_checkup_next(outside->checkup);
}

void
ac_outside_on_head(const struct ac_http_head *head, void *arg)
{
	struct outside *outside = arg;
	const char *location = ac_http_head_find(head, "Location");

	if (location != NULL)
		ac_words_copy_line(outside->location, sizeof(outside->location),
		    location, strlen(location));
}

/* ---- health and ready -----------------------------------------------------
 */

static void
on_health(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;
	json_t *value;
	const char *version, *message;

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
		return;
	}
	value = ac_json_parse_lenient(reply->body.data, reply->body.len);
	message = ac_json_get_string(value, "message");
	version = ac_json_get_string(value, "version");
	if (reply->status != 200 || message == NULL || version == NULL ||
	    strstr(message, "akashchat-api") == NULL) {
		ac_outside_wonder(outside, reply);
	} else {
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "akashchat-api %.40s answers in %" PRId64 " ms%s", version,
		    ac_checkup_elapsed_ms(outside->checkup),
		    strcmp(version, ac_version()) == 0
			? ""
			: ", another version than this");
		ac_checkup_next(outside->checkup);
	}
	json_decref(value);
}

static void
start_health(void *arg)
{
	static const struct ac_ask_handlers handlers = {
	    .on_head = ac_outside_on_head,
	    .on_done = on_health,
	};
	struct outside *outside = arg;
	struct ac_http_origin origin = ac_reach_origin(&outside->reach);
	struct outside_question question = {.path = "/health"};

	outside->client = ac_http_client_new(&origin, outside->reach.resolver);
	ac_outside_ask(outside, &question, &handlers);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	start_ready(arg);
}

/* The first question may have made it ask for its first session. */
static bool
ask_ready_again(struct outside *outside)
{
	if (++outside->ready_asks > READY_ASKS)
		return false;
	if (outside->again == NULL)
		outside->again = ac_timer_new(outside->base, on_again, outside);
	ac_timer_start(outside->again, READY_PAUSE_MS);
	return true;
}

static void
on_ready(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;
	json_t *value;
	const char *why;

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
		return;
	}
	if (reply->status == 503 && ask_ready_again(outside))
		return;
	value = ac_json_parse_lenient(reply->body.data, reply->body.len);
	why = ac_json_get_string(value, "reason");
	if (reply->status == 200)
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "it is, by its own word");
	else if (reply->status == 503 && why != NULL)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "akashchat-api --doctor on the server says more.",
		    "it is not: %s", why);
	else
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "Either the version there is an old one, or the proxy does "
		    "not pass the path on.",
		    "GET /ready gives HTTP %d", reply->status);
	json_decref(value);
	ac_checkup_next(outside->checkup);
}

static void
start_ready(void *arg)
{
	static const struct ac_ask_handlers handlers = {.on_done = on_ready};
	struct outside_question question = {.path = "/ready"};

	ac_outside_ask(arg, &question, &handlers);
}
