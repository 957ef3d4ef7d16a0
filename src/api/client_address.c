/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Clients' addresses: see client_address.h. */
#include "api/client_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include "base/mem.h"
#include "base/text.h"

/* With a port, brackets and the blanks around them. */
enum { ENTRY_MAX = AC_IP_TEXT_SIZE + 16 };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether text is a port's number, with the ':' before it. */
static bool
is_port(const char *text)
{
	size_t digits = strspn(text + 1, "0123456789");

	return *text == ':' && digits >= 1 && digits <= 5 &&
	       text[1 + digits] == '\0';
}

/* Reads an address, also in brackets and with a port: some proxies add it. */
static bool
parse_entry(struct ac_ip_address *ip, const char *text, size_t len)
{
	char entry[ENTRY_MAX];
	char *end;

	while (len > 0 && is_blank(*text)) {
		text++;
		len--;
	}
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	if (len >= sizeof(entry))
		return false;
	memcpy(entry, text, len);
	entry[len] = '\0';
	if (*entry == '[') {
		end = strchr(entry, ']');
		if (end == NULL || (end[1] != '\0' && !is_port(end + 1)))
			return false;
		*end = '\0';
		return ac_ip_parse(ip, entry + 1) && !ac_ip_is_v4(ip);
	}
	end = strchr(entry, ':');
	if (end != NULL && strchr(entry, '.') != NULL && is_port(end))
		*end = '\0';
	return ac_ip_parse(ip, entry);
}

/* The address that forwarded tells; false where it is not to be believed. */
static bool
find_forwarded(struct ac_ip_address *ip, const char *forwarded,
    const struct ac_ip_ranges *trusted)
{
	size_t end = strlen(forwarded);

	for (;;) {
		size_t start = end;

		while (start > 0 && forwarded[start - 1] != ',')
			start--;
		if (!parse_entry(ip, forwarded + start, end - start))
			return false;
		if (start == 0 || !ac_ip_ranges_have(trusted, ip))
			return true;
		end = start - 1;
	}
}

/* The peer's address without an interface (fe80::1%eth0). */
static bool
parse_peer(struct ac_ip_address *ip, const char *peer)
{
	char text[AC_IP_TEXT_SIZE];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(peer, "%"), peer);
	return ac_ip_parse(ip, text);
}

void
ac_client_address_choose(char client[AC_IP_TEXT_SIZE], const char *peer,
    const char *forwarded, const struct ac_ip_ranges *trusted)
{
	struct ac_ip_address ip, told;
	bool is_ip = parse_peer(&ip, peer);
	bool is_trusted =
	    is_ip ? ac_ip_ranges_have(trusted, &ip) : trusted->has_unix;

	if (is_trusted && forwarded != NULL &&
	    find_forwarded(&told, forwarded, trusted))
		ac_ip_format(client, &told);
	else if (is_ip)
		ac_ip_format(client, &ip);
	else
		snprintf(client, AC_IP_TEXT_SIZE, "unix");
}

/* The lines of a header are one list (RFC 9110, 5.2); to be freed, NULL where
 * there is none. */
static char *
join_forwarded(struct evhttp_request *http)
{
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(http);
	const struct evkeyval *header;
	struct evbuffer *joined = NULL;

	TAILQ_FOREACH(header, headers, next)
	{
		if (evutil_ascii_strcasecmp(header->key, "X-Forwarded-For") !=
		    0)
			continue;
		if (joined == NULL)
			joined = ac_text_new();
		else
			ac_text_add_string(joined, ",");
		ac_text_add_string(joined, header->value);
	}
	return joined == NULL ? NULL : ac_text_take(joined);
}

static const char *
peer_of(struct evhttp_connection *evcon)
{
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evcon, &address, &port);
	return address == NULL ? "" : address;
}

void
ac_client_address_find(char client[AC_IP_TEXT_SIZE],
    struct evhttp_request *http, const struct ac_ip_ranges *trusted)
{
	const char *peer = peer_of(evhttp_request_get_connection(http));
	char *forwarded = NULL;

	if (trusted->count > 0 || trusted->has_unix)
		forwarded = join_forwarded(http);
	ac_client_address_choose(client, peer, forwarded, trusted);
	free(forwarded);
}

void
ac_client_address_of_peer(
    char client[AC_IP_TEXT_SIZE], struct evhttp_connection *evcon)
{
	static const struct ac_ip_ranges nobody = {.count = 0};

	ac_client_address_choose(client, peer_of(evcon), NULL, &nobody);
}
