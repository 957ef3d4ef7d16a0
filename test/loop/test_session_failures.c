/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The session: an endpoint that fails, and the pauses before it is asked
 * again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "site.h"
#include "upstream/upstream.h"

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step fails[] = {APP_500, END};
static const struct peer_step page[] = {APP_PAGE, END};

/* Every one of many waits gets the error, and one request was made. */
static void
check_failure(
    const struct peer_step *answer, enum ac_error_code code, const char *said)
{
	struct site site = {.peer = NULL};
	struct waiter waiters[10] = {{.times = 0}};
	struct waiter late = {.times = 0};

	site_open(&site);
	peer_route(site.peer, PATH_SESSION, answer);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_start(&waiters[i], &site);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++) {
		waiter_wait_for_error(&waiters[i], code);
		if (strstr(waiters[i].error.message, said) == NULL)
			fail_msg("it says: %s", waiters[i].error.message);
	}
	/* Who comes within the pause gets the same. */
	waiter_start(&late, &site);
	waiter_wait_for_error(&late, code);
	assert_string_equal(late.error.message, waiters[0].error.message);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	assert_null(ac_session_token(site.upstream->session));
	site_close(&site);
}

static void
a_refusal_is_told_with_its_reason(void **state)
{
	static const struct peer_step json[] = {
	    SEND(APP_HEAD("403 Forbidden",
		"Content-Type: application/json\r\n") "2b\r\n{\"error\":\"Invalid request - no user agent\"}\r\n" APP_END),
	    END};
	static const struct peer_step busy[] = {
	    SEND(APP_HEAD("429 Too Many", "Retry-After: 7\r\n") APP_END), END};
	static const struct peer_step moved[] = {
	    SEND(APP_HEAD("308 Moved", "Location: /elsewhere/\r\n") APP_END),
	    END};
	static const struct peer_step secret[] = {
	    SEND(APP_HEAD("302 Found",
		"Location: https://joe:p@ss@a.example/b@c?code=d#e\r\n")
		    APP_END),
	    END};

	AC_UNUSED(state);
	check_failure(fails, AC_ERROR_UPSTREAM_SESSION, "HTTP 500");
	check_failure(
	    json, AC_ERROR_UPSTREAM_SESSION, "Invalid request - no user agent");
	check_failure(page, AC_ERROR_UPSTREAM_CHALLENGE, "in front of");
	check_failure(busy, AC_ERROR_RATE_LIMIT, "429");
	check_failure(moved, AC_ERROR_UPSTREAM_SESSION, "'/elsewhere/'");
	check_failure(
	    secret, AC_ERROR_UPSTREAM_SESSION, "'https://a.example/b@c'");
}

static void
an_answer_without_a_usable_cookie_is_a_failure(void **state)
{
	static const char *const cookies[] = {
	    "X: y",
	    "Set-Cookie: session_token=; Max-Age=600",
	    "Set-Cookie: session_token=\"aaa\"; Max-Age=600",
	    "Set-Cookie: session_token=a b; Max-Age=600",
	    "Set-Cookie: session_token=aaa; Max-Age=0",
	    "Set-Cookie: session_token=aaa; Max-Age=-1",
	    "Set-Cookie: other=aaa; Max-Age=600",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cookies); i++) {
		char *answer = ac_asprintf(
		    "HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n",
		    cookies[i]);
		struct peer_step script[] = {SEND(answer), END};

		check_failure(script, AC_ERROR_UPSTREAM_SESSION, "session");
		free(answer);
	}
}

static void
a_cookie_with_another_status_is_a_failure(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 500 Oh\r\n"
		 "Set-Cookie: session_token=aaa; Max-Age=600\r\n"
		 "Content-Length: 0\r\n\r\n"),
	    END};

	AC_UNUSED(state);
	check_failure(script, AC_ERROR_UPSTREAM_SESSION, "HTTP 500");
}

static void
a_broken_connection_is_a_failure(void **state)
{
	static const struct peer_step closes[] = {CLOSE, END};
	static const struct peer_step resets[] = {RESET, END};
	/* With a cookie in the head, but never whole. */
	static const struct peer_step cuts[] = {
	    SEND("HTTP/1.1 200 OK\r\n"
		 "Set-Cookie: session_token=aaa; Max-Age=600\r\n"
		 "Content-Length: 10\r\n\r\n{"),
	    WAIT(0), CLOSE, END};

	AC_UNUSED(state);
	check_failure(closes, AC_ERROR_UPSTREAM, "closed");
	check_failure(resets, AC_ERROR_UPSTREAM, "closed");
	check_failure(cuts, AC_ERROR_UPSTREAM, "closed");
}

static void
a_refused_connection_is_a_failure(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiters[10] = {{.times = 0}};
	char url[64];

	AC_UNUSED(state);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u",
	    (unsigned)peer_dead_port());
	site.no_url = url;
	site_open(&site);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_start(&waiters[i], &site);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_wait_for_error(
		    &waiters[i], AC_ERROR_UPSTREAM_UNREACHABLE);
	site_close(&site);
}

