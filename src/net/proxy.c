/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The choice of a proxy: see proxy.h. The part before the last "@" of the
 * authority is taken by hand, as Go does, since a password may hold an "@";
 * libevent's parser gets the rest.
 */
#include "net/proxy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/url.h"
#include "net/no_proxy.h"

enum { SOCKS_FIELD_MAX = 255 }; /* RFC 1929 counts in one byte */

struct scheme {
	const char *name;
	enum ac_proxy_kind kind;
	uint16_t port;
};

static const struct scheme schemes[] = {
    {"http", AC_PROXY_HTTP, 80},
    {"socks5", AC_PROXY_SOCKS5, 1080},
    {"socks5h", AC_PROXY_SOCKS5, 1080},
};

/* The scheme in front of text, which is advanced behind it; NULL: none that
 * is known. */
static const struct scheme *
take_scheme(const char **text)
{
	const char *colon = strstr(*text, "://");
	size_t len;

	if (colon == NULL)
		return &schemes[0];
	len = (size_t)(colon - *text);
	for (size_t i = 0; i < AC_LENGTH(schemes); i++) {
		if (strlen(schemes[i].name) == len &&
		    strncasecmp(*text, schemes[i].name, len) == 0) {
			*text = colon + 3;
			return &schemes[i];
		}
	}
	return NULL;
}

/* Decodes %XX; NULL where a % begins none or stands for a NUL. */
static char *
decode(const char *text, size_t len)
{
	char *encoded = ac_memdup(text, len);
	char *decoded = NULL;
	size_t size;
	bool ok = true;

	for (const char *p = strchr(encoded, '%'); p != NULL && ok;
	     p = strchr(p + 1, '%'))
		ok = isxdigit((unsigned char)p[1]) &&
		     isxdigit((unsigned char)p[2]) &&
		     (p[1] != '0' || p[2] != '0');
	if (ok) {
		decoded = evhttp_uridecode(encoded, 0, &size);
		if (decoded == NULL)
			ac_out_of_memory();
	}
	ac_wipe_and_free(encoded);
	return decoded;
}

static const char *
fill_credentials(struct ac_proxy *proxy, const char *text, size_t len)
{
	static const char bad_escape[] =
	    "a % in its user or password is written %25";
	const char *colon = memchr(text, ':', len);
	size_t user_len = colon == NULL ? len : (size_t)(colon - text);

	if (len == 0)
		return NULL;
	proxy->user = decode(text, user_len);
	if (proxy->user == NULL)
		return bad_escape;
	if (colon != NULL) {
		proxy->password = decode(colon + 1, len - user_len - 1);
		if (proxy->password == NULL)
			return bad_escape;
	}
	if (proxy->kind != AC_PROXY_SOCKS5)
		return NULL;
	if (*proxy->user == '\0')
		return "SOCKS has no password without a user";
	if (strlen(proxy->user) > SOCKS_FIELD_MAX ||
	    (proxy->password != NULL &&
		strlen(proxy->password) > SOCKS_FIELD_MAX))
		return "SOCKS has no user and no password of more than 255 "
		       "bytes";
	return NULL;
}

static char *
make_host_port(const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	return ac_asprintf(
	    "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)port);
}

/* The URI is http://host[:port]. */
static const char *
fill_address(
    struct ac_proxy *proxy, const struct evhttp_uri *uri, uint16_t default_port)
{
	const char *host = evhttp_uri_get_host(uri);
	int port = evhttp_uri_get_port(uri);
	size_t len = host == NULL ? 0 : strlen(host);

	if (len == 0)
		return "it names no host";
	if (port == 0)
		return "its port is not between 1 and 65535";
	if (host[0] == '[') {
		host++;
		len -= 2;
	}
	proxy->host = ac_memdup(host, len);
	proxy->port = port < 0 ? default_port : (uint16_t)port;
	proxy->host_port = make_host_port(proxy->host, proxy->port);
	return NULL;
}

/* host_port ends at len. */
static const char *
parse_address(struct ac_proxy *proxy, const char *host_port, size_t len,
    uint16_t default_port)
{
	char *text = ac_asprintf("http://%.*s", (int)len, host_port);
	struct evhttp_uri *uri = evhttp_uri_parse(text);
	const char *why = "it names no host and port that could be one";

	if (uri != NULL) {
		why = fill_address(proxy, uri, default_port);
		evhttp_uri_free(uri);
	}
	free(text);
	return why;
}

/* Fills proxy; a constant text says why not. */
static const char *
parse_proxy(struct ac_proxy *proxy, const char *text)
{
	const struct scheme *scheme = take_scheme(&text);
	size_t len = strcspn(text, "/?#");
	const char *at = memrchr(text, '@', len);
	const char *why = NULL;

	if (scheme == NULL)
		return "it must begin with http://, socks5:// or socks5h://";
	/* The rest of a password would be the path then, and its begin the
	 * port of a host that is the user. */
	if (text[len] != '\0' && strcmp(text + len, "/") != 0)
		return "nothing may follow the port (in a password a /, ? or # "
		       "is written %2F, %3F or %23)";
	proxy->kind = scheme->kind;
	if (at != NULL) {
		why = fill_credentials(proxy, text, (size_t)(at - text));
		len -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	return why != NULL ? why
			   : parse_address(proxy, text, len, scheme->port);
}

bool
ac_proxy_choose(struct ac_proxy **proxy, const struct ac_options *options,
    const struct ac_url *origin, char *why, size_t why_size)
{
	const char *name = origin->tls ? "HTTPS_PROXY" : "HTTP_PROXY";
	const char *value =
	    origin->tls ? options->https_proxy : options->http_proxy;
	const char *wrong;

	*proxy = NULL;
	if (value == NULL) {
		name = "ALL_PROXY";
		value = options->all_proxy;
	}
	if (value == NULL ||
	    ac_no_proxy_covers(options->no_proxy, origin->host, origin->port))
		return true;
	*proxy = ac_calloc(1, sizeof(**proxy));
	wrong = parse_proxy(*proxy, value);
	if (wrong == NULL)
		return true;
	ac_proxy_free(*proxy);
	*proxy = NULL;
	snprintf(why, why_size,
	    "%s=(hidden): %s; allowed: "
	    "[http://][user:password@]host[:port], "
	    "socks5://[user:password@]host[:port], "
	    "socks5h://[user:password@]host[:port]",
	    name, wrong);
	return false;
}

void
ac_proxy_free(struct ac_proxy *proxy)
{
	if (proxy == NULL)
		return;
	free(proxy->host);
	free(proxy->host_port);
	ac_wipe_and_free(proxy->user);
	ac_wipe_and_free(proxy->password);
	free(proxy);
}

char *
ac_proxy_authorization(const struct ac_proxy *proxy)
{
	static const char scheme[] = "Basic ";
	const size_t scheme_len = sizeof(scheme) - 1;
	char *plain, *value;
	size_t len;

	if (proxy->user == NULL)
		return NULL;
	plain = ac_asprintf("%s:%s", proxy->user,
	    proxy->password == NULL ? "" : proxy->password);
	len = strlen(plain);
	value = ac_malloc(scheme_len + (len + 2) / 3 * 4 + 1);
	memcpy(value, scheme, scheme_len);
	EVP_EncodeBlock((unsigned char *)value + scheme_len,
	    (const unsigned char *)plain, (int)len);
	ac_wipe_and_free(plain);
	return value;
}
