/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * GET over a Unix socket, in plain: libevent 2.1's HTTP client connects to
 * addresses alone. It reads no more than the status line and the beginning of
 * a short answer, which is what a health check looks at.
 */
#ifndef AC_DOCTOR_UNIX_ASK_H
#define AC_DOCTOR_UNIX_ASK_H

#include <stddef.h>

struct ac_reaper;
struct ac_unix_ask;
struct event_base;

/* Called once: with the status and len bytes of the body's beginning
 * (borrowed) and why NULL, or with why there is no answer (borrowed). The ask
 * is over then. */
typedef void ac_unix_ask_fn(
    int status, const char *data, size_t len, const char *why, void *arg);

/* Starts it; on_done never runs before this returns. The socket's path fits
 * into a sockaddr_un; both are read and not kept. There is no deadline. */
struct ac_unix_ask *ac_unix_ask_start(struct event_base *base,
    struct ac_reaper *reaper, const char *socket_path, const char *path,
    ac_unix_ask_fn *on_done, void *arg);

/* on_done will not run. Not after it. */
void ac_unix_ask_cancel(struct ac_unix_ask *ask);

#endif
