/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The session: one token for everybody, renewed while there is traffic,
 * replaced when it was refused. */
#include "upstream/session.h"

#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "site.h"
#include "upstream/upstream.h"

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step gives_b[] = {
    APP_SESSION("bbb", "; Max-Age=600"), END};
static const struct peer_step gives_c[] = {
    APP_SESSION("ccc", "; Max-Age=600"), END};
static const struct peer_step gives_a_gated[] = {
    GATE, APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step gives_a_for_2_s[] = {
    APP_SESSION("aaa", "; Max-Age=2"), END};

static const char *
token_of(struct site *site)
{
	return ac_session_token(site->upstream->session);
}

static void
a_hundred_waits_make_one_request(void **state)
{
	static struct waiter waiters[100];
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_start(&waiters[i], &site);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++) {
		waiter_wait_for_token(&waiters[i], "aaa");
		assert_int_equal(waiters[i].turn, waiters[0].turn + (int)i);
	}
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	assert_string_equal(token_of(&site), "aaa");
	site_close(&site);
}

static void
a_request_for_a_session_says_who_asks(void **state)
{
	struct site site = {.peer = NULL};
	const char *request;

	AC_UNUSED(state);
	site_open_with(&site, "UPSTREAM_USER_AGENT", "a test/1.0");
	peer_route(site.peer, PATH_SESSION, gives_a);
	site_get_token(&site, "aaa");
	request = site.peer->requests[0].text;
	assert_ptr_equal(strstr(request, "GET /api/auth/session/ "), request);
	assert_non_null(strstr(request, "\r\nUser-Agent: a test/1.0\r\n"));
	assert_null(strstr(request, "Cookie:"));
	site_close(&site);
}

static void
nothing_is_asked_before_somebody_waits(void **state)
{
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	assert_null(token_of(&site));
	loop_for(&site.loop, 30);
	assert_int_equal(site.peer->accepted, 0);
	site_close(&site);
}

static void
a_token_at_hand_is_told_without_a_request(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiters[3] = {{.times = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	site_get_token(&site, "aaa");
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_start(&waiters[i], &site);
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_wait_for_token(&waiters[i], "aaa");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_close(&site);
}

static void
a_session_is_renewed_in_time_while_there_is_traffic(void **state)
{
	static const struct peer_step gives_b_late[] = {
	    GATE, APP_SESSION("bbb", "; Max-Age=600"), END};
	struct site site = {.peer = NULL};
	int64_t start;

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_for_2_s);
	peer_route(site.peer, PATH_SESSION, gives_b_late);
	site_get_token(&site, "aaa");
	start = ac_clock_ms();
	assert_string_equal(token_of(&site), "aaa");
	LOOP_UNTIL(&site.loop, peer_asked(site.peer, PATH_SESSION) == 2);
	assert_in_range(ac_clock_ms() - start, 1550, 1870);
	/* The old one serves until the new one is there. */
	site_get_token(&site, "aaa");
	peer_open(site.peer);
	LOOP_UNTIL(&site.loop, strcmp(token_of(&site), "bbb") == 0);
	loop_for(&site.loop, 500);
	site_get_token(&site, "bbb");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	site_close(&site);
}

static void
a_session_is_not_renewed_without_traffic(void **state)
{
	static const struct peer_step gives_a_for_1_s[] = {
	    APP_SESSION("aaa", "; Max-Age=1"), END};
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_for_1_s);
	peer_route(site.peer, PATH_SESSION, gives_b);
	site_get_token(&site, "aaa");
	loop_for(&site.loop, 1300);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	/* It has ended, so the next one is waited for. */
	assert_null(token_of(&site));
	site_get_token(&site, "bbb");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	site_close(&site);
}

static void
traffic_after_the_time_of_renewal_renews_in_the_background(void **state)
{
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_for_2_s);
	peer_route(site.peer, PATH_SESSION, gives_b);
	site_get_token(&site, "aaa");
	loop_for(&site.loop, 1650);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_get_token(&site, "aaa");
	LOOP_UNTIL(&site.loop, strcmp(token_of(&site), "bbb") == 0);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	site_close(&site);
}

static void
a_renewal_that_fails_leaves_the_old_token(void **state)
{
	static const struct peer_step fails[] = {APP_500, END};
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_for_2_s);
	peer_route(site.peer, PATH_SESSION, fails);
	site_get_token(&site, "aaa");
	assert_string_equal(token_of(&site), "aaa");
	LOOP_UNTIL(&site.loop, peer_asked(site.peer, PATH_SESSION) == 2);
	loop_for(&site.loop, 50);
	site_get_token(&site, "aaa");
	assert_string_equal(token_of(&site), "aaa");
	site_close(&site);
}

