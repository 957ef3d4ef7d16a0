/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Taking over a configuration that was read anew: options.h. */
#include <assert.h>
#include <string.h>

#include "base/options_private.h"

/* Of the fields; a type's is the same for each of its options. */
static const size_t sizes[] = {
    [AC_TYPE_TEXT] = sizeof(char *),
    [AC_TYPE_SECRET] = sizeof(char *),
    [AC_TYPE_PATH] = sizeof(char *),
    [AC_TYPE_ADDRESSES] = sizeof(struct ac_addresses),
    [AC_TYPE_URL] = sizeof(struct ac_url),
    [AC_TYPE_WHOLE] = sizeof(int64_t),
    [AC_TYPE_REAL] = sizeof(struct ac_optional_real),
    [AC_TYPE_MODE] = sizeof(int64_t),
    [AC_TYPE_SWITCH] = sizeof(bool),
    [AC_TYPE_CHOICE] = sizeof(int),
    [AC_TYPE_ALIASES] = sizeof(struct ac_aliases),
};
static_assert(AC_LENGTH(sizes) == AC_OPTION_TYPES, "a size for each type");

static void
swap_bytes(void *a, void *b, size_t size)
{
	char held[sizeof(struct ac_url)];

	assert(size <= sizeof(held));
	memcpy(held, a, size);
	memcpy(a, b, size);
	memcpy(b, held, size);
}

static void
swap_option(struct ac_config *a, struct ac_config *b, size_t i)
{
	const struct ac_option *option = ac_option_at(i);

	swap_bytes((char *)&a->options + option->offset,
	    (char *)&b->options + option->offset, sizes[option->type]);
	swap_bytes(&a->texts[i], &b->texts[i], sizeof(a->texts[i]));
	swap_bytes(&a->sources[i], &b->sources[i], sizeof(a->sources[i]));
}

size_t
ac_config_reload(struct ac_config *config, struct ac_config *fresh)
{
	size_t changes = 0;

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		if (strcmp(config->texts[i], fresh->texts[i]) == 0)
			continue;
		if (option->needs_restart) {
			ac_log_warn("an option changes with a restart alone",
			    AC_STR("option", option->name));
			continue;
		}
		ac_log_info(
		    "an option has changed", AC_STR("option", option->name));
		swap_option(config, fresh, i);
		changes++;
	}
	return changes;
}

bool
ac_config_take_sockets(struct ac_config *config, char reason[AC_REASON_SIZE])
{
	return ac_handed_sockets_take(&config->handed_clients,
	    &config->handed_metrics, reason, AC_REASON_SIZE);
}

struct ac_handed_sockets *
ac_config_handed_clients(struct ac_config *config)
{
	return &config->handed_clients;
}

struct ac_handed_sockets *
ac_config_handed_metrics(struct ac_config *config)
{
	return &config->handed_metrics;
}
