/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Set-Cookie: each line of the input as a header. A value that is taken can
 * be sent back as it is and stands in the header; a lifetime is what the last
 * Max-Age of digits says. The header that is made of the two gives them again.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "upstream/set_cookie.h"

static const char name[] = "session_token";

static void
check_value(const char *value, const char *header)
{
	char *whole = ac_asprintf("%s=%s", name, value);

	FUZZ_CHECK(*value != '\0');
	FUZZ_CHECK(strlen(value) < AC_COOKIE_VALUE_SIZE);
	for (const char *p = value; *p != '\0'; p++)
		FUZZ_CHECK(*p > ' ' && *p <= '~' && !strchr("\",;\\", *p));
	FUZZ_CHECK(strstr(header, whole) != NULL);
	free(whole);
}

static void
check_again(const struct ac_set_cookie *cookie)
{
	struct ac_set_cookie again;
	char *header = ac_asprintf("%s=%s; Path=/; max-AGE=%" PRId64 "; Secure",
	    name, cookie->value, cookie->max_age_s);

	FUZZ_CHECK(ac_set_cookie_parse(&again, header, name));
	FUZZ_CHECK(strcmp(again.value, cookie->value) == 0);
	FUZZ_CHECK(
	    again.max_age_s == (cookie->max_age_s < 0 ? 0 : cookie->max_age_s));
	free(header);
}

static void
check_header(const char *header)
{
	struct ac_set_cookie cookie;

	if (!ac_set_cookie_parse(&cookie, header, name))
		return;
	check_value(cookie.value, header);
	FUZZ_CHECK(cookie.max_age_s >= AC_MAX_AGE_UNKNOWN);
	FUZZ_CHECK(cookie.max_age_s <= 9999999999);
	if (strcasestr(header, "max-age=") == NULL)
		FUZZ_CHECK(cookie.max_age_s == AC_MAX_AGE_UNKNOWN);
	check_again(&cookie);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_memdup((const char *)data, size);
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		/* In a block of its own, so that a look beyond is seen. */
		char *header = ac_strdup(line);

		check_header(header);
		free(header);
	}
	free(text);
	return 0;
}
