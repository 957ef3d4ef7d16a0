/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A decoder against the transcripts of a directory: NAME.txt is a body as the
 * upstream sends it, NAME.events what the decoder must say about it, however
 * the body is cut. Each transcript is a test of its own; a new one needs
 * nothing but its files. Lines of .events that begin with # say what the
 * transcript is for.
 */
#ifndef AC_TEST_TRANSCRIPTS_H
#define AC_TEST_TRANSCRIPTS_H

#include "support/recording.h"

/* Runs the transcripts of test/data/NAME as the cmocka group NAME; returns
 * how many failed. */
int transcripts_run(const char *name, recording_start_fn *start);

#endif
