/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Where a picture is, by what the upstream says in a job's "result": at the
 * site (a relative address, as the app makes them, or the same in full), at
 * another address, or in the result itself as a data URL.
 */
#ifndef AC_UPSTREAM_IMAGE_REF_H
#define AC_UPSTREAM_IMAGE_REF_H

#include <stdbool.h>

#include "base/attr.h"

struct ac_site;

enum {
	AC_IMAGE_NAME_MAX = 128, /* bytes of a file's name */
	AC_IMAGE_URL_MAX = 4096, /* bytes of an address, data URLs aside */
};

enum ac_image_ref_kind {
	AC_IMAGE_FILE,      /* a file of the site, which can be fetched */
	AC_IMAGE_ELSEWHERE, /* an address to hand out; not fetched from here */
	AC_IMAGE_DATA,      /* the picture itself */
};

struct ac_image_ref {
	enum ac_image_ref_kind kind;
	char *url;   /* owned: absolute; of DATA the data URL. ASCII without
			blanks, quotes and angle brackets */
	char *name;  /* owned: of FILE, ac_image_name_is_valid() */
	char *query; /* owned: of FILE, behind its "?"; NULL: none */
};

/*
 * Whether name can be asked for: 1 to 128 ASCII letters, digits, ".", "_"
 * and "-", no dot in front, no two in a row, and an extension of 1 to 8
 * letters and digits. (The app moves names without one elsewhere.)
 */
bool ac_image_name_is_valid(const char *name);

/* Reads a result into ref, which is overwritten; false, and nothing in it,
 * if it is no address of a picture. */
AC_MUST_CHECK bool ac_image_ref_parse(
    struct ac_image_ref *ref, const struct ac_site *site, const char *result);

/* Frees what is in it; one of zeros is fine. */
void ac_image_ref_clear(struct ac_image_ref *ref);

/* What is in from goes over to to (overwritten); from is empty then. */
void ac_image_ref_move(struct ac_image_ref *to, struct ac_image_ref *from);

#endif
