/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The dialogue that opens a way through a proxy: HTTP's CONNECT (RFC 9110
 * 9.3.6) or SOCKS5 (RFC 1928, 1929). Bytes in, bytes out; whoever owns the
 * socket moves them:
 *
 *	WRITE --all written--> READ --answer--> WRITE | OPEN | FAILED
 *
 * No function calls back. FAILED and OPEN are final; the bytes that follow
 * OPEN are the origin's and were never read here.
 */
#ifndef AC_NET_TUNNEL_H
#define AC_NET_TUNNEL_H

#include <stddef.h>
#include <stdint.h>

struct ac_proxy;
struct ac_tunnel;

enum ac_tunnel_state {
	AC_TUNNEL_WRITE, /* ac_tunnel_output() is to be sent */
	AC_TUNNEL_READ,  /* ac_tunnel_wants() bytes are to be read */
	AC_TUNNEL_OPEN,
	AC_TUNNEL_FAILED,
};

/* What kind of failure it was. */
enum ac_tunnel_fault {
	AC_TUNNEL_FAULT_NONE,
	AC_TUNNEL_FAULT_REFUSED,     /* the proxy does not want to */
	AC_TUNNEL_FAULT_CREDENTIALS, /* it wants credentials, or others */
	AC_TUNNEL_FAULT_PROTOCOL,    /* it does not speak what it should */
	AC_TUNNEL_FAULT_UNREACHABLE, /* it cannot reach the origin */
};

/* A dialogue that asks proxy, which is borrowed and must outlive it, for
 * host, a name or an address without brackets. It begins in WRITE, or in
 * FAILED where host is longer than SOCKS allows. */
struct ac_tunnel *ac_tunnel_new(
    const struct ac_proxy *proxy, const char *host, uint16_t port);

/* tunnel may be NULL. */
void ac_tunnel_free(struct ac_tunnel *tunnel);

enum ac_tunnel_state ac_tunnel_state(const struct ac_tunnel *tunnel);

/* What is still to be written, *len bytes, at least one while in WRITE, none
 * otherwise. It is the tunnel's, until the next call. */
const void *ac_tunnel_output(const struct ac_tunnel *tunnel, size_t *len);

/* The first len bytes of the output were written. */
void ac_tunnel_wrote(struct ac_tunnel *tunnel, size_t len);

/* How many bytes may be read at once without reading beyond the end of the
 * dialogue: at least one while in READ, none otherwise. */
size_t ac_tunnel_wants(const struct ac_tunnel *tunnel);

/* len bytes came, ac_tunnel_wants() at most; more fail it (PROTOCOL), since
 * nobody speaks behind a tunnel that is not open. */
void ac_tunnel_read(struct ac_tunnel *tunnel, const void *data, size_t len);

/* The proxy closed or reset the connection: FAILED unless it was over. */
void ac_tunnel_closed(struct ac_tunnel *tunnel);

/* In FAILED a line for people that names the proxy, "" otherwise. */
const char *ac_tunnel_why(const struct ac_tunnel *tunnel);

enum ac_tunnel_fault ac_tunnel_fault(const struct ac_tunnel *tunnel);

#endif
