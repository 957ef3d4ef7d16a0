/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Base64: RFC 4648's own examples, every length around a piece's end. */
#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "support/unit.h"

static void
the_examples_of_the_rfc(void **state)
{
	static const struct {
		const char *plain;
		const char *coded;
	} cases[] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	    {"\xfb\xff\xbf", "+/+/"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct evbuffer *out = ac_text_new();
		char *text;

		ac_text_add_string(out, "<");
		ac_base64_add(out, cases[i].plain, strlen(cases[i].plain));
		text = ac_text_take(out);
		assert_string_equal(text + 1, cases[i].coded);
		free(text);
	}
}

/* Encoded in pieces, it is what it is in one. */
static void
check_length(const unsigned char *data, size_t len)
{
	struct evbuffer *out = ac_text_new();
	unsigned char *whole = ac_malloc(len / 3 * 4 + 5);
	size_t coded = (size_t)EVP_EncodeBlock(whole, data, (int)len);

	ac_base64_add(out, data, len);
	assert_int_equal(evbuffer_get_length(out), coded);
	assert_memory_equal(evbuffer_pullup(out, -1), whole, coded);
	free(whole);
	evbuffer_free(out);
}

static void
no_length_leaves_a_seam(void **state)
{
	enum { PIECE = 49104, MAX = 3 * PIECE + 10 };
	unsigned char *data = ac_malloc(MAX);

	AC_UNUSED(state);
	for (size_t i = 0; i < MAX; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 13);
	for (size_t pieces = 1; pieces <= 3; pieces++) {
		for (size_t len = pieces * PIECE - 4; len < pieces * PIECE + 5;
		     len++)
			check_length(data, len);
	}
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_examples_of_the_rfc),
	    cmocka_unit_test(no_length_leaves_a_seam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
