/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The load: see load.h. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "wire.h"

enum {
	OPENING_MAX = 64, /* streams that have not begun yet */
	SLOW_BUFFER = 4096,
	SLOW_PIECE = 4096,
	SLOW_PAUSE_US = 10000,
	STALLED_S = 60, /* without any byte: something hangs */
};

struct call {
	struct load *load;
	struct wire *wire; /* owned; NULL: not connected */
	struct answer answer;
	struct event *slow; /* owned; NULL: reads as it comes */
	struct call *next_free;
	int64_t asked_ns;
	bool busy;
	bool begun;
	bool counts; /* its time to the first byte does */
};

struct load {
	const struct load_wish *wish; /* borrowed */
	struct load_result *result;   /* borrowed */
	struct event_base *base;
	struct call **calls; /* each owned */
	size_t call_count;
	struct call *free_calls;
	struct event *timer;   /* of what comes next in the mode */
	struct event *stalled; /* put off by every byte that comes */
	size_t begun;
	int64_t began_ns; /* of RATE */
	uint64_t asked;
	uint64_t done;
	uint64_t text_len; /* of all answers */
	int64_t cpu_ns;    /* at the window's beginning, like these */
	int64_t wall_ns;
	uint64_t window_text_len;
	bool in_window;
	uint64_t bytes;     /* that came … */
	uint64_t bytes_old; /* … and how many had when it was looked last */
};

static void on_data(struct wire *, const char *, size_t, void *arg);
static void on_end(struct wire *, const char *why, void *arg);
static void on_begun(struct load *);
static void on_whole(struct call *);

static const struct wire_handlers handlers = {
    .on_data = on_data,
    .on_end = on_end,
};

static void
start_timer(struct load *load, int64_t ns)
{
	struct timeval delay = {
	    .tv_sec = ns / 1000000000,
	    .tv_usec = ns % 1000000000 / 1000,
	};

	evtimer_add(load->timer, &delay);
}

/* ---- the window ---------------------------------------------------------- */

static void
open_window(struct load *load)
{
	load->in_window = true;
	load->window_text_len = load->text_len;
	load->wall_ns = wire_now_ns();
	load->cpu_ns = usage_cpu_ns(&load->wish->pids);
}

static void
close_window(struct load *load)
{
	struct load_result *result = load->result;

	load->in_window = false;
	result->cpu_ns = usage_cpu_ns(&load->wish->pids) - load->cpu_ns;
	result->wall_ns = wire_now_ns() - load->wall_ns;
	result->after = usage_memory(&load->wish->pids);
	if (load->wish->answer.delta_len > 0)
		result->deltas = (load->text_len - load->window_text_len) /
				 load->wish->answer.delta_len;
}

/* ---- one call ------------------------------------------------------------ */

static void
on_slow(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;

	(void)fd;
	(void)what;
	if (call->busy)
		wire_read(call->wire, SLOW_PIECE);
}

static struct call *
new_call(struct load *load)
{
	struct call *call = calloc(1, sizeof(*call));
	const struct load_wish *wish = load->wish;
	bool slow = load->call_count * wish->slow_percent / 100 !=
		    (load->call_count + 1) * wish->slow_percent / 100;
	struct timeval pause = {.tv_usec = SLOW_PAUSE_US};

	if (call == NULL)
		wire_fatal("out of memory");
	call->load = load;
	answer_init(&call->answer, &wish->answer);
	call->wire = wire_connect(load->base, &wish->target, wish->tls,
	    slow ? SLOW_BUFFER : 0, &handlers, call);
	if (call->wire == NULL)
		wire_fatal(strerror(errno));
	if (slow) {
		call->slow =
		    event_new(load->base, -1, EV_PERSIST, on_slow, call);
		event_add(call->slow, &pause);
		wire_pause(call->wire);
	}
	load->calls[load->call_count++] = call;
	return call;
}

