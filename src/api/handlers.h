/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The endpoints. Each takes over a request that the router has let through
 * and replies to it, now or later.
 */
#ifndef AC_API_HANDLERS_H
#define AC_API_HANDLERS_H

struct ac_request;

/* POST /v1/chat/completions. tail is what follows the route; NULL. */
void ac_handle_chat(struct ac_request *request, const char *tail);

/* GET /v1/models. */
void ac_handle_models(struct ac_request *request, const char *tail);

/* POST /v1/completions. */
void ac_handle_completion(struct ac_request *request, const char *tail);

/* GET /v1/models/{id}; tail is the id as it stood in the path. */
void ac_handle_model(struct ac_request *request, const char *tail);

/* POST /v1/images/generations. */
void ac_handle_images(struct ac_request *request, const char *tail);

/* GET /images/{name}; tail is the name as it stood in the path. */
void ac_handle_image_file(struct ac_request *request, const char *tail);

/* GET /health: that the program runs. */
void ac_handle_health(struct ac_request *request, const char *tail);

/* GET /ready: 503 while the program drains or no session can be had. */
void ac_handle_ready(struct ac_request *request, const char *tail);

/* GET /metrics: Prometheus' text format, whatever else is JSON. */
void ac_handle_metrics(struct ac_request *request, const char *tail);

/* GET /: what this is. */
void ac_handle_root(struct ac_request *request, const char *tail);

#endif
