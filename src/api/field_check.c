/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading single fields: see field_check.h. */
#include "api/field_check.h"

#include <math.h>

#include "base/json.h"

const char *
ac_field_type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

bool
ac_field_wrong_type(struct ac_error *error, const char *path,
    const char *expected, const json_t *value)
{
	ac_error_set_param(error, AC_ERROR_INVALID_TYPE, path,
	    "Invalid type for '%s': expected %s, but got %s.", path, expected,
	    ac_field_type_name(value));
	return false;
}

bool
ac_field_missing(struct ac_error *error, const char *path)
{
	ac_error_set_param(error, AC_ERROR_MISSING_PARAMETER, path,
	    "Missing required parameter: '%s'.", path);
	return false;
}

bool
ac_field_need_string(
    const json_t *value, const char *path, struct ac_error *error)
{
	if (value == NULL || json_is_null(value))
		return ac_field_missing(error, path);
	return json_is_string(value) ||
	       ac_field_wrong_type(error, path, "a string", value);
}

bool
ac_field_read_switch(const json_t *object, const char *key, const char *path,
    bool *on, struct ac_error *error)
{
	const json_t *value = ac_json_get(object, key);

	if (value == NULL)
		return true;
	if (!json_is_boolean(value))
		return ac_field_wrong_type(error, path, "a boolean", value);
	*on = json_is_true(value);
	return true;
}

bool
ac_field_read_number(const json_t *body, const char *key, double min,
    double max, struct ac_optional_real *number, struct ac_error *error)
{
	const json_t *value = ac_json_get(body, key);

	if (value == NULL)
		return true;
	if (!json_is_number(value))
		return ac_field_wrong_type(error, key, "a number", value);
	if (json_number_value(value) < min || json_number_value(value) > max) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, key,
		    "Invalid '%s': it must be from %g to %g.", key, min, max);
		return false;
	}
	number->set = true;
	number->value = json_number_value(value);
	return true;
}

bool
ac_field_read_count(const json_t *body, const char *key, int64_t *number,
    struct ac_error *error)
{
	const json_t *value = ac_json_get(body, key);
	double real;

	if (value == NULL)
		return true;
	if (!json_is_number(value))
		return ac_field_wrong_type(error, key, "a number", value);
	real = json_number_value(value);
	if (real < 1 || floor(real) < real) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, key,
		    "Invalid '%s': it must be a whole number, at least 1.",
		    key);
		return false;
	}
	*number = real < (double)INT64_MAX ? (int64_t)real : INT64_MAX;
	return true;
}
