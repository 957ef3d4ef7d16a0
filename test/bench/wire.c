/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One connection of the benchmark: see wire.h. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { READ_MAX = 64 * 1024 };

struct wire {
	int fd;
	SSL *ssl;              /* owned; NULL: plain */
	struct event *reading; /* owned */
	struct event *writing; /* owned */
	const struct wire_handlers *handlers;
	void *arg;
	char *out; /* owned: what waits, from out_at on */
	size_t out_at;
	size_t out_len;
	size_t out_size;
	bool failed; /* in sending: told by the next event */
	bool paused;
	bool inside; /* a handler of it is running … */
	bool closed; /* … and closed it */
};

static void on_readable(evutil_socket_t, short, void *arg);
static void on_writable(evutil_socket_t, short, void *arg);

_Noreturn void
wire_fatal(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(2);
}

int64_t
wire_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
wire_loopback(struct sockaddr_in *address, uint16_t port)
{
	*address = (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port),
	};
}

struct event_base *
wire_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL)
		wire_fatal("no event base");
	return base;
}

static void
set_modes(SSL_CTX *context)
{
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
}

SSL_CTX *
wire_client_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		wire_fatal("no TLS context");
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	set_modes(context);
	return context;
}

SSL_CTX *
wire_server_context(const char *cert, const char *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL ||
	    SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		wire_fatal("cannot use the certificate or its key");
	set_modes(context);
	return context;
}

static struct wire *
new_wire(struct event_base *base, int fd, SSL_CTX *tls,
    const struct wire_handlers *handlers, void *arg)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	int on = 1;

	if (wire == NULL)
		wire_fatal("out of memory");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	wire->fd = fd;
	wire->handlers = handlers;
	wire->arg = arg;
	if (tls != NULL) {
		wire->ssl = SSL_new(tls);
		if (wire->ssl == NULL || SSL_set_fd(wire->ssl, fd) != 1)
			wire_fatal("no TLS connection");
	}
	wire->reading =
	    event_new(base, fd, EV_READ | EV_PERSIST, on_readable, wire);
	wire->writing = event_new(base, fd, EV_WRITE, on_writable, wire);
	if (wire->reading == NULL || wire->writing == NULL)
		wire_fatal("out of memory");
	event_add(wire->reading, NULL);
	return wire;
}

struct wire *
wire_connect(struct event_base *base, const struct sockaddr_in *address,
    SSL_CTX *tls, int recv_buf, const struct wire_handlers *handlers, void *arg)
{
	struct wire *wire;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	if (recv_buf > 0)
		setsockopt(
		    fd, SOL_SOCKET, SO_RCVBUF, &recv_buf, sizeof(recv_buf));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) !=
		0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	wire = new_wire(base, fd, tls, handlers, arg);
	if (wire->ssl != NULL)
		SSL_set_connect_state(wire->ssl);
	/* Sends what is given to it meanwhile. */
	event_add(wire->writing, NULL);
	return wire;
}

struct wire *
wire_accept(struct event_base *base, int fd, SSL_CTX *tls,
    const struct wire_handlers *handlers, void *arg)
{
	struct wire *wire = new_wire(base, fd, tls, handlers, arg);

	if (wire->ssl != NULL)
		SSL_set_accept_state(wire->ssl);
	return wire;
}

/* What a call on the socket came to: a number of bytes, 0 for "not now", -1
 * for the end. */
static ssize_t
result_of(struct wire *wire, ssize_t got)
{
	int error;

	if (got > 0)
		return got;
	if (wire->ssl == NULL)
		return got < 0 && (errno == EAGAIN || errno == ENOTCONN) ? 0
									 : -1;
	error = SSL_get_error(wire->ssl, (int)got);
	ERR_clear_error();
	if (error == SSL_ERROR_WANT_WRITE)
		event_add(wire->writing, NULL);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
		   ? 0
		   : -1;
}

static ssize_t
write_some(struct wire *wire, const char *data, size_t len)
{
	ssize_t done;

	if (wire->ssl != NULL)
		done = SSL_write(wire->ssl, data, (int)len);
	else
		done = send(wire->fd, data, len, MSG_NOSIGNAL);
	done = result_of(wire, done);
	if (done == 0 && wire->ssl == NULL)
		event_add(wire->writing, NULL);
	return done;
}

