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

/* So many reads in a row may follow each other in a turn of the loop: a peer
 * that never ends shares with the others. */
enum { READS_IN_TURN = 256 };

/*
 * Reads as if the socket had something to say, unless reading is turned off.
 * Where there is less than a record in the buffer that finds nothing, no bytes
 * come of it, and the socket is waited for.
 */
static void
read_again(struct bufferevent *bev)
{
	if (ac_read_ahead_is_left(bev) &&
	    event_pending(&bev->ev_read, EV_READ, NULL) != 0)
		event_active(&bev->ev_read, EV_READ, 0);
}

static void
on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	struct ac_read_ahead *ahead = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	read_again(ahead->bev);
}

void
ac_read_ahead_start(struct ac_read_ahead *ahead, struct event_base *base,
    struct bufferevent *bev)
{
	ahead->bev = bev;
	ahead->next_turn = ac_timer_new(base, on_next_turn, ahead);
	SSL_set_read_ahead(bufferevent_openssl_get_ssl(bev), 1);
}

void
ac_read_ahead_note(struct ac_read_ahead *ahead)
{
	if (ahead->bev == NULL || !ac_read_ahead_is_left(ahead->bev))
		return;
	if (++ahead->reads % READS_IN_TURN == 0)
		ac_timer_start(ahead->next_turn, 0);
	else
		read_again(ahead->bev);
}

void
ac_read_ahead_stop(struct ac_read_ahead *ahead)
{
	if (ahead->bev != NULL)
		event_free(ahead->next_turn);
	ahead->bev = NULL;
}

bool
ac_read_ahead_is_left(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	return ssl != NULL && SSL_has_pending(ssl);
}
