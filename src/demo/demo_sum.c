/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Sums: see demo_sum.h.
 *
 *	sum     = product *( ("+" | "-") product )
 *	product = number  *( ("*" | "/") number )
 *
 * A sum counts at the start of the text or behind a phrase that leads to it,
 * and only if the text or the question ends behind it: numbers within a
 * sentence are no sum.
 */
#include "demo/demo_sum.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	MAX_DIGITS = 15,   /* a double holds them all */
	MAX_SUM_BYTES = 80 /* a longer one is not simple */
};

static const char *const leads[] = {"what is", "what's", "whats", "how much is",
    "calculate", "compute", "solve", "请问", "计算", "算一下", "算算", "，",
    "！", "!"};

static const char *const endings[] = {"?", "？", "=", "。", ".", "!", "！", ",",
    "，", "\n", "等于", "是多少", "是几", "得多少", "得几"};

/* A longer name stands before its own beginning. */
static const struct {
	const char *name;
	char sign;
} signs[] = {
    {"+", '+'},
    {"plus", '+'},
    {"加上", '+'},
    {"加", '+'},
    {"-", '-'},
    {"−", '-'},
    {"minus", '-'},
    {"减去", '-'},
    {"减", '-'},
    {"*", '*'},
    {"×", '*'},
    {"x", '*'},
    {"times", '*'},
    {"multiplied by", '*'},
    {"乘以", '*'},
    {"乘", '*'},
    {"/", '/'},
    {"÷", '/'},
    {"divided by", '/'},
    {"除以", '/'},
};

struct sum {
	const char *at; /* what is not read yet */
	unsigned signs; /* read so far */
};

static bool solve_at(const char *text, char *out, size_t size);
static bool read_sum(struct sum *sum, double *value);
static bool read_product(struct sum *sum, double *value);
static bool read_number(struct sum *sum, double *value);
static char read_sign(struct sum *sum, const char *wanted);
static bool ends_question(const char *text);
static void write_number(char *out, size_t size, double value);

bool
ac_demo_sum_find(const char *text, char *out, size_t size)
{
	if (solve_at(text, out, size))
		return true;
	for (size_t i = 0; i < AC_LENGTH(leads); i++) {
		const char *at = text;

		while ((at = strcasestr(at, leads[i])) != NULL) {
			at += strlen(leads[i]);
			if (solve_at(at, out, size))
				return true;
		}
	}
	return false;
}

static bool
solve_at(const char *text, char *out, size_t size)
{
	const char *start = text + strspn(text, " \t\n:");
	struct sum sum = {.at = start};
	char result[32];
	double value;

	if (!read_sum(&sum, &value) || sum.signs == 0 || !isfinite(value))
		return false;
	if (sum.at - start > MAX_SUM_BYTES || !ends_question(sum.at))
		return false;
	write_number(result, sizeof(result), value);
	snprintf(out, size, "%.*s = %s", (int)(sum.at - start), start, result);
	return true;
}

static bool
read_sum(struct sum *sum, double *value)
{
	double right;
	char sign;

	if (!read_product(sum, value))
		return false;
	while ((sign = read_sign(sum, "+-")) != '\0') {
		if (!read_product(sum, &right))
			return false;
		*value = sign == '+' ? *value + right : *value - right;
	}
	return true;
}

static bool
read_product(struct sum *sum, double *value)
{
	double right;
	char sign;

	if (!read_number(sum, value))
		return false;
	while ((sign = read_sign(sum, "*/")) != '\0') {
		if (!read_number(sum, &right))
			return false;
		if (sign == '/' && fpclassify(right) == FP_ZERO)
			return false;
		*value = sign == '*' ? *value * right : *value / right;
	}
	return true;
}

static bool
read_number(struct sum *sum, double *value)
{
	const char *at = sum->at + strspn(sum->at, " ");
	double place = 1, factor = 1;
	unsigned digits = 0;

	if (*at == '-') {
		factor = -1;
		at++;
	}
	if (!isdigit((unsigned char)*at) ||
	    (at[0] == '0' && isdigit((unsigned char)at[1])))
		return false;
	for (*value = 0; isdigit((unsigned char)*at); at++, digits++)
		*value = *value * 10 + (*at - '0');
	if (*at == '.' && isdigit((unsigned char)at[1])) {
		for (at++; isdigit((unsigned char)*at); at++, digits++)
			*value += (*at - '0') * (place /= 10);
	}
	*value *= factor;
	sum->at = at;
	return digits <= MAX_DIGITS;
}

/* The next sign if it is one of wanted; else 0, and nothing is read. */
static char
read_sign(struct sum *sum, const char *wanted)
{
	const char *at = sum->at + strspn(sum->at, " ");

	for (size_t i = 0; i < AC_LENGTH(signs); i++) {
		size_t len = strlen(signs[i].name);

		if (strncasecmp(at, signs[i].name, len) != 0)
			continue;
		if (strchr(wanted, signs[i].sign) == NULL)
			return '\0';
		sum->at = at + len;
		sum->signs++;
		return signs[i].sign;
	}
	return '\0';
}

static bool
ends_question(const char *text)
{
	text += strspn(text, " \t");
	if (*text == '\0')
		return true;
	for (size_t i = 0; i < AC_LENGTH(endings); i++) {
		if (strncmp(text, endings[i], strlen(endings[i])) == 0)
			return true;
	}
	return false;
}

/* Whole numbers in full while a double holds them; others rounded, so that
 * 0.1 + 0.2 is 0.3. */
static void
write_number(char *out, size_t size, double value)
{
	if (fabs(value) < 1e15 && fabs(value - nearbyint(value)) < 1e-12)
		snprintf(out, size, "%.0f", nearbyint(value) + 0.0);
	else
		snprintf(out, size, "%.12g", value);
}
