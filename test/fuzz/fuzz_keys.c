/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * API_KEYS_FILE: a file is read or refused with a reason that repeats nothing
 * of it; what is read says, written down again, the same. Each line is also
 * read as an X-Forwarded-For, from which an address comes, whatever it is.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>

#include "api/client_address.h"
#include "api/key_line.h"
#include "api/keys.h"
#include "base/mem.h"
#include "base/text.h"
#include "fuzz.h"

/* A line that gives the key. */
static void
add_line(struct evbuffer *out, const struct ac_key_line *key)
{
	struct tm tm;
	time_t seconds = (time_t)key->expires_s;
	char date[64];

	evbuffer_add_printf(out, "%s ", key->name);
	for (size_t i = 0; i < sizeof(key->hash); i++)
		evbuffer_add_printf(out, "%02X", key->hash[i]);
	if (key->requests_per_minute > 0)
		evbuffer_add_printf(
		    out, " rpm=%" PRId64, key->requests_per_minute);
	if (key->concurrent_requests > 0)
		evbuffer_add_printf(
		    out, " concurrent=%" PRId64, key->concurrent_requests);
	if (key->models != NULL)
		evbuffer_add_printf(out, " models=%s", key->models);
	if (key->expires_s > 0) {
		FUZZ_CHECK(gmtime_r(&seconds, &tm) != NULL);
		FUZZ_CHECK(
		    strftime(date, sizeof(date), "%Y-%m-%dT%TZ", &tm) > 0);
		evbuffer_add_printf(out, " expires=%s", date);
	}
}

static void
check_same(const struct ac_key_line *a, const struct ac_key_line *b)
{
	FUZZ_CHECK(strcmp(a->name, b->name) == 0);
	FUZZ_CHECK(memcmp(a->hash, b->hash, sizeof(a->hash)) == 0);
	FUZZ_CHECK(a->requests_per_minute == b->requests_per_minute);
	FUZZ_CHECK(a->concurrent_requests == b->concurrent_requests);
	FUZZ_CHECK(a->expires_s == b->expires_s);
	FUZZ_CHECK((a->models == NULL) == (b->models == NULL));
	FUZZ_CHECK(a->models == NULL || strcmp(a->models, b->models) == 0);
}

/* Whether the line holds a key. */
static enum ac_key_line_kind
check_line(const char *text, size_t len)
{
	struct ac_key_line key, again;
	const char *why = NULL;
	enum ac_key_line_kind kind = ac_key_line_parse(&key, text, len, &why);
	struct evbuffer *out;
	char *written;

	FUZZ_CHECK((kind == AC_KEY_LINE_BAD) == (why != NULL));
	if (kind != AC_KEY_LINE_KEY)
		return kind;
	FUZZ_CHECK(*key.name != '\0');
	out = ac_text_new();
	add_line(out, &key);
	written = ac_text_take(out);
	/* The last day of the year 9999 west of Greenwich has no other form. */
	if (key.expires_s < 253402300800) {
		FUZZ_CHECK(ac_key_line_parse(&again, written, strlen(written),
			       &why) == AC_KEY_LINE_KEY);
		check_same(&key, &again);
		ac_key_line_clear(&again);
	}
	free(written);
	ac_key_line_clear(&key);
	return kind;
}

static void
check_forwarded(const char *text)
{
	struct ac_ip_ranges trusted = {.has_unix = true};
	struct ac_ip_address ip;
	char client[AC_IP_TEXT_SIZE];

	ac_client_address_choose(client, "10.0.0.1", text, &trusted);
	FUZZ_CHECK(strcmp(client, "10.0.0.1") == 0);
	ac_client_address_choose(client, "", text, &trusted);
	FUZZ_CHECK(strcmp(client, "unix") == 0 || ac_ip_parse(&ip, client));
}

static void
check_file(const char *text, size_t len, size_t keys_max, bool is_good)
{
	char reason[512] = "";
	struct ac_keys *keys = ac_keys_parse(
	    "keys", text, len, NULL, NULL, reason, sizeof(reason));
	struct ac_keys *next;

	FUZZ_CHECK((keys == NULL) == (*reason != '\0'));
	FUZZ_CHECK(keys == NULL || is_good);
	if (keys == NULL)
		return;
	FUZZ_CHECK(ac_keys_count(keys) == keys_max);
	next = ac_keys_parse(
	    "keys", text, len, NULL, keys, reason, sizeof(reason));
	ac_keys_unref(keys);
	FUZZ_CHECK(next != NULL && ac_keys_count(next) == keys_max);
	ac_keys_unref(next);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_memdup((const char *)data, size);
	size_t keys = 0, at = 0;
	bool is_good = true;

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	while (at < size) {
		char *line = text + at;
		char *feed = memchr(line, '\n', size - at);
		size_t len = feed == NULL ? size - at : (size_t)(feed - line);
		char *copy = ac_memdup(line, len);

		switch (check_line(copy, len)) {
		case AC_KEY_LINE_KEY:
			keys++;
			break;
		case AC_KEY_LINE_EMPTY:
			break;
		case AC_KEY_LINE_BAD:
			is_good = false;
			break;
		}
		check_forwarded(copy);
		free(copy);
		at += len + 1;
	}
	check_file(text, size, keys, is_good);
	free(text);
	return 0;
}
