/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The one thing the simulated app can do: sums. Pure code. */
#ifndef AC_DEMO_DEMO_SUM_H
#define AC_DEMO_DEMO_SUM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/*
 * Looks in a text for a simple question of arithmetic, such as "what is
 * 12*7?", "2 plus 2" or "3乘以4等于几", and writes it with its result to out
 * (size bytes): "12*7 = 84". False if there is none, or it has no result.
 */
AC_MUST_CHECK bool ac_demo_sum_find(const char *text, char *out, size_t size);

#endif