static void
check_max_age(const struct peer_step *answer, const char *logged)
{
	struct site site = {.peer = NULL};

	site_open(&site);
	peer_route(site.peer, PATH_SESSION, answer);
	site_get_token(&site, "aaa");
	if (strstr(site.log, logged) == NULL)
		fail_msg("it says: %s", site.log);
	site_close(&site);
}

static void
the_age_of_a_session_is_its_cookies(void **state)
{
	static const struct peer_step none[] = {APP_SESSION("aaa", ""), END};
	static const struct peer_step bad[] = {
	    APP_SESSION("aaa", "; Max-Age=soon"), END};
	static const struct peer_step hour[] = {
	    APP_SESSION("aaa", "; max-age=3600"), END};
	static const struct peer_step last[] = {
	    APP_SESSION("aaa", "; Max-Age=1; Max-Age=77"), END};

	AC_UNUSED(state);
	check_max_age(none, "max_age_s=600");
	check_max_age(bad, "max_age_s=600");
	check_max_age(hour, "max_age_s=3600");
	check_max_age(last, "max_age_s=77");
}

static void
the_session_is_found_among_other_cookies(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 200 OK\r\n"
		 "Set-Cookie: other=1; Path=/\r\n"
		 "Set-Cookie: xsession_token=no; Max-Age=1\r\n"
		 "Set-Cookie: session_token2=no; Max-Age=1\r\n"
		 "set-cookie: session_token=aaa; Max-Age=600\r\n"
		 "Set-Cookie: last=1\r\n"
		 "Content-Length: 0\r\n\r\n"),
	    END};
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, script);
	site_get_token(&site, "aaa");
	site_close(&site);
}

static void
refusing_an_old_token_does_nothing(void **state)
{
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	site_get_token(&site, "aaa");
	ac_session_reject(site.upstream->session, "zzz");
	ac_session_reject(site.upstream->session, "");
	ac_session_reject(site.upstream->session, "aa");
	assert_string_equal(token_of(&site), "aaa");
	site_get_token(&site, "aaa");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_close(&site);
}

