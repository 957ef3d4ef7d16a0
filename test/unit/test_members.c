/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The members of an object that are found without a tree: a table, and random
 * objects (well-formed and with a byte changed) of which jansson must think
 * the same.
 */
#include "codec/members.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/random.h"
#include "support/unit.h"

/* An object, and the values of "a" and "b" in it; "-" where absent. */
static const struct {
	const char *json;
	const char *a;
	const char *b;
} objects[] = {
    {"{}", "-", "-"},
    {" { } ", "-", "-"},
    {"{\"a\":\"x\"}", "\"x\"", "-"},
    {"{\"b\":\"y\",\"a\":\"x\"}", "\"x\"", "\"y\""},
    {"\t{ \"a\" : \"x\" ,\n\"b\"\r: \"y\" } \n", "\"x\"", "\"y\""},
    {"{\"a\":\"\"}", "\"\"", "-"},
    {"{\"a\":\"\\\"b\\\":\\\\\"}", "\"\\\"b\\\":\\\\\"", "-"},
    {"{\"a\":\"x\",\"a\":\"y\"}", "\"y\"", "-"},
    {"{\"a\":\"x\",\"a\":null}", "null", "-"},
    {"{\"\\u0061\":\"x\"}", "\"x\"", "-"},
    {"{\"a\\u0000\":\"x\",\"A\":\"\",\"\":\"\",\"aa\":\"\"}", "-", "-"},
    {"{\"a\":1,\"b\":-2.5e3}", "1", "-2.5e3"},
    {"{\"a\":true,\"b\":false}", "true", "false"},
    {"{\"a\":1234,\"b\":12345}", "1234", "12345"},
    {"{\"c\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}},\"a\":1}", "1", "-"},
    {"{\"a\":{\"b\":1},\"c\":[\"b\",{\"b\":2}]}", "{\"b\":1}", "-"},
    {"{\"c\":[[{}],\"]\",\"\\\"}\"],\"b\":[]}", "-", "[]"},
    {"{\"c\":{\"a\":\"}\"},\"a\":\"\xff\"}", "\"\xff\"", "-"},
    {"{\"a\":\"\\ud83d\",\"b\":[\"\\ude00\"]}", "\"\\ud83d\"", "[\"\\ude00\"]"},
};

static const char *const others[] = {
    "",
    " ",
    "null",
    "1",
    "\"a\"",
    "[]",
    "[{\"a\":\"x\"}]",
    "{",
    "}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":\"x\"",
    "{\"a\":\"x\",}",
    "{,\"a\":\"x\"}",
    "{\"a\":\"x\"}}",
    "{\"a\":\"x\"}{}",
    "{\"a\":\"x\"},",
    "{\"a\" \"x\"}",
    "{\"a\":\"x\" \"b\":\"y\"}",
    "{\"a\":\"x\";\"b\":\"y\"}",
    "{\"a\":\"x\"\"y\"}",
    "{\"a\":\"x\"1}",
    "{\"a\":1\"x\"}",
    "{\"a\":x}",
    "{\"a\":'x'}",
    "{a:\"x\"}",
    "{'a':\"x\"}",
    "{1:\"x\"}",
    "{\"a\":\"\\x\"}",
    "{\"\\x\":\"a\"}",
    "{\"a\":\"x\ny\"}",
    "{\"a\":\"x}",
    "{\"a\":\"x\\\"}",
    "{\"a\":[}",
    "{\"a\":[1,]}",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":x}}}}}}",
    "{\"a\":[\"x\"}",
    "{\"a\":{\"x\"}}",
    "{\"a\":{]}",
    "{\"a\":]}",
    "{\"a\":[\"x]}",
    "{\"a\":01}",
    "{\"a\":NaN}",
    "{\"a\":[\"\xff\"]}",
    "{\"a\":/**/\"x\"}",
};

static bool
find(const char *json, size_t len, struct ac_member members[2])
{
	/* A block of its own: nothing may be read behind its end. */
	char *copy = ac_malloc(len);
	bool ok;

	if (len > 0)
		memcpy(copy, json, len);
	members[0] = (struct ac_member){.name = "a"};
	members[1] = (struct ac_member){.name = "b"};
	ok = ac_members_find(copy, len, members, 2);
	for (size_t i = 0; i < 2; i++) {
		if (ok && members[i].value != NULL)
			members[i].value = json + (members[i].value - copy);
	}
	free(copy);
	return ok;
}

static void
expect_member(const struct ac_member *member, const char *value)
{
	if (strcmp(value, "-") == 0) {
		assert_null(member->value);
		return;
	}
	assert_int_equal(member->len, strlen(value));
	assert_memory_equal(member->value, value, member->len);
	assert_int_equal(member->is_string, value[0] == '"');
}

