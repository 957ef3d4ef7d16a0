/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One exchange on a connection, as evhttp sees it: every callback of evhttp's
 * client and of its bufferevent is here, with what has to be mended in each.
 * Called by http_conn.c alone; owns nothing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"
#include "base/url.h"
#include "net/http_conn_private.h"
#include "net/proxy.h"
#include "net/tls.h"
#include "net/tunnel.h"
#include "net/write_soon.h"

enum { INTERIMS_MAX = 16 };

static void on_connect_event(struct bufferevent *, short what, void *arg);
static void begin_exchange(struct ac_http_conn *);
static void watch_upload(struct ac_http_conn *);
static int on_header(struct evhttp_request *, void *arg);
static void on_readable(struct bufferevent *, void *arg);
static void on_writable(struct bufferevent *, void *arg);
static void on_event(struct bufferevent *, short what, void *arg);
static void on_chunk(struct evhttp_request *, void *arg);
static void on_error(enum evhttp_request_error, void *arg);
static void on_response(struct evhttp_request *, void *arg);

static const enum evhttp_cmd_type methods[] = {
    [AC_HTTP_GET] = EVHTTP_REQ_GET,
    [AC_HTTP_POST] = EVHTTP_REQ_POST,
    [AC_HTTP_OPTIONS] = EVHTTP_REQ_OPTIONS,
};

static char *
make_target(
    const struct ac_http_conn *conn, const struct ac_http_request *request)
{
	if (!ac_conn_is_read_by_proxy(conn))
		return ac_strdup(request->path);
	return ac_asprintf(
	    "http://%s%s", conn->origin->url->host_header, request->path);
}

/* Some proxies read the first request of a connection alone and hand on what
 * follows as it is, credentials included: there is to be no second one. */
static void
add_proxy_headers(
    const struct ac_http_conn *conn, struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char *value = ac_proxy_authorization(conn->origin->proxy);

	if (value != NULL)
		evhttp_add_header(headers, "Proxy-Authorization", value);
	evhttp_add_header(headers, "Connection", "close");
	ac_wipe_and_free(value);
}

static struct evhttp_request *
make_request(struct ac_http_conn *conn, const struct ac_http_request *request)
{
	struct evhttp_request *made = ac_http_request_make(
	    request, conn->origin->url->host_header, on_response, conn);

	if (ac_conn_is_read_by_proxy(conn))
		add_proxy_headers(conn, made);
	evhttp_request_set_header_cb(made, on_header);
	evhttp_request_set_chunked_cb(made, on_chunk);
	evhttp_request_set_error_cb(made, on_error);
	return made;
}

void
ac_exchange_start(
    struct ac_http_conn *conn, const struct ac_http_request *request)
{
	bool fresh = conn->state == CONN_CONNECTING;
	char *target = make_target(conn, request);

	conn->request = make_request(conn, request);
	conn->starting = true;
	if (evhttp_make_request(conn->evcon, conn->request,
		methods[request->method], target) != 0 &&
	    !conn->has_end) {
		evhttp_request_free(conn->request);
		conn->request = NULL;
		conn->end = AC_CONN_CONNECT_FAILED;
		conn->has_end = true;
	}
	conn->starting = false;
	free(target);
	if (conn->has_end)
		return;
	if (!fresh) {
		ac_tls_join_output(conn->bev);
		ac_write_soon(conn->bev);
		watch_upload(conn);
		return;
	}
	/* Stand before evhttp to see how the connecting goes. */
	bufferevent_getcb(
	    conn->bev, NULL, NULL, &conn->evhttp_event, &conn->evhttp_arg);
	bufferevent_setcb(conn->bev, NULL, NULL, on_connect_event, conn);
	if (ac_conn_needs_tunnel(conn) && conn->origin->tls != NULL)
		ac_conn_tunnel_tls(conn);
}

