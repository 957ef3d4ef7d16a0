/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A client's request for pictures (POST /v1/images/generations): checked, and
 * translated into what the web app's POST /api/chat/ takes. */
#ifndef AC_API_IMAGES_REQUEST_H
#define AC_API_IMAGES_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/error.h"

struct ac_bytes;
struct ac_options;
struct evbuffer;

enum { AC_IMAGES_MAX = 4 }; /* pictures of one request */

enum ac_images_format {
	AC_IMAGES_B64_JSON, /* the pictures themselves */
	AC_IMAGES_URL,      /* where they are */
};

struct ac_images_request {
	json_t *json;         /* owned: the body */
	const json_t *prompt; /* a string that is not empty; borrowed */
	const char *model;    /* as asked for; NULL if absent; borrowed */
	size_t count;         /* 1 to AC_IMAGES_MAX */
	enum ac_images_format format;
	/* Owned: the fields without effect, as X-Ignored-Parameters tells
	 * them (api/field_rules.h); NULL if there is none. */
	char *ignored;
};

/* Reads the body, whatever its Content-Type says. False sets error, with the
 * path of the field at fault; then there is nothing to clear. */
AC_MUST_CHECK bool ac_images_request_parse(struct ac_images_request *request,
    struct evbuffer *body, struct ac_error *error);

void ac_images_request_clear(struct ac_images_request *request);

/* Whether what was asked for, or what MODEL_ALIASES has for it, is the model
 * that draws; absent it is. False sets error. */
AC_MUST_CHECK bool ac_images_request_check_model(
    const struct ac_images_request *request, const struct ac_options *options,
    struct ac_error *error);

/* The body for the web app: a conversation of its own, another one at each
 * call. The caller holds the reference. */
struct ac_bytes *ac_images_request_translate(
    const struct ac_images_request *request, const struct ac_options *options);

#endif
