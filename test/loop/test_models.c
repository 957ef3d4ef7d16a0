/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The list of models: fetched once, kept, and kept longer where no newer one
 * can be had. */
#include "upstream/models.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "site.h"
#include "upstream/upstream.h"

#define JSON_HEAD(status) \
	"HTTP/1.1 " status "\r\nContent-Type: application/json\r\n"

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step gives_b[] = {
    APP_SESSION("bbb", "; Max-Age=600"), END};
static const struct peer_step stale[] = {APP_STALE, END};
static const struct peer_step fails[] = {APP_500, END};
static const struct peer_step page[] = {APP_PAGE, END};
static const struct peer_step lists_x[] = {
    SEND(JSON_HEAD("200 OK") "Content-Length: 12\r\n\r\n[{\"id\":\"x\"}]"),
    END};
static const struct peer_step lists_y[] = {
    SEND(JSON_HEAD("200 OK") "Content-Length: 12\r\n\r\n[{\"id\":\"y\"}]"),
    END};

/* Somebody who waits for the list. */
struct reader {
	struct site *site;
	struct ac_models_wait *wait; /* NULL: over */
	bool started;
	int times;
	char ids[256];  /* of the list, each with a space behind it */
	int64_t window; /* of its first model */
	struct ac_error error;
	const char *problem;
	void (*within)(struct reader *reader);
	struct reader *other;
};

static void
print_ids(char *out, size_t size, const struct ac_model_list *list)
{
	size_t len = 0;

	*out = '\0';
	for (size_t i = 0; i < list->count && len < size; i++)
		len += (size_t)snprintf(
		    out + len, size - len, "%s ", list->models[i].id);
}

static void
on_list(
    const struct ac_model_list *list, const struct ac_error *error, void *arg)
{
	struct reader *reader = arg;

	if (!reader->started)
		reader->problem = "it was told before the start returned";
	if (reader->wait == NULL)
		reader->problem = "it was told when it was over";
	if ((list == NULL) == (error == NULL))
		reader->problem = "it was told neither or both";
	reader->wait = NULL;
	reader->times++;
	if (list != NULL) {
		print_ids(reader->ids, sizeof(reader->ids), list);
		reader->window = list->models[0].context_window;
	}
	if (error != NULL)
		reader->error = *error;
	if (reader->within != NULL)
		reader->within(reader);
}

static void
reader_start(struct reader *reader, struct site *site)
{
	reader->site = site;
	reader->wait =
	    ac_models_wait_start(site->upstream->models, on_list, reader);
	reader->started = true;
}

static void
reader_cancel(struct reader *reader)
{
	struct ac_models_wait *wait = reader->wait;

	reader->wait = NULL;
	ac_models_wait_cancel(wait);
}

static void
reader_wait(struct reader *reader)
{
	LOOP_UNTIL(&reader->site->loop, reader->times > 0);
	loop_turns(&reader->site->loop, 2);
	if (reader->problem != NULL)
		fail_msg("%s", reader->problem);
	assert_int_equal(reader->times, 1);
}

static void
check_list(struct site *site, const char *ids)
{
	struct reader reader = {.times = 0};

	reader_start(&reader, site);
	reader_wait(&reader);
	assert_string_equal(reader.ids, ids);
}

static void
the_list_is_fetched_once_for_many(void **state)
{
	struct site site = {.peer = NULL};
	struct reader readers[50] = {{.times = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_MODELS, lists_x);
	for (size_t i = 0; i < AC_LENGTH(readers); i++)
		reader_start(&readers[i], &site);
	for (size_t i = 0; i < AC_LENGTH(readers); i++) {
		reader_wait(&readers[i]);
		assert_string_equal(readers[i].ids, "x AkashGen ");
	}
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 1);
	assert_non_null(strstr(
	    site.peer->requests[1].text, "\r\nCookie: session_token=aaa\r\n"));
	/* And kept. */
	check_list(&site, "x AkashGen ");
	assert_non_null(ac_models_known(site.upstream->models));
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 1);
	site_close(&site);
}