static void
set_nodelay(evutil_socket_t fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Whom the connection goes to first. */
static void
print_next_hop(const struct ac_http_conn *conn, char *out, size_t size)
{
	if (conn->origin->proxy != NULL)
		snprintf(
		    out, size, "the proxy %s", conn->origin->proxy->host_port);
	else
		snprintf(out, size, "%s", conn->origin->url->host_header);
}

/* Notes why no connection came about, while it can still be told. */
static void
note_connect_failure(
    struct ac_http_conn *conn, struct bufferevent *bev, int socket_error)
{
	const struct ac_url *url = conn->origin->url;
	char hop[AC_CONN_WHY_SIZE / 2];

	if (conn->tunnel != NULL && conn->origin->tls == NULL)
		ac_tunnel_closed(conn->tunnel);
	if (conn->tunnel != NULL &&
	    ac_tunnel_state(conn->tunnel) == AC_TUNNEL_FAILED) {
		conn->end = AC_CONN_PROXY_FAILED;
		snprintf(conn->why, sizeof(conn->why), "%s",
		    ac_tunnel_why(conn->tunnel));
		return;
	}
	if (conn->origin->tls != NULL &&
	    ac_tls_explain(bev, url->host, conn->why, sizeof(conn->why))) {
		conn->end = AC_CONN_TLS_FAILED;
		return;
	}
	conn->end = AC_CONN_CONNECT_FAILED;
	print_next_hop(conn, hop, sizeof(hop));
	snprintf(conn->why, sizeof(conn->why), "%s: %s", hop,
	    socket_error != 0 && socket_error != EAGAIN
		? evutil_socket_error_to_string(socket_error)
		: "the connection was closed at once");
}

void
ac_exchange_note_timeout(struct ac_http_conn *conn)
{
	char hop[AC_CONN_WHY_SIZE / 2];

	conn->end = AC_CONN_CONNECT_TIMEOUT;
	print_next_hop(conn, hop, sizeof(hop));
	snprintf(
	    conn->why, sizeof(conn->why), "%s: no connection in time", hop);
}

static void
on_connect_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_http_conn *conn = arg;
	int socket_error = EVUTIL_SOCKET_ERROR();

	if ((what & BEV_EVENT_CONNECTED) == 0) {
		if (what & BEV_EVENT_TIMEOUT)
			ac_exchange_note_timeout(conn);
		else
			note_connect_failure(conn, bev,
			    (what & BEV_EVENT_EOF) != 0 ? 0 : socket_error);
		EVUTIL_SET_SOCKET_ERROR(socket_error);
		conn->evhttp_event(bev, what, conn->evhttp_arg);
		return;
	}
	set_nodelay(bufferevent_getfd(bev));
	if (ac_conn_needs_tunnel(conn) && conn->origin->tls == NULL)
		ac_conn_tunnel_plain(conn, begin_exchange, on_connect_event);
	else
		begin_exchange(conn);
}

/* The way to the origin is there: evhttp may send the request. */
static void
begin_exchange(struct ac_http_conn *conn)
{
	evtimer_del(conn->timer);
	ac_conn_tunnel_done(conn);
	ac_conn_set_state(conn, CONN_WAITING);
	if (conn->origin->on_connected != NULL)
		conn->origin->on_connected(
		    conn->bev, conn->origin->connected_arg);
	conn->evhttp_event(conn->bev, BEV_EVENT_CONNECTED, conn->evhttp_arg);
	if (conn->request != NULL)
		ac_tls_join_output(conn->bev);
	watch_upload(conn);
}

/*
 * evhttp takes any 1xx but 100 for the answer, and the real answer for the
 * next request's. In plain it can be made to skip it; over TLS that stalls,
 * so the exchange ends there. Behind one that it skips evhttp waits until it
 * may write, and would take an end that is read meanwhile for the answer's.
 */
static int
skip_interim_answer(struct ac_http_conn *conn, struct evhttp_request *request)
{
	if (conn->origin->tls != NULL) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "an interim answer (%d) that cannot be skipped",
		    request->response_code);
		return -1;
	}
	if (++conn->interims > INTERIMS_MAX) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "interim answers without an end");
		return -1;
	}
	/* Or they would count as the answer's. */
	evhttp_clear_headers(evhttp_request_get_input_headers(request));
	request->response_code = 100;
	conn->skipping = true;
	ac_timer_run_soon(conn->soon);
	return 0;
}

/* Without a length an answer goes on until the close (RFC 9112, 6.3); where
 * it has a Connection header, evhttp would take it for empty. */
static void
mend_framing(struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);

	if (evhttp_find_header(headers, "Transfer-Encoding") == NULL &&
	    evhttp_find_header(headers, "Content-Length") == NULL)
		evhttp_remove_header(headers, "Connection");
}

