/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The program's metrics: see instruments.h. Owned by the server. What happens
 * with every delta has its series at hand; what happens once for a request
 * finds it by its labels.
 */
#include "api/instruments.h"

#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/api.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/process_usage.h"
#include "net/http_client.h"
#include "upstream/session.h"
#include "upstream/upstream.h"

enum metric {
	REQUESTS,
	REQUEST_DURATION,
	FIRST_BYTE,
	FIRST_TOKEN,
	GAP,
	OVERHEAD,
	TOKENS,
	STREAMS_OPEN,
	STREAMS_ENDED,
	REQUESTS_RUNNING,
	QUEUE_WAITING,
	QUEUE_WAIT,
	QUEUE_REFUSED,
	CLIENT_CONNECTIONS,
	UPSTREAM_CONNECTIONS,
	UPSTREAM_RETRIES,
	SESSION_RENEWALS,
	BUILD_INFO,
	CPU_SECONDS,
	START_TIME,
	RESIDENT_MEMORY,
	VIRTUAL_MEMORY,
	OPEN_FDS,
	MAX_FDS,
	METRICS
};

static const double request_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};
static const double token_bounds[] = {
    0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30, 60, 120};
static const double gap_bounds[] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static const double wait_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1, 2.5, 5, 10, 20, 30, 60, 120, 300};
static const double overhead_bounds[] = {0.00001, 0.000025, 0.00005, 0.0001,
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1};

#define BOUNDS(array) .bounds = (array), .bound_count = AC_LENGTH(array)

static const struct ac_metric table[] = {
    [REQUESTS] =
	{
	    .name = "akashchat_http_requests_total",
	    .help = "Requests that have ended.",
	    .type = AC_METRIC_COUNTER,
	    .labels = {"route", "method", "status", "key"},
	},
    [REQUEST_DURATION] =
	{
	    .name = "akashchat_http_request_duration_seconds",
	    .help = "Time from a request's arrival to the end of its answer.",
	    .type = AC_METRIC_HISTOGRAM,
	    .labels = {"route"},
	    BOUNDS(request_bounds),
	},
    [FIRST_BYTE] =
	{
	    .name = "akashchat_http_time_to_first_byte_seconds",
	    .help = "Time from a request's arrival to the head of its answer.",
	    .type = AC_METRIC_HISTOGRAM,
	    .labels = {"route"},
	    BOUNDS(request_bounds),
	},
    [FIRST_TOKEN] =
	{
	    .name = "akashchat_chat_time_to_first_token_seconds",
	    .help =
		"Time from a chat's arrival to the first text of its answer, "
		"reasoning included.",
	    .type = AC_METRIC_HISTOGRAM,
	    BOUNDS(token_bounds),
	},
    [GAP] =
	{
	    .name = "akashchat_stream_time_between_deltas_seconds",
	    .help =
		"Time between two reads from the upstream that brought parts "
		"of one stream.",
	    .type = AC_METRIC_HISTOGRAM,
	    BOUNDS(gap_bounds),
	},
    [OVERHEAD] =
	{
	    .name = "akashchat_stream_overhead_seconds",
	    .help =
		"Time from a read from the upstream to the write of what came "
		"of it to a client that keeps up.",
	    .type = AC_METRIC_HISTOGRAM,
	    BOUNDS(overhead_bounds),
	},
    [TOKENS] =
	{
	    .name = "akashchat_tokens_total",
	    .help = "Tokens of answers that are whole, estimates included.",
	    .type = AC_METRIC_COUNTER,
	    .labels = {"type", "key"},
	},
    [STREAMS_OPEN] =
	{
	    .name = "akashchat_streams_open",
	    .help = "Streams whose head has been sent and whose end has not.",
	    .type = AC_METRIC_GAUGE,
	},
    [STREAMS_ENDED] =
	{
	    .name = "akashchat_streams_ended_total",
	    .help = "How requests for a stream ended.",
	    .type = AC_METRIC_COUNTER,
	    .labels = {"ending"},
	},
    [REQUESTS_RUNNING] =
	{
	    .name = "akashchat_requests_running",
	    .help = "Chats, completions and pictures that run, as "
		    "MAX_CONCURRENT_REQUESTS counts them.",
	    .type = AC_METRIC_GAUGE,
	},
    [QUEUE_WAITING] =
	{
	    .name = "akashchat_queue_waiting",
	    .help = "Requests that wait for one that runs to end.",
	    .type = AC_METRIC_GAUGE,
	},
    [QUEUE_WAIT] =
	{
	    .name = "akashchat_queue_wait_seconds",
	    .help = "Time that requests waited in the queue, whatever came of "
		    "them; those that ran at once are left out.",
	    .type = AC_METRIC_HISTOGRAM,
	    BOUNDS(wait_bounds),
	},
    [QUEUE_REFUSED] =
	{
	    .name = "akashchat_queue_refused_total",
	    .help =
		"Requests that were refused since the queue was full, or they "
		"had waited too long in it.",
	    .type = AC_METRIC_COUNTER,
	    .labels = {"reason"},
	},
    [CLIENT_CONNECTIONS] =
	{
	    .name = "akashchat_client_connections",
	    .help = "Open connections of clients.",
	    .type = AC_METRIC_GAUGE,
	},
    [UPSTREAM_CONNECTIONS] =
	{
	    .name = "akashchat_upstream_connections",
	    .help = "Connections to the upstream: in use, or idle in the pool.",
	    .type = AC_METRIC_GAUGE,
	    .labels = {"state"},
	},
    [UPSTREAM_RETRIES] =
	{
	    .name = "akashchat_upstream_retries_total",
	    .help = "Requests that were sent to the upstream again.",
	    .type = AC_METRIC_COUNTER,
	},
    [SESSION_RENEWALS] =
	{
	    .name = "akashchat_session_renewals_total",
	    .help = "Attempts to get a session from the upstream.",
	    .type = AC_METRIC_COUNTER,
	    .labels = {"result"},
	},
    [BUILD_INFO] =
	{
	    .name = "akashchat_build_info",
	    .help =
		"Always 1; its labels are the versions of the program and of "
		"the libraries it runs with.",
	    .type = AC_METRIC_GAUGE,
	    .labels = {"version", "libevent", "openssl"},
	},
    [CPU_SECONDS] =
	{
	    .name = "process_cpu_seconds_total",
	    .help = "Processor time in user and system.",
	    .type = AC_METRIC_COUNTER,
	},
    [START_TIME] =
	{
	    .name = "process_start_time_seconds",
	    .help = "Start of the process since the Unix epoch.",
	    .type = AC_METRIC_GAUGE,
	},
    [RESIDENT_MEMORY] =
	{
	    .name = "process_resident_memory_bytes",
	    .help = "Memory of the process that is in RAM.",
	    .type = AC_METRIC_GAUGE,
	},
    [VIRTUAL_MEMORY] =
	{
	    .name = "process_virtual_memory_bytes",
	    .help = "Virtual memory of the process.",
	    .type = AC_METRIC_GAUGE,
	},
    [OPEN_FDS] =
	{
	    .name = "process_open_fds",
	    .help = "Open file descriptors.",
	    .type = AC_METRIC_GAUGE,
	},
    [MAX_FDS] =
	{
	    .name = "process_max_fds",
	    .help = "The limit of open file descriptors.",
	    .type = AC_METRIC_GAUGE,
	},
};
static_assert(AC_LENGTH(table) == METRICS, "a row for each metric");

