/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a browser and a chat need of what lies between: the steps of a checkup
 * from outside (outside_private.h) that look for a proxy which holds answers
 * back, takes headers away or refuses what is large.
 */
#include "doctor/outside_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/util.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/options.h"
#include "doctor/words.h"

enum {
	LARGE_BYTES = 2 * 1024 * 1024,
	LARGE_MS = 60000,
	FIRST_MS = 120000, /* for a model's first piece */
	PAUSE_MS = 60000,  /* between two of them */
	/* Longer than COMMENT_INTERVAL and FIRST_COMMENT_DELAY at first. */
	COMMENT_DUE_MS = 20000,
};

static const char buffering[] =
    "nginx, in the location: proxy_buffering off; proxy_http_version 1.1; and "
    "take away\nproxy_ignore_headers X-Accel-Buffering and gzip for "
    "text/event-stream. A CDN or\nanother proxy has a switch of its own. If "
    "akashchat-api --doctor on the server\nsees the same, it is the site.";

static const char cors_lost[] =
    "nginx: take away proxy_hide_header Access-Control-Allow-Origin and any "
    "answer to\nOPTIONS of its own: the program answers pages itself "
    "(CORS_ALLOW_ORIGINS).";

static const char cors_twice[] =
    "nginx: take away add_header Access-Control-Allow-Origin: browsers refuse "
    "two, and\nthe program sends one itself (CORS_ALLOW_ORIGINS).";

/* ---- preflight ------------------------------------------------------------
 */

/* Whether the headers let the page in. */
static bool
allows(const struct outside *outside, const struct ac_cors_facts *cors)
{
	return strcmp(cors->allow_origin, "*") == 0 ||
	       evutil_ascii_strcasecmp(
		   cors->allow_origin, ac_outside_origin(outside)) == 0;
}

/* Says what is wrong with the headers for a page; false: nothing is. */
static bool
complain_of_cors(struct outside *outside, const struct ac_cors_facts *cors)
{
	if (cors->allow_origins == 0)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, cors_lost,
		    "Access-Control-Allow-Origin is lost on the way");
	else if (cors->allow_origins > 1)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, cors_twice,
		    "Access-Control-Allow-Origin is there %zu times",
		    cors->allow_origins);
	else if (!allows(outside, cors))
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, cors_lost,
		    "Access-Control-Allow-Origin is %s, not for %s",
		    cors->allow_origin, ac_outside_origin(outside));
	else
		return false;
	return true;
}

static void
say_refused_origin(struct outside *outside)
{
	outside->origin_refused = true;
	if (outside->asked_origin != NULL)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "Name it in CORS_ALLOW_ORIGINS where the program runs.",
		    "pages of %s may not call", outside->asked_origin);
	else
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "pages of %s may not call; --origin asks for another",
		    ac_outside_origin(outside));
}

static void
judge_preflight(struct outside *outside, const struct ac_ask_reply *reply)
{
	const struct ac_cors_facts *cors = &outside->preflight;
	char *code = ac_outside_error_code(reply);

	if (code != NULL && strcmp(code, "origin_not_allowed") == 0)
		say_refused_origin(outside);
	else if (reply->status < 200 || reply->status > 299)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, cors_lost,
		    "OPTIONS gives HTTP %d", reply->status);
	else if (complain_of_cors(outside, cors))
		;
	else if (strcasestr(cors->allow_headers, "authorization") == NULL &&
		 strcmp(cors->allow_headers, "*") != 0)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, cors_lost,
		    "Access-Control-Allow-Headers is lost on the way");
	else
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "pages of %s may call", ac_outside_origin(outside));
	free(code);
}

static void
on_preflight_head(const struct ac_http_head *head, void *arg)
{
	struct outside *outside = arg;

	ac_cors_facts_read(&outside->preflight, head);
}

static void
on_preflight(
    struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
		return;
	}
	judge_preflight(outside, reply);
	ac_checkup_next(outside->checkup);
}

void
ac_outside_start_preflight(void *arg)
{
	static const struct ac_ask_handlers handlers = {
	    .on_head = on_preflight_head,
	    .on_done = on_preflight,
	};
	struct outside_question question = {
	    .method = AC_HTTP_OPTIONS,
	    .path = "/v1/chat/completions",
	    .origin = ac_outside_origin(arg),
	    .is_preflight = true,
	};

	ac_outside_ask(arg, &question, &handlers);
}