/* A burst of waits until the endpoint is asked for the nth time; how long
 * that takes. Each of them but the last gets an error at once. */
static int64_t
burst_until_asked(struct site *site, size_t times)
{
	int64_t start = ac_clock_ms();

	while (peer_asked(site->peer, PATH_SESSION) < times) {
		struct waiter waiter = {.times = 0};

		waiter_start(&waiter, site);
		waiter_wait_for_error(&waiter, AC_ERROR_UPSTREAM_SESSION);
		loop_for(&site->loop, 10);
		assert_true(ac_clock_ms() - start < 8000);
	}
	return ac_clock_ms() - start;
}

static void
the_endpoint_is_asked_again_after_growing_pauses(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiter = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, fails);
	peer_route(site.peer, PATH_SESSION, fails);
	peer_route(site.peer, PATH_SESSION, fails);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, fails);
	burst_until_asked(&site, 1);
	assert_in_range(burst_until_asked(&site, 2), 400, 950);
	assert_in_range(burst_until_asked(&site, 3), 900, 1700);
	loop_for(&site.loop, 2050);
	/* Nobody waited: nobody asked. */
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 3);
	site_get_token(&site, "aaa");
	/* After a success the pauses begin anew. */
	ac_session_reject(site.upstream->session, "aaa");
	waiter_start(&waiter, &site);
	waiter_wait_for_error(&waiter, AC_ERROR_UPSTREAM_SESSION);
	assert_in_range(burst_until_asked(&site, 6), 400, 950);
	site_close(&site);
}

static void
within_start_other(struct waiter *waiter)
{
	waiter_start(waiter->other, waiter->site);
}

static void
a_wait_that_starts_within_a_failure_gets_it_too(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter first = {.within = within_start_other};
	struct waiter second = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, fails);
	first.other = &second;
	waiter_start(&first, &site);
	waiter_wait_for_error(&first, AC_ERROR_UPSTREAM_SESSION);
	waiter_wait_for_error(&second, AC_ERROR_UPSTREAM_SESSION);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_close(&site);
}

static void
a_wait_within_the_pause_can_be_cancelled(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter first = {.times = 0};
	struct waiter second = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, fails);
	waiter_start(&first, &site);
	waiter_wait_for_error(&first, AC_ERROR_UPSTREAM_SESSION);
	waiter_start(&second, &site);
	waiter_cancel(&second);
	loop_turns(&site.loop, 3);
	assert_int_equal(second.times, 0);
	site_close(&site);
}

struct turn {
	struct site *site;
	struct waiter waiter;
	int pipe[2];
};

static void
on_pipe(evutil_socket_t fd, short what, void *arg)
{
	struct turn *turn = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	waiter_start(&turn->waiter, turn->site);
}

/* The wait begins in the turn of the loop in which the failure is read, just
 * before that. (epoll tells what is ready in the order of its becoming so.) */
static void
a_renewal_that_fails_is_no_error_while_the_old_token_serves(void **state)
{
	static const struct peer_step gives_a_for_2_s[] = {
	    APP_SESSION("aaa", "; Max-Age=2"), END};
	static const struct peer_step fails_gated[] = {GATE, APP_500, END};
	struct site site = {.peer = NULL};
	struct turn turn = {.site = &site, .waiter.site = &site};
	struct event *event;

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_for_2_s);
	peer_route(site.peer, PATH_SESSION, fails_gated);
	site_get_token(&site, "aaa");
	assert_non_null(ac_session_token(site.upstream->session));
	LOOP_UNTIL(&site.loop, peer_asked(site.peer, PATH_SESSION) == 2);
	assert_int_equal(pipe(turn.pipe), 0);
	event =
	    event_new(site.loop.base, turn.pipe[0], EV_READ, on_pipe, &turn);
	event_add(event, NULL);
	loop_turns(&site.loop, 2);
	assert_int_equal(write(turn.pipe[1], "x", 1), 1);
	peer_open(site.peer);
	waiter_wait_for_token(&turn.waiter, "aaa");
	event_free(event);
	close(turn.pipe[0]);
	close(turn.pipe[1]);
	site_close(&site);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refusal_is_told_with_its_reason),
	    cmocka_unit_test(an_answer_without_a_usable_cookie_is_a_failure),
	    cmocka_unit_test(a_cookie_with_another_status_is_a_failure),
	    cmocka_unit_test(a_broken_connection_is_a_failure),
	    cmocka_unit_test(a_refused_connection_is_a_failure),
	    cmocka_unit_test(the_endpoint_is_asked_again_after_growing_pauses),
	    cmocka_unit_test(a_wait_that_starts_within_a_failure_gets_it_too),
	    cmocka_unit_test(a_wait_within_the_pause_can_be_cancelled),
	    cmocka_unit_test(
		a_renewal_that_fails_is_no_error_while_the_old_token_serves),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
