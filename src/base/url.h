/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The URL of an origin (AKASH_BASE_URL). */
#ifndef AC_BASE_URL_H
#define AC_BASE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct ac_url {
	bool tls;
	uint16_t port;
	char *host;        /* owned; without the brackets of an IPv6 address */
	char *host_header; /* owned; as HTTP's Host wants it */
	char *path;        /* owned; "" or "/prefix", never a final slash */
};

/* Parses http://host[:port][/path] or https://…; a final slash is dropped.
 * User, query and fragment are refused. False leaves url untouched and
 * *why with a constant text. */
AC_MUST_CHECK bool ac_url_parse(
    struct ac_url *url, const char *text, const char **why);

/* Frees the strings; an all-zero url is fine. */
void ac_url_clear(struct ac_url *url);

/* Whether host is an IPv4 or IPv6 address and not a name; without brackets. */
bool ac_ip_is_literal(const char *host);

#endif
