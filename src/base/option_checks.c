/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checks of single options: see option_checks.h. An empty value is always
 * allowed; it means that the option is not used. */
#include "base/option_checks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/url.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

const char *
ac_check_key(const char *value)
{
	size_t len = strlen(value);

	/* Header values lose them, so no client could ever send such a key. */
	if (len > 0 && (is_space(value[0]) || is_space(value[len - 1])))
		return "it begins or ends with a space";
	return NULL;
}

static bool
is_origin(const char *text)
{
	struct ac_url url = {.tls = false};
	const char *why;
	bool ok;

	/* Pages of browser extensions and apps have schemes of their own. */
	if (strncmp(text, "http://", 7) != 0 &&
	    strncmp(text, "https://", 8) != 0)
		return strstr(text, "://") != NULL;
	ok = ac_url_parse(&url, text, &why) && *url.path == '\0';
	ac_url_clear(&url);
	return ok;
}

const char *
ac_check_origins(const char *value)
{
	static const char separators[] = ", \t";
	bool ok = true;

	value += strspn(value, separators);
	while (ok && *value != '\0') {
		size_t len = strcspn(value, separators);
		char *origin = ac_memdup(value, len);

		ok = strcmp(origin, "*") == 0 || is_origin(origin);
		free(origin);
		value += len;
		value += strspn(value, separators);
	}
	return ok ? NULL : "it holds something that is not an origin";
}

const char *
ac_check_ip_ranges(const char *value)
{
	struct ac_ip_ranges ranges = {.count = 0};
	const char *why;

	if (!ac_ip_ranges_parse(&ranges, value, &why))
		return why;
	ac_ip_ranges_clear(&ranges);
	return NULL;
}

const char *
ac_check_cookies(const char *value)
{
	while (*value != '\0') {
		size_t len = strcspn(value, ";");

		if (memchr(value, '=', len) == NULL)
			return "a cookie in it has no '='";
		value += len;
		value += strspn(value, "; ");
	}
	return NULL;
}

const char *
ac_check_public_url(const char *value)
{
	struct ac_url url = {.tls = false};
	const char *why = NULL;

	if (*value == '\0')
		return NULL;
	/* It is to stand in Markdown and in quotes as it is. */
	if (!ac_name_is_made_of(value, strlen(value), "-._~:/[]%"))
		return "it holds a character that is not allowed in it";
	if (ac_url_parse(&url, value, &why))
		ac_url_clear(&url);
	return why;
}
