/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The keys' file: its lines, its errors, and what of a set of keys goes over
 * to the next one. */
#include "api/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/files.h"
#include "support/unit.h"

/* The SHA-256 of "one" and "two". */
#define ONE "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
#define TWO "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"

static struct ac_keys *
parse(const char *text, char reason[256])
{
	*reason = '\0';
	return ac_keys_parse(
	    "keys", text, strlen(text), NULL, NULL, reason, 256);
}

static struct ac_keys *
must_parse(const char *text, const char *bearer, const struct ac_keys *previous)
{
	char reason[256] = "";
	struct ac_keys *keys = ac_keys_parse(
	    "keys", text, strlen(text), bearer, previous, reason, 256);

	if (keys == NULL)
		fail_msg("%s", reason);
	return keys;
}

static void
a_key_is_found_by_what_was_hashed(void **state)
{
	struct ac_keys *keys =
	    must_parse("first " ONE "\nsecond " TWO "\n", NULL, NULL);

	AC_UNUSED(state);
	assert_int_equal(ac_keys_count(keys), 2);
	assert_string_equal(ac_keys_find(keys, "one")->settings.name, "first");
	assert_string_equal(ac_keys_find(keys, "two")->settings.name, "second");
	assert_null(ac_keys_find(keys, "One"));
	assert_null(ac_keys_find(keys, "on"));
	assert_null(ac_keys_find(keys, ""));
	assert_null(ac_keys_find(keys, ONE));
	ac_keys_unref(keys);
}

static void
settings_stand_in_any_order(void **state)
{
	struct ac_keys *keys =
	    must_parse("a.b_c-d@e+9\t" ONE "  models=Deep*,*70B  rpm=60\t"
		       "expires=2027-01-01 concurrent=4 "
		       "# and a comment rpm=7\r\n",
		NULL, NULL);
	const struct ac_key *key = ac_keys_find(keys, "one");

	AC_UNUSED(state);
	assert_string_equal(key->settings.name, "a.b_c-d@e+9");
	assert_int_equal(key->settings.requests_per_minute, 60);
	assert_int_equal(key->settings.concurrent_requests, 4);
	assert_int_equal(key->settings.expires_s, 1798761600);
	assert_string_equal(key->settings.models, "Deep*,*70B");
	assert_true(ac_key_may_use(key, "DeepSeek-R1"));
	assert_false(ac_key_may_use(key, "Qwen"));
	assert_false(ac_key_has_expired(key, 1798761599));
	assert_true(ac_key_has_expired(key, 1798761600));
	ac_keys_unref(keys);
}

static void
without_settings_there_are_no_limits(void **state)
{
	struct ac_keys *keys = must_parse("a " ONE, NULL, NULL);
	const struct ac_key *key = ac_keys_find(keys, "one");

	AC_UNUSED(state);
	assert_int_equal(key->settings.requests_per_minute, 0);
	assert_int_equal(key->settings.concurrent_requests, 0);
	assert_true(ac_key_may_use(key, "anything"));
	assert_true(ac_key_may_use(NULL, "anything"));
	assert_false(ac_key_has_expired(key, INT64_MAX));
	ac_keys_unref(keys);
}

static void
blanks_and_comments_are_no_keys(void **state)
{
	struct ac_keys *keys =
	    must_parse("\xef\xbb\xbf# keys\n\n \t\r\n  # more\n#a " ONE "\n"
		       "  a " ONE "\n",
		NULL, NULL);

	AC_UNUSED(state);
	assert_int_equal(ac_keys_count(keys), 1);
	assert_non_null(ac_keys_find(keys, "one"));
	ac_keys_unref(keys);
	keys = must_parse("", NULL, NULL);
	assert_int_equal(ac_keys_count(keys), 0);
	assert_null(ac_keys_find(keys, "one"));
	ac_keys_unref(keys);
}

static void
times_are_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: it is refused */
	} cases[] = {
	    {"2027-01-01", 1798761600},
	    {"2027-01-01T00:00:00Z", 1798761600},
	    {"2027-01-01t00:00:00z", 1798761600},
	    {"2027-01-01T02:30:00+02:30", 1798761600},
	    {"2026-12-31T23:00:00-01:00", 1798761600},
	    {"2027-01-01T00:00:01.999Z", 1798761601},
	    {"2028-02-29", 1835395200},
	    {"2027-02-29", 0},
	    {"2100-02-29", 0},
	    {"2027-13-01", 0},
	    {"2027-00-01", 0},
	    {"2027-01-32", 0},
	    {"2027-01-00", 0},
	    {"2027-1-1", 0},
	    {"27-01-01", 0},
	    {"2027-01-01T", 0},
	    {"2027-01-01T00:00Z", 0},
	    {"2027-01-01T00:00:00", 0},
	    {"2027-01-01T24:00:00Z", 0},
	    {"2027-01-01T00:60:00Z", 0},
	    {"2027-01-01T00:00:61Z", 0},
	    {"2027-01-01T00:00:00.Z", 0},
	    {"2027-01-01T00:00:00+0100", 0},
	    {"2027-01-01T00:00:00+24:00", 0},
	    {"2027-01-01Z", 0},
	    {"2027-01-01x", 0},
	    {"1960-01-01", 0},
	    {"-027-01-01", 0},
	    {"tomorrow", 0},
	    {"", 0},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char *text = ac_asprintf("a " ONE " expires=%s", cases[i].text);
		char reason[256];
		struct ac_keys *keys = parse(text, reason);
		int64_t seconds =
		    keys == NULL
			? 0
			: ac_keys_find(keys, "one")->settings.expires_s;

		if (seconds != cases[i].seconds)
			fail_msg("%s: %s", cases[i].text, reason);
		ac_keys_unref(keys);
		free(text);
	}
}

