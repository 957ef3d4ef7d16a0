/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GET over a Unix socket: see unix_ask.h. Owned by who asks. */
#include "doctor/unix_ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"

enum { ANSWER_MAX = 64 * 1024 };

struct ac_unix_ask {
	struct ac_reaper *reaper; /* borrowed */
	struct bufferevent *bev;  /* owned */
	struct event *soon;       /* owned: connect(2) failed at once */
	int failure;              /* its errno */
	ac_unix_ask_fn *on_done;
	void *arg;
};

static int connect_socket(struct ac_unix_ask *, const char *path);
static void on_read(struct bufferevent *, void *arg);
static void on_event(struct bufferevent *, short what, void *arg);
static void on_soon(evutil_socket_t, short, void *arg);

struct ac_unix_ask *
ac_unix_ask_start(struct event_base *base, struct ac_reaper *reaper,
    const char *socket_path, const char *path, ac_unix_ask_fn *on_done,
    void *arg)
{
	struct ac_unix_ask *ask = ac_calloc(1, sizeof(*ask));

	ask->reaper = reaper;
	ask->on_done = on_done;
	ask->arg = arg;
	ask->soon = ac_timer_new(base, on_soon, ask);
	ask->bev = bufferevent_socket_new(
	    base, connect_socket(ask, socket_path), BEV_OPT_CLOSE_ON_FREE);
	if (ask->bev == NULL)
		ac_out_of_memory();
	if (ask->failure != 0) {
		ac_timer_run_soon(ask->soon);
		return ask;
	}
	bufferevent_setcb(ask->bev, on_read, NULL, on_event, ask);
	bufferevent_setwatermark(ask->bev, EV_READ, 0, ANSWER_MAX);
	bufferevent_enable(ask->bev, EV_READ | EV_WRITE);
	evbuffer_add_printf(bufferevent_get_output(ask->bev),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n"
	    "User-Agent: akashchat-api/" AC_VERSION "\r\n"
	    "Connection: close\r\n\r\n",
	    path);
	return ask;
}

/* connect(2) to a Unix socket ends at once: there is nobody far away. -1 and
 * a failure where it cannot. */
static int
connect_socket(struct ac_unix_ask *ask, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
			   sizeof(address)) == 0)
		return fd;
	ask->failure = errno;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
finish(struct ac_unix_ask *ask, int status, const char *data, size_t len,
    const char *why)
{
	ac_unix_ask_cancel(ask);
	ask->on_done(status, data, len, why, ask->arg);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct ac_unix_ask *ask = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	finish(ask, 0, NULL, 0,
	    ask->failure == EAGAIN ? "its queue is full"
				   : strerror(ask->failure));
}

/* HTTP/1.1 200 (RFC 9112, 4); 0: it is no status line. */
static int
read_status(const char *data, size_t len)
{
	static const char version[] = "HTTP/1.";
	const char *digits = data + sizeof("HTTP/1.1 ") - 1;

	if (len < sizeof("HTTP/1.1 200") - 1 ||
	    memcmp(data, version, sizeof(version) - 1) != 0 ||
	    strspn(digits, "0123456789") < 3)
		return 0;
	return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 +
	       (digits[2] - '0');
}

static void
conclude(struct ac_unix_ask *ask)
{
	struct evbuffer *input = bufferevent_get_input(ask->bev);
	size_t len = evbuffer_get_length(input);
	char *data = ac_memdup((const char *)evbuffer_pullup(input, -1), len);
	const char *body;
	int status;

	status = read_status(data, len);
	body = strstr(data, "\r\n\r\n");
	if (status == 0)
		finish(ask, 0, NULL, 0, "what was answered is not HTTP");
	else
		finish(ask, status, body == NULL ? "" : body + 4,
		    body == NULL ? 0 : len - (size_t)(body + 4 - data), NULL);
	free(data);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	if (evbuffer_get_length(bufferevent_get_input(bev)) >= ANSWER_MAX)
		conclude(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_unix_ask *ask = arg;

	if (evbuffer_get_length(bufferevent_get_input(bev)) > 0)
		conclude(ask);
	else if (what & BEV_EVENT_EOF)
		finish(ask, 0, NULL, 0, "it was closed without an answer");
	else
		finish(ask, 0, NULL, 0,
		    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void
free_ask(void *thing)
{
	struct ac_unix_ask *ask = thing;

	bufferevent_free(ask->bev);
	event_free(ask->soon);
	free(ask);
}

void
ac_unix_ask_cancel(struct ac_unix_ask *ask)
{
	bufferevent_setcb(ask->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(ask->bev, EV_READ | EV_WRITE);
	event_del(ask->soon);
	ac_reaper_add(ask->reaper, free_ask, ask);
}
