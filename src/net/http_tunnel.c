/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The way through a proxy, for http_conn.c and http_exchange.c: drives the
 * dialogue of tunnel.h where evhttp does not see it. evhttp connects by
 * itself and takes no connected socket, so the dialogue has to come between
 * its connecting and its first byte:
 *
 * - over TLS, in a filter BIO between OpenSSL and its socket: the first bytes
 *   of the handshake wait until the tunnel is open;
 * - in plain, with the bufferevent's callbacks, before evhttp is told that it
 *   is connected.
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/url.h"
#include "net/http_conn_private.h"
#include "net/proxy.h"
#include "net/tunnel.h"

enum { READ_MAX = 512 };

bool
ac_conn_needs_tunnel(const struct ac_http_conn *conn)
{
	const struct ac_proxy *proxy = conn->origin->proxy;

	return proxy != NULL &&
	       (conn->origin->tls != NULL || proxy->kind == AC_PROXY_SOCKS5);
}

bool
ac_conn_is_read_by_proxy(const struct ac_http_conn *conn)
{
	return conn->origin->proxy != NULL && !ac_conn_needs_tunnel(conn);
}

static void
new_tunnel(struct ac_http_conn *conn)
{
	const struct ac_url *url = conn->origin->url;

	conn->tunnel = ac_tunnel_new(conn->origin->proxy, url->host, url->port);
}

/* ---- over TLS ------------------------------------------------------------ */

/* One step of the dialogue; false: it waits, or has failed, and the BIO's
 * flags say which. */
static bool
step_write(BIO *bio, struct ac_tunnel *tunnel)
{
	size_t len;
	const void *data = ac_tunnel_output(tunnel, &len);
	int written = BIO_write(BIO_next(bio), data, (int)len);

	BIO_copy_next_retry(bio);
	if (written <= 0)
		return false;
	ac_tunnel_wrote(tunnel, (size_t)written);
	return true;
}

static bool
step_read(BIO *bio, struct ac_tunnel *tunnel)
{
	char data[READ_MAX];
	size_t wanted = ac_tunnel_wants(tunnel);
	int got = BIO_read(BIO_next(bio), data,
	    wanted < sizeof(data) ? (int)wanted : (int)sizeof(data));

	BIO_copy_next_retry(bio);
	if (got <= 0) {
		if (!BIO_should_retry(bio))
			ac_tunnel_closed(tunnel);
		return false;
	}
	ac_tunnel_read(tunnel, data, (size_t)got);
	return true;
}

/* Whether the tunnel is open. */
static bool
go_on(BIO *bio)
{
	struct ac_tunnel *tunnel = BIO_get_data(bio);
	bool moved = true;

	BIO_clear_retry_flags(bio);
	while (moved) {
		switch (ac_tunnel_state(tunnel)) {
		case AC_TUNNEL_WRITE:
			moved = step_write(bio, tunnel);
			break;
		case AC_TUNNEL_READ:
			moved = step_read(bio, tunnel);
			break;
		case AC_TUNNEL_OPEN:
			return true;
		case AC_TUNNEL_FAILED:
			BIO_clear_retry_flags(bio);
			return false;
		}
	}
	return false;
}

static int
filter_write(BIO *bio, const char *data, int len)
{
	int written;

	if (!go_on(bio))
		return -1;
	written = BIO_write(BIO_next(bio), data, len);
	BIO_copy_next_retry(bio);
	return written;
}

static int
filter_read(BIO *bio, char *data, int len)
{
	int got;

	if (!go_on(bio))
		return -1;
	got = BIO_read(BIO_next(bio), data, len);
	BIO_copy_next_retry(bio);
	return got;
}

static long
filter_ctrl(BIO *bio, int command, long number, void *pointer)
{
	long result;

	if (BIO_next(bio) == NULL)
		return 0;
	result = BIO_ctrl(BIO_next(bio), command, number, pointer);
	BIO_copy_next_retry(bio);
	return result;
}

