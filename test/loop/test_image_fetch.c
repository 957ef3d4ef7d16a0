/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A picture read whole: of the site, out of a data URL, or not at all. */
#include "upstream/image_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "site.h"
#include "upstream/image_data.h"
#include "upstream/image_ref.h"
#include "upstream/upstream.h"

#define PATH_PICTURE "/api/image/a.png"
#define PNG          "\x89PNG\r\n\x1a\n"
#define PNG_HEAD(len)                                                        \
	"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: " len \
	"\r\n\r\n"
#define LINE_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"

/* Somebody who wants a picture whole. */
struct reader {
	struct site *site;
	struct ac_image_fetch *fetch; /* NULL: over */
	bool started;
	int times;
	char type[32];
	char *data; /* owned; NULL: none came */
	size_t len;
	struct ac_error error;
	const char *problem;
};

static void
on_done(const struct ac_image *image, const struct ac_error *error, void *arg)
{
	struct reader *reader = arg;

	if (!reader->started || reader->fetch == NULL)
		reader->problem = "it was told out of turn";
	if ((image == NULL) == (error == NULL))
		reader->problem = "it was told neither or both";
	reader->fetch = NULL;
	reader->times++;
	if (error != NULL)
		reader->error = *error;
	if (image != NULL) {
		snprintf(reader->type, sizeof(reader->type), "%s", image->type);
		reader->data = ac_memdup(image->data, image->len);
		reader->len = image->len;
	}
}

static void
reader_start(
    struct reader *reader, struct site *site, const char *result, size_t max)
{
	struct ac_image_ref ref;

	reader->site = site;
	assert_true(ac_image_ref_parse(&ref, &site->upstream->site, result));
	reader->fetch = ac_image_fetch_start(
	    &site->upstream->site, &ref, max, on_done, reader);
	/* It keeps nothing of it. */
	ac_image_ref_clear(&ref);
	reader->started = true;
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
expect_picture(struct reader *reader, const char *type, const char *data)
{
	reader_wait(reader);
	if (reader->error.code != AC_ERROR_NONE)
		fail_msg("an error: %s", reader->error.message);
	assert_string_equal(reader->type, type);
	assert_int_equal(reader->len, strlen(data));
	assert_memory_equal(reader->data, data, reader->len);
	free(reader->data);
}

static void
expect_error(struct reader *reader, enum ac_error_code code, const char *words)
{
	reader_wait(reader);
	assert_null(reader->data);
	if (reader->error.code != code ||
	    strstr(reader->error.message, words) == NULL)
		fail_msg("error %d: %s", (int)reader->error.code,
		    reader->error.message);
}

static void
a_picture_of_the_site_is_read_whole(void **state)
{
	static const struct peer_step script[] = {
	    SEND_BYTES(PNG_HEAD("14") PNG "abcdef"), END};
	struct site site = {.peer = NULL};
	struct reader reader = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, script);
	reader_start(&reader, &site, "/api/image/a.png?t=1", 1000);
	expect_picture(&reader, "image/png", PNG "abcdef");
	assert_non_null(
	    strstr(site.peer->requests[0].text, "/api/image/a.png?t=1 "));
	site_close(&site);
}

