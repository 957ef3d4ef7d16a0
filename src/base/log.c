/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The log: see log.h. A line is built on the stack and handed over whole, so
 * that lines of several processes on one descriptor do not mix.
 */
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"

enum { LINE_SIZE = 2048 };

static const char *const level_names[] = {
    [AC_LOG_ERROR] = "ERROR",
    [AC_LOG_WARN] = "WARN",
    [AC_LOG_INFO] = "INFO",
    [AC_LOG_DEBUG] = "DEBUG",
};
static_assert(AC_LENGTH(level_names) == AC_LOG_LEVELS, "a name for each level");

struct line {
	char text[LINE_SIZE];
	size_t len; /* below LINE_SIZE - 1: the line feed has its place */
};

static enum ac_log_level threshold = AC_LOG_INFO;
static ac_log_sink *sink;
static void *sink_arg;

static void add_time(struct line *line);
static void add_field(struct line *line, const struct ac_log_field *field);
static void add_escaped(struct line *line, const char *s);
static void add(struct line *line, const char *s);
static void emit(enum ac_log_level level, struct line *line);

void
ac_log_set_level(enum ac_log_level level)
{
	threshold = level;
}

void
ac_log_set_sink(ac_log_sink *new_sink, void *arg)
{
	sink = new_sink;
	sink_arg = arg;
}

void
ac_log_write(enum ac_log_level level, const char *message,
    const struct ac_log_field *fields)
{
	struct line line = {.len = 0};

	if (level > threshold)
		return;
	add_time(&line);
	add(&line, level_names[level]);
	add(&line, " ");
	add(&line, message);
	for (; fields->key != NULL; fields++)
		add_field(&line, fields);
	emit(level, &line);
}

static void
add_time(struct line *line)
{
	struct timespec now;
	struct tm utc;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ",
	    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	    utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
	add(line, text);
}

static void
add_field(struct line *line, const struct ac_log_field *field)
{
	char number[24];

	add(line, " ");
	add(line, field->key);
	add(line, "=");
	if (field->string != NULL) {
		add_escaped(line, field->string);
		return;
	}
	snprintf(number, sizeof(number), "%" PRId64, field->number);
	add(line, number);
}

static bool
is_plain(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\' ||
		    *s == '=')
			return false;
	}
	return true;
}

/* Text goes in quotes where it has to; bytes outside ASCII and control
 * characters become \xNN. */
static void
add_escaped(struct line *line, const char *s)
{
	char escape[8];

	if (is_plain(s)) {
		add(line, s);
		return;
	}
	add(line, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *s);
		else if (*s < ' ' || *s > '~')
			snprintf(escape, sizeof(escape), "\\x%02x",
			    (unsigned)(unsigned char)*s);
		else
			snprintf(escape, sizeof(escape), "%c", *s);
		add(line, escape);
	}
	add(line, "\"");
}

/* What does not fit is cut off: a log line is no place for long texts. */
static void
add(struct line *line, const char *s)
{
	size_t room = LINE_SIZE - 2 - line->len;
	size_t len = strlen(s);

	if (len > room)
		len = room;
	memcpy(line->text + line->len, s, len);
	line->len += len;
}

static void
emit(enum ac_log_level level, struct line *line)
{
	ssize_t ignored;

	if (sink != NULL) {
		line->text[line->len] = '\0';
		sink(level, line->text, sink_arg);
		return;
	}
	line->text[line->len] = '\n';
	ignored = write(STDERR_FILENO, line->text, line->len + 1);
	AC_UNUSED(ignored);
}