static void
members_are_found_where_they_lie(void **state)
{
	struct ac_member members[2];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(objects); i++) {
		const char *json = objects[i].json;

		if (!find(json, strlen(json), members))
			fail_msg("%s", json);
		expect_member(&members[0], objects[i].a);
		expect_member(&members[1], objects[i].b);
	}
}

static void
what_is_no_object_is_refused(void **state)
{
	struct ac_member members[2];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(others); i++) {
		if (find(others[i], strlen(others[i]), members))
			fail_msg("%s", others[i]);
	}
}

static void
every_beginning_of_an_object_is_refused(void **state)
{
	static const char json[] =
	    "{\"a\":\"x\\n\",\"c\":[1,{\"d\":[\"}\"]}],\"b\":true}";
	struct ac_member members[2];

	AC_UNUSED(state);
	for (size_t len = 0; len < strlen(json); len++)
		assert_false(find(json, len, members));
	assert_true(find(json, strlen(json), members));
}

static void
the_report_leaves_the_quotes_out(void **state)
{
	static const char json[] = "{\"a\":\"\\udc00\xc3\xa9\\ud800\"}";
	struct ac_member members[2];

	AC_UNUSED(state);
	assert_true(find(json, strlen(json), members));
	assert_int_equal(members[0].report.state, AC_LITERAL_REPAIR);
	assert_true(members[0].report.begins_with_low);
	assert_true(members[0].report.ends_with_high);
	assert_int_equal(members[0].report.text_len, 3 + 2 + 3);
}

static void
deep_nesting_is_refused_without_recursion(void **state)
{
	static const char begin[] = "{\"a\":";
	const size_t depth = 500000;
	size_t len = strlen(begin) + 2 * depth + 1;
	char *json = ac_malloc(len);
	struct ac_member members[2];

	AC_UNUSED(state);
	memcpy(json, begin, strlen(begin));
	memset(json + strlen(begin), '[', depth);
	memset(json + strlen(begin) + depth, ']', depth);
	json[len - 1] = '}';
	assert_false(find(json, len, members));
	free(json);
}

/* Random JSON out of few characters, so that much happens by chance. */
static size_t
write_value(struct random *random, char *out, size_t depth)
{
	static const char *const scalars[] = {"\"\"", "\"a\"", "\"b\\\"\"",
	    "\"\\u0062]\"", "\"}{,:\"", "1", "-0.5", "null", "true"};
	bool is_object = random_below(random, 2) == 0;
	size_t count = random_below(random, 4);
	size_t len = 0;

	if (depth > 0 && (depth > 3 || random_below(random, 2) == 0)) {
		const char *scalar =
		    scalars[random_below(random, AC_LENGTH(scalars))];

		memcpy(out, scalar, strlen(scalar));
		return strlen(scalar);
	}
	is_object = is_object || depth == 0;
	out[len++] = is_object ? '{' : '[';
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out[len++] = ',';
		if (is_object) {
			static const char *const keys[] = {
			    "\"a\":", "\"b\" :", "\"\\u0061\":", "\"c\": "};
			const char *key =
			    keys[random_below(random, AC_LENGTH(keys))];

			memcpy(out + len, key, strlen(key));
			len += strlen(key);
		}
		len += write_value(random, out + len, depth + 1);
	}
	out[len++] = is_object ? '}' : ']';
	return len;
}

static void
expect_as_jansson(const char *json, size_t len)
{
	json_t *object = ac_json_parse_lenient(json, len);
	struct ac_member members[2];
	bool ok = find(json, len, members);

	if (ok != json_is_object(object))
		fail_msg("%.*s", (int)len, json);
	for (size_t i = 0; ok && i < 2; i++) {
		const json_t *value = json_object_get(object, members[i].name);
		json_t *found = NULL;

		if (members[i].value != NULL)
			found = ac_json_parse_lenient(
			    members[i].value, members[i].len);
		assert_int_equal(found == NULL, value == NULL);
		if (found != NULL && !json_equal(found, value))
			fail_msg("%.*s", (int)len, json);
		json_decref(found);
	}
	json_decref(object);
}

static void
random_objects_are_read_as_jansson_reads_them(void **state)
{
	static const char bytes[] = "{}[]\",:\\ab1 ";
	struct random random = {.state = 7};
	char json[4096];

	AC_UNUSED(state);
	for (size_t i = 0; i < 50000; i++) {
		size_t len = write_value(&random, json, 0);

		expect_as_jansson(json, len);
		json[random_below(&random, len)] =
		    bytes[random_below(&random, strlen(bytes))];
		expect_as_jansson(json, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_found_where_they_lie),
	    cmocka_unit_test(what_is_no_object_is_refused),
	    cmocka_unit_test(every_beginning_of_an_object_is_refused),
	    cmocka_unit_test(the_report_leaves_the_quotes_out),
	    cmocka_unit_test(deep_nesting_is_refused_without_recursion),
	    cmocka_unit_test(random_objects_are_read_as_jansson_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
