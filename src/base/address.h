/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening addresses (SERVER_ADDRESS, METRICS_ADDRESS). */
#ifndef AC_BASE_ADDRESS_H
#define AC_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* One of the two is NULL. */
struct ac_address {
	char *host; /* owned; "" means every interface */
	char *path; /* owned; of a Unix socket, absolute */
	uint16_t port;
};

struct ac_addresses {
	size_t count;
	struct ac_address *items; /* owned, in the order of the text */
};

/* Parses host:port, :port, [v6]:port or unix:/path. False leaves address
 * untouched and *why with a constant text. */
AC_MUST_CHECK bool ac_address_parse(
    struct ac_address *address, const char *text, const char **why);

/* Frees the strings; an all-zero address is fine. */
void ac_address_clear(struct ac_address *address);

/* Parses a list with commas, at least one address long; blanks around them
 * are dropped. False as above. */
AC_MUST_CHECK bool ac_addresses_parse(
    struct ac_addresses *addresses, const char *text, const char **why);

/* Frees them; all-zero addresses are fine. */
void ac_addresses_clear(struct ac_addresses *addresses);

#endif
