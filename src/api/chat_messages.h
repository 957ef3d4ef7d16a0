/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checking the messages of a chat request. */
#ifndef AC_API_CHAT_MESSAGES_H
#define AC_API_CHAT_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/error.h"

enum {
	AC_CHAT_MESSAGES_MAX = 4096,
	/* Parts of content and calls of tools, of all messages together. */
	AC_CHAT_PARTS_MAX = 8192,
};

/* Checks "messages" (NULL if absent): their number, roles, contents, parts,
 * pictures, calls of tools. True adds the bytes of text in them to *text_len;
 * false sets error with the path of what is at fault. */
AC_MUST_CHECK bool ac_chat_messages_check(
    const json_t *messages, int64_t *text_len, struct ac_error *error);

#endif
