/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What holds for each decoder of the upstream's protocols: the events of a
 * body are the same whole, byte by byte and cut in two; every literal is JSON
 * to jansson; nothing follows ERROR, END or a stop.
 */
#ifndef AC_TEST_CUTS_H
#define AC_TEST_CUTS_H

#include "fuzz.h"
#include "support/recording.h"

/* Ends the run if it does not hold. The first two bytes of the input say
 * where the cut is, the rest is the body. */
void cuts_check(recording_start_fn *start, const uint8_t *data, size_t size);

#endif
