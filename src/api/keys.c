/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sets of keys: see keys.h. The api has one, each running request holds on to
 * the one that it was let in with. */
#include "api/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/file.h"
#include "base/glob.h"
#include "base/mem.h"

static_assert(AC_KEY_HASH_SIZE == SHA256_DIGEST_LENGTH, "a hash is SHA-256");

enum { FILE_MAX = 16 * 1024 * 1024 };

struct ac_keys {
	unsigned refs;
	size_t count;
	struct ac_key *items; /* owned */
};

/* A set in the making. */
struct maker {
	struct ac_keys *keys;
	const struct ac_keys *previous;
	unsigned line; /* number */
};

static bool read_lines(
    struct maker *, const char *text, size_t len, const char **why);
static const char *add_key(struct maker *, struct ac_key_line *);
static const char *check_new(
    const struct ac_keys *, const struct ac_key_line *);
static void add_bearer_token(struct maker *, const char *token);
static struct ac_key_usage *take_usage(
    const struct ac_keys *previous, const char *name);

/* A file's bytes, to be freed; NULL and *why where it cannot be read. */
static char *
read_file(const char *path, size_t *len, const char **why)
{
	FILE *file;
	char *text = ac_malloc(FILE_MAX + 1);

	*why = NULL;
	*len = 0;
	file = ac_file_open(path, why);
	if (file != NULL) {
		*len = fread(text, 1, FILE_MAX + 1, file);
		if (*len > FILE_MAX)
			*why = "it is larger than 16 MiB";
	}
	if (file != NULL && ferror(file))
		*why = strerror(errno);
	if (file != NULL)
		fclose(file);
	if (*why == NULL)
		return text;
	free(text);
	return NULL;
}

struct ac_keys *
ac_keys_load(const char *path, const char *bearer_token,
    const struct ac_keys *previous, char *reason, size_t reason_size)
{
	struct ac_keys *keys;
	const char *why;
	size_t len;
	char *text;

	if (path == NULL)
		return ac_keys_parse(
		    "", "", 0, bearer_token, previous, reason, reason_size);
	text = read_file(path, &len, &why);
	if (text == NULL) {
		snprintf(
		    reason, reason_size, "API_KEYS_FILE=%.200s: %s", path, why);
		return NULL;
	}
	keys = ac_keys_parse(
	    path, text, len, bearer_token, previous, reason, reason_size);
	free(text);
	return keys;
}

struct ac_keys *
ac_keys_parse(const char *path, const char *text, size_t len,
    const char *bearer_token, const struct ac_keys *previous, char *reason,
    size_t reason_size)
{
	struct maker maker = {
	    .keys = ac_calloc(1, sizeof(struct ac_keys)),
	    .previous = previous,
	};
	const char *why;

	maker.keys->refs = 1;
	if (bearer_token != NULL)
		add_bearer_token(&maker, bearer_token);
	if (read_lines(&maker, text, len, &why))
		return maker.keys;
	snprintf(reason, reason_size, "API_KEYS_FILE=%.200s: line %u: %s", path,
	    maker.line, why);
	ac_keys_unref(maker.keys);
	return NULL;
}

static bool
read_lines(struct maker *maker, const char *text, size_t len, const char **why)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *end = text + len;

	/* Editors of some systems begin a file with a mark. */
	if (len >= 3 && memcmp(text, mark, 3) == 0)
		text += 3;
	while (text < end) {
		size_t rest = (size_t)(end - text);
		const char *feed = memchr(text, '\n', rest);
		size_t line_len = feed == NULL ? rest : (size_t)(feed - text);
		struct ac_key_line line;

		maker->line++;
		switch (ac_key_line_parse(&line, text, line_len, why)) {
		case AC_KEY_LINE_KEY:
			*why = add_key(maker, &line);
			if (*why != NULL)
				return false;
			break;
		case AC_KEY_LINE_EMPTY:
			break;
		case AC_KEY_LINE_BAD:
			return false;
		}
		text = feed == NULL ? end : feed + 1;
	}
	return true;
}

/* Takes the line's contents; NULL, or why it is refused. */
static const char *
add_key(struct maker *maker, struct ac_key_line *line)
{
	struct ac_keys *keys = maker->keys;
	const char *why = check_new(keys, line);

	if (why != NULL) {
		ac_key_line_clear(line);
		return why;
	}
	keys->items =
	    ac_realloc(keys->items, (keys->count + 1) * sizeof(*keys->items));
	keys->items[keys->count++] = (struct ac_key){
	    .settings = *line,
	    .usage = take_usage(maker->previous, line->name),
	};
	return NULL;
}

static const char *
check_new(const struct ac_keys *keys, const struct ac_key_line *line)
{
	if (keys->count >= AC_KEYS_MAX)
		return "there are more than 4000 keys";
	for (size_t i = 0; i < keys->count; i++) {
		const struct ac_key_line *other = &keys->items[i].settings;

		if (strcmp(other->name, line->name) == 0)
			return "the name is taken (\"default\" is that of "
			       "BEARER_TOKEN where it is set)";
		/* Or its limits would depend on the order of lines. */
		if (memcmp(other->hash, line->hash, AC_KEY_HASH_SIZE) == 0)
			return "the key stands there twice, or is that of "
			       "BEARER_TOKEN";
	}
	return NULL;
}

static void
add_bearer_token(struct maker *maker, const char *token)
{
	struct ac_key_line line = {.name = "default"};

	SHA256((const unsigned char *)token, strlen(token), line.hash);
	if (add_key(maker, &line) != NULL)
		abort(); /* it is the first */
}

static struct ac_key_usage *
take_usage(const struct ac_keys *previous, const char *name)
{
	struct ac_key_usage *usage = NULL;

	for (size_t i = 0; previous != NULL && i < previous->count; i++) {
		if (strcmp(previous->items[i].settings.name, name) == 0)
			usage = previous->items[i].usage;
	}
	if (usage == NULL) {
		usage = ac_calloc(1, sizeof(*usage));
		ac_fair_line_init(&usage->line);
	}
	usage->refs++;
	return usage;
}

struct ac_keys *
ac_keys_ref(struct ac_keys *keys)
{
	keys->refs++;
	return keys;
}

void
ac_keys_unref(struct ac_keys *keys)
{
	if (keys == NULL || --keys->refs > 0)
		return;
	for (size_t i = 0; i < keys->count; i++) {
		ac_key_line_clear(&keys->items[i].settings);
		if (--keys->items[i].usage->refs == 0)
			free(keys->items[i].usage);
	}
	free(keys->items);
	free(keys);
}

size_t
ac_keys_count(const struct ac_keys *keys)
{
	return keys->count;
}

/* Hashes have one length, and all of them are looked at. */
const struct ac_key *
ac_keys_find(const struct ac_keys *keys, const char *token)
{
	unsigned char hash[AC_KEY_HASH_SIZE];
	const struct ac_key *found = NULL;

	SHA256((const unsigned char *)token, strlen(token), hash);
	for (size_t i = 0; i < keys->count; i++) {
		if (CRYPTO_memcmp(
			keys->items[i].settings.hash, hash, sizeof(hash)) == 0)
			found = &keys->items[i];
	}
	return found;
}

bool
ac_key_has_expired(const struct ac_key *key, int64_t now_s)
{
	return key->settings.expires_s != 0 && now_s >= key->settings.expires_s;
}

bool
ac_key_may_use(const struct ac_key *key, const char *model)
{
	return key == NULL || key->settings.models == NULL ||
	       ac_glob_list_matches(key->settings.models, model);
}
