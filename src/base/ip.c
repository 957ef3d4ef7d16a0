/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses: see ip.h. They are read by libc, since libevent takes 010.0.0.1
 * for one too. */
#include "base/ip.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { V4_FIRST_BIT = 96 };

static const unsigned char v4_prefix[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool
ac_ip_parse(struct ac_ip_address *ip, const char *text)
{
	if (inet_pton(AF_INET6, text, ip->bytes) == 1)
		return true;
	memcpy(ip->bytes, v4_prefix, sizeof(v4_prefix));
	return inet_pton(AF_INET, text, ip->bytes + sizeof(v4_prefix)) == 1;
}

bool
ac_ip_is_v4(const struct ac_ip_address *ip)
{
	return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool
ac_ip_is_loopback(const struct ac_ip_address *ip)
{
	static const struct ac_ip_address v6_loopback = {.bytes = {[15] = 1}};

	if (ac_ip_is_v4(ip))
		return ip->bytes[sizeof(v4_prefix)] == 127;
	return memcmp(ip, &v6_loopback, sizeof(v6_loopback)) == 0;
}

void
ac_ip_format(char text[AC_IP_TEXT_SIZE], const struct ac_ip_address *ip)
{
	const char *done;

	if (ac_ip_is_v4(ip))
		done = inet_ntop(AF_INET, ip->bytes + sizeof(v4_prefix), text,
		    AC_IP_TEXT_SIZE);
	else
		done = inet_ntop(AF_INET6, ip->bytes, text, AC_IP_TEXT_SIZE);
	if (done == NULL)
		abort(); /* the room is that of the longest */
}

/* Clears all but the first bits. */
static void
mask(struct ac_ip_address *ip, unsigned bits)
{
	for (unsigned i = bits; i < AC_IP_BITS; i++)
		ip->bytes[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
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

bool
ac_ip_range_parse(struct ac_ip_range *range, const char *text)
{
	char address[AC_IP_TEXT_SIZE];
	size_t len = strcspn(text, "/");
	unsigned first_bit, bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!ac_ip_parse(&range->ip, address))
		return false;
	range->bits = AC_IP_BITS;
	if (text[len] == '\0')
		return true;
	first_bit = strchr(address, ':') == NULL ? V4_FIRST_BIT : 0;
	if (!parse_number(&bits, text + len + 1, AC_IP_BITS - first_bit))
		return false;
	range->bits = first_bit + bits;
	mask(&range->ip, range->bits);
	return true;
}

bool
ac_ip_range_has(const struct ac_ip_range *range, const struct ac_ip_address *ip)
{
	struct ac_ip_address masked = *ip;

	mask(&masked, range->bits);
	return ac_ip_is_v4(&range->ip) == ac_ip_is_v4(ip) &&
	       memcmp(&masked, &range->ip, sizeof(masked)) == 0;
}

static bool
add_range(struct ac_ip_ranges *ranges, const char *text)
{
	struct ac_ip_range range;

	if (strcmp(text, "unix") == 0) {
		ranges->has_unix = true;
		return true;
	}
	if (!ac_ip_range_parse(&range, text))
		return false;
	ranges->items = ac_realloc(
	    ranges->items, (ranges->count + 1) * sizeof(*ranges->items));
	ranges->items[ranges->count++] = range;
	return true;
}

bool
ac_ip_ranges_parse(
    struct ac_ip_ranges *ranges, const char *text, const char **why)
{
	static const char separators[] = ", \t";
	struct ac_ip_ranges parsed = {.count = 0};
	bool ok = true;

	text += strspn(text, separators);
	while (ok && *text != '\0') {
		size_t len = strcspn(text, separators);
		char *one = ac_memdup(text, len);

		ok = add_range(&parsed, one);
		free(one);
		text += len;
		text += strspn(text, separators);
	}
	if (!ok) {
		*why = "it holds something that is neither an address nor "
		       "address/bits";
		ac_ip_ranges_clear(&parsed);
		return false;
	}
	*ranges = parsed;
	return true;
}

void
ac_ip_ranges_clear(struct ac_ip_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct ac_ip_ranges){.count = 0};
}

bool
ac_ip_ranges_have(
    const struct ac_ip_ranges *ranges, const struct ac_ip_address *ip)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ac_ip_range_has(&ranges->items[i], ip))
			return true;
	}
	return false;
}
