/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The scripted peer: see peer.h. A connection's script goes on whenever
 * something happens to it; each step says whether it is done or has to wait.
 */
#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop.h"
#include "peer_tls.h"

enum {
	OUT_HIGH = 256 * 1024, /* what waits to be taken, about */
	REPEAT_PIECE = 16 * 1024,
};

enum progress {
	STEP_DONE,
	STEP_WAITS,
};

static void on_accept(struct evconnlistener *, evutil_socket_t,
    struct sockaddr *, int socklen, void *arg);
static void on_readable(evutil_socket_t, short, void *arg);
static void on_writable(evutil_socket_t, short, void *arg);
static void on_timer(evutil_socket_t, short, void *arg);
static void go_on(struct peer_conn *);
static enum progress do_step(struct peer_conn *);

struct peer *
peer_new_at(
    struct event_base *base, const char *ip, uint16_t port, SSL_CTX *tls)
{
	struct peer *peer = ac_calloc(1, sizeof(*peer));
	struct sockaddr_storage address;
	int len = sizeof(address);
	socklen_t bound_len = sizeof(address);
	peer->base = base;
	peer->tls = tls;
	assert_int_equal(
	    evutil_parse_sockaddr_port(ip, (struct sockaddr *)&address, &len),
	    0);
	/* The port stands at the same place for both families. */
	((struct sockaddr_in *)(void *)&address)->sin_port = htons(port);
	peer->listener = evconnlistener_new_bind(base, on_accept, peer,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
	    (struct sockaddr *)&address, len);
	if (peer->listener == NULL) {
		free(peer);
		return NULL;
	}
	assert_int_equal(getsockname(evconnlistener_get_fd(peer->listener),
			     (struct sockaddr *)&address, &bound_len),
	    0);
	peer->port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
	return peer;
}

struct peer *
peer_new(struct event_base *base, SSL_CTX *tls)
{
	struct peer *peer = peer_new_at(base, "127.0.0.1", 0, tls);

	assert_non_null(peer);
	return peer;
}

void
peer_script(struct peer *peer, const struct peer_step *steps)
{
	assert_true(peer->script_count < PEER_SCRIPTS_MAX);
	peer->scripts[peer->script_count++] = steps;
}

static struct peer_route *
find_route(const struct peer *peer, const char *path, size_t len)
{
	for (size_t i = 0; i < peer->route_count; i++) {
		const struct peer_route *route = &peer->routes[i];

		if (strlen(route->path) == len &&
		    memcmp(route->path, path, len) == 0)
			return (struct peer_route *)route;
	}
	return NULL;
}

void
peer_route(struct peer *peer, const char *path, const struct peer_step *steps)
{
	struct peer_route *route = find_route(peer, path, strlen(path));

	if (route == NULL) {
		assert_true(peer->route_count < PEER_ROUTES_MAX);
		route = &peer->routes[peer->route_count++];
		route->path = path;
	}
	assert_true(route->script_count < PEER_SCRIPTS_MAX);
	route->scripts[route->script_count++] = steps;
}

size_t
peer_asked(const struct peer *peer, const char *path)
{
	const struct peer_route *route = find_route(peer, path, strlen(path));

	assert_non_null(route);
	return route->asked;
}

void
peer_open(struct peer *peer)
{
	peer->gates_opened++;
	for (size_t i = 0; i < peer->accepted; i++)
		go_on(peer->conns[i]);
}

void
peer_refuse(struct peer *peer)
{
	evconnlistener_free(peer->listener);
	peer->listener = NULL;
}

size_t
peer_open_count(const struct peer *peer)
{
	size_t count = 0;

	for (size_t i = 0; i < peer->accepted; i++)
		count += peer->conns[i]->fd != -1;
	return count;
}

