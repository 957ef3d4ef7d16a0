/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Admission: see admission.h. The router starts it, request.c ends it. */
#include "api/admission.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/access_log.h"
#include "api/api.h"
#include "api/instruments.h"
#include "api/keys.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/timer.h"

enum {
	WAITING_FOR_EACH = 4, /* of those that may run */
	BUSY_KEY_RETRY_S = 1,
	OVERLOAD_RETRY_S = 5,
};

struct ac_gate {
	struct event_base *base; /* borrowed */
	struct ac_fair_queue queue;
	struct ac_fair_line anonymous; /* where no key is wanted */
	struct event *room_event;      /* owned: there is room */
	int64_t wait_ms;
	uint64_t full, waited_too_long; /* requests refused */
};

static bool take_from_key(struct ac_request *, const struct ac_key *);
static void enter(struct ac_admission *);
static void start_waiting(struct ac_admission *);
static void stop_waiting(struct ac_admission *);
static void run(struct ac_admission *);
static void refuse_full(struct ac_admission *);
static void refuse(struct ac_admission *);
static void on_waited_too_long(evutil_socket_t, short, void *arg);
static void on_room(evutil_socket_t, short, void *arg);

struct ac_gate *
ac_gate_new(struct event_base *base, const struct ac_options *options)
{
	struct ac_gate *gate = ac_calloc(1, sizeof(*gate));

	gate->base = base;
	ac_fair_queue_init(&gate->queue);
	ac_fair_line_init(&gate->anonymous);
	gate->room_event = ac_timer_new(base, on_room, gate);
	ac_gate_set_limits(gate, options);
	return gate;
}

void
ac_gate_free(struct ac_gate *gate)
{
	if (gate == NULL)
		return;
	event_free(gate->room_event);
	free(gate);
}

void
ac_gate_set_limits(struct ac_gate *gate, const struct ac_options *options)
{
	size_t max = (size_t)options->max_concurrent_requests;

	gate->wait_ms = options->queue_timeout_s * 1000;
	gate->queue.max_running = max;
	gate->queue.max_waiting =
	    gate->wait_ms > 0 ? max * WAITING_FOR_EACH : 0;
	ac_timer_run_soon(gate->room_event);
}

struct ac_gate_counts
ac_gate_count(const struct ac_gate *gate)
{
	return (struct ac_gate_counts){
	    .running = gate->queue.running,
	    .waiting = gate->queue.waiting,
	    .full = gate->full,
	    .waited_too_long = gate->waited_too_long,
	};
}

void
ac_request_set_key(
    struct ac_request *request, struct ac_keys *keys, const struct ac_key *key)
{
	struct ac_admission *admission = ac_request_admission(request);

	admission->keys = ac_keys_ref(keys);
	admission->key = key;
	ac_request_facts(request)->key = key->settings.name;
}

const struct ac_key *
ac_request_key(struct ac_request *request)
{
	return ac_request_admission(request)->key;
}

void
ac_admission_start(struct ac_request *request, ac_handler *handle)
{
	struct ac_admission *admission = ac_request_admission(request);

	if (admission->key != NULL && !take_from_key(request, admission->key))
		return;
	admission->request = request;
	admission->gate = ac_request_api(request)->gate;
	admission->waiter.owner = admission;
	admission->handle = handle;
	if (admission->key != NULL)
		admission->key->usage->requests++;
	enter(admission);
}

/* ---- a key's limits ----------------------------------------------------- */

/* A duration as OpenAI writes it, in the manner of Go: 1m0s, 8.64s, 120ms. */
static void
format_duration(char text[32], int64_t ms)
{
	int64_t minutes = ms / 60000;
	int64_t rest_ms = ms % 60000;
	int len = 0;

	if (ms < 1000) {
		snprintf(text, 32, "%" PRId64 "ms", ms);
		return;
	}
	if (minutes > 0)
		len = snprintf(text, 32, "%" PRId64 "m", minutes);
	len +=
	    snprintf(text + len, 32 - (size_t)len, "%" PRId64, rest_ms / 1000);
	if (rest_ms % 1000 > 0) {
		len += snprintf(text + len, 32 - (size_t)len, ".%03" PRId64,
		    rest_ms % 1000);
		while (text[len - 1] == '0')
			len--;
	}
	snprintf(text + len, 32 - (size_t)len, "s");
}

static void
add_rate_headers(
    struct ac_request *request, int64_t rate, const struct ac_rate_state *state)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, rate);
	ac_request_add_header(request, "x-ratelimit-limit-requests", text);
	snprintf(text, sizeof(text), "%" PRId64, state->left);
	ac_request_add_header(request, "x-ratelimit-remaining-requests", text);
	format_duration(text, state->full_ms);
	ac_request_add_header(request, "x-ratelimit-reset-requests", text);
}

static void
refuse_busy_key(struct ac_request *request, const struct ac_key *key)
{
	struct ac_error error;

	ac_error_set(&error, AC_ERROR_RATE_LIMIT,
	    "Rate limit reached for the key '%s': it may have %" PRId64
	    " requests at a time. Please try again in %ds.",
	    key->settings.name, key->settings.concurrent_requests,
	    BUSY_KEY_RETRY_S);
	error.retry_after_s = BUSY_KEY_RETRY_S;
	ac_request_reply_error(request, &error);
}

