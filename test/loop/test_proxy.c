/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The way through a proxy, as the connection goes it: what is sent to the
 * proxy and when, and what a call is told where it does not come about. */
#include <string.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"
#include "net/proxy.h"

/* A name that only a proxy could look up. */
#define ORIGIN "origin.invalid"

static void
a_plain_request_names_its_origin_to_an_http_proxy(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK, END};
	struct ac_proxy proxy = {.kind = AC_PROXY_HTTP};
	struct scene_wish wish = {.host = ORIGIN, .port = 8080};
	struct scene scene;
	char user[] = "me";
	char password[] = "word";

	AC_UNUSED(state);
	proxy.user = user;
	proxy.password = password;
	wish.proxy = &proxy;
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_check_client(&scene);
	call_check_client(&scene);
	/* A connection for each, and bWU6d29yZA== is me:word. */
	assert_int_equal(scene.peer->accepted, 2);
	assert_int_equal(peer_open_count(scene.peer), 0);
	for (int i = 0; i < 2; i++) {
		const char *text = scene.peer->requests[i].text;

		assert_non_null(strstr(
		    text, "GET http://" ORIGIN ":8080/check HTTP/1.1\r\n"));
		assert_non_null(strstr(text, "\r\nHost: " ORIGIN ":8080\r\n"));
		assert_non_null(strstr(
		    text, "\r\nProxy-Authorization: Basic bWU6d29yZA==\r\n"));
	}
	scene_close(&scene);
}

/* The call fails as code, and its message says so. */
static void
check_failure(struct ac_proxy *proxy, const char *ca_file,
    const struct peer_step *script, enum ac_error_code code, const char *said)
{
	struct scene_wish wish = {
	    .host = ORIGIN,
	    .ca_file = ca_file,
	    .proxy = proxy,
	    .connect_timeout_ms = 500 * loop_slowness(),
	};
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, code);
	if (strstr(call.error.message, said) == NULL ||
	    strstr(call.error.message, scene.proxy_name) == NULL)
		fail_msg("it says: %s", call.error.message);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
what_an_http_proxy_refuses_is_told(void **state)
{
	static const struct peer_step wants_key[] = {READ_REQUEST,
	    SEND("HTTP/1.1 407 Proxy Authentication Required\r\n"
		 "Content-Length: 2\r\n\r\nno"),
	    STALL, END};
	static const struct peer_step forbids[] = {READ_REQUEST,
	    SEND_BYTES("HTTP/1.0 403 Filtered\r\nServer: x\r\n\r\n"), STALL,
	    END};
	static const struct peer_step babbles[] = {
	    READ_REQUEST, SEND("SSH-2.0-OpenSSH_9.2\r\n"), STALL, END};
	static const struct peer_step closes[] = {READ_REQUEST, CLOSE, END};
	static const struct peer_step resets[] = {
	    READ_REQUEST, SEND("HTTP/1.1 20"), WAIT(20), RESET, END};
	static const struct peer_step stalls[] = {READ_REQUEST, STALL, END};
	const char *ca = group_authority.file.path;
	struct ac_proxy proxy = {.kind = AC_PROXY_HTTP};

	AC_UNUSED(state);
	check_failure(&proxy, ca, wants_key, AC_ERROR_UPSTREAM_PROXY, "407");
	check_failure(
	    &proxy, ca, forbids, AC_ERROR_UPSTREAM_PROXY, "403 Filtered");
	check_failure(&proxy, ca, babbles, AC_ERROR_UPSTREAM_PROXY, "HTTP");
	check_failure(&proxy, ca, closes, AC_ERROR_UPSTREAM_PROXY, "closed");
	check_failure(&proxy, ca, resets, AC_ERROR_UPSTREAM_PROXY, "closed");
	check_failure(&proxy, ca, stalls, AC_ERROR_CONNECT_TIMEOUT, "in time");
}

static void
what_a_socks_proxy_refuses_is_told(void **state)
{
	static const struct peer_step no_method[] = {
	    SEND("\x05\xff"), STALL, END};
	static const struct peer_step http[] = {
	    SEND("HTTP/1.1 400 Bad Request\r\n\r\n"), STALL, END};
	static const struct peer_step closes[] = {WAIT(20), CLOSE, END};
	static const struct peer_step stalls[] = {STALL, END};
	const char *const cas[] = {NULL, group_authority.file.path};
	struct ac_proxy proxy = {.kind = AC_PROXY_SOCKS5};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cas); i++) {
		check_failure(&proxy, cas[i], no_method,
		    AC_ERROR_UPSTREAM_PROXY, "credentials");
		check_failure(
		    &proxy, cas[i], http, AC_ERROR_UPSTREAM_PROXY, "SOCKS5");
		check_failure(
		    &proxy, cas[i], closes, AC_ERROR_UPSTREAM_PROXY, "closed");
		check_failure(&proxy, cas[i], stalls, AC_ERROR_CONNECT_TIMEOUT,
		    "in time");
	}
}

static void
a_proxy_that_is_not_there_is_told(void **state)
{
	const char *const cas[] = {NULL, group_authority.file.path};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cas); i++) {
		struct ac_proxy proxy = {.kind = AC_PROXY_HTTP};
		struct scene_wish wish = {
		    .host = ORIGIN, .ca_file = cas[i], .proxy = &proxy};
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		peer_refuse(scene.peer);
		call_get(&call, &scene, "/");
		call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
		if (strstr(call.error.message, "the proxy 127.0.0.1:") ==
			NULL ||
		    strstr(call.error.message, "refused") == NULL)
			fail_msg("it says: %s", call.error.message);
		scene_close(&scene);
	}
}

/* A call may be cancelled while the tunnel is being made. */
static void
a_tunnel_may_be_given_up(void **state)
{
	static const struct peer_step half[] = {
	    READ_REQUEST, SEND("HTTP/1.1 20"), STALL, END};
	static const struct peer_step silent[] = {STALL, END};
	const char *const cas[] = {NULL, group_authority.file.path};

	AC_UNUSED(state);
	for (int i = 0; i < 3; i++) {
		struct ac_proxy proxy = {
		    .kind = i == 0 ? AC_PROXY_HTTP : AC_PROXY_SOCKS5};
		struct scene_wish wish = {
		    .host = ORIGIN,
		    .ca_file = i == 0 ? group_authority.file.path : cas[i - 1],
		    .proxy = &proxy,
		};
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		peer_script(scene.peer, i == 0 ? half : silent);
		call_get(&call, &scene, "/");
		LOOP_UNTIL(&scene.loop, scene.peer->accepted == 1);
		loop_turns(&scene.loop, 5);
		call_cancel(&call);
		LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 0));
		assert_int_equal(call.dones, 0);
		scene_close(&scene);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_request_names_its_origin_to_an_http_proxy),
	    cmocka_unit_test(what_an_http_proxy_refuses_is_told),
	    cmocka_unit_test(what_a_socks_proxy_refuses_is_told),
	    cmocka_unit_test(a_proxy_that_is_not_there_is_told),
	    cmocka_unit_test(a_tunnel_may_be_given_up),
	};

	loop_process_init();
	return cmocka_run_group_tests(
	    tests, group_authority_open, group_authority_close);
}