struct ac_instruments {
	const struct ac_api *api;   /* borrowed */
	struct ac_metrics *metrics; /* owned, and with it the series */
	struct ac_series *first_token;
	struct ac_series *gap;
	struct ac_series *overhead;
	struct ac_series *queue_wait;
	struct ac_series *streams_open;
	size_t streams; /* what it is set to */
	uint64_t deltas;
	struct ac_series *endings[AC_ENDINGS];
};

static struct ac_series *
find(struct ac_instruments *instruments, enum metric metric)
{
	return ac_metrics_series(instruments->metrics, metric, NULL);
}

/* The series of a metric with one label. */
static struct ac_series *
find_by(
    struct ac_instruments *instruments, enum metric metric, const char *label)
{
	const char *const values[] = {label};

	return ac_metrics_series(instruments->metrics, metric, values);
}

static struct ac_series *
find_tokens(
    struct ac_instruments *instruments, const char *type, const char *key)
{
	const char *const values[] = {type, key};

	return ac_metrics_series(instruments->metrics, TOKENS, values);
}

static void
set_build_info(struct ac_instruments *instruments)
{
	const char *const values[] = {AC_VERSION, event_get_version(),
	    OpenSSL_version(OPENSSL_VERSION_STRING)};

	ac_series_set(
	    ac_metrics_series(instruments->metrics, BUILD_INFO, values), 1);
}

struct ac_instruments *
ac_instruments_new(const struct ac_api *api)
{
	struct ac_instruments *instruments = ac_calloc(1, sizeof(*instruments));
	struct ac_process_usage usage;

	instruments->api = api;
	instruments->metrics = ac_metrics_new(table, METRICS);
	instruments->first_token = find(instruments, FIRST_TOKEN);
	instruments->gap = find(instruments, GAP);
	instruments->overhead = find(instruments, OVERHEAD);
	instruments->queue_wait = find(instruments, QUEUE_WAIT);
	instruments->streams_open = find(instruments, STREAMS_OPEN);
	for (size_t i = 0; i < AC_ENDINGS; i++)
		instruments->endings[i] = find_by(instruments, STREAMS_ENDED,
		    ac_ending_name((enum ac_ending)i));
	set_build_info(instruments);
	/* Once, or a correction of the clock would look like a restart. */
	ac_process_usage_read(&usage);
	ac_series_set(find(instruments, START_TIME), usage.start_s);
	return instruments;
}

void
ac_instruments_free(struct ac_instruments *instruments)
{
	if (instruments == NULL)
		return;
	ac_metrics_free(instruments->metrics);
	free(instruments);
}

