/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The benchmark's upstream: what the proxies need of the Akash Chat web app,
 * over TLS, fast and exactly paced. Each line of an answer is an HTTP chunk,
 * as with the app; those of one tick leave in one write. The deltas of paced
 * streams are spread evenly over the interval, since each stream of a real
 * site has its own rhythm.
 *
 *	bench_upstream CERT KEY     prints its port and serves until it is
 *killed
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

#include "plan.h"
#include "wire.h"

enum {
	REQUEST_MAX = 4 * 1024 * 1024,
	PIECE = 16 * 1024,       /* of an answer that goes as fast as it can */
	PENDING_MAX = 64 * 1024, /* that wait for a slow reader */
	PHASES = 200,
	LATE_BUCKETS = 64, /* of 100 microseconds */
};

#define FINISH                                  \
	"{\"finishReason\":\"stop\",\"usage\":" \
	"{\"promptTokens\":11,\"completionTokens\":7}"

struct upstream {
	struct event_base *base; /* owned */
	SSL_CTX *tls;            /* owned */
	LIST_HEAD(, conn) held;  /* whose ends wait */
	uint64_t streams;        /* so far */
	uint64_t late[LATE_BUCKETS];
};

struct conn {
	struct upstream *upstream; /* borrowed */
	struct wire *wire;         /* owned */
	char *in;                  /* owned: the request, as far as it came */
	size_t in_len;
	size_t in_size;
	struct plan plan;
	uint64_t sent;       /* deltas of the answer under way */
	uint64_t due;        /* deltas that its ticks allow */
	bool answering;      /* a chat */
	bool is_held;        /* in upstream->held */
	int64_t next_ns;     /* the next tick */
	struct event *timer; /* owned */
	LIST_ENTRY(conn) entry;
};

static void on_accept(struct evconnlistener *, evutil_socket_t,
    struct sockaddr *, int, void *arg);
static void on_data(struct wire *, const char *, size_t, void *arg);
static void on_drained(struct wire *, void *arg);
static void on_end(struct wire *, const char *why, void *arg);
static void on_tick(evutil_socket_t, short, void *arg);
static void send_deltas(struct conn *);

static const struct wire_handlers handlers = {
    .on_data = on_data,
    .on_drained = on_drained,
    .on_end = on_end,
};

/* What leaves in one write. */
static struct {
	char data[PIECE + PLAN_DELTA_MAX + 1024];
	size_t len;
} batch;

static void
batch_add(const char *text)
{
	size_t len = strlen(text);

	memcpy(batch.data + batch.len, text, len);
	batch.len += len;
}

/* A line of the data stream, as a chunk. */
static void
batch_add_line(const char *line)
{
	batch.len += (size_t)sprintf(
	    batch.data + batch.len, "%zx\r\n%s\n\r\n", strlen(line) + 1, line);
}

static void
batch_add_delta(const struct plan *plan, uint64_t n)
{
	batch.len += (size_t)sprintf(
	    batch.data + batch.len, "%" PRIx64 "\r\n0:\"", plan->delta_len + 5);
	plan_write_delta(plan, n, batch.data + batch.len);
	batch.len += plan->delta_len;
	batch_add("\"\n\r\n");
}

static void
batch_send(struct conn *conn)
{
	size_t len = batch.len;

	batch.len = 0;
	if (len > 0)
		wire_send(conn->wire, batch.data, len);
}

/* A whole answer; the app gives none a length. */
static void
send_json(struct conn *conn, int status, const char *more, const char *json)
{
	static char text[16 * 1024];
	int len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %d X\r\n%scontent-type: application/json\r\n"
	    "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
	    status, more, strlen(json), json);

	if (len < 0 || (size_t)len >= sizeof(text))
		wire_fatal("an answer is too long");
	wire_send(conn->wire, text, (size_t)len);
}

static void
send_session(struct conn *conn)
{
	send_json(conn, 200,
	    "set-cookie: session_token="
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef;"
	    " Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=strict\r\n",
	    "{\"success\":true}");
}

/* As many as the app has by itself. */
static void
send_models(struct conn *conn)
{
	static char json[12 * 1024];
	size_t len = 0;

	for (int i = 0; json[0] == '\0' || (i > 0 && i < 15); i++) {
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    "%c{\"id\":\"Bench-Model-%d\",\"name\":\"Bench %d\","
		    "\"description\":\"A model of the benchmark, with as "
		    "many words as others have\",\"temperature\":0.6,"
		    "\"top_p\":0.95,\"tokenLimit\":128000,"
		    "\"owned_by\":\"nobody\",\"available\":true}%s",
		    i == 0 ? '[' : ',', i, i, i == 14 ? "]" : "");
	}
	send_json(conn, 200, "", json);
}