static int
filter_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* One for all connections, for as long as the process lives. */
static const BIO_METHOD *
filter_method(void)
{
	static BIO_METHOD *method;

	if (method != NULL)
		return method;
	method =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "proxy tunnel");
	if (method == NULL || BIO_meth_set_write(method, filter_write) != 1 ||
	    BIO_meth_set_read(method, filter_read) != 1 ||
	    BIO_meth_set_ctrl(method, filter_ctrl) != 1 ||
	    BIO_meth_set_create(method, filter_create) != 1)
		ac_out_of_memory();
	return method;
}

void
ac_conn_tunnel_tls(struct ac_http_conn *conn)
{
	SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
	BIO *socket = SSL_get_rbio(ssl);
	BIO *filter = BIO_new(filter_method());

	if (filter == NULL)
		ac_out_of_memory();
	new_tunnel(conn);
	BIO_set_data(filter, conn->tunnel);
	/* The chain takes a reference of its own before the SSL drops its. */
	BIO_up_ref(socket);
	BIO_push(filter, socket);
	SSL_set_bio(ssl, filter, filter);
}

/* Puts the socket back in the filter's place. */
static void
remove_filter(struct ac_http_conn *conn)
{
	SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
	BIO *filter = ssl == NULL ? NULL : SSL_get_rbio(ssl);
	BIO *socket;

	if (filter == NULL || BIO_next(filter) == NULL)
		return;
	socket = BIO_pop(filter);
	SSL_set_bio(ssl, socket, socket);
}

/* ---- in plain ------------------------------------------------------------ */

static void
go_on_plain(struct ac_http_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	struct ac_tunnel *tunnel = conn->tunnel;
	char data[READ_MAX];
	size_t len = 1;

	while (len > 0) {
		switch (ac_tunnel_state(tunnel)) {
		case AC_TUNNEL_WRITE: {
			const void *out = ac_tunnel_output(tunnel, &len);

			bufferevent_write(conn->bev, out, len);
			ac_tunnel_wrote(tunnel, len);
			break;
		}
		case AC_TUNNEL_READ:
			len = ac_tunnel_wants(tunnel);
			if (len > sizeof(data))
				len = sizeof(data);
			len = (size_t)evbuffer_remove(input, data, len);
			ac_tunnel_read(tunnel, data, len);
			break;
		case AC_TUNNEL_OPEN:
		case AC_TUNNEL_FAILED:
			return;
		}
	}
}

static void
on_tunnel_readable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	go_on_plain(conn);
	switch (ac_tunnel_state(conn->tunnel)) {
	case AC_TUNNEL_WRITE:
	case AC_TUNNEL_READ:
		break;
	case AC_TUNNEL_OPEN:
		/* evhttp reads when it has sent its request. */
		bufferevent_disable(bev, EV_READ);
		bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
		conn->answer_began = false;
		conn->on_tunnel_open(conn);
		break;
	case AC_TUNNEL_FAILED:
		bufferevent_disable(bev, EV_READ);
		bufferevent_trigger_event(
		    bev, BEV_EVENT_ERROR | BEV_EVENT_READING, 0);
		break;
	}
}

void
ac_conn_tunnel_plain(struct ac_http_conn *conn,
    void (*on_open)(struct ac_http_conn *conn), bufferevent_event_cb on_event)
{
	new_tunnel(conn);
	conn->on_tunnel_open = on_open;
	bufferevent_setcb(conn->bev, on_tunnel_readable, NULL, on_event, conn);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	go_on_plain(conn);
}

/* ---- both ---------------------------------------------------------------- */

void
ac_conn_tunnel_done(struct ac_http_conn *conn)
{
	if (conn->tunnel == NULL)
		return;
	if (conn->origin->tls != NULL)
		remove_filter(conn);
	ac_tunnel_free(conn->tunnel);
	conn->tunnel = NULL;
}
