/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* --doctor --url: does a running installation serve well from outside? */
#ifndef AC_DOCTOR_OUTSIDE_H
#define AC_DOCTOR_OUTSIDE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"

struct ac_config;
struct event_base;

/* Checks the --url of config's arguments with the key in BEARER_TOKEN, on
 * base, and reports to out. Whether nothing failed. */
AC_MUST_CHECK bool ac_outside_check(
    struct event_base *base, struct ac_config *config, FILE *out);

#endif