/* Each is refused with its line and a reason that repeats nothing of it: who
 * writes the key itself into the file finds no second copy in a log. */
static void
what_is_no_key_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* a part of it */
	} cases[] = {
	    {"sk/Secret " ONE, "line 1: a name is made of"},
	    {"\nsecret", "line 2: the SHA-256 of the key is missing"},
	    {"secret # " ONE, "line 1: the SHA-256 of the key is missing"},
	    {"# a\n\na sk-Secret", "line 3: behind the name"},
	    {"a Secret" ONE, "behind the name"},
	    {"a 0" ONE, "behind the name"},
	    {"a g692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431"
	     "ed",
		"behind the name"},
	    {"a " ONE " Secret", "behind the hash"},
	    {"a " ONE " rpm", "behind the hash"},
	    {"a " ONE " rps=1", "behind the hash"},
	    {"a " ONE " RPM=1", "behind the hash"},
	    {"a " ONE " models=x, Secret", "models="},
	    {"a " ONE " rpm=1 rpm=1", "rpm= stands there twice"},
	    {"a " ONE " rpm=1 concurrent=2 concurrent=2", "concurrent= stands"},
	    {"a " ONE " models=x models=x", "models= stands"},
	    {"a " ONE " expires=2027-01-01 expires=2027-01-01", "expires= st"},
	    {"a " ONE " rpm=", "rpm= wants"},
	    {"a " ONE " rpm=0", "rpm= wants"},
	    {"a " ONE " rpm=-1", "rpm= wants"},
	    {"a " ONE " rpm=1000001", "rpm= wants"},
	    {"a " ONE " rpm=99999999999999999999", "rpm= wants"},
	    {"a " ONE " rpm=1.5", "rpm= wants"},
	    {"a " ONE " concurrent=0", "concurrent= wants"},
	    {"a " ONE " concurrent=many", "concurrent= wants"},
	    {"a " ONE " models=", "models= wants"},
	    {"a " ONE " models=,", "models= wants"},
	    {"a " ONE " models=a,,b", "models= wants"},
	    {"a " ONE " models=a,", "models= wants"},
	    {"a " ONE " expires=never", "expires= wants"},
	    {"a " ONE " models=a\x01", "control character"},
	    {"a\x01 " ONE, "a name is made of"},
	    {"a " ONE "\r\r\n", "control character"},
	    {"a " ONE "\na " TWO, "line 2: the name is taken"},
	    {"a " ONE "\nb " ONE, "line 2: the key stands there twice"},
	    {"1234567890123456789012345678901234567890123456789012345678901234"
	     "5 " ONE,
		"longer than 64"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char reason[256];
		struct ac_keys *keys = parse(cases[i].text, reason);

		if (keys != NULL)
			fail_msg("'%s' is taken", cases[i].text);
		if (strstr(reason, cases[i].why) == NULL ||
		    strncmp(reason, "API_KEYS_FILE=keys: line ", 25) != 0)
			fail_msg("'%s': %s", cases[i].text, reason);
		assert_null(strstr(reason, "ecret"));
		assert_null(strstr(reason, "7692"));
	}
}

static void
the_bearer_token_is_the_key_called_default(void **state)
{
	struct ac_keys *keys = must_parse("a " ONE " rpm=1", "two", NULL);
	const struct ac_key *key = ac_keys_find(keys, "two");
	char reason[256];

	AC_UNUSED(state);
	assert_string_equal(key->settings.name, "default");
	assert_int_equal(key->settings.requests_per_minute, 0);
	assert_int_equal(ac_keys_count(keys), 2);
	ac_keys_unref(keys);
	assert_null(ac_keys_parse("keys", "default " ONE, 8 + 64, "two", NULL,
	    reason, sizeof(reason)));
	assert_non_null(strstr(reason, "the name is taken"));
	/* Otherwise the token's holder would have limits, or the key none. */
	assert_null(ac_keys_parse(
	    "keys", "a " ONE, 2 + 64, "one", NULL, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "BEARER_TOKEN"));
}

