/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tunnels under test: see tunnels.h. */
#include "support/tunnels.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/unit.h"

const struct ac_proxy tunnels_http = {.kind = AC_PROXY_HTTP,
    .host = (char[]){"p"},
    .port = 3128,
    .host_port = (char[]){"p:3128"}};
const struct ac_proxy tunnels_http_login = {.kind = AC_PROXY_HTTP,
    .host = (char[]){"::1"},
    .port = 3128,
    .host_port = (char[]){"[::1]:3128"},
    .user = (char[]){"Aladdin"},
    .password = (char[]){"open sesame"}};
const struct ac_proxy tunnels_socks = {.kind = AC_PROXY_SOCKS5,
    .host = (char[]){"s"},
    .port = 1080,
    .host_port = (char[]){"s:1080"}};
const struct ac_proxy tunnels_socks_login = {.kind = AC_PROXY_SOCKS5,
    .host = (char[]){"s"},
    .port = 1080,
    .host_port = (char[]){"s:1080"},
    .user = (char[]){"joe"},
    .password = (char[]){"sesame"}};
const struct ac_proxy tunnels_socks_user = {.kind = AC_PROXY_SOCKS5,
    .host = (char[]){"s"},
    .port = 1080,
    .host_port = (char[]){"s:1080"},
    .user = (char[]){"joe"}};

void
tunnels_feed(struct ac_tunnel *tunnel, const char *data, size_t len)
{
	char *block = ac_malloc(len);

	memcpy(block, data, len);
	ac_tunnel_read(tunnel, block, len);
	free(block);
}

size_t
tunnels_feed_wanted(struct ac_tunnel *tunnel, const char *data, size_t len,
    struct tunnels_cut cut, size_t before)
{
	size_t done = 0;

	while (done < len && ac_tunnel_state(tunnel) == AC_TUNNEL_READ) {
		size_t now = ac_tunnel_wants(tunnel);
		size_t unused;

		ac_tunnel_output(tunnel, &unused);
		assert_int_equal(unused, 0);
		assert_true(now > 0);
		if (now > cut.piece)
			now = cut.piece;
		if (now > len - done)
			now = len - done;
		if (before + done < cut.at && before + done + now > cut.at)
			now = cut.at - before - done;
		tunnels_feed(tunnel, data + done, now);
		done += now;
	}
	return done;
}

struct ac_tunnel *
tunnels_begin(const struct ac_proxy *proxy)
{
	struct ac_tunnel *tunnel = ac_tunnel_new(proxy, "a.example", 443);
	size_t len;

	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_WRITE);
	ac_tunnel_output(tunnel, &len);
	ac_tunnel_wrote(tunnel, len);
	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_READ);
	return tunnel;
}

void
tunnels_expect_failure(
    struct ac_tunnel *tunnel, enum ac_tunnel_fault fault, const char *why)
{
	size_t len;

	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_FAILED);
	assert_int_equal(ac_tunnel_fault(tunnel), fault);
	assert_string_equal(ac_tunnel_why(tunnel), why);
	assert_int_equal(ac_tunnel_wants(tunnel), 0);
	ac_tunnel_output(tunnel, &len);
	assert_int_equal(len, 0);
	ac_tunnel_free(tunnel);
}
