/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The pictures of the simulated app: PNG files made by code. Pure code. */
#ifndef AC_DEMO_DEMO_PICTURE_H
#define AC_DEMO_DEMO_PICTURE_H

#include <stddef.h>
#include <stdint.h>

enum { AC_DEMO_PICTURE_SIDE = 64 }; /* pixels */

/*
 * A square PNG file in true colour, of about 12 KiB: its colours come of one
 * number and its pattern of the lower 32 bits of the other. Sets its length;
 * the caller frees it.
 */
char *ac_demo_picture_make(uint64_t colours, uint64_t pattern, size_t *len);

#endif
