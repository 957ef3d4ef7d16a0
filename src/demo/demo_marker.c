/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Finding a marker: see demo_marker.h. */
#include "demo/demo_marker.h"

#include <string.h>

static const char opening[] = "[demo:";

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || memchr("._+-", c, 4) != NULL;
}

/* Copies the word at *at and moves there behind it; false if it is too
 * long. */
static bool
read_word(char word[AC_DEMO_MARKER_MAX + 1], const char **at, const char *end)
{
	size_t len = 0;

	while (*at + len < end && is_word_char((*at)[len]))
		len++;
	if (len > AC_DEMO_MARKER_MAX)
		return false;
	memcpy(word, *at, len);
	word[len] = '\0';
	*at += len;
	return true;
}

/* *from stands behind the opening, and then behind the marker. */
static bool
read_marker(struct ac_demo_marker *marker, const char **from, const char *end)
{
	struct ac_demo_marker read = {.has_value = false};
	const char *at = *from;

	if (!read_word(read.name, &at, end))
		return false;
	if (at < end && *at == '=') {
		at++;
		read.has_value = true;
		if (!read_word(read.value, &at, end))
			return false;
	}
	if (at == end || *at != ']')
		return false;
	*marker = read;
	*from = at + 1;
	return true;
}

bool
ac_demo_marker_next(
    struct ac_demo_marker *marker, const char **at, const char *end)
{
	const char *found = *at;

	while ((found = memmem(found, (size_t)(end - found), opening,
		    sizeof(opening) - 1)) != NULL) {
		found += sizeof(opening) - 1;
		if (read_marker(marker, &found, end)) {
			*at = found;
			return true;
		}
	}
	return false;
}
