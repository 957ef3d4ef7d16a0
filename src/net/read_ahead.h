/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading ahead of TLS: OpenSSL takes in one call whatever the socket has,
 * where it would read each record's five bytes of a head and then its body.
 *
 * libevent does not know of records that lie in OpenSSL's buffer. After a
 * read it takes the rest of the record that was begun, and waits for the
 * socket, which has nothing more to say. So whoever reads ahead sees to it
 * that the bufferevent reads again: ac_read_ahead_note() after bytes have come,
 * and when reading is turned on again.
 */
#ifndef AC_NET_READ_AHEAD_H
#define AC_NET_READ_AHEAD_H

#include <stdbool.h>

struct bufferevent;
struct event;
struct event_base;

/* What reads again, for one bufferevent. Zeroed: nothing does, as for a plain
 * one. */
struct ac_read_ahead {
	struct bufferevent *bev; /* borrowed; NULL: nothing does */
	struct event *next_turn; /* owned */
	unsigned reads;          /* that were asked for */
};

/* From now on bev, which is over TLS and not connected yet, reads ahead. */
void ac_read_ahead_start(struct ac_read_ahead *ahead, struct event_base *base,
    struct bufferevent *bev);

/* Bytes have come, or reading has been turned on: if there is more in
 * OpenSSL's buffer, and if bev reads then, it reads again within this turn of
 * the loop, after this has returned; each 256th time in the next turn. */
void ac_read_ahead_note(struct ac_read_ahead *ahead);

/* Before bev is freed; may be called again. */
void ac_read_ahead_stop(struct ac_read_ahead *ahead);

/* Whether OpenSSL's buffer holds bytes of bev, be it less than a record. */
bool ac_read_ahead_is_left(struct bufferevent *bev);

#endif
