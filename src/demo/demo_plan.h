/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What one chat call is answered, decided beforehand: a status, then pieces
 * of a body with the time before each, then an end. demo_chat.c carries it
 * out. Pure code.
 */
#ifndef AC_DEMO_DEMO_PLAN_H
#define AC_DEMO_DEMO_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evbuffer;

/* A wait: as long as the demo's settings say. */
enum { AC_DEMO_PACE = -1 };

enum ac_demo_usage {
	AC_DEMO_USAGE_NULL,    /* as the real app mostly has it */
	AC_DEMO_USAGE_COUNTED, /* numbers */
};

/* How an answer ends behind its last step. */
enum ac_demo_end {
	AC_DEMO_END_WHOLE, /* as HTTP wants it */
	AC_DEMO_END_CUT,   /* the connection closes, no last chunk */
	AC_DEMO_END_RESET, /* the same, with a RST */
	AC_DEMO_END_NEVER, /* the connection stays open, nothing comes */
};

/* A wait and then len bytes of the body as one chunk of HTTP. */
struct ac_demo_step {
	int64_t wait_ms; /* 0: together with the step before */
	size_t len;      /* 0: nothing is sent */
};

struct ac_demo_plan {
	int status;
	const char *content_type;   /* static; NULL: none */
	const char *location;       /* of a redirect; static; NULL: none */
	struct evbuffer *body;      /* owned */
	struct ac_demo_step *steps; /* owned */
	size_t count;
	size_t room;
	enum ac_demo_end end;
	int64_t wait_ms; /* before the step that is added next */
	bool is_burst;   /* there is no wait from here on */
};

/* The head of a data stream, and no steps. */
void ac_demo_plan_init(struct ac_demo_plan *plan);

/* Frees what the plan owns. */
void ac_demo_plan_clear(struct ac_demo_plan *plan);

/* A step that sends len bytes, which may be none. */
void ac_demo_plan_add(struct ac_demo_plan *plan, const char *bytes, size_t len);

/* The line that begins an answer; what is added next leaves with it. */
void ac_demo_plan_add_start(struct ac_demo_plan *plan);

/* One line: a code such as "0:" and a text of len bytes as a JSON string. */
void ac_demo_plan_add_string(
    struct ac_demo_plan *plan, const char *code, const char *text, size_t len);

/* A C string as a model streams it: a line for each word. */
void ac_demo_plan_add_text(
    struct ac_demo_plan *plan, const char *code, const char *text);

/* The line e: at the end of a step. It leaves with what stands before it. */
void ac_demo_plan_add_step_end(
    struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage);

/* The lines e: and d: at the end of a message. */
void ac_demo_plan_add_finish(
    struct ac_demo_plan *plan, const char *reason, enum ac_demo_usage usage);

#endif
