/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Finding the members of an object: see members.h. The object's own level
 * is read here. A value that is an array, an object, a number or a word is
 * cut out by its brackets and given to jansson, which says whether it is one.
 */
#include "codec/members.h"

#include <string.h>

#include <jansson.h>

#include "base/json.h"

struct reader {
	const char *at;
	const char *end;
};

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
	struct reader reader = {json, json + len};

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
	value = ac_json_parse_lenient(found->value, found->len);
	if (value == NULL)
		return false;
	json_decref(value);
	reader->at = end;
	return true;
}
