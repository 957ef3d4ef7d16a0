/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs of pictures: see picture_url.h. */
#include "api/picture_url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <event2/http.h>
#include <event2/util.h>

#include "base/attr.h"

static const char data_scheme[] = "data:";
static const char image[] = "image/";

static bool
begins_with(const char *s, const char *prefix)
{
	return evutil_ascii_strncasecmp(s, prefix, strlen(prefix)) == 0;
}

/* The type's length ("image/png") in what follows "data:"; 0 if it is none
 * of an image. */
static size_t
find_type(const char *s)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
	size_t len = strlen(image);

	if (!begins_with(s, image))
		return 0;
	len += strspn(s + len, token);
	return len > strlen(image) && len < AC_MEDIA_TYPE_SIZE ? len : 0;
}

/* RFC 4648's alphabet, with or without the padding. */
static bool
is_base64(const char *s, size_t len)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789+/";
	size_t digits = strspn(s, alphabet);
	size_t padding = strspn(s + digits, "=");

	if (digits == 0 || digits + padding != len || digits % 4 == 1)
		return false;
	return padding == 0 || (padding <= 2 && len % 4 == 0);
}

static const char *
check_data_url(const char *url, size_t len)
{
	static const char base64[] = ";base64";
	const char *type = url + strlen(data_scheme);
	const char *comma = strchr(url, ',');
	size_t type_len = find_type(type);

	if (type_len == 0 || (type[type_len] != ';' && type[type_len] != ','))
		return "a data URL of a picture begins with 'data:image/' and "
		       "a type such as 'png'";
	if (comma == NULL || (size_t)(comma - type) < strlen(base64) ||
	    !begins_with(comma - strlen(base64), base64))
		return "a data URL of a picture needs ';base64,' before its "
		       "data";
	if (!is_base64(comma + 1, len - (size_t)(comma + 1 - url)))
		return "its data is not valid base64";
	return NULL;
}

static const char *
check_web_url(const char *url, size_t len)
{
	struct evhttp_uri *uri;
	const char *host;
	bool ok;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)url[i] <= ' ' || url[i] == 0x7f)
			return "it holds a space or a control character";
	}
	uri = evhttp_uri_parse_with_flags(url, EVHTTP_URI_NONCONFORMANT);
	host = uri == NULL ? NULL : evhttp_uri_get_host(uri);
	ok = host != NULL && *host != '\0';
	if (uri != NULL)
		evhttp_uri_free(uri);
	return ok ? NULL : "it is not a valid URL";
}

const char *
ac_picture_url_check(const char *url, size_t len)
{
	if (begins_with(url, data_scheme))
		return check_data_url(url, len);
	if (begins_with(url, "https://") || begins_with(url, "http://"))
		return check_web_url(url, len);
	return "a picture is a data URL ('data:image/png;base64,...') or an "
	       "https URL";
}

/* A web URL says nothing certain; who fetches it looks for himself. */
static const char *
guess_type(const char *url)
{
	static const struct {
		const char *ending;
		const char *type;
	} types[] = {
	    {".png", "image/png"},
	    {".gif", "image/gif"},
	    {".webp", "image/webp"},
	};
	size_t len = strcspn(url, "?#");

	for (size_t i = 0; i < AC_LENGTH(types); i++) {
		size_t ending_len = strlen(types[i].ending);

		if (len > ending_len &&
		    begins_with(url + len - ending_len, types[i].ending))
			return types[i].type;
	}
	return "image/jpeg";
}

void
ac_picture_media_type(const char *url, char type[AC_MEDIA_TYPE_SIZE])
{
	size_t len;

	if (!begins_with(url, data_scheme)) {
		snprintf(type, AC_MEDIA_TYPE_SIZE, "%s", guess_type(url));
		return;
	}
	len = find_type(url + strlen(data_scheme));
	for (size_t i = 0; i < len; i++)
		type[i] =
		    (char)tolower((unsigned char)url[strlen(data_scheme) + i]);
	type[len] = '\0';
}
