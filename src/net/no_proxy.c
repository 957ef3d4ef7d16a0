/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * NO_PROXY: see no_proxy.h. An address is kept in 16 bytes, an IPv4 one as
 * ::ffff:a.b.c.d, so that both spellings of it are the same. It is read by
 * libc, since libevent takes 010.0.0.1 for one too.
 */
#include "net/no_proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { ADDRESS_BITS = 128, V4_FIRST_BIT = 96 };

struct address {
	unsigned char bytes[ADDRESS_BITS / 8];
};

/* The host that is looked for. */
struct target {
	const char *host;
	char port[8];
	bool is_address;
	struct address address;
};

static const unsigned char v4_prefix[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
parse_address(struct address *address, const char *text)
{
	if (inet_pton(AF_INET6, text, address->bytes) == 1)
		return true;
	memcpy(address->bytes, v4_prefix, sizeof(v4_prefix));
	return inet_pton(AF_INET, text, address->bytes + sizeof(v4_prefix)) ==
	       1;
}

static bool
is_v4(const struct address *address)
{
	return memcmp(address->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static bool
is_loopback(const struct address *address)
{
	static const struct address v6_loopback = {.bytes = {[15] = 1}};

	if (is_v4(address))
		return address->bytes[sizeof(v4_prefix)] == 127;
	return memcmp(address, &v6_loopback, sizeof(v6_loopback)) == 0;
}

/* Clears all but the first bits. */
static void
mask(struct address *address, unsigned bits)
{
	for (unsigned i = bits; i < ADDRESS_BITS; i++)
		address->bytes[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
}

/* The number of a text of digits alone, up to max. */
static bool
parse_number(unsigned *number, const char *text, unsigned max)
{
	*number = 0;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		*number = *number * 10 + (unsigned)(*text - '0');
		if (*number > max)
			return false;
	}
	return *text == '\0';
}

/* Whether entry is a range, and if so in *covered whether it holds the
 * target. entry is changed. */
static bool
match_range(bool *covered, char *entry, const struct target *target)
{
	char *slash = strchr(entry, '/');
	struct address range, address = target->address;
	unsigned bits, first_bit;

	if (slash == NULL)
		return false;
	*slash = '\0';
	first_bit = strchr(entry, ':') == NULL ? V4_FIRST_BIT : 0;
	if (!parse_address(&range, entry) ||
	    !parse_number(&bits, slash + 1, ADDRESS_BITS - first_bit)) {
		*slash = '/';
		return false;
	}
	mask(&range, first_bit + bits);
	mask(&address, first_bit + bits);
	/* ::/0 has every IPv6 address and no IPv4 one. */
	*covered = target->is_address &&
		   is_v4(&range) == is_v4(&target->address) &&
		   memcmp(&range, &address, sizeof(range)) == 0;
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
	struct address address;
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
	if (parse_address(&address, host))
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

	target.is_address = parse_address(&target.address, host);
	snprintf(target.port, sizeof(target.port), "%u", (unsigned)port);
	if (strcasecmp(host, "localhost") == 0 ||
	    (target.is_address && is_loopback(&target.address)))
		return true;
	return list != NULL && match_list(list, &target);
}
