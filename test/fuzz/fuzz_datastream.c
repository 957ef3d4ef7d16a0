/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data-stream decoder: see cuts.h. */
#include "cuts.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cuts_check(recording_start, data, size);
	return 0;
}
