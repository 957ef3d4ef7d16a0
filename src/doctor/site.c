/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The checkup of a configuration and of the site behind it: see site.h. Each
 * step uses the parts that serving uses, without retries, so that what fails
 * is seen.
 */
#include "doctor/site.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "api/drawing.h"
#include "api/images_request.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/reaper.h"
#include "base/text.h"
#include "demo/demo.h"
#include "doctor/checkup.h"
#include "doctor/own.h"
#include "doctor/reach.h"
#include "doctor/talk.h"
#include "doctor/words.h"
#include "net/http_conn.h"
#include "upstream/image_fetch.h"
#include "upstream/models.h"
#include "upstream/session.h"
#include "upstream/upstream.h"

enum {
	SMALL_MS = 30000,        /* for an answer that takes no thinking */
	FIRST_MS = 120000,       /* for a model's first piece */
	PAUSE_MS = 60000,        /* between two of them */
	SLACK_MS = 1000,         /* the parts' own timeouts come first */
	ALL_MS = 300000,         /* without the picture */
	PICTURE_MORE_MS = 60000, /* beside IMAGE_TIMEOUT */
};

enum {
	STEP_CONFIGURATION,
	STEP_KEYS,
	STEP_CERTIFICATE,
	STEP_PROXY,
	STEP_NAMES,
	STEP_CONNECTION,
	STEP_SESSION,
	STEP_MODELS,
	STEP_CHAT,
	STEP_PICTURE,
	STEPS
};

struct site {
	struct event_base *base;          /* borrowed */
	const struct ac_options *options; /* borrowed */
	const char *complaint;            /* borrowed, or NULL */
	struct ac_reaper *reaper;         /* owned, like all that follows */
	struct ac_demo *demo;             /* NULL: the real site */
	struct ac_url demo_url;
	struct ac_reach reach;
	struct ac_checkup *checkup;
	struct ac_upstream *upstream; /* from the session's step on */
	char *model;                  /* to chat with; NULL: none is known */
	/* What is under way, until it is done. */
	struct ac_session_wait *session_wait;
	struct ac_models_wait *models_wait;
	struct ac_talk *talk;
	struct ac_drawing *drawing;
};

static void start_configuration(void *arg);
static void start_keys(void *arg);
static void start_certificate(void *arg);
static void start_proxy(void *arg);
static void start_names(void *arg);
static void start_connection(void *arg);
static void start_session(void *arg);
static void on_token(const char *, const struct ac_error *, void *arg);
static void start_models(void *arg);
static void on_models(
    const struct ac_model_list *, const struct ac_error *, void *arg);
static void start_chat(void *arg);
static void on_piece(void *arg);
static void on_talk_done(
    const struct ac_pace *, const struct ac_error *, void *arg);
static void start_picture(void *arg);
static void on_job(void *arg);
static void on_drawn(
    const struct ac_drawing_result *, const struct ac_error *, void *arg);

#define NEED(step) (1u << (step))

static const struct ac_checkup_step steps[] = {
    [STEP_CONFIGURATION] = {"configuration", 0, start_configuration},
    [STEP_KEYS] = {"keys", NEED(STEP_CONFIGURATION), start_keys},
    [STEP_CERTIFICATE] = {"certificate", NEED(STEP_CONFIGURATION),
	start_certificate},
    [STEP_PROXY] = {"proxy", NEED(STEP_CONFIGURATION), start_proxy},
    [STEP_NAMES] = {"names", NEED(STEP_PROXY), start_names},
    [STEP_CONNECTION] = {"connection", NEED(STEP_NAMES), start_connection},
    [STEP_SESSION] = {"session", NEED(STEP_CONNECTION), start_session},
    [STEP_MODELS] = {"models", NEED(STEP_SESSION), start_models},
    [STEP_CHAT] = {"chat", NEED(STEP_MODELS), start_chat},
    [STEP_PICTURE] = {"picture", NEED(STEP_SESSION), start_picture},
};
static_assert(AC_LENGTH(steps) == STEPS, "a row for each step");