bool
peer_was_left(const struct peer *peer, int number)
{
	const struct peer_conn *conn;

	if ((size_t)number >= peer->accepted)
		return false;
	conn = peer->conns[number];
	return conn->end == PEER_CONN_GOT_FIN || conn->end == PEER_CONN_GOT_RST;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int socklen, void *arg)
{
	struct peer *peer = arg;
	struct peer_conn *conn = ac_calloc(1, sizeof(*conn));
	int on = 1;

	AC_UNUSED(listener);
	AC_UNUSED(address);
	AC_UNUSED(socklen);
	if (peer->accepted == PEER_CONNS_MAX || peer->script_count == 0) {
		peer->problem = "more connections than it has scripts for";
		free(conn);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->peer = peer;
	conn->fd = fd;
	conn->number = (int)peer->accepted;
	conn->in = evbuffer_new();
	conn->out = evbuffer_new();
	conn->reading =
	    event_new(peer->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	conn->writing = event_new(peer->base, fd, EV_WRITE, on_writable, conn);
	conn->timer = evtimer_new(peer->base, on_timer, conn);
	if (peer->tls != NULL)
		conn->tls = peer_tls_new(peer->tls, conn->out);
	conn->step = peer->scripts[peer->accepted < peer->script_count
				       ? peer->accepted
				       : peer->script_count - 1];
	peer->conns[peer->accepted++] = conn;
	event_add(conn->reading, NULL);
	go_on(conn);
}

static void
end_conn(struct peer_conn *conn, enum peer_conn_end end)
{
	if (conn->fd == -1)
		return;
	event_del(conn->reading);
	event_del(conn->writing);
	event_del(conn->timer);
	close(conn->fd);
	conn->fd = -1;
	conn->end = end;
}

static void
free_conn(struct peer_conn *conn)
{
	end_conn(conn, PEER_CONN_CLOSED);
	event_free(conn->reading);
	event_free(conn->writing);
	event_free(conn->timer);
	peer_tls_free(conn->tls);
	evbuffer_free(conn->in);
	evbuffer_free(conn->out);
	free(conn);
}

void
peer_free(struct peer *peer)
{
	const char *problem;

	if (peer == NULL)
		return;
	problem = peer->problem;
	if (peer->listener != NULL)
		evconnlistener_free(peer->listener);
	for (size_t i = 0; i < peer->accepted; i++)
		free_conn(peer->conns[i]);
	for (size_t i = 0; i < peer->request_count; i++)
		free(peer->requests[i].text);
	free(peer);
	if (problem != NULL)
		fail_msg("the peer: %s", problem);
}

/* Puts what waits onto the wire, as far as the socket takes it. */
static void
write_out(struct peer_conn *conn)
{
	ev_ssize_t piece =
	    conn->peer->piece == 0 ? -1 : (ev_ssize_t)conn->peer->piece;

	while (conn->fd != -1 && evbuffer_get_length(conn->out) > 0) {
		ev_ssize_t written =
		    evbuffer_write_atmost(conn->out, conn->fd, piece);

		if (written >= 0 && piece < 0)
			continue;
		if (written >= 0 || errno == EAGAIN)
			event_add(conn->writing, NULL);
		else
			end_conn(conn, PEER_CONN_GOT_RST);
		return;
	}
}

static void
send_text(struct peer_conn *conn, const char *text, size_t len)
{
	conn->sent += len;
	if (conn->tls != NULL)
		peer_tls_send(conn->tls, text, len);
	else
		evbuffer_add(conn->out, text, len);
	write_out(conn);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char piece[64 * 1024];
	struct peer_conn *conn = arg;
	ssize_t len = recv(fd, piece, sizeof(piece), 0);

	AC_UNUSED(what);
	if (len == 0) {
		end_conn(conn, PEER_CONN_GOT_FIN);
	} else if (len > 0) {
		size_t before = evbuffer_get_length(conn->in);

		if (conn->tls != NULL)
			peer_tls_feed(conn->tls, piece, (size_t)len, conn->in);
		else
			evbuffer_add(conn->in, piece, (size_t)len);
		conn->received += evbuffer_get_length(conn->in) - before;
		write_out(conn);
	} else if (errno != EAGAIN) {
		end_conn(conn, PEER_CONN_GOT_RST);
	}
	go_on(conn);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *conn = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	write_out(conn);
	go_on(conn);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct peer_conn *conn = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	conn->waited = true;
	go_on(conn);
}

static void
go_on(struct peer_conn *conn)
{
	while (conn->fd != -1 && do_step(conn) == STEP_DONE) {
		conn->done = 0;
		conn->waited = false;
		conn->step++;
		/* An answer's end leads back to its SERVE. */
		if (conn->step->action == PEER_END &&
		    conn->after_route != NULL) {
			conn->step = conn->after_route;
			conn->after_route = NULL;
		}
	}
}

/* Takes one request out of what came; NULL while it is not whole. */
static char *
take_request(struct evbuffer *in, size_t *head_len)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t body_len = 0;
	const char *length;
	size_t len;
	char *text;

	if (end.pos == -1)
		return NULL;
	*head_len = (size_t)end.pos + 4;
	text =
	    ac_memdup((const char *)evbuffer_pullup(in, (ev_ssize_t)*head_len),
		*head_len);
	length = strcasestr(text, "\r\nContent-Length:");
	if (length != NULL)
		body_len = strtoul(length + 17, NULL, 10);
	free(text);
	len = *head_len + body_len;
	if (evbuffer_get_length(in) < len)
		return NULL;
	text = ac_calloc(1, len + 1);
	evbuffer_remove(in, text, len);
	return text;
}

static enum progress
read_request(struct peer_conn *conn)
{
	struct peer *peer = conn->peer;
	struct peer_request *request;
	size_t head_len;
	char *text = take_request(conn->in, &head_len);

	if (text == NULL)
		return STEP_WAITS;
	if (peer->request_count == PEER_REQUESTS_MAX) {
		peer->problem = "too many requests";
		free(text);
		return STEP_WAITS;
	}
	request = &peer->requests[peer->request_count++];
	request->text = text;
	request->body = text + head_len;
	request->conn = conn->number;
	return STEP_DONE;
}

/* Reads a request and goes over to its path's answer. */
static enum progress
serve(struct peer_conn *conn)
{
	struct peer *peer = conn->peer;
	struct peer_route *route;
	const char *path;
	size_t nth;

	if (read_request(conn) == STEP_WAITS)
		return STEP_WAITS;
	path = strchr(peer->requests[peer->request_count - 1].text, ' ');
	path = path == NULL ? "" : path + 1;
	route = find_route(peer, path, strcspn(path, " "));
	if (route == NULL)
		route = find_route(peer, path, strcspn(path, " ?"));
	if (route == NULL || route->script_count == 0) {
		peer->problem = "a request without a route";
		return STEP_WAITS;
	}
	nth = route->asked++;
	if (nth >= route->script_count)
		nth = route->script_count - 1;
	conn->after_route = conn->step;
	conn->step = route->scripts[nth];
	conn->done = 0;
	conn->waited = false;
	return do_step(conn);
}

static bool
may_send(const struct peer_conn *conn)
{
	return conn->tls == NULL || conn->tls->is_up;
}

static void
start_timer(struct peer_conn *conn, size_t ms)
{
	struct timeval delay = ac_clock_timeval((int64_t)ms);

	conn->waited = false;
	evtimer_add(conn->timer, &delay);
}

static enum progress
send_bytes(struct peer_conn *conn)
{
	if (conn->done > 0 && !conn->waited)
		return STEP_WAITS;
	if (conn->step->text[conn->done] == '\0')
		return STEP_DONE;
	send_text(conn, conn->step->text + conn->done++, 1);
	if (conn->fd != -1)
		start_timer(conn, 0);
	return STEP_WAITS;
}

static enum progress
repeat(struct peer_conn *conn)
{
	const char *text = conn->step->text;
	size_t len = strlen(text);
	size_t in_piece = len < REPEAT_PIECE ? REPEAT_PIECE / len : 1;
	char *piece = ac_malloc(len * in_piece);

	for (size_t i = 0; i < in_piece; i++)
		memcpy(piece + i * len, text, len);
	while (conn->fd != -1 && conn->done < conn->step->number &&
	       evbuffer_get_length(conn->out) < OUT_HIGH) {
		size_t times = conn->step->number - conn->done;

		if (times > in_piece)
			times = in_piece;
		send_text(conn, piece, len * times);
		conn->done += times;
	}
	free(piece);
	return conn->done < conn->step->number ? STEP_WAITS : STEP_DONE;
}

static enum progress
wait_for_time(struct peer_conn *conn)
{
	if (conn->waited)
		return STEP_DONE;
	if (conn->done++ == 0)
		start_timer(conn, conn->step->number);
	return STEP_WAITS;
}

static enum progress
pass_gate(struct peer_conn *conn)
{
	if (conn->gates_passed == conn->peer->gates_opened)
		return STEP_WAITS;
	conn->gates_passed++;
	return STEP_DONE;
}

/* The steps that end something wait until all that was sent has left. */
static enum progress
do_ending(struct peer_conn *conn)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	enum peer_action action = conn->step->action;

	if (conn->tls != NULL && conn->done == 0 &&
	    (action == PEER_CLOSE || action == PEER_HALF_CLOSE)) {
		peer_tls_say_goodbye(conn->tls);
		conn->done = 1;
	}
	write_out(conn);
	if (conn->fd == -1 || evbuffer_get_length(conn->out) > 0)
		return STEP_WAITS;
	if (action == PEER_HALF_CLOSE) {
		shutdown(conn->fd, SHUT_WR);
		return STEP_DONE;
	}
	if (action == PEER_RESET)
		setsockopt(
		    conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	end_conn(conn, PEER_CONN_CLOSED);
	return STEP_WAITS;
}

static enum progress
do_step(struct peer_conn *conn)
{
	switch (conn->step->action) {
	case PEER_READ_REQUEST:
		return read_request(conn);
	case PEER_SEND:
		if (!may_send(conn))
			return STEP_WAITS;
		send_text(conn, conn->step->text, strlen(conn->step->text));
		return STEP_DONE;
	case PEER_SEND_BYTES:
		return may_send(conn) ? send_bytes(conn) : STEP_WAITS;
	case PEER_REPEAT:
		return may_send(conn) ? repeat(conn) : STEP_WAITS;
	case PEER_WAIT:
		return wait_for_time(conn);
	case PEER_GATE:
		return pass_gate(conn);
	case PEER_DEAF:
		event_del(conn->reading);
		return STEP_DONE;
	case PEER_HALF_CLOSE:
	case PEER_CLOSE:
	case PEER_CUT:
	case PEER_RESET:
		return do_ending(conn);
	case PEER_SERVE:
		return serve(conn);
	case PEER_STALL:
	case PEER_END:
		break;
	}
	return STEP_WAITS;
}
