/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Carrying out a script: see demo_script.h. */
#include "demo/demo_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "demo/demo_plan.h"
#include "demo/demo_text.h"
#include "demo/demo_writer.h"

enum { WORDS_IN_ROW = 20, KIB = 1024 };

static void add_op(struct ac_demo_plan *plan, const struct ac_demo_op *op,
    const char *answer, int64_t number);
static void add_text(struct ac_demo_plan *plan, const char *text,
    void (*add)(struct ac_demo_plan *plan, const char *text, size_t len));
static void add_words(struct ac_demo_plan *plan, int64_t count);
static void add_big_line(struct ac_demo_plan *plan, int64_t kib);

void
ac_demo_script_add(struct ac_demo_plan *plan, const struct ac_demo_op *script,
    const char *answer, int64_t number)
{
	for (; script->type != AC_DEMO_OP_END; script++)
		add_op(plan, script, answer, number);
}

static void
add_op(struct ac_demo_plan *plan, const struct ac_demo_op *op,
    const char *answer, int64_t number)
{
	const struct ac_demo_writer *writer = plan->writer;
	const char *text = op->text;

	switch (op->type) {
	case AC_DEMO_OP_END:
		break;
	case AC_DEMO_OP_START:
		writer->start(plan);
		break;
	case AC_DEMO_OP_ANSWER:
		add_text(plan, answer, writer->text);
		break;
	case AC_DEMO_OP_TEXT:
		add_text(plan, text, writer->text);
		break;
	case AC_DEMO_OP_LITERAL:
		writer->literal(plan, text);
		break;
	case AC_DEMO_OP_REASONING:
		add_text(plan, text, writer->reasoning);
		break;
	case AC_DEMO_OP_WORDS:
		add_words(plan, number);
		break;
	case AC_DEMO_OP_BIG_LINE:
		add_big_line(plan, number);
		break;
	case AC_DEMO_OP_ERROR:
		writer->error(plan, text);
		break;
	case AC_DEMO_OP_LOSE:
		writer->lose(plan);
		break;
	case AC_DEMO_OP_ABORT:
		writer->abort(plan);
		break;
	case AC_DEMO_OP_CHUNK:
		ac_demo_plan_add(plan, text, strlen(text));
		break;
	case AC_DEMO_OP_SILENCE:
		plan->wait_ms = number * 1000;
		break;
	case AC_DEMO_OP_BURST:
		plan->is_burst = true;
		break;
	case AC_DEMO_OP_PAUSE:
		ac_demo_plan_add(plan, "", 0);
		break;
	case AC_DEMO_OP_STEP_END:
		writer->step_end(plan, text);
		break;
	case AC_DEMO_OP_FINISH:
		writer->finish(plan, text, AC_DEMO_USAGE_NULL);
		break;
	case AC_DEMO_OP_FINISH_COUNTED:
		writer->finish(plan, text, AC_DEMO_USAGE_COUNTED);
		break;
	}
}

/* As a model streams it. */
static void
add_text(struct ac_demo_plan *plan, const char *text,
    void (*add)(struct ac_demo_plan *plan, const char *text, size_t len))
{
	size_t len;

	for (; (len = ac_demo_text_piece(text)) > 0; text += len)
		add(plan, text, len);
}

/* "1 2 3 …": who reads it sees whether one is missing. */
static void
add_words(struct ac_demo_plan *plan, int64_t count)
{
	char word[32];

	for (int64_t i = 1; i <= count; i++) {
		int len = snprintf(word, sizeof(word), "%s%lld",
		    i == 1                  ? ""
		    : i % WORDS_IN_ROW == 1 ? "\n"
					    : " ",
		    (long long)i);

		plan->writer->text(plan, word, (size_t)len);
	}
}

static void
add_big_line(struct ac_demo_plan *plan, int64_t kib)
{
	static const char pattern[] = "0123456789abcdef";
	size_t len = (size_t)kib * KIB;
	char *text = ac_malloc(len);

	for (size_t i = 0; i < len; i++)
		text[i] = pattern[i % (sizeof(pattern) - 1)];
	plan->writer->text(plan, text, len);
	free(text);
}
