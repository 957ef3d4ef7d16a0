/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Addresses of pictures: see image_ref.h. The app rewrites the result of a
 * job to /api/image/ and what follows the last slash of its middleware's
 * address, a query included; everything else comes from other sites.
 */
#include "upstream/image_ref.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/name.h"
#include "base/url.h"
#include "upstream/image_data.h"
#include "upstream/site.h"

enum { EXTENSION_MAX = 8 };

static const char directory[] = "/api/image/";

bool
ac_image_name_is_valid(const char *name)
{
	size_t len = strnlen(name, AC_IMAGE_NAME_MAX + 1);
	const char *dot = strrchr(name, '.');
	size_t extension_len;

	if (len > AC_IMAGE_NAME_MAX || dot == NULL || dot == name ||
	    name[0] == '.' || strstr(name, "..") != NULL)
		return false;
	extension_len = len - (size_t)(dot + 1 - name);
	return extension_len > 0 && extension_len <= EXTENSION_MAX &&
	       ac_name_is_made_of(dot + 1, extension_len, "") &&
	       ac_name_is_made_of(name, len, "._-");
}

static bool
is_fit_data_url(const char *url)
{
	const char *type = url + strlen("data:");

	return ac_image_is_type(type) &&
	       ac_name_is_made_of(type, strlen(type), "-._/+=;,");
}

/* Nothing that ends an address in HTML, Markdown's angle brackets or a
 * header, and no fragment. */
static bool
is_fit_for_a_url(const char *text)
{
	size_t len = strnlen(text, AC_IMAGE_URL_MAX + 1);

	return len > 0 && len <= AC_IMAGE_URL_MAX &&
	       ac_name_is_made_of(text, len, "-._~:/?[]@!$&'()*+,;=%");
}

/* Scheme and host of the site. */
static char *
make_origin(const struct ac_site *site)
{
	return ac_asprintf("%s://%s", site->url->tls ? "https" : "http",
	    site->url->host_header);
}

/* What follows the folder of the app's pictures in path, or NULL. */
static const char *
skip_directory(const struct ac_site *site, const char *path)
{
	size_t prefix_len = strlen(site->path_prefix);

	if (strncmp(path, site->path_prefix, prefix_len) == 0 &&
	    strncmp(path + prefix_len, directory, sizeof(directory) - 1) == 0)
		return path + prefix_len + sizeof(directory) - 1;
	return NULL;
}

/* Makes ref a file of the site if file, a name and perhaps a query, can be
 * one. */
static bool
set_file(struct ac_image_ref *ref, const struct ac_site *site, const char *file)
{
	size_t name_len = strcspn(file, "?");
	char *name = ac_memdup(file, name_len);
	char *origin;

	if (!ac_image_name_is_valid(name)) {
		free(name);
		return false;
	}
	origin = make_origin(site);
	ref->kind = AC_IMAGE_FILE;
	ref->name = name;
	if (file[name_len] == '?')
		ref->query = ac_strdup(file + name_len + 1);
	ref->url =
	    ac_asprintf("%s%s%s%s", origin, site->path_prefix, directory, file);
	free(origin);
	return true;
}

/* Takes over url. */
static void
set_elsewhere(struct ac_image_ref *ref, char *url)
{
	ref->kind = AC_IMAGE_ELSEWHERE;
	ref->url = url;
}

/* What follows scheme and host in url if they are the site's (or begin so),
 * otherwise NULL. */
static const char *
skip_origin(const struct ac_site *site, const char *url)
{
	char *origin = make_origin(site);
	size_t len = strlen(origin);
	bool is_here = strncasecmp(url, origin, len) == 0;

	free(origin);
	return is_here ? url + len : NULL;
}

static bool
parse_absolute(
    struct ac_image_ref *ref, const struct ac_site *site, const char *url)
{
	const char *host = strstr(url, "://") + 3;
	const char *path = skip_origin(site, url);
	const char *file = path == NULL ? NULL : skip_directory(site, path);

	if (strcspn(host, "/?") == 0)
		return false;
	if (file == NULL || !set_file(ref, site, file))
		set_elsewhere(ref, ac_strdup(url));
	return true;
}

/* The app itself knows nothing of a folder that a proxy puts it into. */
static bool
parse_relative(
    struct ac_image_ref *ref, const struct ac_site *site, const char *path)
{
	const char *file = skip_directory(site, path);
	char *origin;

	if (file == NULL &&
	    strncmp(path, directory, sizeof(directory) - 1) == 0)
		file = path + sizeof(directory) - 1;
	if (file == NULL && memchr(path, '/', strcspn(path, "?")) == NULL)
		file = path;
	if (file != NULL && set_file(ref, site, file))
		return true;
	origin = make_origin(site);
	if (file != NULL)
		set_elsewhere(ref, ac_asprintf("%s%s%s%s", origin,
				       site->path_prefix, directory, file));
	else
		set_elsewhere(ref, ac_asprintf("%s%s%s", origin,
				       *path == '/' ? "" : "/", path));
	free(origin);
	return true;
}

/* Whether a scheme stands in front, a colon before any slash. */
static bool
has_scheme(const char *result)
{
	return result[strcspn(result, ":/?")] == ':';
}

bool
ac_image_ref_parse(
    struct ac_image_ref *ref, const struct ac_site *site, const char *result)
{
	*ref = (struct ac_image_ref){.url = NULL};
	if (ac_image_is_data_url(result)) {
		if (!is_fit_data_url(result))
			return false;
		ref->kind = AC_IMAGE_DATA;
		ref->url = ac_strdup(result);
		return true;
	}
	if (!is_fit_for_a_url(result) || strncmp(result, "//", 2) == 0)
		return false;
	if (!has_scheme(result))
		return parse_relative(ref, site, result);
	if (strncasecmp(result, "http://", 7) != 0 &&
	    strncasecmp(result, "https://", 8) != 0)
		return false;
	return parse_absolute(ref, site, result);
}

void
ac_image_ref_clear(struct ac_image_ref *ref)
{
	free(ref->url);
	free(ref->name);
	free(ref->query);
	*ref = (struct ac_image_ref){.url = NULL};
}

void
ac_image_ref_move(struct ac_image_ref *to, struct ac_image_ref *from)
{
	*to = *from;
	*from = (struct ac_image_ref){.url = NULL};
}
