/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Each line of the input, read as whatever names a place: an origin's URL, an
 * address to listen on and a list of them, an IP address and ranges of them,
 * where a picture is, aliases and patterns. What something was taken apart
 * into gives the same parts again; what goes into a reply or a request has no
 * byte that could end a header or a string.
 */
#include <string.h>

#include "api/cors.h"
#include "api/picture_url.h"
#include "base/address.h"
#include "base/aliases.h"
#include "base/glob.h"
#include "base/ip.h"
#include "base/mem.h"
#include "base/url.h"
#include "fuzz.h"
#include "upstream/image_data.h"
#include "upstream/image_ref.h"
#include "upstream/site.h"

enum { GLOB_MAX = 64 };

static void
check_url(const char *text)
{
	struct ac_url url = {0}, again = {0};
	const char *why = NULL;
	char *composed;

	if (!ac_url_parse(&url, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	FUZZ_CHECK(*url.host != '\0' && url.port != 0);
	composed = ac_asprintf(
	    "%s://%s%s", url.tls ? "https" : "http", url.host_header, url.path);
	FUZZ_CHECK(ac_url_parse(&again, composed, &why));
	FUZZ_CHECK(again.tls == url.tls && again.port == url.port);
	FUZZ_CHECK(strcmp(again.host, url.host) == 0);
	FUZZ_CHECK(strcmp(again.host_header, url.host_header) == 0);
	FUZZ_CHECK(strcmp(again.path, url.path) == 0);
	free(composed);
	ac_url_clear(&url);
	ac_url_clear(&again);
}

static void
check_address(const char *text)
{
	struct ac_address address = {0}, again = {0};
	const char *why = NULL;
	char *composed;

	if (!ac_address_parse(&address, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	FUZZ_CHECK((address.host == NULL) != (address.path == NULL));
	if (address.path != NULL)
		composed = ac_asprintf("unix:%s", address.path);
	else
		composed =
		    ac_asprintf(strchr(address.host, ':') ? "[%s]:%u" : "%s:%u",
			address.host, (unsigned)address.port);
	FUZZ_CHECK(ac_address_parse(&again, composed, &why));
	FUZZ_CHECK(again.port == address.port);
	if (address.path != NULL)
		FUZZ_CHECK(strcmp(again.path, address.path) == 0);
	else
		FUZZ_CHECK(strcmp(again.host, address.host) == 0);
	free(composed);
	ac_address_clear(&address);
	ac_address_clear(&again);
}

static void
check_addresses(const char *text)
{
	struct ac_addresses addresses = {0};
	const char *why = NULL;

	if (!ac_addresses_parse(&addresses, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	FUZZ_CHECK(addresses.count > 0);
	ac_addresses_clear(&addresses);
}

static void
check_ip(const char *text)
{
	struct ac_ip_address ip, again;
	struct ac_ip_range range;
	char written[AC_IP_TEXT_SIZE];

	if (!ac_ip_parse(&ip, text))
		return;
	ac_ip_format(written, &ip);
	FUZZ_CHECK(ac_ip_parse(&again, written));
	FUZZ_CHECK(memcmp(&ip, &again, sizeof(ip)) == 0);
	FUZZ_CHECK(ac_ip_range_parse(&range, text));
	FUZZ_CHECK(ac_ip_range_has(&range, &ip));
}

static void
check_ranges(const char *text)
{
	struct ac_ip_ranges ranges = {0};
	const char *why = NULL;

	if (!ac_ip_ranges_parse(&ranges, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	for (size_t i = 0; i < ranges.count; i++) {
		FUZZ_CHECK(ranges.items[i].bits <= AC_IP_BITS);
		FUZZ_CHECK(ac_ip_ranges_have(&ranges, &ranges.items[i].ip));
	}
	ac_ip_ranges_clear(&ranges);
}

/* Of the characters of URLs alone. */
static bool
is_url_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~' ||
		    strchr("\"<>\\^`{|}#", *text) != NULL)
			return false;
	}
	return true;
}

static void
check_image(const char *text)
{
	struct ac_url url = {0};
	struct ac_site site = {.url = &url, .path_prefix = "/p"};
	struct ac_image_ref ref, again;
	const char *why;

	FUZZ_CHECK(ac_url_parse(&url, "http://a.example:81/p", &why));
	if (ac_image_ref_parse(&ref, &site, text)) {
		FUZZ_CHECK(is_url_text(ref.url));
		FUZZ_CHECK((ref.kind == AC_IMAGE_FILE) == (ref.name != NULL));
		FUZZ_CHECK(ref.query == NULL || ref.name != NULL);
		FUZZ_CHECK(
		    ref.name == NULL || ac_image_name_is_valid(ref.name));
		FUZZ_CHECK(ref.query == NULL || is_url_text(ref.query));
		/* What is handed out names the same place. (A path without a
		 * first slash is not looked at as closely as a whole URL.) */
		FUZZ_CHECK(ac_image_ref_parse(&again, &site, ref.url));
		FUZZ_CHECK(
		    again.kind == ref.kind || ref.kind == AC_IMAGE_ELSEWHERE);
		FUZZ_CHECK(strcmp(again.url, ref.url) == 0);
		ac_image_ref_clear(&again);
		ac_image_ref_clear(&ref);
	}
	ac_url_clear(&url);
}

static void
check_data_url(const char *text)
{
	struct ac_buf bytes;

	ac_buf_init(&bytes, strlen(text));
	if (ac_image_decode_data_url(&bytes, text) == AC_IMAGE_DECODED) {
		FUZZ_CHECK(ac_image_is_data_url(text));
		FUZZ_CHECK(ac_image_sniff(bytes.data, bytes.len) != NULL);
	}
	ac_buf_clear(&bytes);
}

static void
check_picture(const char *text)
{
	char type[AC_MEDIA_TYPE_SIZE] = "";

	if (ac_picture_url_check(text, strlen(text)) != NULL)
		return;
	ac_picture_media_type(text, type);
	FUZZ_CHECK(strncmp(type, "image/", 6) == 0 && is_url_text(type));
}

static void
check_aliases(const char *text)
{
	struct ac_aliases aliases = {0};
	const char *why = NULL;

	if (!ac_aliases_parse(&aliases, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	for (size_t i = 0; i < aliases.count; i++)
		FUZZ_CHECK(
		    ac_aliases_find(&aliases, aliases.items[i].name) != NULL);
	ac_aliases_clear(&aliases);
}

/* The definition, which takes its time. */
static bool
matches(const char *pattern, size_t len, const char *text)
{
	if (len == 0)
		return *text == '\0';
	if (*pattern != '*')
		return *pattern == *text && *text != '\0' &&
		       matches(pattern + 1, len - 1, text + 1);
	return matches(pattern + 1, len - 1, text) ||
	       (*text != '\0' && matches(pattern, len, text + 1));
}

/* "pattern,text". */
static void
check_glob(const char *line)
{
	size_t len = strcspn(line, ",");
	size_t stars = 0;

	if (line[len] == '\0' || strlen(line) > GLOB_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		stars += line[i] == '*';
	if (stars < 4)
		FUZZ_CHECK(ac_glob_match(line, len, line + len + 1) ==
			   matches(line, len, line + len + 1));
	else
		(void)ac_glob_match(line, len, line + len + 1);
	/* Not a check of the answer: any list is one, any text an origin. */
	(void)ac_glob_list_matches(line, line + len + 1);
	(void)ac_cors_lists(line, line + len + 1);
	(void)ac_cors_is_local(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_memdup((const char *)data, size);
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		check_url(line);
		check_address(line);
		check_addresses(line);
		check_ip(line);
		check_ranges(line);
		check_image(line);
		check_data_url(line);
		check_picture(line);
		check_aliases(line);
		check_glob(line);
	}
	free(text);
	return 0;
}