static const struct ac_talk_handlers talk_handlers = {
    .on_piece = on_piece,
    .on_done = on_talk_done,
};

static const struct ac_drawing_handlers drawing_handlers = {
    .on_job = on_job,
    .on_done = on_drawn,
};

/* Whatever is under way is to call back no more. */
static void
stop(void *arg)
{
	struct site *site = arg;

	ac_reach_stop(&site->reach);
	if (site->session_wait != NULL)
		ac_session_wait_cancel(site->session_wait);
	site->session_wait = NULL;
	if (site->models_wait != NULL)
		ac_models_wait_cancel(site->models_wait);
	site->models_wait = NULL;
	if (site->talk != NULL)
		ac_talk_cancel(site->talk);
	site->talk = NULL;
	if (site->drawing != NULL)
		ac_drawing_cancel(site->drawing);
	site->drawing = NULL;
}

static bool
build_demo(struct site *site, FILE *out)
{
	struct ac_demo_settings settings = {
	    .session_ttl_s = site->options->demo_session_ttl_s,
	    .delay_ms = site->options->demo_delay_ms,
	};
	char reason[AC_REASON_SIZE];
	const char *why;
	char *url;
	bool ok;

	if (!site->options->demo)
		return true;
	site->demo = ac_demo_new(site->base, &settings, reason, sizeof(reason));
	if (site->demo == NULL) {
		fprintf(out, "failed   demo          %s\n", reason);
		return false;
	}
	url = ac_asprintf(
	    "http://127.0.0.1:%u", (unsigned)ac_demo_port(site->demo));
	ok = ac_url_parse(&site->demo_url, url, &why);
	free(url);
	return ok;
}

static void
build(struct site *site, FILE *out, bool picture)
{
	struct ac_checkup_plan plan = {
	    .steps = steps,
	    .step_count = picture ? STEPS : STEP_PICTURE,
	    .limit_ms = ALL_MS,
	    .stop = stop,
	    .arg = site,
	};

	if (picture)
		plan.limit_ms +=
		    site->options->image_timeout_s * 1000 + PICTURE_MORE_MS;
	site->checkup = ac_checkup_new(site->base, out, &plan);
	site->reach.checkup = site->checkup;
	site->reach.url = site->demo != NULL ? &site->demo_url
					     : &site->options->akash_base_url;
}

static void
clear(struct site *site)
{
	stop(site);
	ac_reach_clear(&site->reach);
	ac_upstream_free(site->upstream);
	ac_reaper_free(site->reaper);
	ac_reach_clear_late(&site->reach);
	ac_demo_free(site->demo);
	ac_url_clear(&site->demo_url);
	if (site->checkup != NULL)
		ac_checkup_free(site->checkup);
	free(site->model);
}

bool
ac_site_check(struct event_base *base, struct ac_config *config, FILE *out)
{
	const struct ac_arguments *arguments = ac_config_arguments(config);
	struct site site = {
	    .base = base,
	    .options = ac_config_options(config),
	    .complaint = arguments->complaint,
	    .reaper = ac_reaper_new(base),
	};
	bool well = false;

	ac_reach_init(&site.reach, base, site.reaper, site.options);
	if (build_demo(&site, out)) {
		build(&site, out, arguments->picture);
		fprintf(out, "akashchat-api %s checks its way to %s\n\n",
		    ac_version(),
		    site.demo != NULL
			? "the demo"
			: site.options->akash_base_url.host_header);
		well = ac_checkup_run(site.checkup);
	}
	clear(&site);
	return well;
}

static int64_t
at_most(int64_t seconds, int64_t ms)
{
	return seconds * 1000 < ms ? seconds * 1000 : ms;
}

/* ---- the program's own -------------------------------------------------- */

static void
start_configuration(void *arg)
{
	struct site *site = arg;

	ac_own_check_configuration(site->checkup, site->complaint);
}

static void
start_keys(void *arg)
{
	struct site *site = arg;

	ac_own_check_keys(site->checkup, site->options);
}