/* ---- a large question -----------------------------------------------------
 */

/* A question that is refused once it has arrived whole, so that no model is
 * bothered with it: its messages are a text. */
static struct ac_bytes *
make_large_body(void)
{
	static const char head[] = "{\"model\":\"none\",\"messages\":\"";
	static const char tail[] = "\"}";
	size_t len = sizeof(head) - 1 + LARGE_BYTES + sizeof(tail) - 1;
	char *body = ac_malloc(len);

	memset(body, 'A', len);
	memcpy(body, head, sizeof(head) - 1);
	memcpy(body + len - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	return ac_bytes_take(body, len);
}

static void
judge_large(struct outside *outside, const struct ac_ask_reply *reply)
{
	char *code = ac_outside_error_code(reply);

	if (code != NULL && reply->status == 400)
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "a question of 2 MiB arrives (%" PRId64 " ms)",
		    ac_checkup_elapsed_ms(outside->checkup));
	else if (code != NULL && reply->status == 413)
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "Raise MAX_BODY_SIZE where the program runs, or pictures "
		    "in questions are refused.",
		    "a question of 2 MiB is too large for the program");
	else if (reply->status == 413)
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "nginx: client_max_body_size 20m; or pictures in questions "
		    "are refused.",
		    "a question of 2 MiB is too large for the proxy (HTTP 413)");
	else
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    code != NULL ? NULL : ac_outside_advice(reply->status),
		    "a question of 2 MiB gives HTTP %d", reply->status);
	free(code);
}

static void
on_large(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;

	outside->ask = NULL;
	if (error != NULL && reply->status == 0)
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "nginx: client_max_body_size 20m; client_body_timeout 120s;",
		    "a question of 2 MiB does not arrive: %s",
		    ac_words_cause(error));
	else
		judge_large(outside, reply);
	ac_checkup_next(outside->checkup);
}

void
ac_outside_start_large(void *arg)
{
	static const struct ac_ask_handlers handlers = {.on_done = on_large};
	struct outside *outside = arg;
	struct outside_question question = {
	    .method = AC_HTTP_POST,
	    .path = "/v1/chat/completions",
	    .authorization = outside->authorization,
	    .body = make_large_body(),
	};

	ac_checkup_set_limit(outside->checkup, LARGE_MS);
	ac_outside_ask(outside, &question, &handlers);
	ac_bytes_unref(question.body);
}

/* ---- chat -----------------------------------------------------------------
 */

static void
on_bytes(void *arg)
{
	struct outside *outside = arg;

	ac_checkup_set_limit(outside->checkup, PAUSE_MS);
}

static void
say_failed_chat(struct outside *outside, const struct ac_error *error)
{
	const struct ac_stream_facts *facts = &outside->facts;

	if (facts->failure[0] != '\0')
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "akashchat-api --doctor on the server says more.",
		    "HTTP %d: %s", facts->status, facts->failure);
	else if (error != NULL)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "nginx: proxy_read_timeout 600s; and a look at its error "
		    "log.",
		    "%zu pieces, then it broke: %s", facts->pace.pieces,
		    ac_words_cause(error));
	else if (facts->status != 200)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    ac_outside_advice(facts->status),
		    "HTTP %d of %s, not an answer of this program",
		    facts->status, facts->type);
	else if (!facts->is_events)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "Something between rewrites answers; it is to leave them "
		    "as they are.",
		    "Content-Type is %s, not text/event-stream",
		    facts->type[0] == '\0' ? "missing" : facts->type);
	else
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "nginx: proxy_read_timeout 600s; and a look at its error "
		    "log.",
		    "it ended after %zu pieces without [DONE]",
		    facts->pace.pieces);
}

static void
say_pace(struct outside *outside)
{
	const struct ac_pace *pace = &outside->facts.pace;
	enum ac_finding finding = AC_FINDING_OK;
	const char *advice = NULL;
	char text[256];

	ac_pace_describe(pace, text, sizeof(text));
	if (ac_pace_is_held_back(pace)) {
		finding = AC_FINDING_FAILED;
		advice = buffering;
	}
	ac_checkup_say(
	    outside->checkup, finding, advice, "%s: %s", outside->model, text);
}

