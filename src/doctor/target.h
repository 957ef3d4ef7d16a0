/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What --probe and --doctor --url are pointed at. */
#ifndef AC_DOCTOR_TARGET_H
#define AC_DOCTOR_TARGET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/url.h"

struct ac_target {
	char *socket_path; /* owned: of a Unix socket; NULL: url counts */
	struct ac_url url;
	char *path; /* owned: what to ask for; "/health" where none is named */
};

/*
 * Parses http://host[:port][/path], the same with https://, or
 * unix:/path/of/socket[:/path]. False leaves target untouched and *why with a
 * constant text, in which nothing of the URL is.
 */
AC_MUST_CHECK bool ac_target_parse(
    struct ac_target *target, const char *text, const char **why);

/* Frees the strings; an all-zero target is fine. */
void ac_target_clear(struct ac_target *target);

/* Whether it is this machine's loopback. */
bool ac_target_is_loopback(const struct ac_target *target);

#endif
