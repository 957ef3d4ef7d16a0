/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Dialogues with a proxy (net/tunnel.h), played as a socket would. */
#ifndef AC_TEST_TUNNELS_H
#define AC_TEST_TUNNELS_H

#include <stddef.h>
#include <stdint.h>

#include "net/proxy.h"
#include "net/tunnel.h"

/* A text with NULs in it, and its length. */
#define BYTES(s) s, sizeof(s) - 1

/* http at p:3128, with a login at [::1]:3128; SOCKS at s:1080, with user and
 * password, with a user alone. */
extern const struct ac_proxy tunnels_http, tunnels_http_login, tunnels_socks,
    tunnels_socks_login, tunnels_socks_user;

/* How a dialogue is cut: pieces of at most so many bytes, and a break in
 * front of one byte of all that is answered. */
struct tunnels_cut {
	size_t piece;
	size_t at; /* SIZE_MAX: nowhere */
};

/* Feeds bytes out of a block of their own that is freed at once. */
void tunnels_feed(struct ac_tunnel *tunnel, const char *data, size_t len);

/* Feeds as a socket does that holds data: what is wanted, no more; the cut's
 * place counts from before. Returns how much was taken. */
size_t tunnels_feed_wanted(struct ac_tunnel *tunnel, const char *data,
    size_t len, struct tunnels_cut cut, size_t before);

/* A tunnel to a.example:443 that has said what it says first. */
struct ac_tunnel *tunnels_begin(const struct ac_proxy *proxy);

/* Checks that a tunnel has failed and how, and frees it. */
void tunnels_expect_failure(
    struct ac_tunnel *tunnel, enum ac_tunnel_fault fault, const char *why);

#endif