static void
refusing_the_token_leads_to_one_request(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiters[20] = {{.times = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	peer_route(site.peer, PATH_SESSION, gives_c);
	site_get_token(&site, "aaa");
	/* Twenty calls learn at once that it is stale. */
	for (size_t i = 0; i < AC_LENGTH(waiters); i++) {
		ac_session_reject(site.upstream->session, "aaa");
		assert_null(token_of(&site));
		waiter_start(&waiters[i], &site);
	}
	for (size_t i = 0; i < AC_LENGTH(waiters); i++)
		waiter_wait_for_token(&waiters[i], "bbb");
	/* One more comes late with the old one. */
	ac_session_reject(site.upstream->session, "aaa");
	site_get_token(&site, "bbb");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	site_close(&site);
}

/* The wait has begun while the token was there. */
static void
a_wait_outlives_the_refusal_of_the_token(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiter = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	site_get_token(&site, "aaa");
	waiter_start(&waiter, &site);
	ac_session_reject(site.upstream->session, "aaa");
	waiter_wait_for_token(&waiter, "bbb");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	site_close(&site);
}

static void
within_refuse(struct waiter *waiter)
{
	ac_session_reject(waiter->site->upstream->session, waiter->token);
}

/* Nobody is told of a token that is no more, and nobody is forgotten. */
static void
a_token_may_be_refused_within_a_wait(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter first = {.within = within_refuse};
	struct waiter second = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	waiter_start(&first, &site);
	waiter_start(&second, &site);
	waiter_wait_for_token(&first, "aaa");
	LOOP_UNTIL(&site.loop, second.times > 0);
	assert_null(second.problem);
	assert_int_equal(second.error.code, AC_ERROR_NONE);
	assert_true(strlen(second.token) > 0);
	site_close(&site);
}

static void
waits_can_be_cancelled_in_every_order(void **state)
{
	enum { COUNT = 4, ORDERS = 24 };
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	for (int order = 0; order < ORDERS * (COUNT + 1); order++) {
		struct waiter waiters[COUNT] = {{.times = 0}};
		size_t left = (size_t)(order / ORDERS);
		int code = order % ORDERS;

		ac_session_reject(site.upstream->session, "aaa");
		for (size_t i = 0; i < COUNT; i++)
			waiter_start(&waiters[i], &site);
		loop_turns(&site.loop, order % 3);
		for (size_t n = COUNT; n > left; n--) {
			size_t nth = (size_t)code % n;
			size_t i = 0;

			code /= (int)n;
			/* The nth of those that still wait. */
			while (waiters[i].wait == NULL || nth-- > 0)
				i++;
			waiter_cancel(&waiters[i]);
			waiters[i].times = -1;
		}
		site_get_token(&site, "aaa");
		for (size_t i = 0; i < COUNT; i++) {
			assert_null(waiters[i].wait);
			assert_int_equal(waiters[i].times,
			    waiters[i].token[0] == '\0' ? -1 : 1);
		}
	}
	site_close(&site);
}

static void
within_cancel_others(struct waiter *waiter)
{
	for (size_t i = 0; i < waiter->other_count; i++) {
		if (&waiter->other[i] != waiter &&
		    waiter->other[i].wait != NULL)
			waiter_cancel(&waiter->other[i]);
	}
}

static void
waits_can_be_cancelled_within_another(void **state)
{
	enum { COUNT = 4 };
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	for (size_t killer = 0; killer < COUNT; killer++) {
		for (size_t from = 0; from < COUNT; from++) {
			struct waiter waiters[COUNT] = {{.times = 0}};

			ac_session_reject(site.upstream->session, "aaa");
			waiters[killer].within = within_cancel_others;
			waiters[killer].other = &waiters[from];
			waiters[killer].other_count = COUNT - from;
			for (size_t i = 0; i < COUNT; i++)
				waiter_start(&waiters[i], &site);
			waiter_wait_for_token(&waiters[killer], "aaa");
			loop_turns(&site.loop, 3);
			for (size_t i = 0; i < COUNT; i++)
				assert_int_equal(
				    waiters[i].times, i <= killer || i < from);
		}
	}
	site_close(&site);
}

static void
within_start_other(struct waiter *waiter)
{
	waiter_start(waiter->other, waiter->site);
}

static void
a_wait_can_be_started_within_another(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter first = {.within = within_start_other};
	struct waiter second = {.within = within_start_other};
	struct waiter third = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	first.other = &second;
	second.other = &third;
	waiter_start(&first, &site);
	waiter_wait_for_token(&first, "aaa");
	waiter_wait_for_token(&second, "aaa");
	waiter_wait_for_token(&third, "aaa");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_close(&site);
}

static void
a_request_outlives_those_who_waited_for_it(void **state)
{
	struct site site = {.peer = NULL};
	struct waiter waiter = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a_gated);
	waiter_start(&waiter, &site);
	LOOP_UNTIL(&site.loop, peer_asked(site.peer, PATH_SESSION) == 1);
	waiter_cancel(&waiter);
	peer_open(site.peer);
	LOOP_UNTIL(&site.loop, token_of(&site) != NULL);
	assert_string_equal(token_of(&site), "aaa");
	assert_int_equal(waiter.times, 0);
	site_close(&site);
}

static void
a_session_can_be_freed_while_it_is_fetched(void **state)
{
	AC_UNUSED(state);
	for (int turns = 0; turns < 8; turns++) {
		struct site site = {.peer = NULL};
		struct waiter waiter = {.times = 0};

		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a_gated);
		waiter_start(&waiter, &site);
		loop_turns(&site.loop, turns);
		waiter_cancel(&waiter);
		site_close(&site);
		assert_int_equal(waiter.times, 0);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hundred_waits_make_one_request),
	    cmocka_unit_test(a_request_for_a_session_says_who_asks),
	    cmocka_unit_test(nothing_is_asked_before_somebody_waits),
	    cmocka_unit_test(a_token_at_hand_is_told_without_a_request),
	    cmocka_unit_test(
		a_session_is_renewed_in_time_while_there_is_traffic),
	    cmocka_unit_test(a_session_is_not_renewed_without_traffic),
	    cmocka_unit_test(
		traffic_after_the_time_of_renewal_renews_in_the_background),
	    cmocka_unit_test(a_renewal_that_fails_leaves_the_old_token),
	    cmocka_unit_test(the_age_of_a_session_is_its_cookies),
	    cmocka_unit_test(the_session_is_found_among_other_cookies),
	    cmocka_unit_test(refusing_an_old_token_does_nothing),
	    cmocka_unit_test(refusing_the_token_leads_to_one_request),
	    cmocka_unit_test(a_wait_outlives_the_refusal_of_the_token),
	    cmocka_unit_test(a_token_may_be_refused_within_a_wait),
	    cmocka_unit_test(waits_can_be_cancelled_in_every_order),
	    cmocka_unit_test(waits_can_be_cancelled_within_another),
	    cmocka_unit_test(a_wait_can_be_started_within_another),
	    cmocka_unit_test(a_request_outlives_those_who_waited_for_it),
	    cmocka_unit_test(a_session_can_be_freed_while_it_is_fetched),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