static void
ask(struct call *call)
{
	struct load *load = call->load;

	answer_reset(&call->answer);
	call->busy = true;
	call->begun = false;
	call->counts = load->asked++ >= load->wish->warm_up;
	call->asked_ns = wire_now_ns();
	wire_send(call->wire, load->wish->request, strlen(load->wish->request));
}

static void
on_data(struct wire *wire, const char *data, size_t len, void *arg)
{
	struct call *call = arg;
	struct load *load = call->load;
	uint64_t text_len = call->answer.text_len;

	(void)wire;
	if (!call->busy)
		wire_fatal("bytes came that nobody asked for");
	load->bytes += len;
	if (call->counts && load->wish->mode != LOAD_STREAMS) {
		load->result->first_ns[load->result->first_count++] =
		    wire_now_ns() - call->asked_ns;
		call->counts = false;
	}
	answer_feed(&call->answer, data, len);
	if (call->answer.problem != NULL)
		wire_fatal(call->answer.problem);
	load->text_len += call->answer.text_len - text_len;
	if (!call->begun && call->answer.text_len > 0) {
		call->begun = true;
		load->begun++;
		on_begun(load);
	}
	if (call->answer.whole) {
		call->busy = false;
		on_whole(call);
	}
}

static void
on_end(struct wire *wire, const char *why, void *arg)
{
	struct call *call = arg;

	if (call->busy)
		wire_fatal(why);
	/* Kept alive for as long as the other side likes. */
	call->wire = NULL;
	wire_close(wire);
}

/* ---- STREAMS ------------------------------------------------------------- */

static void
on_released(struct wire *wire, const char *data, size_t len, void *arg)
{
	(void)wire;
	(void)data;
	(void)len;
	(void)arg;
}

static void
on_release_end(struct wire *wire, const char *why, void *arg)
{
	(void)why;
	(void)arg;
	wire_close(wire);
}

static void
release_streams(struct load *load)
{
	static const char request[] =
	    "POST /release HTTP/1.1\r\nHost: bench\r\n\r\n";
	static const struct wire_handlers releasing = {
	    .on_data = on_released,
	    .on_end = on_release_end,
	};
	struct wire *wire;

	if (load->wish->release.sin_port == 0)
		return;
	wire = wire_connect(load->base, &load->wish->release,
	    wire_client_context(), 0, &releasing, load);
	if (wire == NULL)
		wire_fatal(strerror(errno));
	wire_send(wire, request, strlen(request));
}

static void
open_streams(struct load *load)
{
	while (load->call_count < load->wish->count &&
	       load->call_count - load->begun < OPENING_MAX)
		ask(new_call(load));
}

/* All have begun and settled; or the window is over. */
static void
on_streams_timer(struct load *load)
{
	if (!load->in_window) {
		open_window(load);
		start_timer(load, (int64_t)load->wish->window_ms * 1000000);
		return;
	}
	if (load->done > 0)
		wire_fatal("a stream ended within the window");
	close_window(load);
	release_streams(load);
}

static void
on_stream_begun(struct load *load)
{
	if (load->begun < load->wish->count)
		open_streams(load);
	else if (load->wish->window_ms > 0)
		start_timer(load, (int64_t)load->wish->settle_ms * 1000000);
}

static void
on_stream_whole(struct load *load)
{
	if (load->done < load->wish->count)
		return;
	if (load->wish->window_ms == 0)
		close_window(load);
	event_base_loopbreak(load->base);
}

/* ---- LOOP and RATE ------------------------------------------------------- */

static void
ask_again(struct call *call)
{
	if (call->load->asked < call->load->wish->requests)
		ask(call);
}

/* Asks on a connection that is free, or on a new one. */
static void
ask_somewhere(struct load *load)
{
	struct call *call = load->free_calls;

	while (call != NULL && call->wire == NULL)
		call = call->next_free;
	load->free_calls = call == NULL ? NULL : call->next_free;
	if (call == NULL && load->call_count == load->wish->count)
		wire_fatal("the rate is more than is answered");
	ask(call != NULL ? call : new_call(load));
}

