/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* --hash-key: see hash_key.h. */
#include "server/hash_key.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "base/option_checks.h"

/* A line without its end, to be wiped; NULL at the end of in. */
static char *
read_line(FILE *in, size_t *size)
{
	char *line = NULL;

	*size = 0;
	if (getline(&line, size, in) < 0) {
		ac_wipe_and_free_bytes(line, *size);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

/* The same from a terminal that does not show it. */
static char *
ask_for_line(FILE *in, size_t *size)
{
	struct termios shown, hidden;
	char *line;

	if (tcgetattr(fileno(in), &shown) != 0)
		return read_line(in, size);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	fputs("Key: ", stderr);
	tcsetattr(fileno(in), TCSAFLUSH, &hidden);
	line = read_line(in, size);
	tcsetattr(fileno(in), TCSAFLUSH, &shown);
	fputs("\n", stderr);
	return line;
}

static const char *
check(const char *line)
{
	if (line == NULL || *line == '\0')
		return "there is no key on standard input";
	for (const char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "the key holds a control character";
	}
	return ac_check_key(line) == NULL
		   ? NULL
		   : "the key begins or ends with a space";
}

bool
ac_hash_key(FILE *in, FILE *out, char reason[AC_REASON_SIZE])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	size_t size;
	char *line =
	    isatty(fileno(in)) ? ask_for_line(in, &size) : read_line(in, &size);
	const char *why = check(line);

	if (why == NULL)
		SHA256((const unsigned char *)line, strlen(line), hash);
	ac_wipe_and_free_bytes(line, size);
	if (why != NULL) {
		snprintf(reason, AC_REASON_SIZE, "--hash-key: %s", why);
		return false;
	}
	for (size_t i = 0; i < sizeof(hash); i++)
		fprintf(out, "%02x", hash[i]);
	fputs("\n", out);
	return true;
}
