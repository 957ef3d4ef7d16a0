/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The simulated app's endpoints for pictures. As in the real app they want no
 * session. */
#ifndef AC_DEMO_DEMO_IMAGE_H
#define AC_DEMO_DEMO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct ac_demo_answers;
struct ac_demo_jobs;
struct evhttp_request;

#define AC_DEMO_IMAGE_PATH "/api/image/" /* and the name of a file */

/* Both are borrowed; port is where the demo listens. */
struct ac_demo_image {
	struct ac_demo_answers *answers;
	struct ac_demo_jobs *jobs;
	uint16_t port;
};

/* Answers GET or HEAD of /api/image-status/; takes over the request and sends
 * nothing within the call, like the next one. */
void ac_demo_image_status(
    const struct ac_demo_image *image, struct evhttp_request *req);

/* Answers GET or HEAD of a file. */
void ac_demo_image_file(
    const struct ac_demo_image *image, struct evhttp_request *req);

#endif
