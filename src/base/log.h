/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The log: one line for each event, on standard error or wherever the host
 * sends it. A message is a constant; what varies stands behind it as
 * key=value, or all of it is a JSON object. Strings are escaped, so a peer's
 * bytes cannot forge a line; either form is plain ASCII.
 *
 *	ac_log_warn("session renewal failed",
 *	    AC_STR("reason", reason), AC_INT("pause_ms", pause_ms));
 */
#ifndef AC_BASE_LOG_H
#define AC_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum ac_log_level {
	AC_LOG_ERROR,
	AC_LOG_WARN,
	AC_LOG_INFO,
	AC_LOG_DEBUG,
	AC_LOG_LEVELS
};

enum ac_log_format {
	AC_LOG_TEXT, /* time, level, message, key=value … */
	AC_LOG_JSON, /* an object: ts, level, msg and the fields */
	AC_LOG_FORMATS
};

struct ac_log_field {
	const char *key;    /* NULL ends a list */
	const char *string; /* NULL: the number counts */
	int64_t number;
};

/* Receives one finished line without its line feed, NUL-terminated. */
typedef void ac_log_sink(enum ac_log_level level, const char *line, void *arg);

/* What is logged from now on: level and everything more serious. */
void ac_log_set_level(enum ac_log_level level);

/* How lines are written from now on; at first as text. */
void ac_log_set_format(enum ac_log_format format);

/* Sends lines to sink instead of standard error; NULL undoes it. The sink
 * runs within the call that logs and must not log itself. */
void ac_log_set_sink(ac_log_sink *sink, void *arg);

/* Writes one line. fields ends with a NULL key. Does not fail: a line that
 * cannot be written is lost. Never call it with a token, a cookie or text of
 * a conversation. */
void ac_log_write(enum ac_log_level level, const char *message,
    const struct ac_log_field *fields);

/* A field of text; NULL counts as empty. */
static inline struct ac_log_field
AC_STR(const char *key, const char *string) {
	return (struct ac_log_field){
	    .key = key,
	    .string = string == NULL ? "" : string,
	};
}

/* A field of a number. */
static inline struct ac_log_field
AC_INT(const char *key, int64_t number) {
	return (struct ac_log_field){.key = key, .number = number};
}

#define ac_log_at(level, message, ...)   \
	ac_log_write((level), (message), \
	    (const struct ac_log_field[]){__VA_ARGS__, {.key = NULL}})
#define ac_log_error(message, ...) ac_log_at(AC_LOG_ERROR, message, __VA_ARGS__)
#define ac_log_warn(message, ...)  ac_log_at(AC_LOG_WARN, message, __VA_ARGS__)
#define ac_log_info(message, ...)  ac_log_at(AC_LOG_INFO, message, __VA_ARGS__)
#define ac_log_debug(message, ...) ac_log_at(AC_LOG_DEBUG, message, __VA_ARGS__)

#endif
