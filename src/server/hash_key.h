/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* --hash-key: from a key to its hash in API_KEYS_FILE. */
#ifndef AC_SERVER_HASH_KEY_H
#define AC_SERVER_HASH_KEY_H

#include <stdbool.h>
#include <stdio.h>

#include <akashchat/akashchat.h>

#include "base/attr.h"

/*
 * Reads a key, the first line of in, and prints its SHA-256 in hexadecimal to
 * out. On a terminal it is asked for (on standard error) and not shown. False
 * and a reason where there is none, or one that no client could send.
 */
AC_MUST_CHECK bool ac_hash_key(
    FILE *in, FILE *out, char reason[AC_REASON_SIZE]);

#endif
