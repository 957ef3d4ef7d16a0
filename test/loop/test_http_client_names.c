/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP client: host names, and hosts with more than one address. The
 * names are those of fake_dns.h. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/clock.h"
#include "call.h"
#include "certs.h"
#include "fake_dns.h"
#include "net/resolver.h"

static const struct peer_step answers_ok[] = {READ_REQUEST, ANSWER_OK, END};

static bool
has_ipv6(void)
{
	struct sockaddr_in6 address = {
	    .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool found = fd != -1 && bind(fd, (struct sockaddr *)&address,
				     sizeof(address)) == 0;

	if (fd != -1)
		close(fd);
	return found;
}

/* A call to a host that is told to have these addresses; the peer listens on
 * one of them. */
static void
check_reached(struct fake_dns *fake, const struct scene_wish *wish)
{
	struct scene scene;

	fake_dns_use(fake);
	scene_open(&scene, wish);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
a_name_of_the_hosts_file_is_reached(void **state)
{
	struct fake_dns fake = {.hosts = "127.0.0.1 site.test\n"};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	check_reached(&fake, &wish);
	assert_int_equal(fake.queries, 0);
}

static void
a_name_of_the_name_server_is_reached(void **state)
{
	static const struct fake_record records[] = {
	    {"site.test", "127.0.0.1", NULL}, {NULL, NULL, NULL}};
	struct fake_dns fake = {.hosts = "", .records = records};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	check_reached(&fake, &wish);
	assert_true(fake.queries > 0);
}

static void
a_refused_first_address_leads_to_the_next(void **state)
{
	struct fake_dns v6_first = {
	    .hosts = "::1 localhost\n127.0.0.1 localhost\n"};
	struct fake_dns v4_first = {
	    .hosts = "127.0.0.1 localhost\n::1 localhost\n"};
	struct scene_wish on_v4 = {.host = "localhost"};
	struct scene_wish on_v6 = {.host = "localhost", .peer_ip = "::1"};

	AC_UNUSED(state);
	if (!has_ipv6())
		skip();
	check_reached(&v6_first, &on_v4);
	check_reached(&v4_first, &on_v6);
}

static void
a_refused_address_leads_to_the_next_of_one_family(void **state)
{
	struct fake_dns fake = {.hosts = "127.0.0.9 site.test\n"
					 "127.0.0.8 site.test\n"
					 "127.0.0.1 site.test\n"};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	check_reached(&fake, &wish);
}

/* connect(2) fails at once, as it does where there is no route. */
static void
an_address_that_cannot_be_tried_leads_to_the_next(void **state)
{
	struct fake_dns fake = {
	    .hosts = "fe80::1 site.test\n127.0.0.1 site.test\n"};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	if (!has_ipv6())
		skip();
	check_reached(&fake, &wish);
}

static void
an_address_that_does_not_answer_leads_to_the_next(void **state)
{
	struct fake_dns fake = {
	    .hosts = "127.0.0.2 site.test\n127.0.0.1 site.test\n"};
	struct scene_wish wish = {
	    .host = "site.test",
	    .connect_timeout_ms = 300,
	};
	struct full_port full;
	struct scene scene;

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	full_port_open(&full, "127.0.0.2", scene.peer->port);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	full_port_close(&full);
	scene_close(&scene);
}

static void
a_host_whose_every_address_refuses_is_unreachable(void **state)
{
	struct fake_dns fake = {.hosts = "127.0.0.9 site.test\n"
					 "127.0.0.8 site.test\n"
					 "127.0.0.1 site.test\n"};
	struct scene_wish wish = {
	    .host = "site.test",
	    .port = peer_dead_port(),
	};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	scene_close(&scene);
}

/* What has been sent once is not sent to the next address. */
static void
a_lost_answer_does_not_lead_to_the_next_address(void **state)
{
	static const struct peer_step closes[] = {READ_REQUEST, CLOSE, END};
	struct fake_dns fake = {
	    .hosts = "127.0.0.1 site.test\n127.0.0.1 site.test\n"};
	struct scene_wish wish = {.host = "site.test"};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	peer_script(scene.peer, closes);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
a_certificate_that_is_refused_does_not_lead_to_the_next_address(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	struct fake_dns fake = {
	    .hosts = "127.0.0.1 other.test\n127.0.0.1 other.test\n"};
	struct scene_wish wish = {.host = "other.test"};
	struct authority authority;
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	peer_script(scene.peer, stalls);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_TLS);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
an_unknown_name_is_unreachable(void **state)
{
	struct fake_dns fake = {.hosts = ""};
	struct scene_wish wish = {.host = "nowhere.invalid"};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	assert_non_null(strstr(call.error.message, "no such host"));
	assert_non_null(strstr(call.error.message, "nowhere.invalid"));
	scene_close(&scene);
}

static void
a_name_server_that_does_not_answer_is_told(void **state)
{
	struct fake_dns fake = {.hosts = "", .is_silent = true};
	struct scene_wish wish = {.host = "site.test"};
	struct scene scene;
	struct call call = {.heads = 0};
	int64_t started = ac_clock_ms();

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	assert_non_null(strstr(call.error.message, "did not answer"));
	assert_in_range(ac_clock_ms() - started, 1000, 8000);
	scene_close(&scene);
}

static void
a_call_can_be_cancelled_while_the_name_is_looked_up(void **state)
{
	struct fake_dns fake = {.hosts = "", .is_silent = true};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	fake_dns_use(&fake);
	for (int turns = 0; turns < 6; turns++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		call_get(&call, &scene, "/");
		loop_turns(&scene.loop, turns);
		call_cancel(&call);
		loop_turns(&scene.loop, 3);
		assert_int_equal(call.dones, 0);
		assert_null(call.problem);
		scene_close(&scene);
	}
	assert_true(fake.queries > 0);
}

/* As when a server is freed in the middle. evdns gives its own things back
 * in the loop's next turn only. */
static void
a_lookup_that_was_cancelled_is_gone_in_the_next_turn(void **state)
{
	struct fake_dns fake = {.hosts = "", .is_silent = true};
	struct scene_wish wish = {.host = "site.test"};

	AC_UNUSED(state);
	fake_dns_use(&fake);
	for (int turns = 0; turns < 6; turns++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		call_get(&call, &scene, "/");
		loop_turns(&scene.loop, turns);
		call_cancel(&call);
		scene.turn_at_end = true;
		scene_close(&scene);
	}
}

static void
calls_at_once_look_the_name_up_each(void **state)
{
	static const struct fake_record records[] = {
	    {"site.test", "127.0.0.1", "::1"}, {NULL, NULL, NULL}};
	static struct call calls[20];
	struct fake_dns fake = {.hosts = "", .records = records};
	struct scene_wish wish = {.host = "site.test"};
	struct scene scene;

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_get(&calls[i], &scene, "/");
	for (size_t i = 0; i < AC_LENGTH(calls); i += 2)
		call_cancel(&calls[i]);
	for (size_t i = 1; i < AC_LENGTH(calls); i += 2)
		call_wait_for_success(&calls[i], 200, "ok");
	scene_close(&scene);
}

struct lookup {
	struct ac_resolution *resolution;
	bool started;
	bool early;
	int times;
	size_t count;
	char first[64];
};

static void
on_resolved(const struct ac_ip_list *ips, const char *why, void *arg)
{
	struct lookup *lookup = arg;

	lookup->early = !lookup->started;
	lookup->times++;
	lookup->count = ips == NULL ? 0 : ips->count;
	snprintf(lookup->first, sizeof(lookup->first), "%s",
	    ips == NULL ? why : ips->ips[0].text);
}

static void
lookup_start(struct lookup *lookup, struct scene *scene, const char *host)
{
	lookup->resolution =
	    ac_resolver_start(scene->resolver, host, on_resolved, lookup);
	lookup->started = true;
}

static void
a_name_is_told_once_and_from_the_loop(void **state)
{
	static const struct {
		const char *host;
		size_t count;
		const char *first;
	} cases[] = {
	    {"127.0.0.1", 1, "127.0.0.1"},
	    {"::1", 1, "::1"},
	    {"fd12::34", 1, "fd12::34"},
	    {"hosts.test", 1, "10.1.2.3"},
	    {"dns.test", 1, "10.4.5.6"},
	    {"many.test", AC_ADDRESSES_MAX, "10.0.0.1"},
	    {"nowhere.test", 0, "there is no such host"},
	};
	static const struct fake_record records[] = {
	    {"dns.test", "10.4.5.6", NULL}, {NULL, NULL, NULL}};
	struct fake_dns fake = {
	    .hosts = "10.1.2.3 hosts.test\n"
		     "10.0.0.1 many.test\n10.0.0.2 many.test\n"
		     "10.0.0.3 many.test\n10.0.0.4 many.test\n"
		     "10.0.0.5 many.test\n10.0.0.6 many.test\n"
		     "10.0.0.7 many.test\n10.0.0.8 many.test\n"
		     "10.0.0.9 many.test\n10.0.0.10 many.test\n",
	    .records = records,
	};
	struct scene scene;

	AC_UNUSED(state);
	fake_dns_use(&fake);
	scene_open(&scene, NULL);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct lookup lookup = {.times = 0};
		struct lookup cancelled = {.times = 0};

		lookup_start(&lookup, &scene, cases[i].host);
		lookup_start(&cancelled, &scene, cases[i].host);
		ac_resolution_cancel(cancelled.resolution);
		LOOP_UNTIL(&scene.loop, lookup.times > 0);
		loop_turns(&scene.loop, 3);
		assert_false(lookup.early);
		assert_int_equal(lookup.times, 1);
		assert_int_equal(lookup.count, cases[i].count);
		assert_string_equal(lookup.first, cases[i].first);
		assert_int_equal(cancelled.times, 0);
	}
	scene_close(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_told_once_and_from_the_loop),
	    cmocka_unit_test(a_name_of_the_hosts_file_is_reached),
	    cmocka_unit_test(a_name_of_the_name_server_is_reached),
	    cmocka_unit_test(a_refused_first_address_leads_to_the_next),
	    cmocka_unit_test(a_refused_address_leads_to_the_next_of_one_family),
	    cmocka_unit_test(an_address_that_cannot_be_tried_leads_to_the_next),
	    cmocka_unit_test(an_address_that_does_not_answer_leads_to_the_next),
	    cmocka_unit_test(a_host_whose_every_address_refuses_is_unreachable),
	    cmocka_unit_test(a_lost_answer_does_not_lead_to_the_next_address),
	    cmocka_unit_test(
		a_certificate_that_is_refused_does_not_lead_to_the_next_address),
	    cmocka_unit_test(an_unknown_name_is_unreachable),
	    cmocka_unit_test(a_name_server_that_does_not_answer_is_told),
	    cmocka_unit_test(calls_at_once_look_the_name_up_each),
	    cmocka_unit_test(
		a_call_can_be_cancelled_while_the_name_is_looked_up),
	    cmocka_unit_test(
		a_lookup_that_was_cancelled_is_gone_in_the_next_turn),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
