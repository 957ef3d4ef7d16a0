/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The log: see log.h. A line is built on the stack and handed over whole, so
 * that lines of several processes on one descriptor do not mix.
 */
#include "base/log.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "base/utf8.h"

enum {
	LINE_SIZE = 2048,
	OBJECT_END = 2, /* kept for the end of a string and of the object */
};

/* In text, and in JSON as LOG_LEVEL names them. */
static const struct {
	const char *text;
	const char *json;
} level_names[] = {
    [AC_LOG_ERROR] = {"ERROR", "error"},
    [AC_LOG_WARN] = {"WARN", "warn"},
    [AC_LOG_INFO] = {"INFO", "info"},
    [AC_LOG_DEBUG] = {"DEBUG", "debug"},
};
static_assert(AC_LENGTH(level_names) == AC_LOG_LEVELS, "a name for each level");

struct line {
	char text[LINE_SIZE];
	size_t len; /* below LINE_SIZE - 1: the line feed has its place */
};

static enum ac_log_level threshold = AC_LOG_INFO;
static enum ac_log_format format = AC_LOG_TEXT;
static ac_log_sink *sink;
static void *sink_arg;

static void add_time(struct line *line);
static void add_field(struct line *line, const struct ac_log_field *field);
static void add_escaped(struct line *line, const char *s);
static void add_member(struct line *line, const struct ac_log_field *field);
static void add_json_string(struct line *line, const char *s);
static void add_number(struct line *line, int64_t number);
static void add(struct line *line, const char *s);
static void emit(enum ac_log_level level, struct line *line);

void
ac_log_set_level(enum ac_log_level level)
{
	threshold = level;
}

void
ac_log_set_format(enum ac_log_format new_format)
{
	format = new_format;
}

void
ac_log_set_sink(ac_log_sink *new_sink, void *arg)
{
	sink = new_sink;
	sink_arg = arg;
}

static void
write_text(struct line *line, enum ac_log_level level, const char *message,
    const struct ac_log_field *fields)
{
	add_time(line);
	add(line, " ");
	add(line, level_names[level].text);
	add(line, " ");
	add(line, message);
	for (; fields->key != NULL; fields++)
		add_field(line, fields);
}

static void
write_json(struct line *line, enum ac_log_level level, const char *message,
    const struct ac_log_field *fields)
{
	struct ac_log_field msg = AC_STR("msg", message);

	add(line, "{\"ts\":\"");
	add_time(line);
	add(line, "\",\"level\":\"");
	add(line, level_names[level].json);
	add(line, "\"");
	add_member(line, &msg);
	for (; fields->key != NULL; fields++)
		add_member(line, fields);
	add(line, "}");
}

void
ac_log_write(enum ac_log_level level, const char *message,
    const struct ac_log_field *fields)
{
	struct line line = {.len = 0};

	if (level > threshold)
		return;
	if (format == AC_LOG_JSON)
		write_json(&line, level, message, fields);
	else
		write_text(&line, level, message, fields);
	emit(level, &line);
}

/* The calendar's second, printed anew only when another has begun. */
static const char *
print_second(time_t second)
{
	static char text[64];
	static time_t printed;
	struct tm utc;

	if (second == printed && text[0] != '\0')
		return text;
	printed = second;
	gmtime_r(&second, &utc);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d",
	    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	    utc.tm_min, utc.tm_sec);
	return text;
}

static void
add_time(struct line *line)
{
	struct timespec now;
	char digits[AC_DECIMAL_SIZE];

	clock_gettime(CLOCK_REALTIME, &now);
	add(line, print_second(now.tv_sec));
	/* With a digit before the milliseconds, so that all three are there. */
	ac_decimal(digits, 1000 + now.tv_nsec / 1000000);
	digits[0] = '.';
	add(line, digits);
	add(line, "Z");
}

static void
add_field(struct line *line, const struct ac_log_field *field)
{
	add(line, " ");
	add(line, field->key);
	add(line, "=");
	if (field->string != NULL) {
		add_escaped(line, field->string);
		return;
	}
	add_number(line, field->number);
}

static void
add_number(struct line *line, int64_t number)
{
	char digits[AC_DECIMAL_SIZE];

	ac_decimal(digits, number);
	add(line, digits);
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

/* Whether len bytes fit before the end of an object. */
static bool
has_room(const struct line *line, size_t len)
{
	return line->len + len <= LINE_SIZE - 2 - OBJECT_END;
}

/* An object must end well: a member that does not fit is left out, a string
 * that does not is cut. */
static void
add_member(struct line *line, const struct ac_log_field *field)
{
	/* Its punctuation, and the longest number. */
	if (!has_room(line, strlen(field->key) + strlen(",\"\":") + 20))
		return;
	add(line, ",\"");
	add(line, field->key);
	add(line, "\":");
	if (field->string == NULL)
		add_number(line, field->number);
	else
		add_json_string(line, field->string);
}

/* One character as JSON in ASCII. */
static void
escape_json(char out[16], uint32_t c)
{
	if (c == '"' || c == '\\')
		snprintf(out, 16, "\\%c", (char)c);
	else if (c >= ' ' && c <= '~')
		snprintf(out, 16, "%c", (char)c);
	else if (c < 0x10000)
		snprintf(out, 16, "\\u%04x", (unsigned)c);
	else
		snprintf(out, 16, "\\u%04x\\u%04x",
		    (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
		    (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
}

/* A byte that is not of a character becomes U+FFFD. */
static void
add_json_string(struct line *line, const char *s)
{
	size_t left = strlen(s);
	char escape[16];

	add(line, "\"");
	while (left > 0) {
		uint32_t c;
		size_t len = ac_utf8_decode(s, left, &c);

		if (len == 0) {
			len = 1;
			c = 0xfffd;
		}
		escape_json(escape, c);
		if (!has_room(line, strlen(escape)))
			break;
		add(line, escape);
		s += len;
		left -= len;
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
