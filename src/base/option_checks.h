/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the values of single options must be beside their type: for the
 * option table. Each returns NULL, or a constant text that says why not. */
#ifndef AC_BASE_OPTION_CHECKS_H
#define AC_BASE_OPTION_CHECKS_H

/* A key as it can come in a header: no white space around it. */
const char *ac_check_key(const char *value);

/* "*" or a list of origins as browsers write them. */
const char *ac_check_origins(const char *value);

/* Addresses and ranges of them (base/ip.h). */
const char *ac_check_ip_ranges(const char *value);

/* name=value pairs. */
const char *ac_check_cookies(const char *value);

/* A URL that others can be put behind. */
const char *ac_check_public_url(const char *value);

#endif
