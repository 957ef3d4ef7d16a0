/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's pictures, taken apart as the PNG specification says.
 * That a decoder of other people's reads them too is seen in
 * test/system/test_demo_site.py.
 */
#include "demo/demo_picture.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

enum { ROW = 1 + 3 * AC_DEMO_PICTURE_SIDE };

static size_t
number_at(const char *at)
{
	size_t number = 0;

	for (int i = 0; i < 4; i++)
		number = number << 8 | (unsigned char)at[i];
	return number;
}

/* The chunk at *at, which is moved behind it, must be of that type; its
 * data. */
static const char *
take_chunk(const char **at, const char *end, const char *type, size_t *len)
{
	const char *data = *at + 8;

	assert_true(end - *at >= 12);
	*len = number_at(*at);
	assert_true((size_t)(end - data) >= *len + 4);
	assert_memory_equal(*at + 4, type, 4);
	*at = data + *len + 4;
	return data;
}

static void
a_picture_is_a_png_file(void **state)
{
	static const char zlib_head[] = {
	    0x78, 0x01, 0x01, 0x40, 0x30, (char)0xbf, (char)0xcf};
	static const char header[] = {0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0};
	size_t len, chunk_len;
	char *file = ac_demo_picture_make(1, 2, &len);
	const char *at = file + 8;
	const char *data;

	AC_UNUSED(state);
	assert_memory_equal(file, "\x89PNG\r\n\x1a\n", 8);
	data = take_chunk(&at, file + len, "IHDR", &chunk_len);
	assert_int_equal(chunk_len, sizeof(header));
	assert_memory_equal(data, header, sizeof(header));
	data = take_chunk(&at, file + len, "IDAT", &chunk_len);
	assert_int_equal(chunk_len,
	    sizeof(zlib_head) + (size_t)ROW * AC_DEMO_PICTURE_SIDE + 4);
	assert_memory_equal(data, zlib_head, sizeof(zlib_head));
	for (int y = 0; y < AC_DEMO_PICTURE_SIDE; y++)
		assert_int_equal(
		    data[sizeof(zlib_head) + (size_t)(y * ROW)], 0);
	/* the sum of a chunk without data is known */
	assert_memory_equal(at, "\0\0\0\0IEND\xae\x42\x60\x82", 12);
	assert_ptr_equal(at + 12, file + len);
	free(file);
}

static void
a_picture_depends_on_both_numbers(void **state)
{
	static const uint64_t numbers[][2] = {
	    {1, 1}, {1, 2}, {2, 1}, {1, UINT64_C(1) << 31}};
	char *files[AC_LENGTH(numbers)];
	size_t len, other_len;
	char *again;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(numbers); i++)
		files[i] =
		    ac_demo_picture_make(numbers[i][0], numbers[i][1], &len);
	for (size_t i = 0; i < AC_LENGTH(numbers); i++) {
		for (size_t n = 0; n < i; n++)
			assert_memory_not_equal(files[i], files[n], len);
	}
	again = ac_demo_picture_make(numbers[0][0], numbers[0][1], &other_len);
	assert_int_equal(other_len, len);
	assert_memory_equal(again, files[0], len);
	free(again);
	for (size_t i = 0; i < AC_LENGTH(numbers); i++)
		free(files[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_picture_is_a_png_file),
	    cmocka_unit_test(a_picture_depends_on_both_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
