/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The scenarios: ways to fail, stall, cut and say awkward things that a user
 * asks for with a marker, to see how a client takes them. docs/demo.md lists
 * them. Pure code.
 */
#ifndef AC_DEMO_DEMO_SCENARIO_H
#define AC_DEMO_DEMO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct ac_demo_course;
struct ac_demo_plan;
struct ac_demo_prompt;

/* Adds the usual answer to a new plan, in the protocol that the prompt's
 * marker for it wants. */
void ac_demo_scenario_plan_usual(
    struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt);

/* Adds to a new plan what the prompt's markers want, the usual answer where
 * there are none; if no scenario has that name or takes that number, a text
 * that says so and lists them all. */
void ac_demo_scenario_plan(
    struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt);

/* Whether the prompt's marker is for a refusal that another session gets
 * over. */
AC_MUST_CHECK bool ac_demo_scenario_is_once(
    const struct ac_demo_prompt *prompt);

/* What becomes of the job if the prompt is one to draw (its model draws, it is
 * not blank, and no marker wants something else), and for how many polls each
 * of its stages lasts; NULL: it is answered in text. */
AC_MUST_CHECK const struct ac_demo_course *ac_demo_scenario_course(
    const struct ac_demo_prompt *prompt, int64_t *polls);

/* The name of scenario i from 0 on, or NULL behind the last. */
const char *ac_demo_scenario_name(size_t i);

#endif