static void
what_the_site_refuses_is_told(void **state)
{
	static const struct peer_step missing[] = {
	    SEND("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), END};
	static const struct peer_step cut[] = {
	    SEND(PNG_HEAD("99") PNG "abcdef"), CLOSE, END};
	static const struct peer_step large[] = {
	    SEND(PNG_HEAD("1001")), STALL, END};
	struct site site = {.peer = NULL};
	struct reader readers[3] = {{.times = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, missing);
	peer_route(site.peer, PATH_PICTURE, cut);
	peer_route(site.peer, PATH_PICTURE, large);
	reader_start(&readers[0], &site, "a.png", 1000);
	expect_error(&readers[0], AC_ERROR_IMAGE_NOT_FOUND, "no picture");
	reader_start(&readers[1], &site, "a.png", 1000);
	expect_error(&readers[1], AC_ERROR_UPSTREAM, "answer failed");
	reader_start(&readers[2], &site, "a.png", 1000);
	expect_error(&readers[2], AC_ERROR_UPSTREAM, "larger than 1000");
	site_close(&site);
}

static void
a_data_url_is_decoded_without_a_request(void **state)
{
	struct site site = {.peer = NULL};
	struct reader good = {.times = 0}, bad = {.times = 0},
		      large = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	reader_start(
	    &good, &site, "data:image/jpeg;base64,iVBORw0KGgphYmM=", 1000);
	reader_start(&bad, &site, "data:image/png;base64,PGh0bWw+", 1000);
	reader_start(
	    &large, &site, "data:image/png;base64,iVBORw0KGgphYmM=", 10);
	expect_picture(&good, "image/png", PNG "abc");
	expect_error(&bad, AC_ERROR_UPSTREAM, "holds no picture");
	expect_error(&large, AC_ERROR_UPSTREAM, "larger than 10");
	assert_int_equal(site.peer->accepted, 0);
	site_close(&site);
}

/* The program asks nobody but the site for anything. */
static void
a_picture_elsewhere_is_not_fetched(void **state)
{
	struct site site = {.peer = NULL};
	struct reader reader = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	reader_start(&reader, &site, "http://127.0.0.2/api/image/a.png", 1000);
	expect_error(&reader, AC_ERROR_UPSTREAM, "at another address");
	assert_int_equal(site.peer->accepted, 0);
	site_close(&site);
}

static void
a_fetch_can_be_cancelled_at_any_time(void **state)
{
	static const char *const results[] = {"a.png",
	    "https://a.example/b.png",
	    "data:image/png;base64,iVBORw0KGgphYmM="};
	static const struct peer_step script[] = {
	    SEND(PNG_HEAD("99") PNG), WAIT(0), SEND("abcdef"), STALL, END};

	AC_UNUSED(state);
	for (int turns = 0; turns < 10; turns++) {
		for (size_t i = 0; i < AC_LENGTH(results); i++) {
			struct site site = {.peer = NULL};
			struct reader reader = {.times = 0};

			site_open(&site);
			peer_route(site.peer, PATH_PICTURE, script);
			reader_start(&reader, &site, results[i], 1000);
			loop_turns(&site.loop, turns);
			if (reader.fetch != NULL) {
				ac_image_fetch_cancel(reader.fetch);
				reader.times = -1;
			}
			loop_turns(&site.loop, 3);
			assert_int_equal(
			    reader.times, i == 0 || turns == 0 ? -1 : 1);
			free(reader.data);
			site_close(&site);
		}
	}
}

/* The largest picture: one buffer that grows by doubling, and its half. */
static void
a_large_picture_takes_the_memory_that_it_needs(void **state)
{
	static const struct peer_step large[] = {
	    SEND(PNG_HEAD("20971520") PNG "01234567012345670123456701234567"
					  "01234567012345670123456"),
	    REPEAT(LINE_64, AC_IMAGE_SIZE_MAX / 64 - 1), SEND("\n"), END};
	struct site site = {.peer = NULL};
	struct reader reader = {.times = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_PICTURE, large);
	reader_start(&reader, &site, "a.png", AC_IMAGE_SIZE_MAX);
	loop_forget_memory();
	reader_wait(&reader);
	assert_int_equal(reader.len, AC_IMAGE_SIZE_MAX);
	/* The reader's own copy is the last part of it. */
	assert_in_range(loop_memory_growth(), 0, 72 * MB);
	free(reader.data);
	site_close(&site);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_picture_of_the_site_is_read_whole),
	    cmocka_unit_test(what_the_site_refuses_is_told),
	    cmocka_unit_test(a_data_url_is_decoded_without_a_request),
	    cmocka_unit_test(a_picture_elsewhere_is_not_fetched),
	    cmocka_unit_test(a_fetch_can_be_cancelled_at_any_time),
	    cmocka_unit_test(a_large_picture_takes_the_memory_that_it_needs),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
