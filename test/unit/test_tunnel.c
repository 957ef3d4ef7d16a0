/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Dialogues with a proxy. Each is played in pieces of every size that a
 * socket could give: as much as is wanted, byte by byte, and with a break at
 * every offset; written in pieces too. In front of the bytes that are the
 * origin's it must always have stopped.
 */
#include "net/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "net/proxy.h"
#include "support/tunnels.h"
#include "support/unit.h"

/* What an origin could say right behind the proxy's answer. */
static const char surplus[] = "\x16\x03\x03\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";

enum { TURNS = 3 };

/* What is to be said and what is answered, in turns; the surplus follows the
 * last answer. */
struct dialogue {
	const struct ac_proxy *proxy;
	const char *host;
	uint16_t port;
	struct {
		const char *said;
		size_t said_len;
		const char *answer;
		size_t answer_len;
	} turns[TURNS];
	enum ac_tunnel_fault fault; /* NONE: it is to open */
	const char *why;
};

#define ASK_A                                                             \
	BYTES("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n" \
	      "User-Agent: akashchat-api/" AC_VERSION "\r\n\r\n")
#define ASK_V6                                                              \
	BYTES("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"                     \
	      "Host: [2001:db8::1]:8443\r\n"                                \
	      "User-Agent: akashchat-api/" AC_VERSION "\r\n"                \
	      "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" \
	      "\r\n")
#define ASK_LOGIN                                                           \
	BYTES("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"   \
	      "User-Agent: akashchat-api/" AC_VERSION "\r\n"                \
	      "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" \
	      "\r\n")
#define HTTP_OPENS(answer)                                                 \
	{                                                                  \
		&tunnels_http, "a.example", 443, {{ASK_A, BYTES(answer)}}, \
		    AC_TUNNEL_FAULT_NONE, ""                               \
	}
#define HTTP_FAILS(answer, fault, why)                                     \
	{                                                                  \
		&tunnels_http, "a.example", 443, {{ASK_A, BYTES(answer)}}, \
		    AC_TUNNEL_FAULT_##fault, why                           \
	}

static const struct dialogue http_dialogues[] = {
    HTTP_OPENS("HTTP/1.1 200 OK\r\n\r\n"),
    HTTP_OPENS("HTTP/1.0 200 Connection established\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 \r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 299 \xff\x01\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\n\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\nA: b\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\r\nA: b\r\n\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\r\nA: \r\r\n \r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 200 OK\r\nHTTP/1.1 403 no\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    HTTP_OPENS("HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 102 P\n\n"
	       "HTTP/1.1 200 OK\r\nC: d\r\n\r\n"),
    {&tunnels_http_login, "2001:db8::1", 8443,
	{{ASK_V6, BYTES("HTTP/1.1 200 OK\r\n\r\n")}}, AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_http_login, "a.example", 443,
	{{ASK_LOGIN, BYTES("HTTP/1.1 407 Who\r\n")}},
	AC_TUNNEL_FAULT_CREDENTIALS,
	"the proxy [::1]:3128 wants other credentials (407)"},
    HTTP_FAILS("HTTP/1.1 407 Proxy Authentication Required\r\n", CREDENTIALS,
	"the proxy p:3128 wants credentials (407)"),
    HTTP_FAILS("HTTP/1.0 401 Unauthorized\r\n", CREDENTIALS,
	"the proxy p:3128 wants credentials (401)"),
    HTTP_FAILS("HTTP/1.1 403 Forbidden\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 403 Forbidden)"),
    HTTP_FAILS("HTTP/1.0 403\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 403)"),
    HTTP_FAILS("HTTP/1.1 400   \r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 400)"),
    HTTP_FAILS("HTTP/1.1 302 Found\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 302 Found)"),
    HTTP_FAILS("HTTP/1.1 101 Switching\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 101 Switching)"),
    HTTP_FAILS("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 429 Slow)"),
    HTTP_FAILS("HTTP/1.1 403 a\tb\x1b\xff\"c\"\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 403 a?b??\"c\")"),
    HTTP_FAILS("HTTP/1.1 403 "
	       "123456789.123456789.123456789.123456789.123456789.123456789."
	       "123456789.\r\n",
	REFUSED,
	"the proxy p:3128 refused the connection (HTTP 403 "
	"123456789.123456789.123456789.123456789.123456789.123456789)"),
    HTTP_FAILS("HTTP/1.1 501 Not Implemented\r\n", REFUSED,
	"the proxy p:3128 refused the connection (HTTP 501 Not Implemented)"),
    HTTP_FAILS("HTTP/1.1 500 Unable to connect\r\n", UNREACHABLE,
	"the proxy p:3128 could not reach a.example:443 "
	"(HTTP 500 Unable to connect)"),
    HTTP_FAILS("HTTP/1.1 502 Bad Gateway\r\n", UNREACHABLE,
	"the proxy p:3128 could not reach a.example:443 "
	"(HTTP 502 Bad Gateway)"),
    HTTP_FAILS("HTTP/1.1 503 \r\n", UNREACHABLE,
	"the proxy p:3128 could not reach a.example:443 (HTTP 503)"),
    HTTP_FAILS("HTTP/1.1 504\r\n", UNREACHABLE,
	"the proxy p:3128 could not reach a.example:443 (HTTP 504)"),
};

