/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the web app says inside a stream that it began with 200: the status
 * of the model's own refusal is lost there, only its text is left.
 */
#ifndef AC_UPSTREAM_STREAM_ERROR_H
#define AC_UPSTREAM_STREAM_ERROR_H

#include "base/error.h"

/* Makes an error of such a text (UTF-8), of the kind that its words tell. */
void ac_stream_error_set(struct ac_error *error, const char *text);

#endif