static void
on_rate_timer(struct load *load)
{
	int64_t now = wire_now_ns();
	int64_t interval_ns = 1000000000 / (int64_t)load->wish->rate;
	int64_t next_ns;

	while (load->asked < load->wish->requests) {
		next_ns =
		    load->began_ns + (int64_t)load->asked * interval_ns - now;
		if (next_ns > 0) {
			start_timer(load, next_ns);
			return;
		}
		ask_somewhere(load);
	}
}

static void
on_answered(struct call *call)
{
	struct load *load = call->load;

	if (load->done == load->wish->warm_up)
		open_window(load);
	if (load->done == load->wish->requests) {
		load->result->answers =
		    load->wish->requests - load->wish->warm_up;
		close_window(load);
		event_base_loopbreak(load->base);
	} else if (load->wish->mode == LOAD_LOOP) {
		ask_again(call);
	} else {
		call->next_free = load->free_calls;
		load->free_calls = call;
	}
}

/* ---- all ----------------------------------------------------------------- */

static void
on_begun(struct load *load)
{
	if (load->wish->mode == LOAD_STREAMS)
		on_stream_begun(load);
}

static void
on_whole(struct call *call)
{
	struct load *load = call->load;

	load->done++;
	if (load->wish->mode == LOAD_STREAMS)
		on_stream_whole(load);
	else
		on_answered(call);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct load *load = arg;

	(void)fd;
	(void)what;
	if (load->wish->mode == LOAD_STREAMS)
		on_streams_timer(load);
	else
		on_rate_timer(load);
}

static void
on_stalled(evutil_socket_t fd, short what, void *arg)
{
	struct load *load = arg;

	(void)fd;
	(void)what;
	if (load->bytes == load->bytes_old)
		wire_fatal("nothing comes any more");
	load->bytes_old = load->bytes;
}

static int
compare_times(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one;
	int64_t b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

static void
start(struct load *load)
{
	const struct load_wish *wish = load->wish;

	switch (wish->mode) {
	case LOAD_STREAMS:
		if (wish->window_ms == 0)
			open_window(load);
		open_streams(load);
		break;
	case LOAD_LOOP:
		if (wish->warm_up == 0)
			open_window(load);
		while (load->call_count < wish->count)
			ask_again(new_call(load));
		break;
	case LOAD_RATE:
		load->began_ns = wire_now_ns();
		on_rate_timer(load);
		break;
	}
}

static void
clean_up(struct load *load)
{
	for (size_t i = 0; i < load->call_count; i++) {
		struct call *call = load->calls[i];

		if (call->wire != NULL)
			wire_close(call->wire);
		if (call->slow != NULL)
			event_free(call->slow);
		answer_clear(&call->answer);
		free(call);
	}
	free(load->calls);
	event_free(load->timer);
	event_free(load->stalled);
	event_base_free(load->base);
}

void
load_run(const struct load_wish *wish, struct load_result *result)
{
	struct timeval patience = {.tv_sec = STALLED_S};
	struct load load = {
	    .wish = wish,
	    .result = result,
	    .base = wire_base_new(),
	    .calls = calloc(wish->count, sizeof(struct call *)),
	};

	*result = (struct load_result){
	    .before = usage_memory(&wish->pids),
	    .first_ns = calloc(wish->requests + 1, sizeof(int64_t)),
	};
	load.timer = evtimer_new(load.base, on_timer, &load);
	load.stalled = event_new(load.base, -1, EV_PERSIST, on_stalled, &load);
	if (load.calls == NULL || result->first_ns == NULL ||
	    load.timer == NULL || load.stalled == NULL)
		wire_fatal("out of memory");
	event_add(load.stalled, &patience);
	start(&load);
	event_base_dispatch(load.base);
	qsort(result->first_ns, result->first_count, sizeof(int64_t),
	    compare_times);
	clean_up(&load);
}
