/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading Set-Cookie by hand: see set_cookie.h. */
#include "upstream/set_cookie.h"

#include <string.h>

#include <event2/util.h>

enum {
	/* A century: what a longer Max-Age is taken for. */
	LONGEST_AGE_DIGITS = 10,
};

static bool
is_cookie_octet(char c)
{
	return c > ' ' && c <= '~' && strchr("\",;\\", c) == NULL;
}

static bool
copy_value(struct ac_set_cookie *cookie, const char *value, size_t len)
{
	if (len == 0 || len >= sizeof(cookie->value))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_cookie_octet(value[i]))
			return false;
	}
	memcpy(cookie->value, value, len);
	cookie->value[len] = '\0';
	return true;
}

/* Digits, perhaps after a minus; anything else is ignored, as the RFC says. */
static int64_t
parse_max_age(const char *value, size_t len)
{
	int64_t age = 0;

	if (len > 1 && value[0] == '-' && strspn(value + 1, "0123456789") > 0)
		return 0;
	if (len == 0 || strspn(value, "0123456789") < len)
		return AC_MAX_AGE_UNKNOWN;
	if (len > LONGEST_AGE_DIGITS)
		len = LONGEST_AGE_DIGITS;
	for (size_t i = 0; i < len; i++)
		age = age * 10 + (value[i] - '0');
	return age;
}

static void
read_attribute(struct ac_set_cookie *cookie, const char *attribute, size_t len)
{
	static const char max_age[] = "max-age=";
	size_t name_len = sizeof(max_age) - 1;

	if (len < name_len ||
	    evutil_ascii_strncasecmp(attribute, max_age, name_len) != 0)
		return;
	cookie->max_age_s = parse_max_age(attribute + name_len, len - name_len);
}

bool
ac_set_cookie_parse(
    struct ac_set_cookie *cookie, const char *header, const char *name)
{
	size_t name_len = strlen(name);
	size_t len;

	cookie->max_age_s = AC_MAX_AGE_UNKNOWN;
	header += strspn(header, " \t");
	if (strncmp(header, name, name_len) != 0 || header[name_len] != '=')
		return false;
	header += name_len + 1;
	len = strcspn(header, ";");
	if (!copy_value(cookie, header, len))
		return false;
	for (header += len; *header == ';'; header += len) {
		header++;
		header += strspn(header, " \t");
		len = strcspn(header, ";");
		read_attribute(cookie, header, len);
	}
	return true;
}
