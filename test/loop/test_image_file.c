/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A picture of the site, handed on as it comes: what is one, what is none,
 * and how it ends. */
#include "upstream/image_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/buf.h"
#include "site.h"
#include "upstream/upstream.h"

#define PATH_PICTURE "/api/image/a.png"
#define NAME         "a.png"
#define PNG          "\x89PNG\r\n\x1a\n"
#define PNG_TYPE     "Content-Type: image/png\r\n"
#define LINE_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"
#define CHUNK_64 "40\r\n" LINE_64 "\r\n"

enum { USUAL_MAX = 1000, KEPT_MAX = 4096 };

enum when {
	NEVER,
	ON_HEAD,
	ON_DATA,
};

/* Somebody who wants a picture. */
struct viewer {
	struct site *site;
	struct ac_image_file *file; /* NULL: over */
	bool started;
	enum when cancels;
	enum when pauses;
	int heads;
	int times; /* of on_done */
	char type[32];
	int64_t length;
	size_t received;
	struct ac_buf kept; /* owned: the first of it */
	struct ac_error error;
	const char *problem;
};

static void
act(struct viewer *viewer, enum when now)
{
	if (viewer->pauses == now)
		ac_image_file_pause(viewer->file);
	if (viewer->cancels != now)
		return;
	ac_image_file_cancel(viewer->file);
	viewer->file = NULL;
}

static void
on_head(const struct ac_image_head *head, void *arg)
{
	struct viewer *viewer = arg;

	if (!viewer->started || viewer->file == NULL || viewer->heads > 0)
		viewer->problem = "a head out of turn";
	viewer->heads++;
	viewer->length = head->length;
	snprintf(viewer->type, sizeof(viewer->type), "%s", head->type);
	act(viewer, ON_HEAD);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct viewer *viewer = arg;
	size_t len = evbuffer_get_length(data);
	char piece[KEPT_MAX];

	if (viewer->heads != 1 || viewer->file == NULL || len == 0)
		viewer->problem = "data out of turn";
	viewer->received += len;
	if (len <= viewer->kept.max - viewer->kept.len) {
		evbuffer_copyout(data, piece, len);
		assert_true(ac_buf_add(&viewer->kept, piece, len));
	}
	evbuffer_drain(data, len);
	act(viewer, ON_DATA);
}

static void
on_done(const struct ac_error *error, void *arg)
{
	struct viewer *viewer = arg;

	if (!viewer->started || viewer->file == NULL)
		viewer->problem = "an end out of turn";
	if (error == NULL && viewer->heads == 0)
		viewer->problem = "a good end without a head";
	viewer->file = NULL;
	viewer->times++;
	if (error != NULL)
		viewer->error = *error;
}

static const struct ac_image_file_handlers handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

static void
viewer_start(struct viewer *viewer, struct site *site, const char *name,
    const char *query, size_t max)
{
	viewer->site = site;
	ac_buf_init(&viewer->kept, KEPT_MAX);
	viewer->file = ac_image_file_start(
	    &site->upstream->site, name, query, max, &handlers, viewer);
	viewer->started = true;
}

static void
viewer_wait(struct viewer *viewer)
{
	LOOP_UNTIL(&viewer->site->loop, viewer->times > 0);
	loop_turns(&viewer->site->loop, 2);
	if (viewer->problem != NULL)
		fail_msg("%s", viewer->problem);
	assert_int_equal(viewer->times, 1);
}

static void
expect_picture(struct viewer *viewer, const char *type, const char *data)
{
	viewer_wait(viewer);
	if (viewer->error.code != AC_ERROR_NONE)
		fail_msg("an error: %s", viewer->error.message);
	assert_string_equal(viewer->type, type);
	assert_int_equal(viewer->received, strlen(data));
	assert_memory_equal(viewer->kept.data, data, viewer->received);
	ac_buf_clear(&viewer->kept);
}

static void
expect_error(struct viewer *viewer, int heads, enum ac_error_code code,
    const char *words)
{
	viewer_wait(viewer);
	assert_int_equal(viewer->heads, heads);
	if (viewer->error.code != code ||
	    strstr(viewer->error.message, words) == NULL)
		fail_msg("error %d: %s", (int)viewer->error.code,
		    viewer->error.message);
	ac_buf_clear(&viewer->kept);
}

/* A script for a picture. */
static void
check_picture(const struct peer_step *script, const char *type,
    const char *data, int64_t length)
{
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};

	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, script);
	viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
	expect_picture(&viewer, type, data);
	assert_int_equal(viewer.length, length);
	site_close(&site);
}

#define WHOLE(type, data, len)                        \
	SEND("HTTP/1.1 200 OK\r\nContent-Type: " type \
	     "\r\nContent-Length: " len "\r\n\r\n" data)

