/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The listeners of one evhttp: see listener.h. */
#include "server/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "server/bind.h"

enum { REST_MS = 200 }; /* after a connection could not be accepted */

struct listening {
	struct evhttp_bound_socket *bound; /* evhttp's */
	char *name; /* owned; for the log, NULL: its neighbour's */
	uint16_t port;
	char *path; /* owned; of a Unix socket that was made here … */
	dev_t device;
	ino_t inode; /* … which is this one */
};

struct ac_listeners {
	TAILQ_ENTRY(ac_listeners) entry;
	struct event_base *base; /* borrowed */
	struct evhttp *http;     /* borrowed */
	struct listening *items; /* owned */
	size_t count;
	struct event *rest_timer; /* owned */
	bool paused;
	bool is_loopback;
	uint16_t port;
};

/* evhttp takes the listener's argument for itself, so an error of accept()
 * only tells which evhttp it was about. */
static TAILQ_HEAD(, ac_listeners) registry = TAILQ_HEAD_INITIALIZER(registry);

static void on_accept_error(struct evconnlistener *, void *http);
static void on_rested(evutil_socket_t, short, void *arg);

/* Takes a listening socket. */
static struct listening *
add_socket(struct ac_listeners *listeners, int fd)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct evconnlistener *listener =
	    evconnlistener_new(listeners->base, NULL, NULL, flags, 0, fd);
	struct listening *item;

	if (listener == NULL)
		ac_out_of_memory();
	listeners->items = ac_realloc(listeners->items,
	    (listeners->count + 1) * sizeof(*listeners->items));
	item = &listeners->items[listeners->count++];
	*item = (struct listening){
	    .bound = evhttp_bind_listener(listeners->http, listener),
	    .port = ac_bound_port(fd),
	};
	if (item->bound == NULL)
		ac_out_of_memory();
	evconnlistener_set_error_cb(listener, on_accept_error);
	listeners->is_loopback =
	    listeners->is_loopback && ac_bound_is_loopback(fd);
	if (listeners->port == 0)
		listeners->port = item->port;
	return item;
}

static void
add_unix_socket(struct ac_listeners *listeners, int fd, const char *path)
{
	struct listening *item = add_socket(listeners, fd);
	struct stat status;

	item->name = ac_asprintf("unix:%s", path);
	if (lstat(path, &status) != 0)
		return;
	item->path = ac_strdup(path);
	item->device = status.st_dev;
	item->inode = status.st_ino;
}

static bool
listen_on_address(struct ac_listeners *listeners,
    const struct ac_address *address, unsigned unix_mode, char *why,
    size_t why_size)
{
	const char *reason = "";
	struct ac_bound bound;

	if (!ac_bind(&bound, address, unix_mode, &reason)) {
		if (address->path != NULL)
			snprintf(why, why_size, "cannot listen on unix:%s: %s",
			    address->path, reason);
		else
			snprintf(why, why_size,
			    "cannot listen on %s port %u: %s",
			    *address->host == '\0' ? "any address"
						   : address->host,
			    (unsigned)address->port, reason);
		return false;
	}
	if (address->path != NULL) {
		add_unix_socket(listeners, bound.fds[0], address->path);
		return true;
	}
	add_socket(listeners, bound.fds[0])->name = ac_strdup(address->host);
	for (size_t i = 1; i < bound.count; i++)
		add_socket(listeners, bound.fds[i]);
	return true;
}

/* What a service manager opened stays as it is. */
static void
listen_on_handed(
    struct ac_listeners *listeners, struct ac_handed_sockets *handed)
{
	int on = 1;