static ssize_t
read_some(struct wire *wire, char *data, size_t len)
{
	if (wire->ssl != NULL)
		return result_of(wire, SSL_read(wire->ssl, data, (int)len));
	return result_of(wire, recv(wire->fd, data, len, 0));
}

/* Keeps what the socket did not take. */
static void
keep(struct wire *wire, const char *data, size_t len)
{
	if (wire->out_at > 0) {
		memmove(
		    wire->out, wire->out + wire->out_at, wire_pending(wire));
		wire->out_len -= wire->out_at;
		wire->out_at = 0;
	}
	if (wire->out_len + len > wire->out_size) {
		wire->out_size = 2 * (wire->out_len + len);
		wire->out = realloc(wire->out, wire->out_size);
		if (wire->out == NULL)
			wire_fatal("out of memory");
	}
	memcpy(wire->out + wire->out_len, data, len);
	wire->out_len += len;
}

void
wire_send(struct wire *wire, const char *data, size_t len)
{
	while (len > 0 && !wire->failed && wire_pending(wire) == 0) {
		ssize_t done = write_some(wire, data, len);

		if (done == 0)
			break;
		if (done < 0) {
			wire->failed = true;
			event_active(wire->reading, EV_READ, 0);
			return;
		}
		data += done;
		len -= (size_t)done;
	}
	if (len > 0)
		keep(wire, data, len);
}

size_t
wire_pending(const struct wire *wire)
{
	return wire->out_len - wire->out_at;
}

/* Sends what waits, as far as it goes. */
static void
flush(struct wire *wire)
{
	bool had_some = wire_pending(wire) > 0;

	while (wire_pending(wire) > 0 && !wire->failed) {
		ssize_t done = write_some(
		    wire, wire->out + wire->out_at, wire_pending(wire));

		if (done == 0)
			return;
		if (done < 0)
			wire->failed = true;
		else
			wire->out_at += (size_t)done;
	}
	if (wire->failed || !had_some)
		return;
	/* Idle streams are counted by the thousand: their ends are small. */
	free(wire->out);
	wire->out = NULL;
	wire->out_at = wire->out_len = wire->out_size = 0;
	if (wire->handlers->on_drained != NULL)
		wire->handlers->on_drained(wire, wire->arg);
}

static void
free_wire(struct wire *wire)
{
	SSL_free(wire->ssl);
	event_free(wire->reading);
	event_free(wire->writing);
	close(wire->fd);
	free(wire->out);
	free(wire);
}

void
wire_close(struct wire *wire)
{
	event_del(wire->reading);
	event_del(wire->writing);
	wire->closed = true;
	if (!wire->inside)
		free_wire(wire);
}

/* Whether it is still there after its handlers have run. */
static bool
leave(struct wire *wire)
{
	wire->inside = false;
	if (!wire->closed)
		return true;
	free_wire(wire);
	return false;
}

static void
tell_end(struct wire *wire, const char *why)
{
	event_del(wire->reading);
	event_del(wire->writing);
	wire->handlers->on_end(wire, why, wire->arg);
}

void
wire_read(struct wire *wire, size_t max)
{
	static char data[READ_MAX];
	ssize_t got;

	wire->inside = true;
	if (wire->failed)
		tell_end(wire, "sending failed");
	do {
		if (wire->closed || wire->failed)
			break;
		got = read_some(wire, data, max < READ_MAX ? max : READ_MAX);
		if (got > 0)
			wire->handlers->on_data(
			    wire, data, (size_t)got, wire->arg);
		else if (got < 0)
			tell_end(wire, "the other side closed");
	} while (
	    got > 0 && wire->ssl != NULL && !wire->closed && !wire->paused);
	leave(wire);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;

	(void)fd;
	(void)what;
	/* What waits may have waited for the handshake. */
	wire->inside = true;
	if (wire_pending(wire) > 0)
		flush(wire);
	if (leave(wire))
		wire_read(wire, READ_MAX);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;

	(void)fd;
	(void)what;
	wire->inside = true;
	flush(wire);
	if (wire->failed && !wire->closed)
		tell_end(wire, "sending failed");
	leave(wire);
}

void
wire_pause(struct wire *wire)
{
	wire->paused = true;
	event_del(wire->reading);
}
