/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bytes of pictures: see image_data.h. */
#include "upstream/image_data.h"

#include <string.h>
#include <strings.h>

static const char data_scheme[] = "data:";

bool
ac_image_is_type(const char *content_type)
{
	return content_type != NULL &&
	       strncasecmp(content_type, "image/", 6) == 0 &&
	       strncasecmp(content_type, "image/svg", 9) != 0;
}

const char *
ac_image_sniff(const void *data, size_t len)
{
	static const char png[] = "\x89PNG\r\n\x1a\n";

	if (len >= 8 && memcmp(data, png, 8) == 0)
		return "image/png";
	if (len >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
		return "image/jpeg";
	if (len >= AC_IMAGE_MAGIC_LEN && memcmp(data, "RIFF", 4) == 0 &&
	    memcmp((const char *)data + 8, "WEBP", 4) == 0)
		return "image/webp";
	if (len >= 6 &&
	    (memcmp(data, "GIF87a", 6) == 0 || memcmp(data, "GIF89a", 6) == 0))
		return "image/gif";
	return NULL;
}

bool
ac_image_is_data_url(const char *url)
{
	return strncasecmp(url, data_scheme, sizeof(data_scheme) - 1) == 0;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -1;
}

/* The bytes of two to four characters; returns how many there are, 0 where
 * they are none. */
static size_t
decode_group(const char *in, size_t len, unsigned char out[3])
{
	unsigned bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < len ? base64_value(in[i]) : 0;

		if (value < 0)
			return 0;
		bits = bits << 6 | (unsigned)value;
	}
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	return len - 1;
}

/* The padding may be missing. */
static enum ac_image_decode
decode_base64(struct ac_buf *out, const char *text, size_t len)
{
	while (len > 0 && text[len - 1] == '=')
		len--;
	if (len % 4 == 1)
		return AC_IMAGE_NO_PICTURE;
	for (size_t i = 0; i < len; i += 4) {
		unsigned char bytes[3];
		size_t group = len - i < 4 ? len - i : 4;
		size_t count = decode_group(text + i, group, bytes);

		if (count == 0)
			return AC_IMAGE_NO_PICTURE;
		if (!ac_buf_add(out, bytes, count))
			return AC_IMAGE_TOO_LARGE;
	}
	return AC_IMAGE_DECODED;
}

enum ac_image_decode
ac_image_decode_data_url(struct ac_buf *out, const char *url)
{
	static const char base64[] = ";base64";
	const char *type = url + sizeof(data_scheme) - 1;
	const char *comma;
	size_t type_len;
	enum ac_image_decode result;

	if (!ac_image_is_data_url(url) || !ac_image_is_type(type))
		return AC_IMAGE_NO_PICTURE;
	comma = strchr(type, ',');
	if (comma == NULL)
		return AC_IMAGE_NO_PICTURE;
	type_len = (size_t)(comma - type);
	if (type_len < sizeof(base64) - 1 ||
	    strncasecmp(
		comma - (sizeof(base64) - 1), base64, sizeof(base64) - 1) != 0)
		return AC_IMAGE_NO_PICTURE;
	result = decode_base64(out, comma + 1, strlen(comma + 1));
	if (result == AC_IMAGE_DECODED &&
	    ac_image_sniff(out->data, out->len) == NULL)
		result = AC_IMAGE_NO_PICTURE;
	return result;
}
