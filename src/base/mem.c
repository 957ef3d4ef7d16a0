/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Checked allocation. A server that has no memory for a request cannot say
 * so either: it stops with one line, and its service manager starts it anew.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

void
ac_out_of_memory(void)
{
	static const char line[] = "akashchat-api: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	AC_UNUSED(ignored);
	abort();
}

void *
ac_malloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	if (p == NULL)
		ac_out_of_memory();
	return p;
}

void *
ac_calloc(size_t count, size_t size)
{
	void *p;

	if (count == 0 || size == 0)
		count = size = 1;
	p = calloc(count, size);
	if (p == NULL)
		ac_out_of_memory();
	return p;
}

void *
ac_realloc(void *ptr, size_t size)
{
	void *p = realloc(ptr, size == 0 ? 1 : size);

	if (p == NULL)
		ac_out_of_memory();
	return p;
}

char *
ac_memdup(const char *data, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		ac_out_of_memory();
	copy = ac_malloc(len + 1);
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *
ac_strdup(const char *s)
{
	return ac_memdup(s, strlen(s));
}

char *
ac_memdup_trimmed(const char *text, size_t len)
{
	static const char blanks[] = " \t";

	while (len > 0 && strchr(blanks, *text) != NULL && *text != '\0') {
		text++;
		len--;
	}
	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	return ac_memdup(text, len);
}

char *
ac_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *out;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		ac_out_of_memory();
	out = ac_malloc((size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(out, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return out;
}

void
ac_replace_string(char **string, const char *value)
{
	char *copy = value == NULL ? NULL : ac_strdup(value);

	free(*string);
	*string = copy;
}

void
ac_wipe_and_free(char *s)
{
	if (s != NULL)
		OPENSSL_cleanse(s, strlen(s));
	free(s);
}

void
ac_wipe_and_free_bytes(char *data, size_t len)
{
	if (data != NULL)
		OPENSSL_cleanse(data, len);
	free(data);
}