static void
start_certificate(void *arg)
{
	struct site *site = arg;

	ac_own_check_certificate(site->checkup, site->options);
}

/* ---- the way --------------------------------------------------------------
 */

static void
start_proxy(void *arg)
{
	struct site *site = arg;

	ac_reach_choose_proxy(&site->reach);
}

static void
start_names(void *arg)
{
	struct site *site = arg;

	ac_reach_look_up(&site->reach);
}

static void
start_connection(void *arg)
{
	struct site *site = arg;

	ac_reach_connect(&site->reach);
}

/* ---- session and models ---------------------------------------------------
 */

static void
say_error(struct site *site, const struct ac_error *error)
{
	ac_checkup_say(site->checkup, AC_FINDING_FAILED,
	    ac_words_advice(error->code), "%s (%" PRId64 " ms)", error->message,
	    ac_checkup_elapsed_ms(site->checkup));
	ac_checkup_next(site->checkup);
}

static void
start_session(void *arg)
{
	struct site *site = arg;
	struct ac_http_origin origin = ac_reach_origin(&site->reach);

	origin.answer_timeout_ms =
	    at_most(site->options->first_event_timeout_s, SMALL_MS);
	site->upstream =
	    ac_upstream_new(&origin, site->reach.resolver, site->options);
	ac_checkup_set_limit(site->checkup,
	    origin.connect_timeout_ms + origin.answer_timeout_ms + SLACK_MS);
	site->session_wait =
	    ac_session_wait_start(site->upstream->session, on_token, site);
}

static void
on_token(const char *token, const struct ac_error *error, void *arg)
{
	struct site *site = arg;

	AC_UNUSED(token);
	site->session_wait = NULL;
	if (error != NULL) {
		say_error(site, error);
		return;
	}
	ac_checkup_say(site->checkup, AC_FINDING_OK, NULL,
	    "got one in %" PRId64 " ms, it lives %" PRId64 " s",
	    ac_checkup_elapsed_ms(site->checkup),
	    (ac_session_left_ms(site->upstream->session) + 999) / 1000);
	ac_checkup_next(site->checkup);
}

static void
start_models(void *arg)
{
	struct site *site = arg;

	ac_checkup_set_limit(site->checkup,
	    site->options->connect_timeout_s * 1000 +
		at_most(site->options->first_event_timeout_s, SMALL_MS) +
		SLACK_MS);
	site->models_wait =
	    ac_models_wait_start(site->upstream->models, on_models, site);
}

/* DEFAULT_MODEL and what the aliases stand for are to be on the list. */
static void
check_names(struct site *site, const struct ac_model_list *list)
{
	const struct ac_options *options = site->options;

	if (options->default_model != NULL &&
	    ac_model_find(list, options->default_model) == NULL)
		ac_checkup_say(site->checkup, AC_FINDING_WARNING,
		    "GET /v1/models lists those that there are.",
		    "DEFAULT_MODEL=%s is not on the list",
		    options->default_model);
	for (size_t i = 0; i < options->model_aliases.count; i++) {
		const struct ac_alias *alias = &options->model_aliases.items[i];

		if (ac_model_find(list, alias->target) == NULL)
			ac_checkup_say(site->checkup, AC_FINDING_WARNING,
			    "GET /v1/models lists those that there are.",
			    "MODEL_ALIASES: %s=%s is not on the list",
			    alias->name, alias->target);
	}
}

/* DEFAULT_MODEL, or the first that does not draw. */
static void
choose_model(struct site *site, const struct ac_model_list *list)
{
	const char *wanted = site->options->default_model;
	const char *chosen = NULL;

	if (wanted != NULL && strcmp(wanted, AC_MODEL_IMAGE) != 0 &&
	    ac_model_find(list, wanted) != NULL)
		chosen = wanted;
	for (size_t i = 0; chosen == NULL && i < list->count; i++) {
		if (strcmp(list->models[i].id, AC_MODEL_IMAGE) != 0)
			chosen = list->models[i].id;
	}
	ac_replace_string(&site->model, chosen);
}

