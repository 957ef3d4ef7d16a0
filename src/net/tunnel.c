/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the two dialogues have in common: see tunnel.h. */
#include "net/tunnel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/proxy.h"
#include "net/tunnel_private.h"

enum { WHY_SIZE = 1024 };

struct ac_tunnel *
ac_tunnel_new(const struct ac_proxy *proxy, const char *host, uint16_t port)
{
	struct ac_tunnel *tunnel = ac_calloc(1, sizeof(*tunnel));

	tunnel->proxy = proxy;
	tunnel->host = ac_strdup(host);
	tunnel->port = port;
	ac_buf_init(&tunnel->input, AC_TUNNEL_HEAD_MAX);
	switch (proxy->kind) {
	case AC_PROXY_HTTP:
		ac_tunnel_http_start(tunnel);
		break;
	case AC_PROXY_SOCKS5:
		ac_tunnel_socks_start(tunnel);
		break;
	}
	return tunnel;
}

static void
drop_output(struct ac_tunnel *tunnel)
{
	ac_wipe_and_free_bytes(tunnel->output, tunnel->output_len);
	tunnel->output = NULL;
	tunnel->output_len = tunnel->output_sent = 0;
}

void
ac_tunnel_free(struct ac_tunnel *tunnel)
{
	if (tunnel == NULL)
		return;
	drop_output(tunnel);
	ac_buf_clear(&tunnel->input);
	free(tunnel->host);
	free(tunnel->why);
	free(tunnel);
}

enum ac_tunnel_state
ac_tunnel_state(const struct ac_tunnel *tunnel)
{
	return tunnel->state;
}

void
ac_tunnel_send(struct ac_tunnel *tunnel, char *output, size_t len)
{
	drop_output(tunnel);
	tunnel->output = output;
	tunnel->output_len = len;
	tunnel->state = AC_TUNNEL_WRITE;
}

const void *
ac_tunnel_output(const struct ac_tunnel *tunnel, size_t *len)
{
	*len = tunnel->output_len - tunnel->output_sent;
	return *len == 0 ? "" : tunnel->output + tunnel->output_sent;
}

void
ac_tunnel_wrote(struct ac_tunnel *tunnel, size_t len)
{
	if (tunnel->state != AC_TUNNEL_WRITE)
		return;
	tunnel->output_sent += len;
	if (tunnel->output_sent < tunnel->output_len)
		return;
	drop_output(tunnel);
	tunnel->state = AC_TUNNEL_READ;
}

size_t
ac_tunnel_wants(const struct ac_tunnel *tunnel)
{
	if (tunnel->state != AC_TUNNEL_READ)
		return 0;
	switch (tunnel->proxy->kind) {
	case AC_PROXY_HTTP:
		return 1; /* any byte may be the head's last */
	case AC_PROXY_SOCKS5:
		return ac_tunnel_socks_wants(tunnel);
	}
	abort(); /* no such kind */
}

void
ac_tunnel_read(struct ac_tunnel *tunnel, const void *data, size_t len)
{
	if (len > ac_tunnel_wants(tunnel)) {
		if (tunnel->state != AC_TUNNEL_FAILED)
			ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
			    "sent more than an answer");
		return;
	}
	if (len == 0)
		return;
	switch (tunnel->proxy->kind) {
	case AC_PROXY_HTTP:
		ac_tunnel_http_read(tunnel, *(const char *)data);
		break;
	case AC_PROXY_SOCKS5:
		ac_tunnel_socks_read(tunnel, data, len);
		break;
	}
}

void
ac_tunnel_closed(struct ac_tunnel *tunnel)
{
	if (tunnel->state == AC_TUNNEL_READ || tunnel->state == AC_TUNNEL_WRITE)
		ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_REFUSED,
		    "closed the connection without an answer");
}

void
ac_tunnel_fail(
    struct ac_tunnel *tunnel, enum ac_tunnel_fault fault, const char *fmt, ...)
{
	char text[WHY_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(tunnel->why);
	tunnel->why =
	    ac_asprintf("the proxy %s %s", tunnel->proxy->host_port, text);
	tunnel->fault = fault;
	tunnel->state = AC_TUNNEL_FAILED;
	drop_output(tunnel);
}

void
ac_tunnel_fail_credentials(struct ac_tunnel *tunnel, const char *how)
{
	ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_CREDENTIALS,
	    "wants %scredentials%s",
	    tunnel->proxy->user == NULL ? "" : "other ", how);
}

char *
ac_tunnel_origin(const struct ac_tunnel *tunnel)
{
	bool v6 = strchr(tunnel->host, ':') != NULL;

	return ac_asprintf("%s%s%s:%u", v6 ? "[" : "", tunnel->host,
	    v6 ? "]" : "", (unsigned)tunnel->port);
}

const char *
ac_tunnel_why(const struct ac_tunnel *tunnel)
{
	return tunnel->why == NULL ? "" : tunnel->why;
}

enum ac_tunnel_fault
ac_tunnel_fault(const struct ac_tunnel *tunnel)
{
	return tunnel->fault;
}
