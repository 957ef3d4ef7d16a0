/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A line of the keys' file: see key_line.h. */
#include "api/key_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/rate_bucket.h"
#include "base/mem.h"

/* A part of a line. */
struct word {
	const char *data;
	size_t len;
};

static const char *set_name(struct ac_key_line *, struct word);
static const char *set_hash(struct ac_key_line *, struct word);
static const char *set_setting(struct ac_key_line *, struct word);
static const char *set_rate(struct ac_key_line *, struct word);
static const char *set_concurrent(struct ac_key_line *, struct word);
static const char *set_models(struct ac_key_line *, struct word);
static const char *set_expiry(struct ac_key_line *, struct word);

static const struct {
	const char *name; /* with its '=' */
	const char *(*set)(struct ac_key_line *, struct word);
	const char *twice;
} settings[] = {
    {"rpm=", set_rate, "rpm= stands there twice"},
    {"concurrent=", set_concurrent, "concurrent= stands there twice"},
    {"models=", set_models, "models= stands there twice"},
    {"expires=", set_expiry, "expires= stands there twice"},
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cuts the next word off; false where there is none but perhaps a comment. */
static bool
next_word(struct word *rest, struct word *word)
{
	while (rest->len > 0 && is_blank(*rest->data)) {
		rest->data++;
		rest->len--;
	}
	if (rest->len == 0 || *rest->data == '#')
		return false;
	*word = (struct word){.data = rest->data};
	while (rest->len > 0 && !is_blank(*rest->data)) {
		word->len++;
		rest->data++;
		rest->len--;
	}
	return true;
}

static bool
has_control_character(struct word text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (((unsigned char)text.data[i] < ' ' &&
			text.data[i] != '\t') ||
		    text.data[i] == 0x7f)
			return true;
	}
	return false;
}

enum ac_key_line_kind
ac_key_line_parse(
    struct ac_key_line *key, const char *line, size_t len, const char **why)
{
	struct ac_key_line parsed = {.name = ""};
	struct word rest = {.data = line, .len = len};
	struct word word;

	if (rest.len > 0 && rest.data[rest.len - 1] == '\r')
		rest.len--;
	if (!next_word(&rest, &word))
		return AC_KEY_LINE_EMPTY;
	*why = has_control_character(rest) ? "it holds a control character"
					   : set_name(&parsed, word);
	if (*why == NULL)
		*why = next_word(&rest, &word)
			   ? set_hash(&parsed, word)
			   : "the SHA-256 of the key is missing";
	while (*why == NULL && next_word(&rest, &word))
		*why = set_setting(&parsed, word);
	if (*why != NULL) {
		ac_key_line_clear(&parsed);
		return AC_KEY_LINE_BAD;
	}
	*key = parsed;
	return AC_KEY_LINE_KEY;
}

void
ac_key_line_clear(struct ac_key_line *key)
{
	free(key->models);
	key->models = NULL;
}

/* Names stand in logs and metrics. */
static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       is_digit(c) || c == '.' || c == '_' || c == '-' || c == '@' ||
	       c == '+';
}

