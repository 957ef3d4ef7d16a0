/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writing within this turn of the loop. */
#ifndef AC_NET_WRITE_SOON_H
#define AC_NET_WRITE_SOON_H

struct bufferevent;

/*
 * Has bev, a bufferevent on a connected socket (plain, or TLS behind its
 * handshake), write its output within this turn of the loop: after this has
 * returned, in one go with what is added until then. libevent by itself asks
 * the kernel first whether the socket takes bytes, which it nearly always
 * does: two changes of the poll set and a wait for each piece. Where it does
 * not, libevent goes on as ever. Nothing happens without output.
 */
void ac_write_soon(struct bufferevent *bev);

#endif