/* Comments keep a silent stream alive; one that was silent for long and had
 * none has lost them. */
static void
say_comments(struct outside *outside)
{
	const struct ac_stream_facts *facts = &outside->facts;

	if (facts->comments > 0)
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "%zu keep-alive comments arrived", facts->comments);
	else if (ac_pace_first_ms(&facts->pace) > COMMENT_DUE_MS)
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING, buffering,
		    "silent for %" PRId64 " ms without a keep-alive comment",
		    ac_pace_first_ms(&facts->pace));
}

static void
on_look_done(const struct ac_stream_facts *facts, const struct ac_error *error,
    void *arg)
{
	struct outside *outside = arg;

	outside->look = NULL;
	outside->facts = *facts;
	if (error != NULL || facts->status != 200 || !facts->is_events ||
	    !facts->done || facts->failure[0] != '\0') {
		say_failed_chat(outside, error);
	} else {
		say_pace(outside);
		say_comments(outside);
	}
	ac_checkup_next(outside->checkup);
}

void
ac_outside_start_chat(void *arg)
{
	static const struct ac_stream_look_handlers handlers = {
	    .on_bytes = on_bytes,
	    .on_done = on_look_done,
	};
	struct outside *outside = arg;
	struct ac_http_header headers[3] = {
	    {"User-Agent", "akashchat-api/" AC_VERSION}};
	struct ac_stream_look_request request = {
	    .model = outside->model,
	    .headers = headers,
	    .header_count = 1,
	};
	char *path;

	if (outside->model == NULL) {
		ac_checkup_say(outside->checkup, AC_FINDING_SKIPPED, NULL,
		    "there is no model that chats");
		ac_checkup_next(outside->checkup);
		return;
	}
	if (outside->authorization != NULL)
		headers[request.header_count++] = (struct ac_http_header){
		    "Authorization", outside->authorization};
	if (!outside->origin_refused)
		headers[request.header_count++] = (struct ac_http_header){
		    "Origin", ac_outside_origin(outside)};
	path = ac_asprintf("%s/v1/chat/completions", outside->target.url.path);
	request.path = path;
	ac_checkup_set_limit(outside->checkup, FIRST_MS);
	outside->look = ac_stream_look_start(
	    outside->client, outside->reaper, &request, &handlers, outside);
	free(path);
}

/* ---- its headers ----------------------------------------------------------
 */

void
ac_outside_start_headers(void *arg)
{
	struct outside *outside = arg;
	const struct ac_stream_facts *facts = &outside->facts;

	if (facts->status != 200) {
		ac_checkup_say(outside->checkup, AC_FINDING_SKIPPED, NULL,
		    "no chat was answered");
	} else {
		if (facts->encoding[0] != '\0')
			ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
			    "nginx: gzip off; in the location. What compresses "
			    "holds back.",
			    "the stream is compressed (%s)", facts->encoding);
		if (facts->has_request_id && facts->has_timing &&
		    facts->has_cache_control)
			ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
			    "X-Request-Id, Server-Timing and Cache-Control "
			    "arrive");
		else
			ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
			    "nginx: take away proxy_hide_header and "
			    "proxy_ignore_headers. X-Request-Id finds\na "
			    "request in the log, Cache-Control keeps caches "
			    "and compression away.",
			    "lost on the way:%s%s%s",
			    facts->has_request_id ? "" : " X-Request-Id",
			    facts->has_timing ? "" : " Server-Timing",
			    facts->has_cache_control ? "" : " Cache-Control");
	}
	ac_checkup_next(outside->checkup);
}

/* Whether a page may read the answer itself. */
void
ac_outside_start_pages(void *arg)
{
	struct outside *outside = arg;

	if (outside->facts.status == 0)
		ac_checkup_say(outside->checkup, AC_FINDING_SKIPPED, NULL,
		    "no chat was answered");
	else if (outside->origin_refused)
		ac_checkup_say(outside->checkup, AC_FINDING_SKIPPED, NULL,
		    "pages of %s may not call", ac_outside_origin(outside));
	else if (!complain_of_cors(outside, &outside->facts.cors))
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "they may read the answer (Access-Control-Allow-Origin: "
		    "%s)",
		    outside->facts.cors.allow_origin);
	ac_checkup_next(outside->checkup);
}