static void
asking_what_is_known_fetches_on_the_side(void **state)
{
	struct site site = {.peer = NULL};
	const struct ac_model_list *list;

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_MODELS, lists_x);
	assert_null(ac_models_known(site.upstream->models));
	assert_null(ac_models_known(site.upstream->models));
	LOOP_UNTIL(&site.loop, ac_models_known(site.upstream->models) != NULL);
	list = ac_models_known(site.upstream->models);
	assert_non_null(ac_model_find(list, "x"));
	assert_non_null(ac_model_find(list, "AkashGen"));
	assert_null(ac_model_find(list, "X"));
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 1);
	site_close(&site);
}

static void
an_old_list_is_fetched_anew(void **state)
{
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open_with(&site, "MODELS_TTL", "1");
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_MODELS, lists_x);
	peer_route(site.peer, PATH_MODELS, lists_y);
	check_list(&site, "x AkashGen ");
	loop_for(&site.loop, 1050);
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 1);
	check_list(&site, "y AkashGen ");
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 2);
	site_close(&site);
}

static void
an_old_list_serves_where_no_newer_can_be_had(void **state)
{
	static const struct peer_step *const failures[] = {fails, page, stale};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(failures); i++) {
		struct site site = {.peer = NULL};

		site_open_with(&site, "MODELS_TTL", "1");
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_MODELS, lists_x);
		peer_route(site.peer, PATH_MODELS, failures[i]);
		check_list(&site, "x AkashGen ");
		loop_for(&site.loop, 1050);
		check_list(&site, "x AkashGen ");
		/* And is not asked for each time. */
		check_list(&site, "x AkashGen ");
		assert_in_range(peer_asked(site.peer, PATH_MODELS), 2, 3);
		site_close(&site);
	}
}

static void
a_list_that_cannot_be_had_is_told_with_the_reason(void **state)
{
	static const struct peer_step no_json[] = {
	    SEND(JSON_HEAD("200 OK") "Content-Length: 5\r\n\r\n[{{{{"), END};
	static const struct peer_step object[] = {
	    SEND(JSON_HEAD("200 OK") "Content-Length: 2\r\n\r\n{}"), END};
	static const struct peer_step closes[] = {CLOSE, END};
	static const struct {
		const struct peer_step *answer;
		enum ac_error_code code;
	} cases[] = {
	    {fails, AC_ERROR_UPSTREAM},
	    {page, AC_ERROR_UPSTREAM_CHALLENGE},
	    {no_json, AC_ERROR_UPSTREAM},
	    {object, AC_ERROR_UPSTREAM},
	    {closes, AC_ERROR_UPSTREAM},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct site site = {.peer = NULL};
		struct reader readers[5] = {{.times = 0}};
		struct reader late = {.times = 0};

		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_MODELS, cases[i].answer);
		for (size_t n = 0; n < AC_LENGTH(readers); n++)
			reader_start(&readers[n], &site);
		for (size_t n = 0; n < AC_LENGTH(readers); n++) {
			reader_wait(&readers[n]);
			assert_int_equal(readers[n].error.code, cases[i].code);
			assert_true(strlen(readers[n].error.message) > 0);
		}
		reader_start(&late, &site);
		reader_wait(&late);
		assert_int_equal(late.error.code, cases[i].code);
		site_close(&site);
	}
}

static void
a_session_that_cannot_be_had_is_the_lists_error(void **state)
{
	struct site site = {.peer = NULL};
	struct reader reader = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, fails);
	reader_start(&reader, &site);
	reader_wait(&reader);
	assert_int_equal(reader.error.code, AC_ERROR_UPSTREAM_SESSION);
	site_close(&site);
}

static void
a_stale_session_is_replaced_unseen(void **state)
{
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	peer_route(site.peer, PATH_MODELS, stale);
	peer_route(site.peer, PATH_MODELS, lists_x);
	check_list(&site, "x AkashGen ");
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 2);
	site_close(&site);
}

static void
a_second_stale_session_is_an_error(void **state)
{
	struct site site = {.peer = NULL};
	struct reader reader = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	peer_route(site.peer, PATH_MODELS, stale);
	reader_start(&reader, &site);
	reader_wait(&reader);
	assert_int_not_equal(reader.error.code, AC_ERROR_NONE);
	assert_int_equal(peer_asked(site.peer, PATH_MODELS), 2);
	site_close(&site);
}

