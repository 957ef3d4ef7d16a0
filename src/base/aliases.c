/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names that stand for others: see aliases.h. */
#include "base/aliases.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char blanks[] = " \t";

/* Appends one entry (len bytes); NULL, or why it is none. */
static const char *
add_entry(struct ac_aliases *aliases, const char *entry, size_t len)
{
	const char *equals = memchr(entry, '=', len);
	struct ac_alias alias;
	const char *why = NULL;

	if (equals == NULL)
		return "an entry has no '='";
	alias.name = ac_memdup_trimmed(entry, (size_t)(equals - entry));
	alias.target =
	    ac_memdup_trimmed(equals + 1, len - (size_t)(equals - entry) - 1);
	if (strchr(alias.target, '=') != NULL)
		why = "an entry has more than one '='";
	else if (*alias.name == '\0' || *alias.target == '\0')
		why = "an entry lacks the name before or after its '='";
	else if (strchr(alias.name, '*') != NULL)
		why = "a name holds a '*', but only whole names are looked "
		      "for (DEFAULT_MODEL stands in for all others)";
	else if (ac_aliases_find(aliases, alias.name) != NULL)
		why = "a name comes twice";
	if (why != NULL) {
		free(alias.name);
		free(alias.target);
		return why;
	}
	aliases->items = ac_realloc(
	    aliases->items, (aliases->count + 1) * sizeof(*aliases->items));
	aliases->items[aliases->count++] = alias;
	return NULL;
}

bool
ac_aliases_parse(struct ac_aliases *aliases, const char *text, const char **why)
{
	struct ac_aliases parsed = {.count = 0};

	if (text[strspn(text, blanks)] == '\0') {
		*aliases = parsed;
		return true;
	}
	for (;;) {
		size_t len = strcspn(text, ",");

		*why = add_entry(&parsed, text, len);
		if (*why != NULL) {
			ac_aliases_clear(&parsed);
			return false;
		}
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	*aliases = parsed;
	return true;
}

void
ac_aliases_clear(struct ac_aliases *aliases)
{
	for (size_t i = 0; i < aliases->count; i++) {
		free(aliases->items[i].name);
		free(aliases->items[i].target);
	}
	free(aliases->items);
	*aliases = (struct ac_aliases){.count = 0};
}

const char *
ac_aliases_find(const struct ac_aliases *aliases, const char *name)
{
	for (size_t i = 0; i < aliases->count; i++) {
		if (strcmp(aliases->items[i].name, name) == 0)
			return aliases->items[i].target;
	}
	return NULL;
}
