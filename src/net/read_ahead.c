/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading ahead of TLS: see read_ahead.h. */
#include "net/read_ahead.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/timer.h"

bool
ac_read_ahead_is_left(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	return ssl != NULL && SSL_has_pending(ssl);
}

/*
 * Reads as if the socket had something to say. Where there is less than a
 * record in the buffer that finds nothing, no bytes come of it, and the
 * socket is waited for.
 */
static void
read_again(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent *bev = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (ac_read_ahead_is_left(bev) &&
	    event_pending(&bev->ev_read, EV_READ, NULL) != 0)
		event_active(&bev->ev_read, EV_READ, 0);
}

struct event *
ac_read_ahead_start(struct event_base *base, struct bufferevent *bev)
{
	SSL_set_read_ahead(bufferevent_openssl_get_ssl(bev), 1);
	return ac_timer_new(base, read_again, bev);
}

void
ac_read_ahead_note(struct event *again, struct bufferevent *bev)
{
	/* In the next turn: a peer that never ends shares with the others. */
	if (ac_read_ahead_is_left(bev) && evtimer_pending(again, NULL) == 0)
		ac_timer_start(again, 0);
}
