/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the web app takes (docs/internals/requests.md). */
#ifndef AC_TEST_CONTRACT_H
#define AC_TEST_CONTRACT_H

#include "fuzz.h"

/* Ends the run unless this is a body for POST /api/chat/. */
void contract_check_chat(const char *body, size_t len);

#endif
