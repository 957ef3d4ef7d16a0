/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses of pictures for clients: see public_image_url.h. */
#include "api/public_image_url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

#include "api/api.h"
#include "api/request.h"
#include "base/mem.h"
#include "base/name.h"
#include "upstream/image_ref.h"

/* A host may be anything that a client made up: what could end an address in
 * the text around it is left out. */
static bool
is_usable_host(const char *host)
{
	return host != NULL && *host != '\0' &&
	       ac_name_is_made_of(host, strlen(host), "-._:[]");
}

/* What stands before "/images/", from malloc; NULL if that is not known. */
static char *
make_base(struct ac_request *request)
{
	const struct ac_options *options = ac_request_api(request)->options;
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(ac_request_http(request));
	const char *url = options->public_url;
	const char *host = evhttp_find_header(headers, "Host");
	size_t len;

	if (url != NULL) {
		len = strlen(url);
		while (url[len - 1] == '/')
			len--;
		return ac_memdup(url, len);
	}
	if (!is_usable_host(host))
		return NULL;
	return ac_asprintf(
	    "%s://%s", options->tls_cert == NULL ? "http" : "https", host);
}

char *
ac_public_image_url(struct ac_request *request, const struct ac_image_ref *ref)
{
	const struct ac_options *options = ac_request_api(request)->options;
	bool has_query = ref->query != NULL;
	char *base = NULL;
	char *url;

	if (options->image_urls == AC_IMAGE_URLS_PROXY &&
	    ref->kind == AC_IMAGE_FILE)
		base = make_base(request);
	if (base == NULL)
		return ac_strdup(ref->url);
	url = ac_asprintf("%s/images/%s%s%s", base, ref->name,
	    has_query ? "?" : "", has_query ? ref->query : "");
	free(base);
	return url;
}