/* Whether the answer ends with the connection or says that it is the last. A
 * TLS connection's end may have been read with the body's. */
static bool
is_last(struct evhttp_request *request)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *connection = evhttp_find_header(headers, "Connection");
	int status = evhttp_request_get_response_code(request);
	bool has_body = status != 204 && status != 304;

	return request->minor < 1 ||
	       (connection != NULL && strcasestr(connection, "close")) ||
	       (has_body &&
		   evhttp_find_header(headers, "Transfer-Encoding") == NULL &&
		   evhttp_find_header(headers, "Content-Length") == NULL);
}

static int
on_header(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	struct ac_http_head head = {
	    .status = evhttp_request_get_response_code(request),
	    .headers = evhttp_request_get_input_headers(request),
	};

	if (head.status >= 100 && head.status < 200)
		return skip_interim_answer(conn, request);
	if (head.status == 407 && ac_conn_is_read_by_proxy(conn)) {
		conn->end = AC_CONN_PROXY_FAILED;
		snprintf(conn->why, sizeof(conn->why),
		    "the proxy %s wants %scredentials (407)",
		    conn->origin->proxy->host_port,
		    conn->origin->proxy->user == NULL ? "" : "other ");
		return -1;
	}
	if (head.status < 200 || head.status > 999) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "a status that is none: %d", head.status);
		return -1;
	}
	conn->closes = is_last(request);
	ac_conn_set_state(conn, CONN_BODY);
	/* Stand before evhttp to get a chunk's bytes as they arrive. */
	bufferevent_getcb(conn->bev, &conn->evhttp_read, &conn->evhttp_write,
	    &conn->evhttp_event, &conn->evhttp_arg);
	bufferevent_setcb(conn->bev, on_readable, on_writable, on_event, conn);
	conn->in_head = true;
	conn->handlers->on_head(&head, conn->arg);
	conn->in_head = false;
	if (conn->state == CONN_CLOSED)
		return -1;
	mend_framing(request);
	ac_timer_run_soon(conn->soon);
	return 0;
}

bool
ac_exchange_is_final(struct evbuffer *input)
{
	static const char version[] = "HTTP/1.";
	char line[] = "HTTP/1.1 2";
	size_t len = sizeof(line) - 1;

	return evbuffer_copyout(input, line, len) == (ev_ssize_t)len &&
	       memcmp(line, version, sizeof(version) - 1) == 0 &&
	       line[len - 1] != '1';
}

static void
ignore_written(struct bufferevent *bev, void *arg)
{
	AC_UNUSED(bev);
	AC_UNUSED(arg);
}

/*
 * A peer may answer and close before it has read the whole request. With a
 * flag evhttp throws the rest away and reads where its writing fails; but with
 * the flag it also waits for ever behind an end that comes later, and a write
 * callback that is still on its way (over TLS they are deferred) ends the
 * process. So it has the flag for this moment alone, and no write callback
 * afterwards.
 */
void
ac_exchange_stop_writing(struct ac_http_conn *conn)
{
	bufferevent_data_cb read;
	bufferevent_event_cb event;
	void *arg;

	conn->answered_early = true;
	evhttp_connection_set_flags(
	    conn->evcon, EVHTTP_CON_READ_ON_WRITE_ERROR);
	conn->evhttp_event(
	    conn->bev, BEV_EVENT_WRITING | BEV_EVENT_ERROR, conn->evhttp_arg);
	evhttp_connection_set_flags(conn->evcon, 0);
	if (conn->request == NULL)
		return;
	bufferevent_getcb(conn->bev, &read, NULL, &event, &arg);
	bufferevent_setcb(conn->bev, read, ignore_written, event, arg);
}

static void
on_upload_writable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	if (!conn->writing)
		conn->evhttp_write(bev, conn->evhttp_arg);
}

/* The connection breaks within the request: perhaps there is an answer. */
static void
on_upload_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_http_conn *conn = arg;

	if ((what & BEV_EVENT_TIMEOUT) == 0 && conn->writing &&
	    (what & BEV_EVENT_WRITING ||
		ac_exchange_is_final(bufferevent_get_input(bev))))
		ac_exchange_stop_writing(conn);
	else
		conn->evhttp_event(bev, what, conn->evhttp_arg);
}

/* Stands before evhttp until the request has been written, when evhttp sets
 * callbacks anew. */
