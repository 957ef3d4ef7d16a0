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

/* What reads again, for one bufferevent over TLS that is not connected yet and
 * that reads ahead from now on. Freed with event_free(), before bev is. */
struct event *ac_read_ahead_start(
    struct event_base *base, struct bufferevent *bev);

/* Bytes have come, or reading has been turned on: has bev read again in the
 * loop's next turn if there is more in OpenSSL's buffer, and if it reads then.
 * again: of the above; bev: its bufferevent. */
void ac_read_ahead_note(struct event *again, struct bufferevent *bev);

/* Whether OpenSSL's buffer holds bytes, be it less than a record. */
bool ac_read_ahead_is_left(struct bufferevent *bev);

#endif
