/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests from JSON with single quotes, which read better in C. */
#ifndef AC_TEST_ASKED_H
#define AC_TEST_ASKED_H

#include <stdbool.h>
#include <stddef.h>

#include "api/chat_request.h"

typedef bool asked_parse_fn(
    struct ac_chat_request *, struct evbuffer *, struct ac_error *);

/* Parses text (len bytes) as parse does; every ' becomes a ". The bytes lie
 * in the buffer in pieces of piece bytes. */
bool asked_parse_pieces(asked_parse_fn *parse, struct ac_chat_request *request,
    const char *text, size_t len, size_t piece, struct ac_error *error);

/* The same in one piece, of a C string. */
bool asked_parse(asked_parse_fn *parse, struct ac_chat_request *request,
    const char *text, struct ac_error *error);

#endif
