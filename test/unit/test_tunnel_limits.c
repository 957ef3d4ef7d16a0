/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a proxy may get wrong: garbage, heads without an end, bytes that nobody
 * wanted, an early end; and how long names and credentials may be. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "net/proxy.h"
#include "net/tunnel.h"
#include "support/random.h"
#include "support/tunnels.h"
#include "support/unit.h"

/* Each is known for what it is at its last byte, not later: whoever speaks
 * something else may say nothing more. */
static void
garbage_is_told_at_its_first_byte(void **state)
{
	static const char *const texts[] = {"S", "\x16", "h", "HTTP/2",
	    "HTTP/1x", "HTTP/1.x", "HTTP/1.1\t", "HTTP/1.1  ", "HTTP/1.1 0",
	    "HTTP/1.1 2x", "HTTP/1.1 20\r\n", "HTTP/1.1 20\n", "HTTP/1.1 2000",
	    "HTTP/1.1 200x", "\r\n", "\n", " ", "HTTP/1.1 100 C\r\n\r\nx",
	    "HTTP/1.1 100 C\n\n\n", "\5"};
	struct tunnels_cut whole = {SIZE_MAX, SIZE_MAX};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_tunnel *tunnel = tunnels_begin(&tunnels_http);
		size_t len = strlen(texts[i]);

		assert_int_equal(
		    tunnels_feed_wanted(tunnel, texts[i], len - 1, whole, 0),
		    len - 1);
		if (ac_tunnel_state(tunnel) != AC_TUNNEL_READ)
			fail_msg("%zu: too early", i);
		tunnels_feed(tunnel, texts[i] + len - 1, 1);
		tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
		    "the proxy p:3128 does not speak HTTP");
	}
}

/* A head of len bytes, all of them in its parts. */
static struct ac_tunnel *
play_head(const char *first, const char *line, size_t len)
{
	struct ac_tunnel *tunnel = tunnels_begin(&tunnels_http);
	struct tunnels_cut whole = {SIZE_MAX, SIZE_MAX};
	size_t done =
	    tunnels_feed_wanted(tunnel, first, strlen(first), whole, 0);

	while (done < len - 1) {
		size_t now = strlen(line);

		if (now > len - 1 - done)
			now = len - 1 - done;
		assert_int_equal(
		    tunnels_feed_wanted(tunnel, line, now, whole, 0), now);
		done += now;
	}
	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_READ);
	return tunnel;
}

static void
a_head_has_an_end(void **state)
{
	static const char *const lines[] = {
	    "x", "A: b\r\n", "A: b\r\n\r\nHTTP/1.1 100 Continue\r\n"};
	static const char too_long[] =
	    "the proxy p:3128 sent a head of more than 16 KB";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(lines); i++) {
		struct ac_tunnel *tunnel =
		    play_head("HTTP/1.1 100 Continue\r\n", lines[i], 16385);

		tunnels_feed(tunnel, "x", 1);
		tunnels_expect_failure(
		    tunnel, AC_TUNNEL_FAULT_PROTOCOL, too_long);
	}
}

static void
a_head_of_16_kb_is_read(void **state)
{
	struct ac_tunnel *tunnel =
	    play_head("HTTP/1.1 200 OK\r\n", "x", 16384 - 3);

	AC_UNUSED(state);
	tunnels_feed(tunnel, "x", 1);
	tunnels_feed(tunnel, "\n", 1);
	tunnels_feed(tunnel, "\r", 1);
	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_READ);
	tunnels_feed(tunnel, "\n", 1);
	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_OPEN);
	ac_tunnel_free(tunnel);
}

static void
more_than_was_wanted_is_a_failure(void **state)
{
	static const char http_why[] =
	    "the proxy p:3128 sent more than an answer";
	struct ac_tunnel *tunnel = tunnels_begin(&tunnels_http);

	AC_UNUSED(state);
	tunnels_feed(tunnel, "HT", 2);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL, http_why);
	tunnel = tunnels_begin(&tunnels_socks);
	tunnels_feed(tunnel, "\5\0\5", 3);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
	    "the proxy s:1080 sent more than an answer");
	/* While nothing is wanted, neither. */
	tunnel = ac_tunnel_new(&tunnels_http, "a.example", 443);
	tunnels_feed(tunnel, "H", 1);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL, http_why);
}

static void
a_proxy_that_closes_is_told(void **state)
{
	static const char why[] =
	    "the proxy p:3128 closed the connection without an answer";
	struct ac_tunnel *tunnel = tunnels_begin(&tunnels_http);

	AC_UNUSED(state);
	ac_tunnel_closed(tunnel);
	ac_tunnel_closed(tunnel);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_REFUSED, why);
	tunnel = ac_tunnel_new(&tunnels_http, "a.example", 443);
	ac_tunnel_closed(tunnel);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_REFUSED, why);
}