static void
on_models(
    const struct ac_model_list *list, const struct ac_error *error, void *arg)
{
	struct site *site = arg;

	site->models_wait = NULL;
	if (error != NULL) {
		say_error(site, error);
		return;
	}
	ac_checkup_say(site->checkup, AC_FINDING_OK, NULL,
	    "%zu in %" PRId64 " ms", list->count,
	    ac_checkup_elapsed_ms(site->checkup));
	check_names(site, list);
	choose_model(site, list);
	ac_checkup_next(site->checkup);
}

/* ---- chat -----------------------------------------------------------------
 */

static void
start_chat(void *arg)
{
	struct site *site = arg;

	if (site->model == NULL) {
		ac_checkup_say(site->checkup, AC_FINDING_SKIPPED, NULL,
		    "the site has no model that chats");
		ac_checkup_next(site->checkup);
		return;
	}
	ac_checkup_set_limit(site->checkup,
	    at_most(site->options->first_event_timeout_s, FIRST_MS) + SLACK_MS);
	site->talk = ac_talk_start(
	    site->upstream, site->options, site->model, &talk_handlers, site);
}

static void
on_piece(void *arg)
{
	struct site *site = arg;

	ac_checkup_set_limit(site->checkup,
	    at_most(site->options->silence_timeout_s, PAUSE_MS) + SLACK_MS);
}

static void
say_pace(struct site *site, const struct ac_pace *pace)
{
	enum ac_finding finding = AC_FINDING_OK;
	const char *advice = NULL;
	char text[256];

	ac_pace_describe(pace, text, sizeof(text));
	if (ac_pace_is_held_back(pace)) {
		finding = AC_FINDING_WARNING;
		advice = "The site, or something on the way to it, holds text "
			 "back: clients will see it\nlike that. A proxy that "
			 "scans traffic does so; NO_PROXY goes around it.";
	}
	if (pace->pieces == 0) {
		finding = AC_FINDING_WARNING;
		advice = "The model said nothing: try another with "
			 "DEFAULT_MODEL.";
	}
	ac_checkup_say(
	    site->checkup, finding, advice, "%s: %s", site->model, text);
}

static void
on_talk_done(
    const struct ac_pace *pace, const struct ac_error *error, void *arg)
{
	struct site *site = arg;

	site->talk = NULL;
	if (error != NULL) {
		say_error(site, error);
		return;
	}
	say_pace(site, pace);
	ac_checkup_next(site->checkup);
}

/* ---- picture --------------------------------------------------------------
 */

static void
start_picture(void *arg)
{
	static const char question[] =
	    "{\"prompt\":\"A small red cube on a white table\"}";
	struct site *site = arg;
	struct evbuffer *text = ac_text_new();
	struct ac_images_request request;
	struct ac_bytes *body;
	struct ac_error error;

	ac_text_add_string(text, question);
	if (!ac_images_request_parse(&request, text, &error))
		abort(); /* it is a constant */
	body = ac_images_request_translate(&request, site->options);
	ac_images_request_clear(&request);
	evbuffer_free(text);
	ac_checkup_set_limit(site->checkup,
	    at_most(site->options->first_event_timeout_s, FIRST_MS) + SLACK_MS);
	site->drawing = ac_drawing_start(
	    site->upstream, body, AC_DRAWING_BYTES, &drawing_handlers, site);
	ac_bytes_unref(body);
}

static void
on_job(void *arg)
{
	struct site *site = arg;

	ac_checkup_set_limit(site->checkup,
	    site->options->image_timeout_s * 1000 + PICTURE_MORE_MS);
}

static void
on_drawn(const struct ac_drawing_result *result, const struct ac_error *error,
    void *arg)
{
	struct site *site = arg;

	site->drawing = NULL;
	if (error != NULL) {
		say_error(site, error);
		return;
	}
	ac_checkup_say(site->checkup, AC_FINDING_OK, NULL,
	    "%s of %zu bytes in %" PRId64 " ms", result->image->type,
	    result->image->len, ac_checkup_elapsed_ms(site->checkup));
	ac_checkup_next(site->checkup);
}
