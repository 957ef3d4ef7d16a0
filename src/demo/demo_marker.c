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

/* at stands behind the opening. */
static bool
read_marker(struct ac_demo_marker *marker, const char *at, const char *end)
{
	struct ac_demo_marker read = {.has_value = false};

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
	return true;
}

bool
ac_demo_marker_find(struct ac_demo_marker *marker, const char *text, size_t len)
{
	const char *at = text;
	const char *end = text + len;

	while ((at = memmem(at, (size_t)(end - at), opening,
		    sizeof(opening) - 1)) != NULL) {
		at += sizeof(opening) - 1;
		if (read_marker(marker, at, end))
			return true;
	}
	return false;
}
