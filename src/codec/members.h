/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The members of a JSON object, found where they lie and without a tree: for
 * objects that come by the thousand and of which a string or two count.
 */
#ifndef AC_CODEC_MEMBERS_H
#define AC_CODEC_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/literal.h"

/* The caller sets the name; the rest is found. */
struct ac_member {
	const char *name;
	const char *value; /* as it came, borrowed; NULL: absent */
	size_t len;
	bool is_string;                  /* with quotes in value and len … */
	struct ac_literal_report report; /* … which this leaves out */
};

/*
 * Looks for count members in json (len bytes). Of several with one name the
 * last counts. Strings may hold lone surrogates and bytes that are not
 * UTF-8, see their report; those within other values may not hold the
 * latter. Nothing is allocated where all values are strings. False if json
 * is not an object.
 */
bool ac_members_find(
    const char *json, size_t len, struct ac_member *members, size_t count);

#endif
