/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The UI message stream decoder against test/data/uistream: see transcripts.h.
 */
#include "support/transcripts.h"

int
main(void)
{
	return transcripts_run("uistream", recording_start_uistream);
}