#define HELLO       BYTES("\5\1\0")
#define HELLO_LOGIN BYTES("\5\2\0\2")
#define ASK_NAME    BYTES("\5\1\0\3\11a.example\1\273")
#define OK_V4       BYTES("\5\0\0\1\0\0\0\0\0\0")
#define SOCKS_FAILS(answer, fault, why)                                     \
	{                                                                   \
		&tunnels_socks, "a.example", 443, {{HELLO, BYTES(answer)}}, \
		    AC_TUNNEL_FAULT_##fault, why                            \
	}
#define SOCKS_REPLIES(reply, fault, why)                                \
	{                                                               \
		&tunnels_socks, "a.example", 443,                       \
		    {{HELLO, BYTES("\5\0")}, {ASK_NAME, BYTES(reply)}}, \
		    AC_TUNNEL_FAULT_##fault, why                        \
	}

static const struct dialogue socks_dialogues[] = {
    {&tunnels_socks, "a.example", 443,
	{{HELLO, BYTES("\5\0")}, {ASK_NAME, OK_V4}}, AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks, "192.0.2.1", 80,
	{{HELLO, BYTES("\5\0")}, {BYTES("\5\1\0\1\300\0\2\1\0\120"),
				     BYTES("\5\0\0\1\177\0\0\1\377\377")}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks, "2001:db8::1", 65535,
	{{HELLO, BYTES("\5\0")},
	    {BYTES("\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\377\377"),
		BYTES("\5\0\0\4abcdefghijklmnopqr")}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks, "a.example", 443,
	{{HELLO, BYTES("\5\0")}, {ASK_NAME, BYTES("\5\0\0\3\4namePP")}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks, "a.example", 443,
	{{HELLO, BYTES("\5\0")}, {ASK_NAME, BYTES("\5\0\0\3\0PP")}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks_login, "a.example", 443,
	{{HELLO_LOGIN, BYTES("\5\0")}, {ASK_NAME, OK_V4}}, AC_TUNNEL_FAULT_NONE,
	""},
    {&tunnels_socks_login, "a.example", 443,
	{{HELLO_LOGIN, BYTES("\5\2")},
	    {BYTES("\1\3joe\6sesame"), BYTES("\1\0")}, {ASK_NAME, OK_V4}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks_user, "a.example", 443,
	{{HELLO_LOGIN, BYTES("\5\2")}, {BYTES("\1\3joe\0"), BYTES("\1\0")},
	    {ASK_NAME, OK_V4}},
	AC_TUNNEL_FAULT_NONE, ""},
    {&tunnels_socks_login, "a.example", 443,
	{{HELLO_LOGIN, BYTES("\5\2")},
	    {BYTES("\1\3joe\6sesame"), BYTES("\1\1")}},
	AC_TUNNEL_FAULT_CREDENTIALS,
	"the proxy s:1080 wants other credentials"},
    {&tunnels_socks_login, "a.example", 443, {{HELLO_LOGIN, BYTES("\5\377")}},
	AC_TUNNEL_FAULT_CREDENTIALS,
	"the proxy s:1080 wants other credentials"},
    {&tunnels_socks_login, "a.example", 443,
	{{HELLO_LOGIN, BYTES("\5\2")}, {BYTES("\1\3joe\6sesame"), BYTES("\5")}},
	AC_TUNNEL_FAULT_PROTOCOL, "the proxy s:1080 does not speak SOCKS5"},
    {&tunnels_socks_login, "a.example", 443, {{HELLO_LOGIN, BYTES("\5\1")}},
	AC_TUNNEL_FAULT_PROTOCOL, "the proxy s:1080 does not speak SOCKS5"},
    SOCKS_FAILS("\5\377", CREDENTIALS, "the proxy s:1080 wants credentials"),
    /* It was not offered. */
    SOCKS_FAILS("\5\2", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_FAILS("\4", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_FAILS("\0", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_FAILS("H", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_REPLIES("\5\1", REFUSED,
	"the proxy s:1080 refused the connection (SOCKS 1 general failure)"),
    SOCKS_REPLIES("\5\2", REFUSED,
	"the proxy s:1080 refused the connection "
	"(SOCKS 2 not allowed by its rules)"),
    SOCKS_REPLIES("\5\3", UNREACHABLE,
	"the proxy s:1080 could not reach a.example:443 "
	"(SOCKS 3 network unreachable)"),
    SOCKS_REPLIES("\5\4", UNREACHABLE,
	"the proxy s:1080 could not reach a.example:443 "
	"(SOCKS 4 host unreachable)"),
    SOCKS_REPLIES("\5\5", UNREACHABLE,
	"the proxy s:1080 could not reach a.example:443 "
	"(SOCKS 5 connection refused)"),
    SOCKS_REPLIES("\5\6", UNREACHABLE,
	"the proxy s:1080 could not reach a.example:443 "
	"(SOCKS 6 TTL expired)"),
    SOCKS_REPLIES("\5\7", REFUSED,
	"the proxy s:1080 refused the connection "
	"(SOCKS 7 command not supported)"),
    SOCKS_REPLIES("\5\10", REFUSED,
	"the proxy s:1080 refused the connection "
	"(SOCKS 8 address type not supported)"),
    SOCKS_REPLIES("\5\11", REFUSED,
	"the proxy s:1080 refused the connection (SOCKS 9 unknown reply)"),
    SOCKS_REPLIES("\5\377", REFUSED,
	"the proxy s:1080 refused the connection (SOCKS 255 unknown reply)"),
    SOCKS_REPLIES("\4", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_REPLIES(
	"\5\0\0\2", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
    SOCKS_REPLIES(
	"\5\0\0\0", PROTOCOL, "the proxy s:1080 does not speak SOCKS5"),
};

/* Takes what the tunnel writes, in pieces, and compares it. */
static void
expect_said(
    struct ac_tunnel *tunnel, const char *said, size_t said_len, size_t piece)
{
	size_t done = 0;

	while (ac_tunnel_state(tunnel) == AC_TUNNEL_WRITE) {
		size_t len;
		const void *output = ac_tunnel_output(tunnel, &len);

		assert_int_equal(ac_tunnel_wants(tunnel), 0);
		assert_int_equal(len, said_len - done);
		assert_true(len > 0);
		assert_memory_equal(output, said + done, len);
		if (len > piece)
			len = piece;
		ac_tunnel_wrote(tunnel, len);
		done += len;
	}
	assert_int_equal(done, said_len);
}

static void
play(const struct dialogue *dialogue, struct tunnels_cut cut)
{
	struct ac_tunnel *tunnel =
	    ac_tunnel_new(dialogue->proxy, dialogue->host, dialogue->port);
	size_t before = 0;

	for (size_t i = 0; i < TURNS && dialogue->turns[i].said != NULL; i++) {
		size_t len = dialogue->turns[i].answer_len;
		char *answer = ac_malloc(len + sizeof(surplus));
		/* Nothing is the origin's where a proxy refuses. */
		size_t more = dialogue->fault == AC_TUNNEL_FAULT_NONE
				  ? sizeof(surplus)
				  : 0;

		memcpy(answer, dialogue->turns[i].answer, len);
		memcpy(answer + len, surplus, sizeof(surplus));
		expect_said(tunnel, dialogue->turns[i].said,
		    dialogue->turns[i].said_len, cut.piece);
		assert_int_equal(tunnels_feed_wanted(
				     tunnel, answer, len + more, cut, before),
		    len);
		before += len;
		free(answer);
	}
	assert_int_equal(ac_tunnel_state(tunnel),
	    dialogue->fault == AC_TUNNEL_FAULT_NONE ? AC_TUNNEL_OPEN
						    : AC_TUNNEL_FAILED);
	assert_int_equal(ac_tunnel_fault(tunnel), dialogue->fault);
	assert_string_equal(ac_tunnel_why(tunnel), dialogue->why);
	assert_int_equal(ac_tunnel_wants(tunnel), 0);
	ac_tunnel_free(tunnel);
}

static void
play_in_every_way(const struct dialogue *dialogues, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = 0;

		for (size_t turn = 0; turn < TURNS; turn++)
			len += dialogues[i].turns[turn].answer_len;
		play(&dialogues[i], (struct tunnels_cut){SIZE_MAX, SIZE_MAX});
		play(&dialogues[i], (struct tunnels_cut){1, SIZE_MAX});
		for (size_t at = 0; at < len; at++)
			play(&dialogues[i], (struct tunnels_cut){SIZE_MAX, at});
	}
}

static void
connect_is_asked_and_answered(void **state)
{
	AC_UNUSED(state);
	play_in_every_way(http_dialogues, AC_LENGTH(http_dialogues));
}

static void
socks_is_asked_and_answered(void **state)
{
	AC_UNUSED(state);
	play_in_every_way(socks_dialogues, AC_LENGTH(socks_dialogues));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connect_is_asked_and_answered),
	    cmocka_unit_test(socks_is_asked_and_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
