/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What people read of the option table, and the names of flags: options.h. */
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/options_private.h"
#include "base/text.h"

/* --server-address for SERVER_ADDRESS. */
static void
make_flag(char flag[64], const char *name)
{
	size_t len = 2;

	memcpy(flag, "--", 3);
	for (; *name != '\0' && len < 63; name++, len++) {
		if (*name == '_')
			flag[len] = '-';
		else if (*name >= 'A' && *name <= 'Z')
			flag[len] = (char)(*name - 'A' + 'a');
		else
			flag[len] = *name;
	}
	flag[len] = '\0';
}

const char *
ac_config_flag_name(const char *flag, bool *is_switch, char scratch[64])
{
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		make_flag(scratch, option->name);
		*is_switch = option->type == AC_TYPE_SWITCH;
		if (strcmp(flag, scratch) == 0)
			return option->name;
		if (option->type != AC_TYPE_SECRET)
			continue;
		snprintf(scratch, 64, "%s_FILE", option->name);
		char with_file[64];
		make_flag(with_file, scratch);
		if (strcmp(flag, with_file) == 0)
			return scratch;
	}
	return NULL;
}

/* Adds text as lines of at most 78 columns, each indented. */
static void
add_wrapped(struct evbuffer *out, const char *text)
{
	static const char indent[] = "      ";
	const size_t width = 78 - (sizeof(indent) - 1);

	while (*text != '\0') {
		size_t len = strlen(text);

		if (len > width) {
			len = width;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0)
				len = strcspn(text, " ");
		}
		evbuffer_add_printf(out, "%s%.*s\n", indent, (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static const char restart[] = "Changes with a restart alone.";

char *
ac_config_help(void)
{
	struct evbuffer *text = ac_text_new();
	char flag[64];

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		make_flag(flag, option->name);
		evbuffer_add_printf(text, "  %s%s%s\n", flag,
		    option->type == AC_TYPE_SWITCH ? "" : " ",
		    option->type == AC_TYPE_SWITCH ? "" : option->placeholder);
		add_wrapped(text, option->help);
		if (option->needs_restart)
			evbuffer_add_printf(text, "      %s\n", restart);
		if (*option->default_value != '\0')
			evbuffer_add_printf(
			    text, "      Default: %s\n", option->default_value);
	}
	return ac_text_take(text);
}

char *
ac_config_describe(const struct ac_config *config)
{
	struct evbuffer *text = ac_text_new();

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		const char *value = config->texts[i];

		if (option->type == AC_TYPE_SECRET && *value != '\0')
			value = "(hidden)";
		evbuffer_add_printf(text, "%s=%s\n", option->name, value);
	}
	return ac_text_take(text);
}

char *
ac_config_markdown(void)
{
	struct evbuffer *text = ac_text_new();

	evbuffer_add_printf(text,
	    "| Name | Default | Allowed | What it does |\n"
	    "| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		const char *quote = *option->default_value == '\0' ? "" : "`";

		evbuffer_add_printf(text, "| `%s` | %s%s%s | %s | %s%s%s |\n",
		    option->name, quote, option->default_value, quote,
		    option->allowed, option->help,
		    option->needs_restart ? " " : "",
		    option->needs_restart ? restart : "");
	}
	return ac_text_take(text);
}
