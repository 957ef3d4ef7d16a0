/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * JSON string literals against jansson: it accepts just the clean ones, and
 * what was repaired; what it reads is what ac_literal_decode() gives, of the
 * length that ac_literal_check() told.
 */
#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "codec/literal.h"
#include "fuzz.h"

/* The string between quotes as jansson reads it, or NULL. */
static json_t *
parse(const char *literal, size_t len)
{
	char *json = ac_malloc(len + 2);
	json_t *value;

	json[0] = json[len + 1] = '"';
	if (len > 0)
		memcpy(json + 1, literal, len);
	value =
	    json_loadb(json, len + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	free(json);
	return value;
}

static void
check_repaired(const char *literal, size_t len, size_t text_len)
{
	struct ac_buf repaired, text;
	struct ac_literal_report report;
	json_t *value;

	ac_buf_init(&repaired, len * AC_LITERAL_ESCAPE_LEN);
	ac_buf_init(&text, text_len);
	FUZZ_CHECK(ac_literal_repair(&repaired, literal, len));
	FUZZ_CHECK(ac_literal_decode(&text, literal, len));
	FUZZ_CHECK(text.len == text_len);
	report = ac_literal_check(repaired.data, repaired.len);
	FUZZ_CHECK(report.state == AC_LITERAL_CLEAN);
	FUZZ_CHECK(report.text_len == text_len);
	value = parse(repaired.data, repaired.len);
	FUZZ_CHECK(json_is_string(value));
	FUZZ_CHECK(json_string_length(value) == text_len);
	FUZZ_CHECK(memcmp(json_string_value(value), ac_buf_string(&text),
		       text_len) == 0);
	json_decref(value);
	ac_buf_clear(&repaired);
	ac_buf_clear(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *literal = (const char *)data;
	struct ac_literal_report report = ac_literal_check(literal, size);
	json_t *value = parse(literal, size);

	FUZZ_CHECK((value != NULL) == (report.state == AC_LITERAL_CLEAN));
	json_decref(value);
	if (report.state != AC_LITERAL_BROKEN)
		check_repaired(literal, size, report.text_len);
	return 0;
}
