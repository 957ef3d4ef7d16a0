/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Scripts of scenarios: lists of operations that add to a plan. Pure code. */
#ifndef AC_DEMO_DEMO_SCRIPT_H
#define AC_DEMO_DEMO_SCRIPT_H

#include <stdint.h>

struct ac_demo_plan;

/* text is a C string where an operation speaks of it, else NULL. What is said
 * is written in the plan's protocol. */
enum ac_demo_op_type {
	AC_DEMO_OP_END,            /* behind the last operation */
	AC_DEMO_OP_START,          /* the answer begins */
	AC_DEMO_OP_ANSWER,         /* the answer, word by word */
	AC_DEMO_OP_TEXT,           /* text, word by word */
	AC_DEMO_OP_LITERAL,        /* text as a JSON literal, one piece; it is
				    * cut where a raw line feed stands */
	AC_DEMO_OP_REASONING,      /* text as reasoning, word by word */
	AC_DEMO_OP_WORDS,          /* the number's words */
	AC_DEMO_OP_BIG_LINE,       /* one piece with the number's KiB */
	AC_DEMO_OP_ERROR,          /* an error with text */
	AC_DEMO_OP_LOSE,           /* the model is lost in mid-answer */
	AC_DEMO_OP_ABORT,          /* the app gives up */
	AC_DEMO_OP_CHUNK,          /* text as it is, one chunk of HTTP */
	AC_DEMO_OP_SILENCE,        /* the number's seconds before the next */
	AC_DEMO_OP_BURST,          /* no waiting from here on */
	AC_DEMO_OP_PAUSE,          /* the usual wait, and nothing is sent */
	AC_DEMO_OP_STEP_END,       /* the step ends, text is the reason */
	AC_DEMO_OP_FINISH,         /* step and message end, the same */
	AC_DEMO_OP_FINISH_COUNTED, /* with numbers of tokens */
};

struct ac_demo_op {
	enum ac_demo_op_type type;
	const char *text;
};

/* Adds a script's steps to the plan; answer and number are what its
 * operations may speak of. */
void ac_demo_script_add(struct ac_demo_plan *plan,
    const struct ac_demo_op *script, const char *answer, int64_t number);

#endif
