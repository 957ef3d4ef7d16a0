/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The protocols that a chat is answered in: the data stream of the app as it
 * is, and the UI message stream that newer versions of the package speak
 * which the app is made with (ai 5, 6 and 7). A writer adds the steps to a
 * plan that has it. Pure code.
 */
#ifndef AC_DEMO_DEMO_WRITER_H
#define AC_DEMO_DEMO_WRITER_H

#include <stddef.h>

struct ac_demo_header;
struct ac_demo_plan;

/* The versions of that package. */
enum {
	AC_DEMO_DATA_STREAM = 4,
	AC_DEMO_FIRST_UI_STREAM = 5,
	AC_DEMO_LAST_UI_STREAM = 7,
};

enum ac_demo_usage {
	AC_DEMO_USAGE_NULL,    /* no numbers, as the real app mostly has it */
	AC_DEMO_USAGE_COUNTED, /* 11 and 7 */
	AC_DEMO_USAGE_DRAWN,   /* 20 and 50, for every picture */
};

/* What a model says is UTF-8 of len bytes, the rest are C strings. */
struct ac_demo_writer {
	const struct ac_demo_header *headers;
	/* The answer begins; what is added next leaves with it. */
	void (*start)(struct ac_demo_plan *plan);
	/* A piece of the answer. */
	void (*text)(struct ac_demo_plan *plan, const char *text, size_t len);
	/* The same as a JSON literal, see ac_demo_plan_add_literal(). */
	void (*literal)(struct ac_demo_plan *plan, const char *literal);
	/* A piece of the thinking. */
	void (*reasoning)(
	    struct ac_demo_plan *plan, const char *text, size_t len);
	/* Something failed. More can follow. */
	void (*error)(struct ac_demo_plan *plan, const char *message);
	/* The app has lost its model in mid-answer. */
	void (*lose)(struct ac_demo_plan *plan);
	/* The app gives the answer up. */
	void (*abort)(struct ac_demo_plan *plan);
	/* A step ends, and the message without saying so. */
	void (*step_end)(struct ac_demo_plan *plan, const char *reason);
	/* Step and message end. Both leave with what stands before them. */
	void (*finish)(struct ac_demo_plan *plan, const char *reason,
	    enum ac_demo_usage usage);
};

extern const struct ac_demo_writer ac_demo_data_stream;
extern const struct ac_demo_writer ac_demo_ui_stream;

/*
 * The whole answer to a call that is drawn: the job's id, its prompt (len
 * bytes) and what is not wanted in it. The app pastes the first of its lines
 * together instead of encoding it: \' is no escape of JSON, and everything
 * else in the prompt stands there as it is.
 */
void ac_demo_data_stream_add_job(struct ac_demo_plan *plan, const char *id,
    const char *prompt, size_t len, const char *negative);

#endif
