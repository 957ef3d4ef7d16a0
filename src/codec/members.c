/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Finding the members of an object: see members.h. The object's own level
 * is read here, and that of plain objects in it. Any other value that is an
 * array, an object, a number or a word is cut out by its brackets and given to
 * jansson, which says whether it is one.
 */
#include "codec/members.h"

#include <string.h>

#include <jansson.h>

#include "base/json.h"

enum {
	DEPTH_MAX = 4,     /* of objects within objects that are read here */
	SMALL_DIGITS = 15, /* of a number that fits everywhere */
};

struct reader {
	const char *at;
	const char *end;
	unsigned depth; /* 0: the object whose members count */
};

static bool find(const char *json, size_t len, struct ac_member *members,
    size_t count, unsigned depth);
static bool take_member(
    struct reader *, struct ac_member *members, size_t count);
static bool take_string(struct reader *, struct ac_member *found);
static bool take_other(struct reader *, struct ac_member *found);

static void
skip_space(struct reader *reader)
{
	while (reader->at < reader->end &&
	       (*reader->at == ' ' || *reader->at == '\t' ||
		   *reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

/* Takes the character if it is next, and the white space on both sides. */
static bool
take(struct reader *reader, char c)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	skip_space(reader);
	return true;
}

bool
ac_members_find(
    const char *json, size_t len, struct ac_member *members, size_t count)
{
	return find(json, len, members, count, 0);
}

static bool
find(const char *json, size_t len, struct ac_member *members, size_t count,
    unsigned depth)
{
	struct reader reader = {json, json + len, depth};

	for (size_t i = 0; i < count; i++)
		members[i] = (struct ac_member){.name = members[i].name};
	if (!take(&reader, '{'))
		return false;
	if (!take(&reader, '}')) {
		do {
			if (!take_member(&reader, members, count))
				return false;
		} while (take(&reader, ','));
		if (!take(&reader, '}'))
			return false;
	}
	return reader.at == reader.end;
}

static bool
take_member(struct reader *reader, struct ac_member *members, size_t count)
{
	struct ac_member name = {0};
	struct ac_member found = {0};

	if (!take_string(reader, &name) || !take(reader, ':'))
		return false;
	if (!take_string(reader, &found) && !take_other(reader, &found))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!ac_literal_equals(
			name.value + 1, name.len - 2, members[i].name))
			continue;
		found.name = members[i].name;
		members[i] = found;
		break;
	}
	return true;
}

/* The quote that ends the string which begins at s, or NULL. */
static const char *
find_string_end(const char *s, const char *end)
{
	for (s++; s < end; s++) {
		if (*s == '\\')
			s++;
		else if (*s == '"')
			return s;
	}
	return NULL;
}

static bool
take_string(struct reader *reader, struct ac_member *found)
{
	const char *end;

	if (reader->at == reader->end || *reader->at != '"')
		return false;
	end = find_string_end(reader->at, reader->end);
	if (end == NULL)
		return false;
	found->value = reader->at;
	found->len = (size_t)(end + 1 - reader->at);
	found->is_string = true;
	found->report = ac_literal_check(found->value + 1, found->len - 2);
	if (found->report.state == AC_LITERAL_BROKEN)
		return false;
	/* Within a value it is jansson that decides what is allowed. */
	if (reader->depth > 0 &&
	    (found->report.state != AC_LITERAL_CLEAN ||
		memchr(found->value, '\\', found->len) != NULL))
		return false;
	reader->at = end + 1;
	return true;
}

/* The comma or bracket behind the value at s, or end. */
static const char *
find_value_end(const char *s, const char *end)
{
	size_t depth = 0;

	for (; s < end; s++) {
		if (*s == '"') {
			s = find_string_end(s, end);
			if (s == NULL)
				return end;
		} else if (*s == '{' || *s == '[') {
			depth++;
		} else if (depth == 0 &&
			   (*s == ',' || *s == '}' || *s == ']')) {
			return s;
		} else if (*s == '}' || *s == ']') {
			depth--;
		}
	}
	return end;
}

static bool
is_small_number(const char *value, size_t len)
{
	if (len > SMALL_DIGITS || (*value == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
	}
	return true;
}

/* Whether a value is a literal name or a number of a few digits, which is
 * valid at a glance; others may be valid too. */
static bool
is_simple(const char *value, size_t len)
{
	if (len == 4)
		return memcmp(value, "true", 4) == 0 ||
		       memcmp(value, "null", 4) == 0 ||
		       is_small_number(value, len);
	if (len == 5 && memcmp(value, "false", 5) == 0)
		return true;
	return is_small_number(value, len);
}

/* The same of an object that is not deep. */
static bool
is_shallow_object(const char *value, size_t len, unsigned depth)
{
	return *value == '{' && depth < DEPTH_MAX &&
	       find(value, len, NULL, 0, depth + 1);
}

static bool
take_other(struct reader *reader, struct ac_member *found)
{
	const char *end = find_value_end(reader->at, reader->end);
	json_t *value;

	*found = (struct ac_member){
	    .value = reader->at,
	    .len = (size_t)(end - reader->at),
	};
	/* A string stands alone, which take_string() has seen to. */
	if (found->len == 0 || found->value[0] == '"')
		return false;
	if (!is_simple(found->value, found->len) &&
	    !is_shallow_object(found->value, found->len, reader->depth)) {
		value = ac_json_parse_lenient(found->value, found->len);
		if (value == NULL)
			return false;
		json_decref(value);
	}
	reader->at = end;
	return true;
}
