/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The rows of the option table, for options.c and option_sources.c alone. */
#ifndef AC_BASE_OPTION_TABLE_H
#define AC_BASE_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum ac_option_type {
	AC_TYPE_TEXT,
	AC_TYPE_SECRET, /* NAME_FILE reads it from a file's first line */
	AC_TYPE_PATH,
	AC_TYPE_ADDRESSES,
	AC_TYPE_URL,
	AC_TYPE_WHOLE, /* int64_t from min to max */
	AC_TYPE_REAL,  /* from min to max, empty means absent */
	AC_TYPE_MODE,  /* int64_t: a file's permission bits, in octal */
	AC_TYPE_SWITCH,
	AC_TYPE_CHOICE,  /* an enum whose values count from 0 */
	AC_TYPE_ALIASES, /* names that stand for others */
	AC_OPTION_TYPES
};

struct ac_option {
	const char *name; /* of the environment variable */
	enum ac_option_type type;
	size_t offset; /* of its field in struct ac_options */
	double min;
	double max;
	bool one_line;      /* goes into a header */
	bool needs_restart; /* a reload leaves it as it is */
	bool is_shared;     /* a variable of many programs: any value is taken,
			     * its lower-case name is read too */
	const char *const *choices;              /* ends with NULL */
	const char *(*check)(const char *value); /* or NULL */
	const char *default_value;
	const char *placeholder; /* stands behind the flag in --help */
	const char *allowed;
	const char *help; /* one sentence */
};

/* What the rows of a whole number share, from the field to the words. */
/* NOLINTBEGIN(bugprone-macro-parentheses): members and strings */
#define AC_OPTION_WHOLE(f, lowest, highest, placeholder_, unit)          \
	.type = AC_TYPE_WHOLE, .offset = offsetof(struct ac_options, f), \
	.min = lowest, .max = highest, .placeholder = placeholder_,      \
	.allowed = #lowest " to " #highest unit
/* NOLINTEND(bugprone-macro-parentheses) */
#define NUMBER(f, lowest, highest) \
	AC_OPTION_WHOLE(f, lowest, highest, "NUMBER", "")
#define BYTES(f, lowest, highest) \
	AC_OPTION_WHOLE(f, lowest, highest, "BYTES", " bytes")
#define SECONDS(f, lowest, highest) \
	AC_OPTION_WHOLE(f, lowest, highest, "SECONDS", " seconds")
#define MILLISECONDS(f, lowest, highest) \
	AC_OPTION_WHOLE(f, lowest, highest, "MILLISECONDS", " milliseconds")

enum {
	AC_SERVING_OPTIONS = 20, /* the first of them */
	AC_OPTIONS = 53,
};

/* Row i, below AC_OPTIONS, and the way back. */
const struct ac_option *ac_option_at(size_t i);
size_t ac_option_index(const struct ac_option *option);

/* For option_table.c alone. */
extern const struct ac_option ac_serving_options[AC_SERVING_OPTIONS];

/* The row of a name, or NULL. */
const struct ac_option *ac_option_find(const char *name);

/* The row of the secret whose file NAME_FILE names, or NULL. */
const struct ac_option *ac_option_find_secret_file(const char *name);

#endif
