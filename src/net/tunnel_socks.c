/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * SOCKS5 (RFC 1928) with user and password (RFC 1929):
 *
 *	greeting -> METHOD --2--> credentials -> LOGIN --0--> request -> REPLY
 *	              \----------------0---------------------/
 *
 * A name goes to the proxy as it is, so it is the proxy that resolves it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/proxy.h"
#include "net/tunnel_private.h"

enum { SOCKS_VERSION = 5, LOGIN_VERSION = 1, FIELD_MAX = 255 };

enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_NO_ACCEPTABLE = 0xff };

enum { COMMAND_CONNECT = 1 };

enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

/* An answer of METHOD and LOGIN; of a reply the part that tells its length:
 * version, reply, reserved, type, and the address's first byte. */
enum { SHORT_ANSWER = 2, REPLY_HEAD = 5 };

/* What a reply says, by its code (RFC 1928 6). */
static const struct reply {
	const char *name;
	enum ac_tunnel_fault fault;
} replies[] = {
    [1] = {"general failure", AC_TUNNEL_FAULT_REFUSED},
    [2] = {"not allowed by its rules", AC_TUNNEL_FAULT_REFUSED},
    [3] = {"network unreachable", AC_TUNNEL_FAULT_UNREACHABLE},
    [4] = {"host unreachable", AC_TUNNEL_FAULT_UNREACHABLE},
    [5] = {"connection refused", AC_TUNNEL_FAULT_UNREACHABLE},
    [6] = {"TTL expired", AC_TUNNEL_FAULT_UNREACHABLE},
    [7] = {"command not supported", AC_TUNNEL_FAULT_REFUSED},
    [8] = {"address type not supported", AC_TUNNEL_FAULT_REFUSED},
};

static void
fail_as_no_socks(struct ac_tunnel *tunnel)
{
	ac_tunnel_fail(
	    tunnel, AC_TUNNEL_FAULT_PROTOCOL, "does not speak SOCKS5");
}

void
ac_tunnel_socks_start(struct ac_tunnel *tunnel)
{
	static const char with_login[] = {
	    SOCKS_VERSION, 2, METHOD_NONE, METHOD_PASSWORD};
	static const char without[] = {SOCKS_VERSION, 1, METHOD_NONE};

	if (strlen(tunnel->host) > FIELD_MAX) {
		ac_tunnel_fail(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
		    "cannot be asked for a name of more than 255 bytes");
		return;
	}
	tunnel->step = AC_SOCKS_METHOD;
	if (tunnel->proxy->user != NULL)
		ac_tunnel_send(tunnel,
		    ac_memdup(with_login, sizeof(with_login)),
		    sizeof(with_login));
	else
		ac_tunnel_send(tunnel, ac_memdup(without, sizeof(without)),
		    sizeof(without));
}

/* Puts one byte of length and the bytes of a text at p; returns what is
 * behind them. A text has 255 bytes at most (proxy.c, start). */
static char *
put_field(char *p, const char *text)
{
	size_t len = strlen(text);

	*p++ = (char)(unsigned char)len;
	memcpy(p, text, len);
	return p + len;
}

static void
send_login(struct ac_tunnel *tunnel)
{
	const char *user = tunnel->proxy->user;
	const char *password = tunnel->proxy->password;
	char *login, *p;

	if (password == NULL)
		password = "";
	login = ac_malloc(3 + strlen(user) + strlen(password));
	p = login;
	*p++ = LOGIN_VERSION;
	p = put_field(p, user);
	p = put_field(p, password);
	tunnel->step = AC_SOCKS_LOGIN;
	ac_tunnel_send(tunnel, login, (size_t)(p - login));
}

static void
send_request(struct ac_tunnel *tunnel)
{
	/* The longest has a name: four bytes, its length, itself, the port. */
	char *request = ac_malloc(4 + 1 + FIELD_MAX + 2);
	char *p = request;

	*p++ = SOCKS_VERSION;
	*p++ = COMMAND_CONNECT;
	*p++ = 0;
	if (inet_pton(AF_INET, tunnel->host, p + 1) == 1) {
		*p = TYPE_V4;
		p += 1 + 4;
	} else if (inet_pton(AF_INET6, tunnel->host, p + 1) == 1) {
		*p = TYPE_V6;
		p += 1 + 16;
	} else {
		*p = TYPE_NAME;
		p = put_field(p + 1, tunnel->host);
	}
	*p++ = (char)(unsigned char)(tunnel->port >> 8);
	*p++ = (char)(unsigned char)(tunnel->port & 0xff);
	tunnel->step = AC_SOCKS_REPLY;
	ac_tunnel_send(tunnel, request, (size_t)(p - request));
}

