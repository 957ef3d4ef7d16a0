/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening addresses: see address.h. */
#include "base/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/util.h>

#include "base/mem.h"

static bool
parse_port(uint16_t *port, const char *text)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9' || strlen(text) > 5)
		return false;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* Whether host is "[…]" around an IPv6 address. */
static bool
is_in_brackets(const char *host, size_t len)
{
	unsigned char bytes[16];
	char *address;
	bool ok;

	if (len <= 2 || host[0] != '[' || host[len - 1] != ']')
		return false;
	address = ac_memdup(host + 1, len - 2);
	ok = evutil_inet_pton(AF_INET6, address, bytes) == 1;
	free(address);
	return ok;
}

static bool
parse_path(struct ac_address *address, const char *path, const char **why)
{
	if (*path != '/') {
		*why = "a Unix socket's path is absolute: unix:/path";
		return false;
	}
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		*why = "a Unix socket's path has at most 107 bytes";
		return false;
	}
	*address = (struct ac_address){.path = ac_strdup(path)};
	return true;
}

static bool
parse_host_port(struct ac_address *address, const char *text, const char **why)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t host_len;
	uint16_t port;

	if (colon == NULL) {
		*why = "it has no port (host:port, :port or [::1]:port)";
		return false;
	}
	host_len = (size_t)(colon - text);
	if (is_in_brackets(text, host_len)) {
		host++;
		host_len -= 2;
	} else if (memchr(text, ':', host_len) != NULL ||
		   strcspn(text, "[]") < host_len) {
		*why = "an IPv6 address stands in brackets: [::1]:port";
		return false;
	}
	if (!parse_port(&port, colon + 1)) {
		*why = "its port is not a number from 0 to 65535";
		return false;
	}
	*address = (struct ac_address){
	    .host = ac_memdup(host, host_len),
	    .port = port,
	};
	return true;
}

bool
ac_address_parse(struct ac_address *address, const char *text, const char **why)
{
	static const char scheme[] = "unix:";

	if (strncmp(text, scheme, sizeof(scheme) - 1) == 0)
		return parse_path(address, text + sizeof(scheme) - 1, why);
	return parse_host_port(address, text, why);
}

void
ac_address_clear(struct ac_address *address)
{
	free(address->host);
	free(address->path);
	*address = (struct ac_address){0};
}

static bool
add_address(struct ac_addresses *addresses, const char *text, const char **why)
{
	struct ac_address parsed;

	if (!ac_address_parse(&parsed, text, why))
		return false;
	addresses->items = ac_realloc(addresses->items,
	    (addresses->count + 1) * sizeof(*addresses->items));
	addresses->items[addresses->count++] = parsed;
	return true;
}

bool
ac_addresses_parse(
    struct ac_addresses *addresses, const char *text, const char **why)
{
	struct ac_addresses parsed = {.count = 0};
	bool ok;

	for (;;) {
		size_t len = strcspn(text, ",");
		char *item = ac_memdup_trimmed(text, len);

		ok = add_address(&parsed, item, why);
		free(item);
		if (!ok || text[len] == '\0')
			break;
		text += len + 1;
	}
	if (!ok) {
		ac_addresses_clear(&parsed);
		return false;
	}
	*addresses = parsed;
	return true;
}

void
ac_addresses_clear(struct ac_addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		ac_address_clear(&addresses->items[i]);
	free(addresses->items);
	*addresses = (struct ac_addresses){.count = 0};
}