/* Gives every held stream its end. */
static void
release_all(struct upstream *upstream)
{
	struct conn *conn;

	while ((conn = LIST_FIRST(&upstream->held)) != NULL) {
		LIST_REMOVE(conn, entry);
		conn->is_held = false;
		conn->plan.holds = 0;
		send_deltas(conn);
	}
}

/* How late ticks came, so that a run on a starved machine can be told. */
static void
send_lateness(struct conn *conn)
{
	struct upstream *upstream = conn->upstream;
	uint64_t all = 0;
	uint64_t seen = 0;
	unsigned p99 = 0;
	char json[64];

	for (unsigned i = 0; i < LATE_BUCKETS; i++)
		all += upstream->late[i];
	for (unsigned i = 0; i < LATE_BUCKETS && seen * 100 < all * 99; i++) {
		seen += upstream->late[i];
		p99 = i + 1;
	}
	snprintf(json, sizeof(json),
	    "{\"ticks\":%" PRIu64 ",\"late_p99_us\":%u}", all, p99 * 100);
	memset(upstream->late, 0, sizeof(upstream->late));
	send_json(conn, 200, "", json);
}

/* ---- chats --------------------------------------------------------------- */

static void
wait_for_tick(struct conn *conn)
{
	int64_t us = (conn->next_ns - wire_now_ns()) / 1000;
	struct timeval delay = {.tv_sec = us / 1000000};

	delay.tv_usec = us < 0 ? 0 : us % 1000000;
	if (us < 0)
		delay.tv_sec = 0;
	evtimer_add(conn->timer, &delay);
}

/* The head and the first tick's deltas go at once, later ones at this
 * stream's own phase of the interval. */
static void
start_chat(struct conn *conn)
{
	struct upstream *upstream = conn->upstream;
	int64_t interval_ns = (int64_t)conn->plan.interval_us * 1000;
	int64_t now = wire_now_ns();

	conn->answering = true;
	conn->sent = 0;
	conn->due = conn->plan.per_tick;
	upstream->streams++;
	batch_add(
	    "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n"
	    "x-vercel-ai-data-stream: v1\r\nConnection: keep-alive\r\n"
	    "Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n");
	batch_add_line("f:{\"messageId\":\"msg-I8MYvifiUPWpD1EqWLDF\"}");
	if (interval_ns == 0) {
		conn->due = conn->plan.deltas;
	} else {
		int64_t phase = interval_ns / PHASES *
				(int64_t)(upstream->streams % PHASES);

		conn->next_ns = now - now % interval_ns + interval_ns + phase;
		wait_for_tick(conn);
	}
	send_deltas(conn);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	int64_t late_us = (wire_now_ns() - conn->next_ns) / 1000;
	size_t bucket = late_us < 0 ? 0 : (size_t)late_us / 100;

	(void)fd;
	(void)what;
	conn->upstream
	    ->late[bucket < LATE_BUCKETS ? bucket : LATE_BUCKETS - 1]++;
	conn->due += conn->plan.per_tick;
	conn->next_ns += (int64_t)conn->plan.interval_us * 1000;
	if (conn->due < conn->plan.deltas)
		wait_for_tick(conn);
	else
		conn->due = conn->plan.deltas;
	send_deltas(conn);
}

/* The end, or a wait for the release. */
static void
end_chat(struct conn *conn)
{
	if (conn->is_held)
		return;
	if (conn->plan.holds != 0) {
		conn->is_held = true;
		LIST_INSERT_HEAD(&conn->upstream->held, conn, entry);
		return;
	}
	conn->answering = false;
	batch_add_line("e:" FINISH ",\"isContinued\":false}");
	batch_add_line("d:" FINISH "}");
	batch_add("0\r\n\r\n");
}

/* Sends what is due, unless too much waits already. */
static void
send_deltas(struct conn *conn)
{
	while (
	    conn->sent < conn->due && wire_pending(conn->wire) <= PENDING_MAX) {
		while (conn->sent < conn->due && batch.len < PIECE)
			batch_add_delta(&conn->plan, conn->sent++);
		if (conn->sent < conn->due)
			batch_send(conn);
	}
	if (conn->sent == conn->plan.deltas)
		end_chat(conn);
	batch_send(conn);
}

