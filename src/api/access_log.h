/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The access line: what is logged of each request when it has ended. */
#ifndef AC_API_ACCESS_LOG_H
#define AC_API_ACCESS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/http.h>

#include "base/error.h"
#include "base/ip.h"

enum {
	AC_REQUEST_ID_MAX = 64, /* of a client's own X-Request-Id */
	AC_PATH_SHOWN = 120,    /* of a path in the log */
};

/* How a request ended. */
enum ac_ending {
	AC_ENDING_DONE,           /* the client has it all */
	AC_ENDING_REFUSED,        /* an error was the answer */
	AC_ENDING_UPSTREAM_ERROR, /* likewise, by the upstream's fault */
	AC_ENDING_CUT,            /* what had begun was not completed */
	AC_ENDING_CLIENT_GONE,    /* the client left first */
	AC_ENDING_TIMEOUT, /* a deadline passed, before the answer or in it */
	AC_ENDING_DRAIN,   /* this program ended it to end itself */
	AC_ENDINGS
};

/* What a handler knows of a request beside the request itself. */
struct ac_request_facts {
	const char *route;         /* constant: "chat", "models", … */
	const char *key;           /* its name, the request's; or NULL */
	char *model;               /* owned, or NULL */
	bool wants_stream;         /* it is a proper request for one */
	int64_t prompt_tokens;     /* -1: none to tell */
	int64_t completion_tokens; /* -1: none to tell */
};

struct ac_access {
	char id[AC_REQUEST_ID_MAX + 1];
	enum evhttp_cmd_type method;
	char path[AC_PATH_SHOWN + 1];
	char client[AC_IP_TEXT_SIZE]; /* its address */
	int status;                   /* 0: no reply has begun */
	int64_t started_ns;           /* by ac_clock_ns() */
	int64_t first_byte_ns;        /* likewise; 0: none was sent */
	enum ac_ending ending;
	struct ac_request_facts facts;
};

/* The id of a request: the client's own X-Request-Id where it is a plain one
 * (given may be NULL), otherwise a fresh one. */
void ac_access_choose_id(char id[AC_REQUEST_ID_MAX + 1], const char *given);

/* Of a request that gets this error for an answer; for the end of one. */
enum ac_ending ac_ending_of_reply(enum ac_error_code code);
enum ac_ending ac_ending_of_stream(enum ac_error_code code);

/* How it is called in the log and in the metrics. */
const char *ac_ending_name(enum ac_ending ending);
const char *ac_method_name(enum evhttp_cmd_type method); /* "OTHER" */

/* Writes the line; the request ends now. */
void ac_access_log(const struct ac_access *access);

#endif
