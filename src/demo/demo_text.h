/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the simulated app says: a short answer that is made of the request
 * and says that it is no model's. Pure code.
 */
#ifndef AC_DEMO_DEMO_TEXT_H
#define AC_DEMO_DEMO_TEXT_H

#include <stddef.h>

struct ac_demo_prompt;

/*
 * The answer to a prompt as UTF-8: Chinese if the newest user message holds
 * a Chinese character, else English. A model with R1 in its id thinks first,
 * within <think> and </think>. At most a few kilobytes; the caller frees it.
 */
char *ac_demo_text_make(const struct ac_demo_prompt *prompt);

/* The bytes of the first piece of text as a model would stream it: a word
 * with the white space before it, or one wide character. Ends between two
 * characters; 0 only for an empty text. */
size_t ac_demo_text_piece(const char *text);

#endif
