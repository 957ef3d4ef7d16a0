/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * --probe (akashchat.h): one GET, and 2xx or not. It has a loop of its own and
 * uses no option: neither proxies nor retries, and a loopback's certificate is
 * not verified, since it is this machine's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "doctor/ask.h"
#include "doctor/target.h"
#include "doctor/unix_ask.h"
#include "doctor/words.h"
#include "net/http_client.h"
#include "net/resolver.h"
#include "net/tls.h"

enum {
	PROBE_MS = 5000, /* for all of it */
	SEEN_SIZE = 256,
};

struct probe {
	struct event_base *base; /* owned, like all that follows */
	struct ac_reaper *reaper;
	struct ac_resolver *resolver;
	struct ac_tls *tls; /* NULL: plain */
	struct ac_http_client *client;
	struct ac_ask *ask;           /* until on_done() */
	struct ac_unix_ask *unix_ask; /* until on_unix_done() */
	struct event *deadline;
	struct ac_target target;
	bool well;
	char seen[AC_REASON_SIZE]; /* what was seen instead */
};

static bool build(struct probe *);
static void start(struct probe *);
static void on_done(struct ac_ask_reply *, const struct ac_error *, void *arg);
static void on_unix_done(
    int status, const char *data, size_t len, const char *why, void *arg);
static void on_deadline(evutil_socket_t, short, void *arg);
static void clear(struct probe *);

static const struct ac_ask_handlers handlers = {.on_done = on_done};

bool
ac_probe(struct ac_config *config)
{
	struct probe probe = {.base = event_base_new()};
	const char *url = ac_config_arguments(config)->url;
	const char *why;

	ac_log_set_level(AC_LOG_ERROR);
	if (probe.base == NULL)
		ac_out_of_memory();
	if (!ac_target_parse(&probe.target, url, &why)) {
		snprintf(probe.seen, sizeof(probe.seen), "%s", why);
	} else if (build(&probe)) {
		start(&probe);
		event_base_dispatch(probe.base);
	}
	if (!probe.well)
		fprintf(stderr, "akashchat-api: %.200s: %s\n", url, probe.seen);
	clear(&probe);
	return probe.well;
}

static bool
build(struct probe *probe)
{
	probe->reaper = ac_reaper_new(probe->base);
	probe->resolver = ac_resolver_new(probe->base);
	probe->deadline = ac_timer_new(probe->base, on_deadline, probe);
	ac_timer_start(probe->deadline, PROBE_MS);
	if (!probe->target.url.tls)
		return true;
	probe->tls = ac_tls_new(NULL, NULL, probe->seen, sizeof(probe->seen));
	if (probe->tls == NULL)
		return false;
	if (ac_target_is_loopback(&probe->target))
		ac_tls_accept_any(probe->tls);
	return true;
}

static void
start(struct probe *probe)
{
	struct ac_http_origin origin = {
	    .base = probe->base,
	    .reaper = probe->reaper,
	    .tls = probe->tls,
	    .url = &probe->target.url,
	    .connect_timeout_ms = PROBE_MS,
	    .answer_timeout_ms = PROBE_MS,
	    .silence_timeout_ms = PROBE_MS,
	};
	struct ac_http_header headers[] = {
	    {"User-Agent", "akashchat-api/" AC_VERSION},
	    {"Connection", "close"},
	};
	struct ac_http_request request = {
	    .method = AC_HTTP_GET,
	    .path = probe->target.path,
	    .headers = headers,
	    .header_count = AC_LENGTH(headers),
	};

	if (probe->target.socket_path != NULL) {
		probe->unix_ask = ac_unix_ask_start(probe->base, probe->reaper,
		    probe->target.socket_path, probe->target.path, on_unix_done,
		    probe);
		return;
	}
	probe->client = ac_http_client_new(&origin, probe->resolver);
	probe->ask = ac_ask_start(
	    probe->client, probe->reaper, &request, &handlers, probe);
}

static void
conclude(struct probe *probe, int status, const char *data, size_t len)
{
	char line[SEEN_SIZE];

	ac_words_copy_line(line, sizeof(line), data, len);
	probe->well = status >= 200 && status < 300;
	snprintf(probe->seen, sizeof(probe->seen), "HTTP %d%s%s", status,
	    line[0] == '\0' ? "" : " ", line);
	event_base_loopbreak(probe->base);
}

static void
fail(struct probe *probe, const char *why)
{
	ac_words_copy_line(probe->seen, sizeof(probe->seen), why, strlen(why));
	event_base_loopbreak(probe->base);
}

static void
on_done(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct probe *probe = arg;

	probe->ask = NULL;
	if (error != NULL)
		fail(probe, ac_words_cause(error));
	else
		conclude(
		    probe, reply->status, reply->body.data, reply->body.len);
}

static void
on_unix_done(
    int status, const char *data, size_t len, const char *why, void *arg)
{
	struct probe *probe = arg;

	probe->unix_ask = NULL;
	if (why != NULL)
		fail(probe, why);
	else
		conclude(probe, status, data, len);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct probe *probe = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	snprintf(probe->seen, sizeof(probe->seen),
	    "nothing was answered within %d s", PROBE_MS / 1000);
	event_base_loopbreak(probe->base);
}

static void
clear(struct probe *probe)
{
	if (probe->ask != NULL)
		ac_ask_cancel(probe->ask);
	if (probe->unix_ask != NULL)
		ac_unix_ask_cancel(probe->unix_ask);
	ac_http_client_free(probe->client);
	if (probe->reaper != NULL)
		ac_reaper_free(probe->reaper);
	ac_resolver_free(probe->resolver);
	ac_tls_free(probe->tls);
	if (probe->deadline != NULL)
		event_free(probe->deadline);
	/* What libevent still holds of a name's look-up. */
	event_base_loop(probe->base, EVLOOP_NONBLOCK);
	event_base_free(probe->base);
	ac_target_clear(&probe->target);
}