static void
on_drained(struct wire *wire, void *arg)
{
	struct conn *conn = arg;

	(void)wire;
	if (conn->answering && conn->sent < conn->due)
		send_deltas(conn);
}

/* ---- requests ------------------------------------------------------------ */

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A whole request: head is NUL-terminated. */
static void
answer(struct conn *conn, const char *head, const char *body, size_t body_len)
{
	if (begins(head, "GET /api/auth/session/ ")) {
		send_session(conn);
	} else if (begins(head, "POST /release ")) {
		release_all(conn->upstream);
		send_json(conn, 200, "", "{}");
	} else if (begins(head, "POST /lateness ")) {
		send_lateness(conn);
	} else if (strstr(head, "session_token=0123456789abcdef") == NULL) {
		send_json(conn, 403, "",
		    "{\"success\":false,"
		    "\"message\":\"Unauthorized: Invalid session\"}");
	} else if (begins(head, "GET /api/models/ ")) {
		send_models(conn);
	} else if (begins(head, "POST /api/chat/ ") &&
		   plan_find(&conn->plan, body, body_len)) {
		start_chat(conn);
	} else {
		send_json(conn, 404, "", "{}");
	}
}

static size_t
content_length(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	if (strcasestr(head, "\r\ntransfer-encoding:") != NULL)
		wire_fatal("a request came in chunks");
	return line == NULL
		   ? 0
		   : (size_t)strtoull(strchr(line + 2, ':') + 1, NULL, 10);
}

static void
on_data(struct wire *wire, const char *data, size_t len, void *arg)
{
	struct conn *conn = arg;
	char *end;
	size_t head_len;
	size_t body_len;

	(void)wire;
	if (conn->in_len + len + 1 > conn->in_size) {
		conn->in_size = 2 * (conn->in_len + len + 1);
		conn->in = realloc(conn->in, conn->in_size);
		if (conn->in == NULL || conn->in_size > REQUEST_MAX)
			wire_fatal("a request is too long");
	}
	memcpy(conn->in + conn->in_len, data, len);
	conn->in_len += len;
	conn->in[conn->in_len] = '\0';
	end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);
	if (end == NULL)
		return;
	end[2] = '\0';
	head_len = (size_t)(end - conn->in) + 4;
	body_len = content_length(conn->in);
	end[2] = '\r';
	if (conn->in_len < head_len + body_len)
		return;
	end[2] = '\0';
	/* Nobody sends a second request before the answer's end. */
	conn->in_len = 0;
	answer(conn, conn->in, conn->in + head_len, body_len);
}

static void
on_end(struct wire *wire, const char *why, void *arg)
{
	struct conn *conn = arg;

	(void)why;
	if (conn->is_held)
		LIST_REMOVE(conn, entry);
	event_free(conn->timer);
	wire_close(wire);
	free(conn->in);
	free(conn);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int len, void *arg)
{
	struct upstream *upstream = arg;
	struct conn *conn = calloc(1, sizeof(*conn));

	(void)listener;
	(void)address;
	(void)len;
	if (conn == NULL)
		wire_fatal("out of memory");
	conn->upstream = upstream;
	conn->timer = evtimer_new(upstream->base, on_tick, conn);
	if (conn->timer == NULL)
		wire_fatal("out of memory");
	conn->wire =
	    wire_accept(upstream->base, fd, upstream->tls, &handlers, conn);
}

static void
print_port(struct evconnlistener *listener)
{
	struct sockaddr_in address = {.sin_port = 0};
	socklen_t len = sizeof(address);

	if (getsockname(evconnlistener_get_fd(listener),
		(struct sockaddr *)&address, &len) != 0)
		wire_fatal(strerror(errno));
	printf("%u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct upstream upstream = {.base = wire_base_new()};
	struct evconnlistener *listener;
	struct sockaddr_in address;

	if (argc != 3)
		wire_fatal("usage: bench_upstream CERT KEY");
	signal(SIGPIPE, SIG_IGN);
	LIST_INIT(&upstream.held);
	upstream.tls = wire_server_context(argv[1], argv[2]);
	wire_loopback(&address, 0);
	listener = evconnlistener_new_bind(upstream.base, on_accept, &upstream,
	    LEV_OPT_CLOSE_ON_FREE, 4096, (struct sockaddr *)&address,
	    sizeof(address));
	if (listener == NULL)
		wire_fatal(strerror(errno));
	print_port(listener);
	event_base_dispatch(upstream.base);
	return 0;
}