static void
watch_upload(struct ac_http_conn *conn)
{
	if (conn->request == NULL || !conn->writing)
		return;
	bufferevent_getcb(conn->bev, NULL, &conn->evhttp_write,
	    &conn->evhttp_event, &conn->evhttp_arg);
	bufferevent_setcb(
	    conn->bev, NULL, on_upload_writable, on_upload_event, conn);
}

/* Hands on what has come of an unfinished chunk; evhttp would wait for all
 * of it, however large. At least one byte stays for evhttp to end it with. */
void
ac_exchange_take_partial_chunk(struct ac_http_conn *conn)
{
	struct evhttp_request *request = conn->request;
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t len = evbuffer_get_length(input);
	struct evbuffer *piece;

	if (!request->chunked || request->ntoread <= 0 || len == 0 ||
	    len >= (uint64_t)request->ntoread)
		return;
	piece = ac_text_new();
	evbuffer_remove_buffer(input, piece, len);
	request->ntoread -= (int64_t)len;
	conn->handlers->on_data(piece, conn->arg);
	evbuffer_free(piece);
}

/*
 * These three stand before evhttp's own callbacks from a body's beginning
 * until evhttp sets its own for the next exchange. All callbacks of a
 * bufferevent share one argument, hence the other two.
 * evhttp's deferred read would call the first with evhttp's argument; it is
 * only ever pending before a head has been read, when ours is not in place.
 */
static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	if (ac_conn_is_in_body(conn))
		ac_exchange_take_partial_chunk(conn);
	if (conn->state == CONN_CLOSED)
		return;
	conn->evhttp_read(bev, conn->evhttp_arg);
	if (ac_conn_is_in_body(conn))
		ac_exchange_take_partial_chunk(conn);
}

static void
on_writable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	conn->evhttp_write(bev, conn->evhttp_arg);
}

/* A process that was stopped for a while finds what came meanwhile and the
 * timeout together, and libevent then tells of the timeout alone. */
static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_http_conn *conn = arg;

	if (what == (BEV_EVENT_READING | BEV_EVENT_TIMEOUT) &&
	    !ac_http_conn_is_quiet(conn))
		bufferevent_enable(bev, EV_READ);
	else
		conn->evhttp_event(bev, what, conn->evhttp_arg);
}

static void
on_chunk(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	struct evbuffer *data = evhttp_request_get_input_buffer(request);

	if (conn->state == CONN_BODY && evbuffer_get_length(data) > 0)
		conn->handlers->on_data(data, conn->arg);
}

static void
on_error(enum evhttp_request_error error, void *arg)
{
	struct ac_http_conn *conn = arg;

	/* What is already known (a handshake, an interim answer) stays. */
	if (conn->state == CONN_CLOSED || conn->why[0] != '\0')
		return;
	if (conn->state == CONN_CONNECTING) {
		/* connect(2) failed at once, before on_connect_event() stood
		 * there to see it. */
		note_connect_failure(conn, conn->bev, EVUTIL_SOCKET_ERROR());
	} else if (error == EVREQ_HTTP_TIMEOUT) {
		conn->end =
		    conn->answered ? AC_CONN_SILENT : AC_CONN_UNANSWERED;
		snprintf(conn->why, sizeof(conn->why), "nothing came in time");
	} else if (error == EVREQ_HTTP_INVALID_HEADER ||
		   error == EVREQ_HTTP_DATA_TOO_LONG) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "what came is not proper HTTP");
	} else {
		conn->end = conn->answer_began ? AC_CONN_CUT : AC_CONN_LOST;
		snprintf(conn->why, sizeof(conn->why),
		    "the connection was closed %s",
		    conn->answer_began ? "within the answer"
				       : "before an answer came");
	}
}

/* evhttp's last word about a request, which it frees after this. */
static void
on_response(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	bool whole =
	    request != NULL && evhttp_request_get_response_code(request) >= 200;

	conn->request = NULL;
	if (conn->state == CONN_CLOSED)
		return;
	evtimer_del(conn->timer);
	if (whole)
		conn->end = AC_CONN_COMPLETE;
	else if (conn->why[0] == '\0')
		note_connect_failure(conn, conn->bev, EVUTIL_SOCKET_ERROR());
	conn->has_end = true;
	if (!conn->starting)
		ac_conn_finish(conn);
}