static void
what_is_over_stays_as_it_is(void **state)
{
	struct ac_tunnel *tunnel = tunnels_begin(&tunnels_http);
	struct tunnels_cut whole = {SIZE_MAX, SIZE_MAX};

	AC_UNUSED(state);
	tunnels_feed_wanted(tunnel, BYTES("HTTP/1.1 200 OK\r\n\r\n"), whole, 0);
	ac_tunnel_closed(tunnel);
	ac_tunnel_wrote(tunnel, 1);
	ac_tunnel_read(tunnel, "", 0);
	assert_int_equal(ac_tunnel_state(tunnel), AC_TUNNEL_OPEN);
	assert_string_equal(ac_tunnel_why(tunnel), "");
	ac_tunnel_free(tunnel);
	tunnel = tunnels_begin(&tunnels_socks);
	tunnels_feed(tunnel, "\4", 1);
	ac_tunnel_closed(tunnel);
	tunnels_feed(tunnel, "\5", 1);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
	    "the proxy s:1080 does not speak SOCKS5");
	ac_tunnel_free(NULL);
}

static void
a_name_may_be_as_long_as_socks_allows(void **state)
{
	char *name = ac_asprintf("%0*d", 255, 1);
	struct ac_tunnel *tunnel = ac_tunnel_new(&tunnels_socks, name, 443);
	const unsigned char *output;
	size_t len;

	AC_UNUSED(state);
	ac_tunnel_wrote(tunnel, 3);
	tunnels_feed(tunnel, "\5\0", 2);
	output = ac_tunnel_output(tunnel, &len);
	assert_int_equal(len, 5 + 255 + 2);
	assert_int_equal(output[4], 255);
	assert_memory_equal(output + 5, name, 255);
	ac_tunnel_free(tunnel);
	free(name);
	name = ac_asprintf("%0*d", 256, 1);
	tunnel = ac_tunnel_new(&tunnels_socks, name, 443);
	tunnels_expect_failure(tunnel, AC_TUNNEL_FAULT_PROTOCOL,
	    "the proxy s:1080 cannot be asked for a name of more than 255 "
	    "bytes");
	free(name);
}

static void
credentials_may_be_as_long_as_socks_allows(void **state)
{
	struct ac_proxy proxy = tunnels_socks_login;
	struct ac_tunnel *tunnel;
	const unsigned char *output;
	size_t len;

	AC_UNUSED(state);
	proxy.user = proxy.password = ac_asprintf("%0*d", 255, 1);
	tunnel = ac_tunnel_new(&proxy, "a.example", 443);
	ac_tunnel_wrote(tunnel, 4);
	tunnels_feed(tunnel, "\5\2", 2);
	output = ac_tunnel_output(tunnel, &len);
	assert_int_equal(len, 1 + 2 * 256);
	assert_int_equal(output[1], 255);
	assert_int_equal(output[1 + 256], 255);
	assert_memory_equal(output + 2 + 256, proxy.password, 255);
	ac_tunnel_free(tunnel);
	free(proxy.user);
}

/* A byte of a proxy that mostly answers well. */
static char
random_byte(struct random *random, const char *good, size_t len, size_t i)
{
	if (i < len && random_below(random, 16) != 0)
		return good[i];
	return (char)random_below(random, 256);
}

static void
random_answers_never_confuse(void **state)
{
	static const struct {
		const struct ac_proxy *proxy;
		const char *good;
		size_t len;
	} cases[] = {
	    {&tunnels_http, BYTES("HTTP/1.1 200 OK\r\nA: b\r\n\r\n")},
	    {&tunnels_http_login,
		BYTES("HTTP/1.1 100 C\n\nHTTP/1.1 200 O\n\n")},
	    {&tunnels_socks, BYTES("\5\0\5\0\0\1abcdPP")},
	    {&tunnels_socks_login, BYTES("\5\2\1\0\5\0\0\3\4namePP")},
	};
	struct random random = {.state = 4};
	unsigned opened = 0, failed = 0;

	AC_UNUSED(state);
	for (size_t round = 0; round < 20000; round++) {
		size_t one = round % AC_LENGTH(cases);
		struct ac_tunnel *tunnel = tunnels_begin(cases[one].proxy);

		for (size_t i = 0; i < 600; i++) {
			char c = random_byte(
			    &random, cases[one].good, cases[one].len, i);
			size_t len;

			ac_tunnel_output(tunnel, &len);
			ac_tunnel_wrote(tunnel, len);
			if (ac_tunnel_state(tunnel) != AC_TUNNEL_READ)
				break;
			assert_in_range(ac_tunnel_wants(tunnel), 1, 257);
			tunnels_feed(tunnel, &c, 1);
		}
		ac_tunnel_closed(tunnel);
		opened += ac_tunnel_state(tunnel) == AC_TUNNEL_OPEN;
		failed += ac_tunnel_state(tunnel) == AC_TUNNEL_FAILED &&
			  *ac_tunnel_why(tunnel) != '\0';
		ac_tunnel_free(tunnel);
	}
	assert_int_equal(opened + failed, 20000);
	assert_in_range(opened, 1000, 19000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(garbage_is_told_at_its_first_byte),
	    cmocka_unit_test(a_head_has_an_end),
	    cmocka_unit_test(a_head_of_16_kb_is_read),
	    cmocka_unit_test(more_than_was_wanted_is_a_failure),
	    cmocka_unit_test(a_proxy_that_closes_is_told),
	    cmocka_unit_test(what_is_over_stays_as_it_is),
	    cmocka_unit_test(a_name_may_be_as_long_as_socks_allows),
	    cmocka_unit_test(credentials_may_be_as_long_as_socks_allows),
	    cmocka_unit_test(random_answers_never_confuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
