/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bytes of pictures: magic, types and data URLs. */
#include "upstream/image_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/random.h"
#include "support/unit.h"

#define BYTES(s) s, sizeof(s) - 1
#define PNG      "\x89PNG\r\n\x1a\n"

static const struct {
	const char *data;
	size_t len;
	const char *type; /* NULL: none */
} beginnings[] = {
    {BYTES(PNG), "image/png"},
    {BYTES(PNG "\0\0\0\rIHDR"), "image/png"},
    {BYTES("\xff\xd8\xff"), "image/jpeg"},
    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0"), "image/jpeg"},
    {BYTES("RIFF\x01\x02\x03\x04WEBP"), "image/webp"},
    {BYTES("RIFF\0\0\0\0WEBPVP8 "), "image/webp"},
    {BYTES("GIF87a"), "image/gif"},
    {BYTES("GIF89a\x01\0"), "image/gif"},
    {BYTES(""), NULL},
    {BYTES("\x89PNG\r\n\x1a"), NULL},
    {BYTES("\x89PNG\n\x1a\n\0\0\0\0\0"), NULL},
    {BYTES("\xff\xd8"), NULL},
    {BYTES("RIFF\0\0\0\0WAVEfmt "), NULL},
    {BYTES("RIFF\0\0\0\0WEB"), NULL},
    {BYTES("GIF88a\0\0\0\0\0\0"), NULL},
    {BYTES("<svg xmlns=\"x\"></svg>"), NULL},
    {BYTES("<!doctype html><html>"), NULL},
    {BYTES("{\"error\":\"none\"}"), NULL},
};

static void
pictures_are_known_by_their_first_bytes(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(beginnings); i++) {
		size_t len = beginnings[i].len;
		char *data = ac_malloc(len);
		const char *type;

		/* Not one byte beyond is looked at. */
		memcpy(data, beginnings[i].data, len);
		type = ac_image_sniff(data, len);
		if (beginnings[i].type == NULL)
			assert_null(type);
		else
			assert_string_equal(type, beginnings[i].type);
		free(data);
	}
}

static void
svg_is_no_type_for_a_picture(void **state)
{
	AC_UNUSED(state);
	assert_true(ac_image_is_type("image/png"));
	assert_true(ac_image_is_type("Image/WebP; x=y"));
	assert_false(ac_image_is_type(NULL));
	assert_false(ac_image_is_type(""));
	assert_false(ac_image_is_type("image"));
	assert_false(ac_image_is_type("text/html"));
	assert_false(ac_image_is_type("application/octet-stream"));
	assert_false(ac_image_is_type("image/svg+xml"));
	assert_false(ac_image_is_type("IMAGE/SVG"));
}

static const struct {
	const char *url;
	enum ac_image_decode result;
	const char *data;
	size_t len;
} urls[] = {
    {"data:image/png;base64,iVBORw0KGgo=", AC_IMAGE_DECODED, BYTES(PNG)},
    {"data:image/png;base64,iVBORw0KGgo", AC_IMAGE_DECODED, BYTES(PNG)},
    {"DATA:Image/PNG;x=y;BASE64,iVBORw0KGgo=", AC_IMAGE_DECODED, BYTES(PNG)},
    {"data:image/png;base64,iVBORw0KGgoA", AC_IMAGE_DECODED, BYTES(PNG "\0")},
    {"data:image/jpeg;base64,/9j/+w==", AC_IMAGE_DECODED,
	BYTES("\xff\xd8\xff\xfb")},
    {"data:image/png,iVBORw0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,====", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,iVBORw0KGgoAa", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,iVBO=w0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,iVBO w0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,iVBO-w0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/png;base64,PGh0bWw+", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:image/svg+xml;base64,iVBORw0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:text/html;base64,iVBORw0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"data:;base64,iVBORw0KGgo=", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"http://a/b.png", AC_IMAGE_NO_PICTURE, BYTES("")},
    {"", AC_IMAGE_NO_PICTURE, BYTES("")},
};

static void
a_data_url_is_decoded(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(urls); i++) {
		struct ac_buf out;
		enum ac_image_decode result;

		ac_buf_init(&out, 1000);
		result = ac_image_decode_data_url(&out, urls[i].url);
		if (result != urls[i].result)
			fail_msg("%s gives %d", urls[i].url, (int)result);
		if (result == AC_IMAGE_DECODED) {
			assert_int_equal(out.len, urls[i].len);
			assert_memory_equal(out.data, urls[i].data, out.len);
		}
		ac_buf_clear(&out);
	}
}

static void
a_data_url_that_is_too_large_is_told(void **state)
{
	struct ac_buf out;

	AC_UNUSED(state);
	ac_buf_init(&out, 8);
	assert_int_equal(ac_image_decode_data_url(
			     &out, "data:image/png;base64,iVBORw0KGgo="),
	    AC_IMAGE_DECODED);
	ac_buf_reset(&out);
	assert_int_equal(ac_image_decode_data_url(
			     &out, "data:image/png;base64,iVBORw0KGgoA"),
	    AC_IMAGE_TOO_LARGE);
	ac_buf_clear(&out);
}

/* Against an encoder that is written here from RFC 4648, section 4. */
static void
encode(char *out, const unsigned char *data, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)data[i] << 16;

		if (i + 1 < len)
			bits |= (unsigned)data[i + 1] << 8;
		if (i + 2 < len)
			bits |= data[i + 2];
		*out++ = letters[bits >> 18];
		*out++ = letters[bits >> 12 & 63];
		*out++ = i + 1 < len ? letters[bits >> 6 & 63] : '=';
		*out++ = i + 2 < len ? letters[bits & 63] : '=';
	}
	*out = '\0';
}

static void
random_bytes_come_back_as_they_were(void **state)
{
	struct random random = {.state = 3};

	AC_UNUSED(state);
	for (int round = 0; round < 5000; round++) {
		char url[256] = "data:image/png;base64,";
		unsigned char data[128] = PNG;
		size_t len = 8 + random_below(&random, sizeof(data) - 8);
		struct ac_buf out;

		for (size_t i = 8; i < len; i++)
			data[i] = (unsigned char)random_next(&random);
		encode(url + strlen(url), data, len);
		ac_buf_init(&out, len);
		assert_int_equal(
		    ac_image_decode_data_url(&out, url), AC_IMAGE_DECODED);
		assert_int_equal(out.len, len);
		assert_memory_equal(out.data, data, len);
		ac_buf_clear(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pictures_are_known_by_their_first_bytes),
	    cmocka_unit_test(svg_is_no_type_for_a_picture),
	    cmocka_unit_test(a_data_url_is_decoded),
	    cmocka_unit_test(a_data_url_that_is_too_large_is_told),
	    cmocka_unit_test(random_bytes_come_back_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
