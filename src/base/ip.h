/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* IP addresses, ranges of them, and lists of ranges (TRUSTED_PROXIES). */
#ifndef AC_BASE_IP_H
#define AC_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum {
	AC_IP_BITS = 128,
	AC_IP_TEXT_SIZE = 46, /* of the longest text, NUL included */
};

/* An IPv4 address is kept as ::ffff:a.b.c.d, so that both spellings of it are
 * the same. */
struct ac_ip_address {
	unsigned char bytes[AC_IP_BITS / 8];
};

/* Parses an address without brackets, as libc reads it. False leaves ip
 * undefined. */
AC_MUST_CHECK bool ac_ip_parse(struct ac_ip_address *ip, const char *text);

bool ac_ip_is_v4(const struct ac_ip_address *ip);

bool ac_ip_is_loopback(const struct ac_ip_address *ip);

/* The address in its usual form, an IPv4 one with dots. */
void ac_ip_format(char text[AC_IP_TEXT_SIZE], const struct ac_ip_address *ip);

struct ac_ip_range {
	struct ac_ip_address ip; /* what is behind the bits is 0 */
	unsigned bits;           /* of 128 */
};

/* Parses an address, or an address and its number of bits (10.0.0.0/8). */
AC_MUST_CHECK bool ac_ip_range_parse(
    struct ac_ip_range *range, const char *text);

/* Whether a range has an address. ::/0 has every IPv6 address and no IPv4
 * one. */
bool ac_ip_range_has(
    const struct ac_ip_range *range, const struct ac_ip_address *ip);

struct ac_ip_ranges {
	size_t count;
	struct ac_ip_range *items; /* owned */
	bool has_unix; /* "unix": whoever comes through a Unix socket */
};

/* Parses ranges and the word "unix", separated by commas or blanks; "" gives
 * none. False leaves ranges untouched and *why with a constant text. */
AC_MUST_CHECK bool ac_ip_ranges_parse(
    struct ac_ip_ranges *ranges, const char *text, const char **why);

/* Frees the items; all-zero ranges are fine. */
void ac_ip_ranges_clear(struct ac_ip_ranges *ranges);

bool ac_ip_ranges_have(
    const struct ac_ip_ranges *ranges, const struct ac_ip_address *ip);

#endif