static void
refuse_fast_key(struct ac_request *request, const struct ac_key *key,
    const struct ac_rate_state *state)
{
	struct ac_error error;

	/* The whole seconds that are enough. */
	int seconds = (int)((state->next_ms + 999) / 1000);

	ac_error_set(&error, AC_ERROR_RATE_LIMIT,
	    "Rate limit reached for the key '%s': it may ask %" PRId64
	    " times a minute. Please try again in %ds.",
	    key->settings.name, key->settings.requests_per_minute, seconds);
	error.retry_after_s = seconds;
	ac_request_reply_error(request, &error);
}

/* False: the request was answered. One that is refused because others of its
 * key are running costs nothing. */
static bool
take_from_key(struct ac_request *request, const struct ac_key *key)
{
	struct ac_key_usage *usage = key->usage;
	int64_t rate = key->settings.requests_per_minute;
	int64_t at_once = key->settings.concurrent_requests;
	bool is_busy = at_once > 0 && usage->requests >= at_once;
	bool is_fast = false;
	struct ac_rate_state state;
	int64_t now_ms = ac_clock_ms();

	if (rate > 0) {
		is_fast = !is_busy &&
			  !ac_rate_bucket_take(&usage->bucket, rate, now_ms);
		state = ac_rate_bucket_look(&usage->bucket, rate, now_ms);
		add_rate_headers(request, rate, &state);
	}
	if (is_busy)
		refuse_busy_key(request, key);
	else if (is_fast)
		refuse_fast_key(request, key, &state);
	return !is_busy && !is_fast;
}

/* ---- the gate ----------------------------------------------------------- */

static void
enter(struct ac_admission *admission)
{
	struct ac_gate *gate = admission->gate;
	struct ac_fair_line *line = admission->key != NULL
					? &admission->key->usage->line
					: &gate->anonymous;
	struct ac_fair_waiter *evicted;

	switch (ac_fair_queue_enter(
	    &gate->queue, line, &admission->waiter, &evicted)) {
	case AC_FAIR_RUN:
		run(admission);
		break;
	case AC_FAIR_WAIT:
		start_waiting(admission);
		break;
	case AC_FAIR_FULL:
		refuse_full(admission);
		break;
	}
	if (evicted != NULL) {
		stop_waiting(evicted->owner);
		refuse_full(evicted->owner);
	}
}

static void
start_waiting(struct ac_admission *admission)
{
	admission->state = AC_ADMISSION_WAITING;
	admission->waiting_since_ns = ac_clock_ns();
	admission->timer =
	    ac_timer_new(admission->gate->base, on_waited_too_long, admission);
	ac_timer_start(admission->timer, admission->gate->wait_ms);
	ac_request_wait(admission->request, NULL, NULL);
}

/* It has left its line, to whatever end. */
static void
stop_waiting(struct ac_admission *admission)
{
	evtimer_del(admission->timer);
	ac_instruments_note_wait(
	    ac_request_api(admission->request)->instruments,
	    ac_clock_ns() - admission->waiting_since_ns);
}

static void
run(struct ac_admission *admission)
{
	admission->state = AC_ADMISSION_RUNNING;
	admission->handle(admission->request, NULL);
}

static void
refuse_full(struct ac_admission *admission)
{
	admission->gate->full++;
	refuse(admission);
}

/* It is in no line any more. */
static void
refuse(struct ac_admission *admission)
{
	struct ac_error error;

	admission->state = AC_ADMISSION_REFUSED;
	ac_error_set(&error, AC_ERROR_OVERLOADED,
	    "The server is busy (MAX_CONCURRENT_REQUESTS). Please try again "
	    "in %ds.",
	    OVERLOAD_RETRY_S);
	error.retry_after_s = OVERLOAD_RETRY_S;
	ac_request_reply_error(admission->request, &error);
}

static void
on_waited_too_long(evutil_socket_t fd, short what, void *arg)
{
	struct ac_admission *admission = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_fair_queue_leave(&admission->gate->queue, &admission->waiter);
	stop_waiting(admission);
	admission->gate->waited_too_long++;
	refuse(admission);
}

/* From the loop, so that no request begins within the end of another. */
static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct ac_gate *gate = arg;
	struct ac_fair_waiter *waiter;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	while ((waiter = ac_fair_queue_next(&gate->queue)) != NULL) {
		struct ac_admission *admission = waiter->owner;

		stop_waiting(admission);
		run(admission);
	}
}

void
ac_admission_end(struct ac_admission *admission)
{
	struct ac_gate *gate = admission->gate;

	if (admission->state == AC_ADMISSION_NONE)
		return;
	if (admission->state == AC_ADMISSION_WAITING) {
		ac_fair_queue_leave(&gate->queue, &admission->waiter);
		stop_waiting(admission);
	} else if (admission->state == AC_ADMISSION_RUNNING) {
		ac_fair_queue_done(&gate->queue);
		if (gate->queue.waiting > 0)
			ac_timer_run_soon(gate->room_event);
	}
	if (admission->key != NULL)
		admission->key->usage->requests--;
	admission->state = AC_ADMISSION_ENDED;
}

void
ac_admission_clear(struct ac_admission *admission)
{
	if (admission->timer != NULL)
		event_free(admission->timer);
	ac_keys_unref(admission->keys);
}
