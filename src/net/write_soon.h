/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writing within this turn of the loop, or at once. */
#ifndef AC_NET_WRITE_SOON_H
#define AC_NET_WRITE_SOON_H

#include <stdbool.h>

struct bufferevent;
struct evbuffer;

/*
 * Has bev, a bufferevent on a connected socket (plain, or TLS behind its
 * handshake), write its output within this turn of the loop: after this has
 * returned, in one go with what is added until then. libevent by itself asks
 * the kernel first whether the socket takes bytes, which it nearly always
 * does: two changes of the poll set and a wait for each piece. Where it does
 * not, libevent goes on as ever. Nothing happens without output.
 */
void ac_write_soon(struct bufferevent *bev);

/* Whether bev is plain and has nothing to write, so that the next may be
 * ac_write_now(). */
bool ac_can_write_now(struct bufferevent *bev);

/*
 * Writes data to the socket of bev, which is connected, before it returns: for
 * what is added to an output libevent makes an event, runs it and takes it
 * away again. What the socket does not take goes to the output, whatever the
 * reason: libevent goes on with it and tells of errors. data is empty then.
 */
void ac_write_now(struct bufferevent *bev, struct evbuffer *data);

#endif
