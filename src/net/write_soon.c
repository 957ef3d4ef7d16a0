/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Writing within this turn of the loop: see write_soon.h. */
#include "net/write_soon.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/mem.h"

void
ac_write_soon(struct bufferevent *bev)
{
	/* libevent waits to write: it is told that it may. The event that it
	 * waits with has been added in this turn at the earliest, and the
	 * kernel hears of it only if the socket turns out to be full. */
	if (event_pending(&bev->ev_write, EV_WRITE, NULL) != 0)
		event_active(&bev->ev_write, EV_WRITE, 0);
}

bool
ac_can_write_now(struct bufferevent *bev)
{
	return bufferevent_openssl_get_ssl(bev) == NULL &&
	       evbuffer_get_length(bufferevent_get_output(bev)) == 0;
}

void
ac_write_now(struct bufferevent *bev, struct evbuffer *data)
{
	evbuffer_write(data, bufferevent_getfd(bev));
	if (evbuffer_get_length(data) > 0 &&
	    evbuffer_add_buffer(bufferevent_get_output(bev), data) != 0)
		ac_out_of_memory();
}