static void
each_kind_of_picture_is_handed_on(void **state)
{
	static const struct peer_step png[] = {
	    WHOLE("image/png", PNG "more", "12"), END};
	static const struct peer_step jpeg[] = {
	    WHOLE("image/jpeg", "\xff\xd8\xff\xe0 more than twelve", "21"),
	    END};
	static const struct peer_step webp[] = {
	    WHOLE("image/webp", "RIFF1234WEBPVP8 ", "16"), END};
	static const struct peer_step gif[] = {
	    WHOLE("image/gif; x=y", "GIF89a123456789", "15"), END};

	AC_UNUSED(state);
	check_picture(png, "image/png", PNG "more", 12);
	check_picture(
	    jpeg, "image/jpeg", "\xff\xd8\xff\xe0 more than twelve", 21);
	check_picture(webp, "image/webp", "RIFF1234WEBPVP8 ", 16);
	check_picture(gif, "image/gif", "GIF89a123456789", 15);
}

/* As the app sends: in chunks, without a length. */
static void
a_picture_may_come_in_pieces(void **state)
{
	static const struct peer_step bytes[] = {
	    SEND_BYTES(APP_HEAD(
		"200 OK", PNG_TYPE) "8\r\n" PNG "\r\n6\r\nabcdef\r\n" APP_END),
	    END};
	static const struct peer_step pieces[] = {
	    SEND(APP_HEAD("200 OK", PNG_TYPE) "3\r\n\x89PN\r\n"), WAIT(5),
	    SEND("5\r\nG\r\n\x1a\n\r\n"), WAIT(5), SEND("6\r\nabcdef\r\n"),
	    WAIT(5), SEND(APP_END), END};
	static const struct peer_step until_close[] = {
	    SEND("HTTP/1.1 200 OK\r\n" PNG_TYPE "\r\n" PNG "abcdef"), CLOSE,
	    END};

	AC_UNUSED(state);
	check_picture(bytes, "image/png", PNG "abcdef", -1);
	check_picture(pieces, "image/png", PNG "abcdef", -1);
	check_picture(until_close, "image/png", PNG "abcdef", -1);
}

static void
a_picture_smaller_than_any_magic_is_one(void **state)
{
	static const struct peer_step png[] = {
	    WHOLE("image/png", PNG, "8"), END};
	static const struct peer_step jpeg[] = {
	    WHOLE("image/png", "\xff\xd8\xff", "3"), END};

	AC_UNUSED(state);
	check_picture(png, "image/png", PNG, 8);
	check_picture(jpeg, "image/jpeg", "\xff\xd8\xff", 3);
}

/* Seen at the site: a PNG that is called image/webp. */
static void
the_type_is_the_bytes_not_the_headers(void **state)
{
	static const struct peer_step script[] = {
	    WHOLE("image/webp", PNG "more", "12"), END};

	AC_UNUSED(state);
	check_picture(script, "image/png", PNG "more", 12);
}

static void
a_request_asks_for_the_name_with_its_query(void **state)
{
	static const struct peer_step script[] = {
	    WHOLE("image/png", PNG, "8"), END};
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};
	const char *request;

	AC_UNUSED(state);
	site_open_with(&site, "UPSTREAM_COOKIES", "cf=1");
	peer_route(site.peer, PATH_PICTURE, script);
	viewer_start(&viewer, &site, NAME, "t=1&s=%2F", USUAL_MAX);
	expect_picture(&viewer, "image/png", PNG);
	request = site.peer->requests[0].text;
	assert_ptr_equal(
	    strstr(request, "GET /api/image/a.png?t=1&s=%2F HTTP/1.1\r\n"),
	    request);
	assert_non_null(strstr(request, "\r\nUser-Agent: "));
	assert_non_null(strstr(request, "\r\nCookie: cf=1\r\n"));
	site_close(&site);
}

static void
check_error(
    const struct peer_step *script, enum ac_error_code code, const char *words)
{
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};

	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, script);
	viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
	expect_error(&viewer, 0, code, words);
	assert_int_equal(viewer.received, 0);
	site_close(&site);
}

#define REFUSAL(status, type, body, len)                          \
	{                                                         \
		SEND("HTTP/1.1 " status "\r\nContent-Type: " type \
		     "\r\nContent-Length: " len "\r\n\r\n" body), \
		    END                                           \
	}

