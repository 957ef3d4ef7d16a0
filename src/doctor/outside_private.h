/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The inside of a checkup from outside, for its parts alone: outside.c is its
 * frame, outside_access.c asks who is let in, and outside_stream.c what a
 * browser and a chat need. */
#ifndef AC_DOCTOR_OUTSIDE_PRIVATE_H
#define AC_DOCTOR_OUTSIDE_PRIVATE_H

#include "doctor/ask.h"
#include "doctor/checkup.h"
#include "doctor/reach.h"
#include "doctor/stream_look.h"
#include "doctor/target.h"

enum { OUTSIDE_HEADERS_MAX = 6 };

struct outside {
	struct event_base *base; /* borrowed, like all down to key */
	const struct ac_options *options;
	const char *complaint;    /* NULL: the configuration could be read */
	const char *asked_origin; /* of --origin; NULL: none was named */
	const char *key;          /* NULL: none */
	struct ac_reaper *reaper; /* owned, like all that follows */
	struct ac_target target;
	struct ac_reach reach;
	struct ac_checkup *checkup;
	struct ac_http_client *client; /* from the step of health on */
	char *authorization;           /* of key; NULL: none */
	char *model;                   /* to chat with; NULL: none is known */
	/* What is under way, until it is done. */
	struct ac_ask *ask;
	struct ac_stream_look *look;
	struct event *again; /* owned: asks /ready once more … */
	int ready_asks;      /* … after so many times */
	/* What was seen. */
	char location[AC_LOOK_TEXT_SIZE]; /* of the last answer */
	bool origin_refused;              /* by the program itself */
	struct ac_cors_facts preflight;
	struct ac_stream_facts facts;
};

/* A question about a path below the URL's; what a client sends goes with it:
 * the key, and the origin of a page. */
struct outside_question {
	enum ac_http_method method;
	const char *path;
	const char *authorization; /* NULL: none */
	const char *origin;        /* NULL: none */
	bool is_preflight;
	struct ac_bytes *body; /* JSON; NULL: none */
};

/* Asks; handlers get the struct outside, whose ask it is. */
void ac_outside_ask(struct outside *outside,
    const struct outside_question *question,
    const struct ac_ask_handlers *handlers);

/* The origin that stands for a page. Constant or borrowed. */
const char *ac_outside_origin(const struct outside *outside);

/* "code" in the error of an answer of the program's own; "" where it is null;
 * NULL: it is no such answer. The caller frees it. */
char *ac_outside_error_code(const struct ac_ask_reply *reply);

/* Says that a question was not answered, and ends the step. */
void ac_outside_fail(struct outside *outside, const struct ac_error *error);

/* Says that the answer is not what was asked for: its status, and what a
 * proxy that answers by itself may mean by it. Ends the step. */
void ac_outside_wonder(
    struct outside *outside, const struct ac_ask_reply *reply);

/* What to do about a status that the program itself would not have given.
 * Constant. */
const char *ac_outside_advice(int status);

/* Keeps the Location of an answer for ac_outside_wonder(). */
void ac_outside_on_head(const struct ac_http_head *head, void *arg);

/* The steps of outside_access.c; the argument is a struct outside. */
void ac_outside_start_keys(void *arg);
void ac_outside_start_models(void *arg);

/* The steps of outside_stream.c; the argument is a struct outside. */
void ac_outside_start_preflight(void *arg);
void ac_outside_start_large(void *arg);
void ac_outside_start_chat(void *arg);
void ac_outside_start_headers(void *arg);
void ac_outside_start_pages(void *arg);

#endif
