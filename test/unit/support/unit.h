/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* cmocka with the headers that it forgets to include. */
#ifndef AC_TEST_UNIT_H
#define AC_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