static void
what_is_no_picture_is_told(void **state)
{
	static const struct {
		struct peer_step script[2];
		enum ac_error_code code;
		const char *words;
	} refusals[] = {
	    {REFUSAL("404 Not Found", "application/json",
		 "{\"error\":\"Image not found\"}", "27"),
		AC_ERROR_IMAGE_NOT_FOUND, "no picture of this name"},
	    {REFUSAL("404 Not Found", "text/html", "<html>", "6"),
		AC_ERROR_IMAGE_NOT_FOUND, "no picture of this name"},
	    {REFUSAL("404 Not Found", "image/png", PNG, "8"),
		AC_ERROR_IMAGE_NOT_FOUND, "no picture of this name"},
	    {REFUSAL("500 Internal Server Error", "application/json",
		 "{\"error\":\"Failed to fetch image\"}", "33"),
		AC_ERROR_UPSTREAM, "Failed to fetch image"},
	    {REFUSAL("500 Internal Server Error", "image/png", PNG, "8"),
		AC_ERROR_UPSTREAM, "HTTP 500"},
	    {REFUSAL("403 Forbidden", "text/html", "<html>", "6"),
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of"},
	    {REFUSAL("200 OK", "text/html", "<html>", "6"),
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of"},
	    {REFUSAL("200 OK", "application/json", "{}", "2"),
		AC_ERROR_UPSTREAM, "is not the picture"},
	    {REFUSAL("200 OK", "image/svg+xml", "<svg/>", "6"),
		AC_ERROR_UPSTREAM, "is not the picture"},
	    {REFUSAL("200 OK", "text/plain", PNG "1234", "12"),
		AC_ERROR_UPSTREAM, "is not the picture"},
	    {REFUSAL("200 OK", "image/png", "<html><script>", "14"),
		AC_ERROR_UPSTREAM, "is no picture"},
	    {REFUSAL("200 OK", "image/png", "<svg>", "5"), AC_ERROR_UPSTREAM,
		"is no picture"},
	    {REFUSAL("200 OK", "image/png", "", "0"), AC_ERROR_UPSTREAM,
		"is no picture"},
	    {REFUSAL("308 Permanent Redirect", "text/plain", "", "0"),
		AC_ERROR_UPSTREAM, "moved the picture"},
	    {REFUSAL("429 Too Many Requests", "text/plain", "", "0"),
		AC_ERROR_RATE_LIMIT, "rate"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(refusals); i++)
		check_error(
		    refusals[i].script, refusals[i].code, refusals[i].words);
}

static void
a_connection_that_fails_is_told(void **state)
{
	static const struct peer_step closes[] = {CLOSE, END};
	static const struct peer_step cuts_early[] = {
	    WHOLE("image/png", "\x89PN", "20"), CLOSE, END};
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};

	AC_UNUSED(state);
	check_error(closes, AC_ERROR_UPSTREAM, "answer failed");
	check_error(cuts_early, AC_ERROR_UPSTREAM, "answer failed");
	site_open(&site);
	peer_refuse(site.peer);
	viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
	expect_error(&viewer, 0, AC_ERROR_UPSTREAM_UNREACHABLE, "reached");
	site_close(&site);
}

static void
a_picture_that_is_cut_has_no_good_end(void **state)
{
	static const struct peer_step cuts[] = {
	    WHOLE("image/png", PNG "more", "20"), CLOSE, END};
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, cuts);
	viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
	expect_error(&viewer, 1, AC_ERROR_UPSTREAM, "answer failed");
	assert_int_equal(viewer.received, 12);
	site_close(&site);
}

static void
a_picture_may_be_as_large_as_is_allowed(void **state)
{
	static const struct peer_step exact[] = {
	    WHOLE("image/png", PNG "more", "12"), END};
	static const struct peer_step exact_chunked[] = {
	    SEND(APP_HEAD("200 OK", PNG_TYPE) "c\r\n" PNG "more\r\n" APP_END),
	    END};
	static const struct peer_step *const scripts[] = {exact, exact_chunked};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct site site = {.peer = NULL};
		struct viewer fits = {.times = 0}, does_not = {.times = 0};

		site_open(&site);
		peer_route(site.peer, PATH_PICTURE, scripts[i]);
		viewer_start(&fits, &site, NAME, NULL, 12);
		expect_picture(&fits, "image/png", PNG "more");
		viewer_start(&does_not, &site, NAME, NULL, 11);
		expect_error(
		    &does_not, 0, AC_ERROR_UPSTREAM, "larger than 11 bytes");
		site_close(&site);
	}
}

static void
a_picture_that_turns_out_too_large_is_given_up(void **state)
{
	static const struct peer_step floods[] = {
	    SEND(APP_HEAD("200 OK", PNG_TYPE) "c\r\n" PNG "1234\r\n"),
	    REPEAT(CHUNK_64, 1 * MB), STALL, END};
	struct site site = {.peer = NULL};
	struct viewer viewer = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, floods);
	viewer_start(&viewer, &site, NAME, NULL, 1 * MB);
	expect_error(&viewer, 1, AC_ERROR_UPSTREAM, "larger than");
	assert_in_range(viewer.received, 512 * KB, 1 * MB);
	LOOP_UNTIL(&site.loop, peer_was_left(site.peer, 0));
	site_close(&site);
}

