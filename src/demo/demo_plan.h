/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What one call is answered, decided beforehand: a status and headers, then
 * pieces of a body with the time before each, then an end. demo_answer.c
 * carries it out. Pure code.
 */
#ifndef AC_DEMO_DEMO_PLAN_H
#define AC_DEMO_DEMO_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ac_demo_writer;
struct evbuffer;

/* A wait: as long as the demo's settings say. */
enum { AC_DEMO_PACE = -1 };

/* How an answer ends behind its last step. */
enum ac_demo_end {
	AC_DEMO_END_WHOLE, /* as HTTP wants it */
	AC_DEMO_END_CUT,   /* the connection closes, no last chunk */
	AC_DEMO_END_RESET, /* the same, with a RST */
	AC_DEMO_END_NEVER, /* the connection stays open, nothing comes */
};

struct ac_demo_header {
	const char *name; /* NULL ends a list */
	const char *value;
};

/* A wait and then len bytes of the body as one chunk of HTTP. */
struct ac_demo_step {
	int64_t wait_ms; /* 0: together with the step before */
	size_t len;      /* 0: nothing is sent */
};

struct ac_demo_plan {
	int status;
	const struct ac_demo_header *headers; /* static; NULL: none */
	struct evbuffer *body;                /* owned */
	struct ac_demo_step *steps;           /* owned */
	size_t count;
	size_t room;
	enum ac_demo_end end;
	int64_t wait_ms; /* before the step that is added next */
	bool is_burst;   /* there is no wait from here on */
	const struct ac_demo_writer
	    *writer; /* of the body, if it is a stream */
	struct {     /* the writer's own */
		int version;
		bool has_begun;
		bool has_text; /* a block of it is open */
		bool has_reasoning;
		bool has_failed; /* and said nothing since */
	} stream;
};

/* A list of headers that stands where an initialiser does. */
#define AC_DEMO_HEADERS(...) \
	((const struct ac_demo_header[]){__VA_ARGS__, {.name = NULL}})

/* Status 200, the head of a data stream, and no steps. */
void ac_demo_plan_init(struct ac_demo_plan *plan);

/* Frees what the plan owns. */
void ac_demo_plan_clear(struct ac_demo_plan *plan);

/* Has the writer of the protocol's version write the answer, whose head it
 * then is: up to 4 the data stream, from 5 on the UI message stream. */
void ac_demo_plan_set_protocol(struct ac_demo_plan *plan, int version);

/* A step that sends len bytes, which may be none. */
void ac_demo_plan_add(struct ac_demo_plan *plan, const char *bytes, size_t len);

/* The same with a C string from malloc, which is freed. */
void ac_demo_plan_add_and_free(struct ac_demo_plan *plan, char *line);

/* The same with bytes that live as long as the program and are not copied. */
void ac_demo_plan_add_static(
    struct ac_demo_plan *plan, const char *bytes, size_t len);

/* A step that sends a text of len bytes as a JSON literal, with something
 * before and behind it as it is; "\"" is not put round it. */
void ac_demo_plan_add_escaped(struct ac_demo_plan *plan, const char *before,
    const char *text, size_t len, const char *behind);

/* Steps that send a JSON literal as it is, likewise; a raw line feed in it is
 * not sent but is where one step ends and the next begins. */
void ac_demo_plan_add_literal(struct ac_demo_plan *plan, const char *before,
    const char *literal, const char *behind);

#endif
