/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One connection of the benchmark's own two ends, plain or TLS, over a
 * socket that does not block. Thinner than a bufferevent, so that the upstream
 * and the client take little from the machine that is being measured.
 */
#ifndef AC_BENCH_WIRE_H
#define AC_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

struct event_base;
struct sockaddr_in;
struct wire;

/* Each may close the wire. */
struct wire_handlers {
	void (*on_data)(struct wire *, const char *data, size_t len, void *arg);
	/* Everything that was sent has left; may be NULL. */
	void (*on_drained)(struct wire *, void *arg);
	/* The other side ended it, or it failed: why says how. */
	void (*on_end)(struct wire *, const char *why, void *arg);
};

/* Connects; tls may be NULL. recv_buf is the socket's receive buffer, 0 for
 * the system's own. Handlers are called from the loop only; they and arg are
 * borrowed. NULL and errno where there is no socket. */
struct wire *wire_connect(struct event_base *base,
    const struct sockaddr_in *address, SSL_CTX *tls, int recv_buf,
    const struct wire_handlers *handlers, void *arg);

/* Takes an accepted socket over. */
struct wire *wire_accept(struct event_base *base, int fd, SSL_CTX *tls,
    const struct wire_handlers *handlers, void *arg);

/* Sends a copy of data: at once as far as the socket takes it. A failure is
 * told by on_end from the loop. */
void wire_send(struct wire *wire, const char *data, size_t len);

/* How many bytes wait to be sent. */
size_t wire_pending(const struct wire *wire);

/* Reads no more by itself … */
void wire_pause(struct wire *wire);

/* … but up to max bytes when it is asked to; calls on_data or on_end. */
void wire_read(struct wire *wire, size_t max);

/* Closes and frees it; no handler is called any more. */
void wire_close(struct wire *wire);

/* 127.0.0.1:port. */
void wire_loopback(struct sockaddr_in *address, uint16_t port);

/* An event base with timers of microseconds. */
struct event_base *wire_base_new(void);

/* A client's context, which looks at no certificate. */
SSL_CTX *wire_client_context(void);

/* A server's, with a certificate and a key in PEM files. */
SSL_CTX *wire_server_context(const char *cert, const char *key);

/* CLOCK_MONOTONIC. */
int64_t wire_now_ns(void);

/* Prints a line about what went wrong and exits with 2. */
_Noreturn void wire_fatal(const char *what);

#endif
