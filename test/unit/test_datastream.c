/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The data-stream decoder against test/data/datastream: see transcripts.h. */
#include "support/transcripts.h"

int
main(void)
{
	return transcripts_run("datastream", recording_start);
}