/* What the list is read as: body, ids, window of the first. */
static void
the_list_is_read_leniently(void **state)
{
	static const struct {
		const char *body;
		const char *ids;
		int64_t window;
	} cases[] = {
	    {"[]", "AkashGen ", AC_CONTEXT_WINDOW_UNKNOWN},
	    {"[{\"id\":\"a\",\"available\":false},{\"id\":\"b\"}]",
		"b AkashGen ", AC_CONTEXT_WINDOW_UNKNOWN},
	    {"[{\"id\":\"a\",\"available\":true,\"tokenLimit\":128000},"
	     "{\"id\":\"b\",\"available\":null}]",
		"a b AkashGen ", 128000},
	    {"[{\"id\":\"AkashGen\"},{\"id\":\"a/b.c\"}]", "AkashGen a/b.c ",
		AC_CONTEXT_WINDOW_UNKNOWN},
	    {"[{\"id\":\"AkashGen\",\"available\":false}]", "AkashGen ",
		AC_CONTEXT_WINDOW_UNKNOWN},
	    {"[{\"id\":\"a\",\"tokenLimit\":-5},{\"id\":\"a\"},{\"id\":7},{},"
	     "null,3,\"x\",{\"id\":\"\"}]",
		"a AkashGen ", AC_CONTEXT_WINDOW_UNKNOWN},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char answer[512];
		struct peer_step script[] = {SEND(answer), END};
		struct site site = {.peer = NULL};
		struct reader reader = {.times = 0};

		snprintf(answer, sizeof(answer),
		    JSON_HEAD("200 OK") "Content-Length: %zu\r\n\r\n%s",
		    strlen(cases[i].body), cases[i].body);
		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_MODELS, script);
		reader_start(&reader, &site);
		reader_wait(&reader);
		assert_string_equal(reader.ids, cases[i].ids);
		assert_int_equal(reader.window, cases[i].window);
		site_close(&site);
	}
}

static void
within_cancel_other(struct reader *reader)
{
	if (reader->other->wait != NULL)
		reader_cancel(reader->other);
}

static void
a_wait_can_be_cancelled_within_another(void **state)
{
	AC_UNUSED(state);
	for (size_t killer = 0; killer < 3; killer++) {
		for (size_t victim = 0; victim < 3; victim++) {
			struct site site = {.peer = NULL};
			struct reader readers[3] = {{.times = 0}};

			site_open(&site);
			peer_route(site.peer, PATH_SESSION, gives_a);
			peer_route(site.peer, PATH_MODELS, lists_x);
			readers[killer].within = within_cancel_other;
			readers[killer].other = &readers[victim];
			for (size_t i = 0; i < 3; i++)
				reader_start(&readers[i], &site);
			reader_wait(&readers[killer]);
			loop_turns(&site.loop, 3);
			for (size_t i = 0; i < 3; i++)
				assert_int_equal(readers[i].times,
				    i != victim || victim <= killer);
			site_close(&site);
		}
	}
}

static void
the_list_can_be_freed_in_any_turn(void **state)
{
	bool over = false;

	AC_UNUSED(state);
	for (int turns = 0; !over; turns++) {
		struct site site = {.peer = NULL};
		struct reader reader = {.times = 0};

		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_SESSION, gives_b);
		peer_route(site.peer, PATH_MODELS, stale);
		peer_route(site.peer, PATH_MODELS, lists_x);
		reader_start(&reader, &site);
		loop_turns(&site.loop, turns);
		over = reader.times > 0;
		if (!over)
			reader_cancel(&reader);
		site_close(&site);
		assert_int_equal(reader.times, over);
		assert_true(turns < 200);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list_is_fetched_once_for_many),
	    cmocka_unit_test(asking_what_is_known_fetches_on_the_side),
	    cmocka_unit_test(an_old_list_is_fetched_anew),
	    cmocka_unit_test(an_old_list_serves_where_no_newer_can_be_had),
	    cmocka_unit_test(a_list_that_cannot_be_had_is_told_with_the_reason),
	    cmocka_unit_test(a_session_that_cannot_be_had_is_the_lists_error),
	    cmocka_unit_test(a_stale_session_is_replaced_unseen),
	    cmocka_unit_test(a_second_stale_session_is_an_error),
	    cmocka_unit_test(the_list_is_read_leniently),
	    cmocka_unit_test(a_wait_can_be_cancelled_within_another),
	    cmocka_unit_test(the_list_can_be_freed_in_any_turn),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