static void
usage_goes_over_to_the_next_set(void **state)
{
	struct ac_keys *first =
	    must_parse("a " ONE " rpm=2\nb " TWO " rpm=2", NULL, NULL);
	struct ac_keys *second;
	const struct ac_key *key = ac_keys_find(first, "one");

	AC_UNUSED(state);
	assert_true(ac_rate_bucket_take(&key->usage->bucket, 2, 0));
	key->usage->requests = 3;
	/* Another key under the name has its usage, another name has none. */
	second = must_parse("a " TWO " rpm=2\nc " ONE " rpm=2", NULL, first);
	assert_ptr_equal(ac_keys_find(second, "two")->usage, key->usage);
	ac_keys_unref(first);
	key = ac_keys_find(second, "two");
	assert_int_equal(key->usage->requests, 3);
	assert_true(ac_rate_bucket_take(&key->usage->bucket, 2, 0));
	assert_false(ac_rate_bucket_take(&key->usage->bucket, 2, 0));
	key = ac_keys_find(second, "one");
	assert_int_equal(key->usage->requests, 0);
	ac_keys_unref(second);
}

static void
a_set_lives_as_long_as_somebody_holds_it(void **state)
{
	struct ac_keys *first = must_parse("a " ONE, NULL, NULL);
	struct ac_keys *held = ac_keys_ref(first);
	struct ac_keys *second = must_parse("b " TWO, NULL, first);

	AC_UNUSED(state);
	ac_keys_unref(first);
	assert_string_equal(ac_keys_find(held, "one")->settings.name, "a");
	ac_keys_unref(second);
	ac_keys_unref(held);
}

static void
there_is_an_end_to_the_number_of_keys(void **state)
{
	char *text = ac_malloc((size_t)(AC_KEYS_MAX + 1) * 80);
	char reason[256];
	size_t len = 0;

	AC_UNUSED(state);
	for (int i = 0; i <= AC_KEYS_MAX; i++)
		len += (size_t)snprintf(text + len, 81, "k%d %064x\n", i, i);
	assert_null(ac_keys_parse(
	    "keys", text, len, NULL, NULL, reason, sizeof(reason)));
	assert_string_equal(reason,
	    "API_KEYS_FILE=keys: line 4001: there are more than 4000 keys");
	free(text);
}

static void
a_file_is_read(void **state)
{
	static const char text[] = "a " ONE;
	char path[FILES_PATH_SIZE];
	char reason[256];
	struct ac_keys *keys;

	AC_UNUSED(state);
	files_make(path, text, sizeof(text) - 1);
	keys = ac_keys_load(path, NULL, NULL, reason, sizeof(reason));
	assert_non_null(keys);
	assert_non_null(ac_keys_find(keys, "one"));
	ac_keys_unref(keys);
	unlink(path);
	assert_null(ac_keys_load(path, NULL, NULL, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "No such file"));
	assert_null(ac_keys_load("/", NULL, NULL, reason, sizeof(reason)));
	assert_string_equal(reason, "API_KEYS_FILE=/: Is a directory");
	keys = ac_keys_load(NULL, "two", NULL, reason, sizeof(reason));
	assert_int_equal(ac_keys_count(keys), 1);
	ac_keys_unref(keys);
}

/* Whatever is left of a file is read or refused with a reason. */
static void
a_file_may_be_cut_anywhere(void **state)
{
	static const char text[] =
	    "# keys\nfirst " ONE " rpm=60 concurrent=4 models=a*,b "
	    "expires=2027-01-01T10:00:00.5+01:00\r\nsecond " TWO " # x\n";

	AC_UNUSED(state);
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = ac_memdup(text, len);
		char reason[256] = "";
		struct ac_keys *keys = ac_keys_parse(
		    "keys", cut, len, "three", NULL, reason, sizeof(reason));

		assert_true((keys == NULL) == (*reason != '\0'));
		ac_keys_unref(keys);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_found_by_what_was_hashed),
	    cmocka_unit_test(settings_stand_in_any_order),
	    cmocka_unit_test(without_settings_there_are_no_limits),
	    cmocka_unit_test(blanks_and_comments_are_no_keys),
	    cmocka_unit_test(times_are_rfc_3339),
	    cmocka_unit_test(what_is_no_key_is_refused),
	    cmocka_unit_test(the_bearer_token_is_the_key_called_default),
	    cmocka_unit_test(usage_goes_over_to_the_next_set),
	    cmocka_unit_test(a_set_lives_as_long_as_somebody_holds_it),
	    cmocka_unit_test(there_is_an_end_to_the_number_of_keys),
	    cmocka_unit_test(a_file_is_read),
	    cmocka_unit_test(a_file_may_be_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
