/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading single fields of a request's JSON, for the parsers of requests. A
 * field that is null counts as absent everywhere. path is what an error's
 * param says. Each function that can fail returns false with the error set.
 */
#ifndef AC_API_FIELD_CHECK_H
#define AC_API_FIELD_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/options.h"

/* "an object", "a string"... */
const char *ac_field_type_name(const json_t *value);

/* Always false: value is not what is expected ("a string"). */
bool ac_field_wrong_type(struct ac_error *error, const char *path,
    const char *expected, const json_t *value);

/* Always false: what path names has to be there. */
bool ac_field_missing(struct ac_error *error, const char *path);

/* A string that has to be there, at path. */
AC_MUST_CHECK bool ac_field_need_string(
    const json_t *value, const char *path, struct ac_error *error);

/* A boolean; *on stays where it is absent. */
AC_MUST_CHECK bool ac_field_read_switch(const json_t *object, const char *key,
    const char *path, bool *on, struct ac_error *error);

/* A number from min to max; *number stays where it is absent. */
AC_MUST_CHECK bool ac_field_read_number(const json_t *body, const char *key,
    double min, double max, struct ac_optional_real *number,
    struct ac_error *error);

/* A whole number from 1 on; *number stays where it is absent. What is beyond
 * an int64_t is INT64_MAX. */
AC_MUST_CHECK bool ac_field_read_count(const json_t *body, const char *key,
    int64_t *number, struct ac_error *error);

#endif
