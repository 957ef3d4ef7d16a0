/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Error values: see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Takes a character off the end that snprintf cut in its middle. */
static void
trim_partial_character(char *s)
{
	size_t len = strlen(s);
	size_t start = len;

	while (start > 0 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && ((unsigned char)s[start - 1] & 0xc0) == 0xc0)
		s[start - 1] = '\0';
}

static void set(struct ac_error *, enum ac_error_code, const char *param,
    const char *fmt, va_list) AC_PRINTF(4, 0);

static void
set(struct ac_error *error, enum ac_error_code code, const char *param,
    const char *fmt, va_list ap)
{
	int len;

	error->code = code;
	error->retry_after_s = 0;
	error->is_quote = false;
	len = snprintf(error->param, sizeof(error->param), "%s", param);
	if (len >= (int)sizeof(error->param))
		trim_partial_character(error->param);
	len = vsnprintf(error->message, sizeof(error->message), fmt, ap);
	if (len >= (int)sizeof(error->message))
		trim_partial_character(error->message);
}

void
ac_error_set(
    struct ac_error *error, enum ac_error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(error, code, "", fmt, ap);
	va_end(ap);
}

void
ac_error_set_param(struct ac_error *error, enum ac_error_code code,
    const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(error, code, param, fmt, ap);
	va_end(ap);
}
