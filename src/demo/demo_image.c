/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The endpoints for pictures: see demo_image.h. What they answer is planned
 * by demo_job.c. */
#include "demo/demo_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/mem.h"
#include "demo/demo_answer.h"
#include "demo/demo_job.h"
#include "demo/demo_plan.h"

/* The ids of the query, decoded; NULL: there are none. The caller frees
 * them. */
static char *
read_ids(const char *uri)
{
	size_t path_len = strcspn(uri, "?");
	struct evkeyvalq query;
	const char *ids = NULL;
	char *copy;

	if (uri[path_len] == '\0' ||
	    evhttp_parse_query_str(uri + path_len + 1, &query) != 0)
		return NULL;
	ids = evhttp_find_header(&query, "ids");
	copy = ids == NULL ? NULL : ac_strdup(ids);
	evhttp_clear_headers(&query);
	return copy;
}

void
ac_demo_image_status(
    const struct ac_demo_image *image, struct evhttp_request *req)
{
	struct ac_demo_plan plan;
	char *ids = read_ids(evhttp_request_get_uri(req));
	char origin[32];

	snprintf(origin, sizeof(origin), "http://127.0.0.1:%u",
	    (unsigned)image->port);
	ac_demo_plan_init(&plan);
	ac_demo_jobs_plan_status(image->jobs, &plan, ids, origin);
	free(ids);
	ac_demo_answers_start(image->answers, req, &plan);
}

/* Names are not decoded: those of the demo have nothing to decode. */
void
ac_demo_image_file(
    const struct ac_demo_image *image, struct evhttp_request *req)
{
	const char *name =
	    evhttp_request_get_uri(req) + strlen(AC_DEMO_IMAGE_PATH);
	char *file = ac_memdup(name, strcspn(name, "?"));
	struct ac_demo_plan plan;

	ac_demo_plan_init(&plan);
	ac_demo_jobs_plan_file(image->jobs, &plan, file);
	free(file);
	ac_demo_answers_start(image->answers, req, &plan);
}
