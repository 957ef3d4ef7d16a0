/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app as a scripted peer: see site.h. */
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <akashchat/akashchat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/reaper.h"
#include "net/http_conn.h"
#include "net/resolver.h"
#include "upstream/upstream.h"

enum { TIMEOUT_MS = 5000 };

static const struct peer_step serves[] = {SERVE, END};

static int turns;

static void
on_log(enum ac_log_level level, const char *line, void *arg)
{
	struct site *site = arg;

	(void)level;
	if (getenv("LOOP_LOG") != NULL)
		fprintf(stderr, "%s\n", line);
	if (strstr(line, "max_age_s") != NULL)
		snprintf(site->log, sizeof(site->log), "%s", line);
}

static void
set_option(struct site *site, const char *name, const char *value)
{
	char reason[AC_REASON_SIZE];

	if (!ac_config_set(site->config, name, value, reason))
		fail_msg("%s", reason);
}

void
site_open_with(struct site *site, const char *option, const char *value)
{
	struct ac_http_origin origin = {0};
	char *url;

	loop_open(&site->loop);
	ac_log_set_sink(on_log, site);
	site->peer = peer_new(site->loop.base, NULL);
	peer_script(site->peer, serves);
	site->config = ac_config_new();
	url = ac_asprintf("http://127.0.0.1:%u", (unsigned)site->peer->port);
	set_option(
	    site, "AKASH_BASE_URL", site->no_url == NULL ? url : site->no_url);
	free(url);
	if (option != NULL)
		set_option(site, option, value);
	site->reaper = ac_reaper_new(site->loop.base);
	site->resolver = ac_resolver_new(site->loop.base);
	origin.base = site->loop.base;
	origin.reaper = site->reaper;
	origin.url = &ac_config_options(site->config)->akash_base_url;
	origin.connect_timeout_ms = TIMEOUT_MS;
	origin.answer_timeout_ms = TIMEOUT_MS;
	origin.silence_timeout_ms = TIMEOUT_MS;
	site->upstream = ac_upstream_new(
	    &origin, site->resolver, ac_config_options(site->config));
}

void
site_open(struct site *site)
{
	site_open_with(site, NULL, NULL);
}

void
site_close(struct site *site)
{
	ac_upstream_free(site->upstream);
	ac_reaper_free(site->reaper);
	ac_resolver_free(site->resolver);
	ac_config_free(site->config);
	peer_free(site->peer);
	ac_log_set_sink(NULL, NULL);
	loop_silence_log();
	loop_close(&site->loop);
}

static void
on_token(const char *token, const struct ac_error *error, void *arg)
{
	struct waiter *waiter = arg;

	if (!waiter->started)
		waiter->problem = "it was told before the start returned";
	if (waiter->wait == NULL)
		waiter->problem = "it was told when it was over";
	if ((token == NULL) == (error == NULL))
		waiter->problem = "it was told neither or both";
	waiter->wait = NULL;
	waiter->times++;
	waiter->turn = ++turns;
	if (token != NULL)
		snprintf(waiter->token, sizeof(waiter->token), "%s", token);
	if (error != NULL)
		waiter->error = *error;
	if (waiter->within != NULL)
		waiter->within(waiter);
}

void
waiter_start(struct waiter *waiter, struct site *site)
{
	waiter->site = site;
	waiter->wait =
	    ac_session_wait_start(site->upstream->session, on_token, waiter);
	waiter->started = true;
}

void
waiter_cancel(struct waiter *waiter)
{
	struct ac_session_wait *wait = waiter->wait;

	waiter->wait = NULL;
	ac_session_wait_cancel(wait);
}

static void
wait_for(struct waiter *waiter)
{
	LOOP_UNTIL(&waiter->site->loop, waiter->times > 0);
	loop_turns(&waiter->site->loop, 2);
	if (waiter->problem != NULL)
		fail_msg("%s", waiter->problem);
	assert_int_equal(waiter->times, 1);
}

void
waiter_wait_for_token(struct waiter *waiter, const char *token)
{
	wait_for(waiter);
	if (waiter->error.code != AC_ERROR_NONE)
		fail_msg("an error: %s", waiter->error.message);
	assert_string_equal(waiter->token, token);
}

void
waiter_wait_for_error(struct waiter *waiter, enum ac_error_code code)
{
	wait_for(waiter);
	assert_string_equal(waiter->token, "");
	if (waiter->error.code != code)
		print_error("the error: %s\n", waiter->error.message);
	assert_int_equal(waiter->error.code, code);
	assert_true(strlen(waiter->error.message) > 0);
}

void
site_get_token(struct site *site, const char *token)
{
	struct waiter waiter = {.times = 0};

	waiter_start(&waiter, site);
	waiter_wait_for_token(&waiter, token);
}
