/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NO_PROXY: see no_proxy.h. */
#include "net/no_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ip.h"
#include "base/mem.h"

/* The host that is looked for. */
struct target {
	const char *host;
	char port[8];
	bool is_address;
	struct ac_ip_address address;
};

/* Whether entry is a range, and if so in *covered whether it holds the
 * target. */
static bool
match_range(bool *covered, const char *entry, const struct target *target)
{
	struct ac_ip_range range;

	if (strchr(entry, '/') == NULL || !ac_ip_range_parse(&range, entry))
		return false;
	*covered =
	    target->is_address && ac_ip_range_has(&range, &target->address);
	return true;
}

/* Divides host:port or [host]:port; port is "" where entry has none. What is
 * neither stays whole, as the name that it then is. */
static void
split_port(char *entry, char **host, const char **port)
{
	char *colon = strrchr(entry, ':');
	char *close = strrchr(entry, ']');

	*host = entry;
	*port = "";
	if (colon == NULL)
		return;
	if (*entry == '[') {
		if (close == NULL || close + 1 != colon ||
		    strcspn(entry + 1, "[]") != (size_t)(close - entry - 1))
			return;
		*close = '\0';
		*host = entry + 1;
	} else if (strchr(entry, ':') != colon || strpbrk(entry, "[]") != NULL)
		return;
	*colon = '\0';
	*port = colon + 1;
}

/* Whether host is name, or below it. */
static bool
match_name(const char *name, const char *host)
{
	size_t name_len, host_len = strlen(host);
	bool below_only = false;

	if (strncmp(name, "*.", 2) == 0)
		name++;
	if (*name == '.') {
		below_only = true;
		name++;
	}
	name_len = strlen(name);
	if (host_len == name_len)
		return !below_only && strcasecmp(host, name) == 0;
	return host_len > name_len && host[host_len - name_len - 1] == '.' &&
	       strcasecmp(host + host_len - name_len, name) == 0;
}

/* entry is without white space around it and is changed. */
static bool
match_entry(char *entry, const struct target *target)
{
	struct ac_ip_address address;
	const char *port;
	char *host;
	bool covered;

	if (strcmp(entry, "*") == 0)
		return true;
	if (match_range(&covered, entry, target))
		return covered;
	split_port(entry, &host, &port);
	if (*host == '\0' || (*port != '\0' && strcmp(port, target->port) != 0))
		return false;
	if (ac_ip_parse(&address, host))
		return target->is_address &&
		       memcmp(&address, &target->address, sizeof(address)) == 0;
	return !target->is_address && match_name(host, target->host);
}

static bool
match_list(const char *list, const struct target *target)
{
	static const char blanks[] = " \t\r\n\v\f";

	while (*list != '\0') {
		size_t len = strcspn(list, ",");
		char *copy = ac_memdup(list, len);
		char *entry = copy + strspn(copy, blanks);
		size_t end = strlen(entry);
		bool covered;

		while (end > 0 && strchr(blanks, entry[end - 1]) != NULL)
			entry[--end] = '\0';
		covered = match_entry(entry, target);
		free(copy);
		if (covered)
			return true;
		list += len;
		list += strspn(list, ",");
	}
	return false;
}

bool
ac_no_proxy_covers(const char *list, const char *host, uint16_t port)
{
	struct target target = {.host = host};

	target.is_address = ac_ip_parse(&target.address, host);
	snprintf(target.port, sizeof(target.port), "%u", (unsigned)port);
	if (strcasecmp(host, "localhost") == 0 ||
	    (target.is_address && ac_ip_is_loopback(&target.address)))
		return true;
	return list != NULL && match_list(list, &target);
}