static void
count_tokens(struct ac_instruments *instruments, const char *type,
    const char *key, int64_t tokens)
{
	if (tokens >= 0)
		ac_series_add(
		    find_tokens(instruments, type, key), (double)tokens);
}

static void
observe(struct ac_series *series, int64_t ns)
{
	ac_series_observe(series, (double)ns / 1e9);
}

void
ac_instruments_note_request(
    struct ac_instruments *instruments, const struct ac_access *access)
{
	const struct ac_request_facts *facts = &access->facts;
	const char *key = facts->key == NULL ? "" : facts->key;
	char status[AC_DECIMAL_SIZE];
	const char *const values[] = {
	    facts->route, ac_method_name(access->method), status, key};

	ac_decimal(status, access->status);
	ac_series_add(
	    ac_metrics_series(instruments->metrics, REQUESTS, values), 1);
	observe(find_by(instruments, REQUEST_DURATION, facts->route),
	    ac_clock_ns() - access->started_ns);
	if (access->first_byte_ns > 0)
		observe(find_by(instruments, FIRST_BYTE, facts->route),
		    access->first_byte_ns - access->started_ns);
	count_tokens(instruments, "prompt", key, facts->prompt_tokens);
	count_tokens(instruments, "completion", key, facts->completion_tokens);
	if (facts->wants_stream)
		ac_series_add(instruments->endings[access->ending], 1);
}

void
ac_instruments_note_stream_begun(struct ac_instruments *instruments)
{
	ac_series_set(
	    instruments->streams_open, (double)++instruments->streams);
}

void
ac_instruments_note_stream_over(struct ac_instruments *instruments)
{
	ac_series_set(
	    instruments->streams_open, (double)--instruments->streams);
}

size_t
ac_instruments_streams(const struct ac_instruments *instruments)
{
	return instruments->streams;
}

void
ac_instruments_note_delta(struct ac_instruments *instruments)
{
	instruments->deltas++;
}

uint64_t
ac_instruments_deltas(const struct ac_instruments *instruments)
{
	return instruments->deltas;
}

void
ac_instruments_note_first_token(struct ac_instruments *instruments, int64_t ns)
{
	observe(instruments->first_token, ns);
}

void
ac_instruments_note_gap(struct ac_instruments *instruments, int64_t ns)
{
	observe(instruments->gap, ns);
}

void
ac_instruments_note_overhead(struct ac_instruments *instruments, int64_t ns)
{
	observe(instruments->overhead, ns);
}

void
ac_instruments_note_wait(struct ac_instruments *instruments, int64_t ns)
{
	observe(instruments->queue_wait, ns);
}

static void
set_process(struct ac_instruments *instruments)
{
	struct ac_process_usage usage;

	ac_process_usage_read(&usage);
	ac_series_set(find(instruments, CPU_SECONDS), usage.cpu_s);
	ac_series_set(
	    find(instruments, RESIDENT_MEMORY), (double)usage.resident_bytes);
	ac_series_set(
	    find(instruments, VIRTUAL_MEMORY), (double)usage.virtual_bytes);
	ac_series_set(find(instruments, OPEN_FDS), (double)usage.open_fds);
	ac_series_set(find(instruments, MAX_FDS), (double)usage.max_fds);
}

static void
set_gate(struct ac_instruments *instruments)
{
	struct ac_gate_counts gate = ac_gate_count(instruments->api->gate);

	ac_series_set(
	    find(instruments, REQUESTS_RUNNING), (double)gate.running);
	ac_series_set(find(instruments, QUEUE_WAITING), (double)gate.waiting);
	ac_series_set(
	    find_by(instruments, QUEUE_REFUSED, "full"), (double)gate.full);
	ac_series_set(find_by(instruments, QUEUE_REFUSED, "timeout"),
	    (double)gate.waited_too_long);
}

static void
set_upstream(struct ac_instruments *instruments)
{
	const struct ac_upstream *upstream = instruments->api->upstream;
	struct ac_http_client_counts client =
	    ac_http_client_count(upstream->site.client);
	struct ac_session_counts session = ac_session_count(upstream->session);

	ac_series_set(find_by(instruments, UPSTREAM_CONNECTIONS, "busy"),
	    (double)(client.open - client.idle));
	ac_series_set(find_by(instruments, UPSTREAM_CONNECTIONS, "idle"),
	    (double)client.idle);
	ac_series_set(
	    find(instruments, UPSTREAM_RETRIES), (double)client.retries);
	ac_series_set(find_by(instruments, SESSION_RENEWALS, "ok"),
	    (double)session.renewals);
	ac_series_set(find_by(instruments, SESSION_RENEWALS, "failed"),
	    (double)session.failures);
}

void
ac_instruments_write(struct ac_instruments *instruments, struct evbuffer *out)
{
	ac_series_set(find(instruments, CLIENT_CONNECTIONS),
	    (double)instruments->api->conns.count);
	set_gate(instruments);
	set_upstream(instruments);
	set_process(instruments);
	ac_metrics_write(instruments->metrics, out);
}
