/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Prints the option table for cmake/configuration_docs.py: in Markdown, as
 * mdoc(7) for the man page, or as the sample configuration.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option_table.h"
#include "base/options.h"

enum { WIDTH = 78 };

/* Prints words in lines that begin with prefix; a line also ends with its
 * sentence where by_sentence says so, as man pages are written. */
static void
print_wrapped(const char *prefix, const char *text, bool by_sentence)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf(
		    "%s%.*s", column == 0 ? prefix : " ", (int)len, text);
		if (by_sentence && text[len - 1] == '.') {
			putchar('\n');
			column = 0;
		}
		text += len;
		text += strspn(text, " ");
	}
	if (column > 0)
		putchar('\n');
}

/* ---- mdoc --------------------------------------------------------------- */

/* What stands for a character where it is to be printed as it is, NULL for
 * itself. */
static const char *
roff_escape(char c, bool in_code)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	case '-':
		return in_code ? "\\-" : NULL;
	case '\'':
		return in_code ? "\\(aq" : NULL;
	default:
		return NULL;
	}
}

/* Markdown's text as roff, `code` in bold; the caller frees it. */
static char *
roff_text(const char *text)
{
	char *roff = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&roff, &size);
	bool in_code = false;

	if (out == NULL)
		abort();
	for (; *text != '\0'; text++) {
		const char *escape = roff_escape(*text, in_code);

		if (*text == '`') {
			in_code = !in_code;
			fputs(in_code ? "\\fB" : "\\fP", out);
		} else if (escape != NULL) {
			fputs(escape, out);
		} else {
			fputc(*text, out);
		}
	}
	fclose(out);
	return roff;
}

static void
print_roff(const char *before, const char *text, const char *after)
{
	char *markdown = ac_asprintf("%s%s%s", before, text, after);
	char *roff = roff_text(markdown);

	print_wrapped("", roff, true);
	free(roff);
	free(markdown);
}

/* ".It Fl -server-address Ar ADDRESS" */
static void
print_flag(const char *name, const char *suffix, const char *placeholder)
{
	fputs(".It Fl -", stdout);
	for (; *name != '\0'; name++)
		putchar(*name == '_' ? '-' : tolower((unsigned char)*name));
	printf("%s%s%s\n", suffix, *placeholder == '\0' ? "" : " Ar ",
	    placeholder);
}

static void
print_man(void)
{
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		print_flag(option->name, "", option->placeholder);
		if (option->type == AC_TYPE_SECRET)
			print_flag(option->name, "-file", "FILE");
		printf(".Ev %s :\n", option->name);
		print_roff("", option->help, "");
		print_roff("Allowed: ", option->allowed, ".");
		if (*option->default_value != '\0')
			print_roff("Default: `", option->default_value, "`.");
	}
}

/* ---- the sample configuration ------------------------------------------- */

/* A comment; quotes around code are of no use here. */
static void
print_comment(const char *before, const char *text, const char *after)
{
	char *comment = ac_asprintf("%s%s%s", before, text, after);
	char *end = comment;

	for (const char *c = comment; *c != '\0'; c++) {
		if (*c != '`')
			*end++ = *c;
	}
	*end = '\0';
	print_wrapped("# ", comment, false);
	free(comment);
}

static void
print_sample(void)
{
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		putchar('\n');
		print_comment("", option->help, "");
		print_comment("Allowed: ", option->allowed, ".");
		printf("#%s=%s\n", option->name, option->default_value);
		if (option->type == AC_TYPE_SECRET)
			printf("#%s_FILE=\n", option->name);
	}
	putchar('\n');
}

int
main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";

	if (strcmp(form, "markdown") == 0) {
		char *table = ac_config_markdown();

		fputs(table, stdout);
		free(table);
	} else if (strcmp(form, "man") == 0) {
		print_man();
	} else if (strcmp(form, "sample") == 0) {
		print_sample();
	} else {
		fputs("usage: print_options markdown|man|sample\n", stderr);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
