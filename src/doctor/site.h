/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* --doctor: would serving with this configuration work? */
#ifndef AC_DOCTOR_SITE_H
#define AC_DOCTOR_SITE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"

struct ac_config;
struct event_base;

/* Checks from the configuration to a picture, on base, and reports to out.
 * Whether nothing failed. */
AC_MUST_CHECK bool ac_site_check(
    struct event_base *base, struct ac_config *config, FILE *out);

#endif