static unsigned
byte_at(const struct ac_tunnel *tunnel, size_t i)
{
	return (unsigned char)tunnel->input.data[i];
}

/* How long a reply is, as far as its head is here. */
static size_t
reply_len(const struct ac_tunnel *tunnel)
{
	if (tunnel->input.len < REPLY_HEAD)
		return REPLY_HEAD;
	switch (byte_at(tunnel, 3)) {
	case TYPE_V4:
		return 4 + 4 + 2;
	case TYPE_V6:
		return 4 + 16 + 2;
	default:
		return 4 + 1 + byte_at(tunnel, 4) + 2;
	}
}

size_t
ac_tunnel_socks_wants(const struct ac_tunnel *tunnel)
{
	size_t len =
	    tunnel->step == AC_SOCKS_REPLY ? reply_len(tunnel) : SHORT_ANSWER;

	return len - tunnel->input.len;
}

static void
on_method(struct ac_tunnel *tunnel)
{
	switch (byte_at(tunnel, 1)) {
	case METHOD_NONE:
		send_request(tunnel);
		return;
	case METHOD_PASSWORD:
		if (tunnel->proxy->user == NULL)
			break;
		send_login(tunnel);
		return;
	case METHOD_NO_ACCEPTABLE:
		ac_tunnel_fail_credentials(tunnel, "");
		return;
	default:
		break;
	}
	fail_as_no_socks(tunnel); /* it chose what was not offered */
}

static void
on_login(struct ac_tunnel *tunnel)
{
	if (byte_at(tunnel, 1) == 0)
		send_request(tunnel);
	else
		ac_tunnel_fail_credentials(tunnel, "");
}

static void
fail_by_reply(struct ac_tunnel *tunnel, unsigned code)
{
	struct reply reply = {"unknown reply", AC_TUNNEL_FAULT_REFUSED};
	char *origin;

	if (code < AC_LENGTH(replies))
		reply = replies[code];
	if (reply.fault == AC_TUNNEL_FAULT_REFUSED) {
		ac_tunnel_fail(tunnel, reply.fault,
		    "refused the connection (SOCKS %u %s)", code, reply.name);
		return;
	}
	origin = ac_tunnel_origin(tunnel);
	ac_tunnel_fail(tunnel, reply.fault,
	    "could not reach %.300s (SOCKS %u %s)", origin, code, reply.name);
	free(origin);
}

/* Looks at a reply that may not be whole. Servers close behind a code that
 * says no, some before they have sent the rest. */
static void
on_reply(struct ac_tunnel *tunnel)
{
	size_t len = tunnel->input.len;
	unsigned type = len > 3 ? byte_at(tunnel, 3) : TYPE_V4;

	if (len > 1 && byte_at(tunnel, 1) != 0)
		fail_by_reply(tunnel, byte_at(tunnel, 1));
	else if (type != TYPE_V4 && type != TYPE_V6 && type != TYPE_NAME)
		fail_as_no_socks(tunnel);
	else if (ac_tunnel_socks_wants(tunnel) == 0)
		tunnel->state = AC_TUNNEL_OPEN;
}

void
ac_tunnel_socks_read(struct ac_tunnel *tunnel, const void *data, size_t len)
{
	unsigned version =
	    tunnel->step == AC_SOCKS_LOGIN ? LOGIN_VERSION : SOCKS_VERSION;

	if (!ac_buf_add(&tunnel->input, data, len) ||
	    byte_at(tunnel, 0) != version) {
		fail_as_no_socks(tunnel);
		return;
	}
	if (tunnel->step == AC_SOCKS_REPLY) {
		on_reply(tunnel);
		return;
	}
	if (ac_tunnel_socks_wants(tunnel) > 0)
		return;
	if (tunnel->step == AC_SOCKS_METHOD)
		on_method(tunnel);
	else
		on_login(tunnel);
	ac_buf_reset(&tunnel->input);
}
