/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What tunnel.c, tunnel_http.c and tunnel_socks.c share; for them alone. */
#ifndef AC_NET_TUNNEL_PRIVATE_H
#define AC_NET_TUNNEL_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "net/tunnel.h"

enum { AC_TUNNEL_HEAD_MAX = 16384 };

/* Where a SOCKS dialogue is; each is an answer that is waited for. */
enum ac_socks_step {
	AC_SOCKS_METHOD,
	AC_SOCKS_LOGIN,
	AC_SOCKS_REPLY,
};

struct ac_tunnel {
	const struct ac_proxy *proxy; /* borrowed */
	char *host;                   /* owned */
	uint16_t port;
	enum ac_tunnel_state state;
	enum ac_tunnel_fault fault;
	char *why;    /* owned; NULL: nothing is wrong */
	char *output; /* owned; may hold credentials */
	size_t output_len;
	size_t output_sent;
	struct ac_buf input; /* HTTP: the line; SOCKS: the answer so far */
	/* HTTP */
	size_t head_len; /* bytes of all heads together */
	unsigned status; /* 0: the status line has not ended */
	/* SOCKS */
	enum ac_socks_step step;
};

/* Goes to WRITE with len bytes, which are taken over (from malloc). */
void ac_tunnel_send(struct ac_tunnel *tunnel, char *output, size_t len);

/* Goes to FAILED with "the proxy HOST:PORT " and a text. */
void ac_tunnel_fail(struct ac_tunnel *tunnel, enum ac_tunnel_fault fault,
    const char *fmt, ...) AC_PRINTF(3, 4);

/* Fails for the credentials: none were there, or they were not the right
 * ones. how tells in which words the proxy said so, such as " (407)". */
void ac_tunnel_fail_credentials(struct ac_tunnel *tunnel, const char *how);

/* The origin as "host:port" or "[v6]:port"; the caller frees it. */
char *ac_tunnel_origin(const struct ac_tunnel *tunnel);

/* CONNECT. start sends the request; read takes one byte of the answer. */
void ac_tunnel_http_start(struct ac_tunnel *tunnel);
void ac_tunnel_http_read(struct ac_tunnel *tunnel, char c);

/* SOCKS5. start sends the greeting; wants is what is missing of the answer
 * as far as its length is known; read takes at most that. */
void ac_tunnel_socks_start(struct ac_tunnel *tunnel);
size_t ac_tunnel_socks_wants(const struct ac_tunnel *tunnel);
void ac_tunnel_socks_read(
    struct ac_tunnel *tunnel, const void *data, size_t len);

#endif