static void
a_name_that_is_none_is_not_asked_for(void **state)
{
	static const char *const names[] = {"", "../models/", "a", ".png",
	    "a/b.png", "a.png?x", "a.png\r\nX: y"};
	struct site site = {.peer = NULL};

	AC_UNUSED(state);
	site_open(&site);
	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		struct viewer viewer = {.times = 0};
		struct viewer leaver = {.times = 0};

		viewer_start(&viewer, &site, names[i], NULL, USUAL_MAX);
		viewer_start(&leaver, &site, names[i], NULL, USUAL_MAX);
		ac_image_file_cancel(leaver.file);
		expect_error(&viewer, 0, AC_ERROR_IMAGE_NOT_FOUND, "name");
		assert_int_equal(leaver.times, 0);
	}
	assert_int_equal(site.peer->accepted, 0);
	site_close(&site);
}

static void
a_slow_viewer_stops_the_flow(void **state)
{
	enum { COUNT = 256 * 1024 };
	static const struct peer_step large[] = {
	    SEND(APP_HEAD("200 OK", PNG_TYPE) "c\r\n" PNG "1234\r\n"),
	    REPEAT(CHUNK_64, COUNT), SEND(APP_END), END};
	static const enum when times[] = {ON_HEAD, ON_DATA};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(times); i++) {
		struct site site = {.peer = NULL};
		struct viewer viewer = {.pauses = times[i]};

		site_open(&site);
		peer_route(site.peer, PATH_PICTURE, large);
		viewer_start(&viewer, &site, NAME, NULL, 20 * MB);
		loop_forget_memory();
		LOOP_UNTIL(&site.loop, viewer.received > 0);
		loop_for(&site.loop, 100);
		assert_in_range(viewer.received, 12, 256 * KB);
		assert_int_equal(viewer.times, 0);
		viewer.pauses = NEVER;
		ac_image_file_resume(viewer.file);
		viewer_wait(&viewer);
		assert_int_equal(viewer.error.code, AC_ERROR_NONE);
		assert_int_equal(viewer.received, 12 + 64 * (size_t)COUNT);
		assert_in_range(loop_memory_growth(), 0, 8 * MB);
		ac_buf_clear(&viewer.kept);
		site_close(&site);
	}
}

static void
a_viewer_may_leave_at_any_time(void **state)
{
	static const struct peer_step slow[] = {
	    SEND(APP_HEAD("200 OK", PNG_TYPE)), SEND("3\r\n\x89PN\r\n"),
	    WAIT(0), SEND("9\r\nG\r\n\x1a\n1234\r\n"), WAIT(0),
	    SEND("3\r\n567\r\n"), STALL, END};
	static const enum when times[] = {ON_HEAD, ON_DATA};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(times); i++) {
		struct site site = {.peer = NULL};
		struct viewer viewer = {.cancels = times[i]};

		site_open(&site);
		peer_route(site.peer, PATH_PICTURE, slow);
		viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
		LOOP_UNTIL(&site.loop, peer_was_left(site.peer, 0));
		assert_null(viewer.problem);
		assert_int_equal(viewer.times, 0);
		assert_int_equal(viewer.received > 0, times[i] == ON_DATA);
		ac_buf_clear(&viewer.kept);
		site_close(&site);
	}
	for (int turns = 0; turns < 10; turns++) {
		struct site site = {.peer = NULL};
		struct viewer viewer = {.times = 0};

		site_open(&site);
		peer_route(site.peer, PATH_PICTURE, slow);
		viewer_start(&viewer, &site, NAME, NULL, USUAL_MAX);
		loop_turns(&site.loop, turns);
		ac_image_file_cancel(viewer.file);
		loop_turns(&site.loop, 3);
		assert_int_equal(viewer.times, 0);
		ac_buf_clear(&viewer.kept);
		site_close(&site);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_of_picture_is_handed_on),
	    cmocka_unit_test(a_picture_may_come_in_pieces),
	    cmocka_unit_test(a_picture_smaller_than_any_magic_is_one),
	    cmocka_unit_test(the_type_is_the_bytes_not_the_headers),
	    cmocka_unit_test(a_request_asks_for_the_name_with_its_query),
	    cmocka_unit_test(what_is_no_picture_is_told),
	    cmocka_unit_test(a_connection_that_fails_is_told),
	    cmocka_unit_test(a_picture_that_is_cut_has_no_good_end),
	    cmocka_unit_test(a_picture_may_be_as_large_as_is_allowed),
	    cmocka_unit_test(a_picture_that_turns_out_too_large_is_given_up),
	    cmocka_unit_test(a_name_that_is_none_is_not_asked_for),
	    cmocka_unit_test(a_slow_viewer_stops_the_flow),
	    cmocka_unit_test(a_viewer_may_leave_at_any_time),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
