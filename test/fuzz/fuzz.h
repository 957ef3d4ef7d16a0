/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the fuzz targets have in common. */
#ifndef AC_TEST_FUZZ_H
#define AC_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry: one input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with the broken rule. */
#define FUZZ_CHECK(condition)                                              \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition);                                   \
			abort();                                           \
		}                                                          \
	} while (0)

#endif
