/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a check is pointed at: see target.h. */
#include "doctor/target.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "net/no_proxy.h"

static const char scheme[] = "unix:";
static const char default_path[] = "/health";

/* Where ":/path" begins behind a socket's path, or its end. */
static size_t
find_request_path(const char *text)
{
	const char *at = strstr(text, ":/");
	const char *last = NULL;

	while (at != NULL) {
		last = at;
		at = strstr(at + 1, ":/");
	}
	return last == NULL ? strlen(text) : (size_t)(last - text);
}

/* What may stand in a request line as it is. */
static bool
is_plain(const char *path)
{
	for (; *path != '\0'; path++) {
		if (*path <= ' ' || *path > '~')
			return false;
	}
	return true;
}

static bool
parse_unix(struct ac_target *target, const char *text, const char **why)
{
	size_t len = find_request_path(text);
	const char *path = text[len] == '\0' ? default_path : text + len + 1;

	if (text[0] != '/' || len < 2) {
		*why = "a Unix socket is unix:/path/of/socket";
		return false;
	}
	if (len >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		*why = "the path of the socket is too long";
		return false;
	}
	if (!is_plain(path)) {
		*why = "the path behind the socket holds a blank or the like";
		return false;
	}
	*target = (struct ac_target){
	    .socket_path = ac_memdup(text, len),
	    .path = ac_strdup(path),
	};
	return true;
}

bool
ac_target_parse(struct ac_target *target, const char *text, const char **why)
{
	struct ac_url url = {0};

	if (strncmp(text, scheme, sizeof(scheme) - 1) == 0)
		return parse_unix(target, text + sizeof(scheme) - 1, why);
	if (!ac_url_parse(&url, text, why))
		return false;
	*target = (struct ac_target){
	    .url = url,
	    .path = ac_strdup(url.path[0] == '\0' ? default_path : url.path),
	};
	return true;
}

void
ac_target_clear(struct ac_target *target)
{
	free(target->socket_path);
	free(target->path);
	ac_url_clear(&target->url);
	*target = (struct ac_target){0};
}

bool
ac_target_is_loopback(const struct ac_target *target)
{
	return target->socket_path != NULL ||
	       ac_no_proxy_covers(NULL, target->url.host, target->url.port);
}
