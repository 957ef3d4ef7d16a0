/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * CONNECT: a request, and an answer of which only the head is read. It is
 * read byte by byte, since what follows an answer of 200 is the origin's.
 * A refusal is known with its status line; nothing more is waited for.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/proxy.h"
#include "net/tunnel_private.h"

/* "HTTP/1.1 200", and what a message shows of the rest of that line. */
enum { STATUS_LEN = 12, REASON_MAX = 60 };

void
ac_tunnel_http_start(struct ac_tunnel *tunnel)
{
	char *origin = ac_tunnel_origin(tunnel);
	char *authorization = ac_proxy_authorization(tunnel->proxy);
	bool has = authorization != NULL;
	char *request = ac_asprintf("CONNECT %s HTTP/1.1\r\n"
				    "Host: %s\r\n"
				    "User-Agent: akashchat-api/%s\r\n"
				    "%s%s%s"
				    "\r\n",
	    origin, origin, AC_VERSION, has ? "Proxy-Authorization: " : "",
	    has ? authorization : "", has ? "\r\n" : "");

	ac_tunnel_send(tunnel, request, strlen(request));
	ac_wipe_and_free(authorization);
	free(origin);
}

/* Whether a status line may begin so. */
static bool
is_status(const char *line, size_t len)
{
	static const char low[] = "HTTP/1.0 100";
	static const char high[] = "HTTP/1.9 999";

	for (size_t i = 0; i < len && i < STATUS_LEN; i++) {
		if (line[i] < low[i] || line[i] > high[i])
			return false;
	}
	return len <= STATUS_LEN || line[STATUS_LEN] == ' ';
}

/* The rest of a status line as it can be shown, a space before it; "" where
 * there is none. */
static void
show_reason(const char *line, char shown[REASON_MAX + 1])
{
	size_t len = strnlen(line + STATUS_LEN, REASON_MAX);

	for (size_t i = 0; i < len; i++) {
		char c = line[STATUS_LEN + i];

		shown[i] = (char)(c >= ' ' && c <= '~' ? c : '?');
	}
	while (len > 0 && shown[len - 1] == ' ')
		len--;
	shown[len] = '\0';
}

/* Squid says 503 where it cannot connect, tinyproxy 500. */
static bool
is_unreachable(unsigned status)
{
	return status == 500 || (status >= 502 && status <= 504);
}

static void
fail_by_status(struct ac_tunnel *tunnel, unsigned status, const char *line)
{
	char reason[REASON_MAX + 1];
	char *origin;

	/* Tinyproxy says 407 where there are none and 401 to wrong ones. */
	if (status == 407 || status == 401) {
		ac_tunnel_fail_credentials(
		    tunnel, status == 407 ? " (407)" : " (401)");
		return;
	}
	show_reason(line, reason);
	if (!is_unreachable(status)) {
		ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_REFUSED,
		    "refused the connection (HTTP %u%s)", status, reason);
		return;
	}
	origin = ac_tunnel_origin(tunnel);
	ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_UNREACHABLE,
	    "could not reach %.300s (HTTP %u%s)", origin, status, reason);
	free(origin);
}

/* line is without its line ending. */
static void
on_status_line(struct ac_tunnel *tunnel, const char *line)
{
	unsigned status = (unsigned)(line[STATUS_LEN - 3] - '0') * 100 +
			  (unsigned)(line[STATUS_LEN - 2] - '0') * 10 +
			  (unsigned)(line[STATUS_LEN - 1] - '0');

	tunnel->status = status;
	/* An interim answer is skipped; 101 would be no answer to CONNECT. */
	if (status / 100 != 2 && (status / 100 != 1 || status == 101))
		fail_by_status(tunnel, status, line);
}

static void
on_line(struct ac_tunnel *tunnel, const char *line, size_t len)
{
	if (tunnel->status == 0) {
		if (len < STATUS_LEN)
			ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
			    "does not speak HTTP");
		else
			on_status_line(tunnel, line);
	} else if (len == 0) {
		if (tunnel->status / 100 == 2)
			tunnel->state = AC_TUNNEL_OPEN;
		tunnel->status = 0;
	}
}

void
ac_tunnel_http_read(struct ac_tunnel *tunnel, char c)
{
	struct ac_buf *line = &tunnel->input;
	size_t len;

	/* It bounds the line as well. */
	if (++tunnel->head_len > AC_TUNNEL_HEAD_MAX ||
	    (c != '\n' && !ac_buf_add(line, &c, 1))) {
		ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
		    "sent a head of more than 16 KB");
		return;
	}
	len = line->len;
	if (len > 0 && line->data[len - 1] == '\r')
		len--;
	if (tunnel->status == 0 && !is_status(ac_buf_string(line), len)) {
		ac_tunnel_fail(
		    tunnel, AC_TUNNEL_FAULT_PROTOCOL, "does not speak HTTP");
		return;
	}
	if (c != '\n')
		return;
	line->len = len;
	on_line(tunnel, ac_buf_string(line), len);
	ac_buf_reset(line);
}
