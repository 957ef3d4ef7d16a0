/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Canonical paths: see demo_redirect.h. */
#include "demo/demo_redirect.h"

#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

#include "base/mem.h"
#include "demo/demo_reply.h"

static bool
last_segment_has_dot(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && strchr(slash, '.') != NULL;
}

char *
ac_demo_redirect_canonical(const char *path, size_t len)
{
	char *out = ac_malloc(len + 2);
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (path[i] != '/' || used == 0 || out[used - 1] != '/')
			out[used++] = path[i];
	}
	if (used > 1 && out[used - 1] == '/')
		used--;
	out[used] = '\0';
	if (used > 1 && !last_segment_has_dot(out)) {
		out[used++] = '/';
		out[used] = '\0';
	}
	return out;
}

static void
send_redirect(struct evhttp_request *req, const char *location)
{
	char *refresh = ac_asprintf("0;url=%s", location);

	ac_demo_reply_add_header(req, "location", location);
	ac_demo_reply_add_header(req, "Refresh", refresh);
	ac_demo_reply_send(req, 308, location);
	free(refresh);
}

bool
ac_demo_redirect(struct evhttp_request *req)
{
	const char *uri = evhttp_request_get_uri(req);
	size_t len = strcspn(uri, "?");
	char *path, *location;
	bool differs;

	if (uri[0] != '/')
		return false;
	path = ac_demo_redirect_canonical(uri, len);
	differs = strlen(path) != len || memcmp(path, uri, len) != 0;
	if (differs) {
		location = ac_asprintf("%s%s", path, uri + len);
		send_redirect(req, location);
		free(location);
	}
	free(path);
	return differs;
}