static const char *
set_name(struct ac_key_line *key, struct word word)
{
	if (word.len > AC_KEY_NAME_MAX)
		return "the name is longer than 64 bytes";
	for (size_t i = 0; i < word.len; i++) {
		if (!is_name_char(word.data[i]))
			return "a name is made of letters, digits and . _ - @ "
			       "+";
	}
	memcpy(key->name, word.data, word.len);
	key->name[word.len] = '\0';
	return NULL;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static const char *
set_hash(struct ac_key_line *key, struct word word)
{
	static const char why[] =
	    "behind the name stands the SHA-256 of the key, 64 hexadecimal "
	    "digits, as akashchat-api --hash-key makes it";

	if (word.len != 2 * sizeof(key->hash))
		return why;
	for (size_t i = 0; i < AC_KEY_HASH_SIZE; i++) {
		int high = hex_value(word.data[2 * i]);
		int low = hex_value(word.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return why;
		key->hash[i] = (unsigned char)(high * 16 + low);
	}
	return NULL;
}

/* Nothing is set to 0 or NULL, so a setting that is not, was there. */
static bool
is_set(const struct ac_key_line *key, const char *name)
{
	switch (*name) {
	case 'r':
		return key->requests_per_minute != 0;
	case 'c':
		return key->concurrent_requests != 0;
	case 'm':
		return key->models != NULL;
	default:
		return key->expires_s != 0;
	}
}

static const char *
set_setting(struct ac_key_line *key, struct word word)
{
	for (size_t i = 0; i < AC_LENGTH(settings); i++) {
		size_t len = strlen(settings[i].name);

		if (word.len < len ||
		    memcmp(word.data, settings[i].name, len) != 0)
			continue;
		if (is_set(key, settings[i].name))
			return settings[i].twice;
		word.data += len;
		word.len -= len;
		return settings[i].set(key, word);
	}
	return "behind the hash stand rpm=, concurrent=, models= or expires=, "
	       "without blanks in them";
}

/* A whole number from 1 to max, or -1. */
static int64_t
parse_number(struct word word, int64_t max)
{
	int64_t number = 0;

	if (word.len == 0)
		return -1;
	for (size_t i = 0; i < word.len; i++) {
		if (!is_digit(word.data[i]))
			return -1;
		number = number * 10 + (word.data[i] - '0');
		if (number > max)
			return -1;
	}
	return number == 0 ? -1 : number;
}

static const char *
set_rate(struct ac_key_line *key, struct word word)
{
	key->requests_per_minute = parse_number(word, AC_RATE_MAX);
	return key->requests_per_minute > 0
		   ? NULL
		   : "rpm= wants a whole number from 1 to 1000000";
}

static const char *
set_concurrent(struct ac_key_line *key, struct word word)
{
	key->concurrent_requests = parse_number(word, AC_KEY_CONCURRENT_MAX);
	return key->concurrent_requests > 0
		   ? NULL
		   : "concurrent= wants a whole number from 1 to 1000000";
}

static const char *
set_models(struct ac_key_line *key, struct word word)
{
	bool empty = true;

	for (size_t i = 0; i < word.len; i++) {
		if (word.data[i] == ',' && empty)
			break;
		empty = word.data[i] == ',';
	}
	if (empty)
		return "models= wants names or patterns with *, separated by "
		       "commas";
	key->models = ac_memdup(word.data, word.len);
	return NULL;
}

/* len digits at *word, which moves behind them, or -1. */
static int
take_digits(struct word *word, size_t len)
{
	int number = 0;

	if (word->len < len)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(word->data[i]))
			return -1;
		number = number * 10 + (word->data[i] - '0');
	}
	word->data += len;
	word->len -= len;
	return number;
}

static bool
take_char(struct word *word, const char *any)
{
	if (word->len == 0 || strchr(any, *word->data) == NULL)
		return false;
	word->data++;
	word->len--;
	return true;
}

static bool
is_date(const struct tm *date)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = date->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int february = date->tm_mon == 1 && leap ? 1 : 0;

	return date->tm_mon >= 0 && date->tm_mon < 12 && date->tm_mday >= 1 &&
	       date->tm_mday <= days[date->tm_mon] + february;
}

/* RFC 3339's partial-time with a fraction that is dropped. */
static bool
take_time(struct word *word, struct tm *time)
{
	time->tm_hour = take_digits(word, 2);
	if (!take_char(word, ":"))
		return false;
	time->tm_min = take_digits(word, 2);
	if (!take_char(word, ":"))
		return false;
	time->tm_sec = take_digits(word, 2);
	if (take_char(word, ".")) {
		if (take_digits(word, 1) < 0)
			return false;
		while (take_digits(word, 1) >= 0)
			;
	}
	return time->tm_hour >= 0 && time->tm_hour < 24 && time->tm_min >= 0 &&
	       time->tm_min < 60 && time->tm_sec >= 0 && time->tm_sec <= 60;
}

/* Z or +hh:mm; its seconds are what is to be taken off. */
static bool
take_offset(struct word *word, int *seconds)
{
	int sign = word->len > 0 && *word->data == '-' ? -1 : 1;
	int hours, minutes;

	*seconds = 0;
	if (take_char(word, "Zz"))
		return true;
	if (!take_char(word, "+-"))
		return false;
	hours = take_digits(word, 2);
	if (hours < 0 || hours > 23 || !take_char(word, ":"))
		return false;
	minutes = take_digits(word, 2);
	*seconds = sign * (hours * 3600 + minutes * 60);
	return minutes >= 0 && minutes < 60;
}

/* RFC 3339's full-date, or its date-time. */
static bool
parse_time(struct word word, int64_t *unix_seconds)
{
	struct tm time = {.tm_isdst = 0};
	int offset_s = 0;

	time.tm_year = take_digits(&word, 4) - 1900;
	if (!take_char(&word, "-"))
		return false;
	time.tm_mon = take_digits(&word, 2) - 1;
	if (!take_char(&word, "-"))
		return false;
	time.tm_mday = take_digits(&word, 2);
	if (!is_date(&time))
		return false;
	if (word.len > 0 &&
	    (!take_char(&word, "Tt") || !take_time(&word, &time) ||
		!take_offset(&word, &offset_s)))
		return false;
	*unix_seconds = (int64_t)timegm(&time) - offset_s;
	return word.len == 0 && *unix_seconds > 0;
}

static const char *
set_expiry(struct ac_key_line *key, struct word word)
{
	return parse_time(word, &key->expires_s)
		   ? NULL
		   : "expires= wants a date such as 2027-01-01 or "
		     "2027-01-01T12:00:00Z";
}