	for (size_t i = 0; i < handed->count; i++) {
		/* Accepted sockets inherit it; a Unix socket has none. */
		setsockopt(
		    handed->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		add_socket(listeners, handed->fds[i])->name =
		    ac_strdup("handed over");
	}
	handed->count = 0;
}

static bool
listen_on_addresses(struct ac_listeners *listeners,
    const struct ac_listen *where, char *why, size_t why_size)
{
	for (size_t i = 0; i < where->addresses->count; i++) {
		if (!listen_on_address(listeners, &where->addresses->items[i],
			where->unix_mode, why, why_size))
			return false;
	}
	return true;
}

static void
log_addresses(
    const struct ac_listeners *listeners, const struct ac_listen *where)
{
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listening *item = &listeners->items[i];

		if (item->name != NULL && item->port != 0)
			ac_log_info(where->message,
			    AC_STR("address", item->name),
			    AC_INT("port", item->port));
		else if (item->name != NULL)
			ac_log_info(
			    where->message, AC_STR("address", item->name));
	}
}

struct ac_listeners *
ac_listeners_new(struct event_base *base, struct evhttp *http,
    const struct ac_listen *where, char *why, size_t why_size)
{
	struct ac_listeners *listeners = ac_calloc(1, sizeof(*listeners));

	listeners->base = base;
	listeners->http = http;
	listeners->is_loopback = true;
	listeners->rest_timer = ac_timer_new(base, on_rested, listeners);
	TAILQ_INSERT_TAIL(&registry, listeners, entry);
	if (where->handed->count > 0) {
		listen_on_handed(listeners, where->handed);
	} else if (!listen_on_addresses(listeners, where, why, why_size)) {
		ac_listeners_free(listeners);
		return NULL;
	}
	log_addresses(listeners, where);
	return listeners;
}

uint16_t
ac_listeners_port(const struct ac_listeners *listeners)
{
	return listeners->port;
}

bool
ac_listeners_are_loopback(const struct ac_listeners *listeners)
{
	return listeners->is_loopback;
}

static struct evconnlistener *
listener_of(const struct ac_listeners *listeners, size_t i)
{
	return evhttp_bound_socket_get_listener(listeners->items[i].bound);
}

static void
disable(struct ac_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		evconnlistener_disable(listener_of(listeners, i));
}

static void
enable(struct ac_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		evconnlistener_enable(listener_of(listeners, i));
}

void
ac_listeners_pause(struct ac_listeners *listeners)
{
	listeners->paused = true;
	disable(listeners);
}

void
ac_listeners_resume(struct ac_listeners *listeners)
{
	listeners->paused = false;
	if (!evtimer_pending(listeners->rest_timer, NULL))
		enable(listeners);
}

static void
on_accept_error(struct evconnlistener *listener, void *http)
{
	int error = EVUTIL_SOCKET_ERROR();
	struct ac_listeners *listeners;

	evconnlistener_disable(listener);
	TAILQ_FOREACH(listeners, &registry, entry)
	{
		if (listeners->http != http)
			continue;
		ac_log_warn("cannot accept connections",
		    AC_STR("reason", evutil_socket_error_to_string(error)),
		    AC_INT("rest_ms", REST_MS));
		disable(listeners);
		ac_timer_start(listeners->rest_timer, REST_MS);
	}
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct ac_listeners *listeners = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (!listeners->paused)
		enable(listeners);
}

/* Unless somebody else has put another in its place. */
static void
remove_file(const struct listening *item)
{
	struct stat status;

	if (item->path != NULL && lstat(item->path, &status) == 0 &&
	    status.st_dev == item->device && status.st_ino == item->inode)
		unlink(item->path);
}

void
ac_listeners_stop(struct ac_listeners *listeners)
{
	while (listeners->count > 0) {
		struct listening *item = &listeners->items[--listeners->count];

		remove_file(item);
		free(item->path);
		free(item->name);
		evhttp_del_accept_socket(listeners->http, item->bound);
	}
}

void
ac_listeners_free(struct ac_listeners *listeners)
{
	if (listeners == NULL)
		return;
	ac_listeners_stop(listeners);
	TAILQ_REMOVE(&registry, listeners, entry);
	event_free(listeners->rest_timer);
	free(listeners->items);
	free(listeners);
}
