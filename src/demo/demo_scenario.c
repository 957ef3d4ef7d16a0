/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Finding the scenario that is asked for: see demo_scenario.h. Each has a
 * short script that becomes the plan of an answer.
 */
#include "demo/demo_scenario.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "demo/demo_job.h"
#include "demo/demo_models.h"
#include "demo/demo_plan.h"
#include "demo/demo_prompt.h"
#include "demo/demo_scenario_table.h"
#include "demo/demo_script.h"
#include "demo/demo_text.h"

static bool set_protocol(
    struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt);
static const struct ac_demo_scenario *choose(
    const struct ac_demo_prompt *prompt, int64_t *number);
static const struct ac_demo_scenario *usual(void);
static const struct ac_demo_scenario *find(const char *name);
static bool read_number(const struct ac_demo_scenario *scenario,
    const struct ac_demo_marker *marker, int64_t *number);
static void carry_out(struct ac_demo_plan *plan,
    const struct ac_demo_scenario *scenario,
    const struct ac_demo_prompt *prompt, int64_t number);
static void plan_help(
    struct ac_demo_plan *plan, const struct ac_demo_marker *marker);
static char *make_help(const struct ac_demo_marker *marker);
static void list_scenarios(FILE *out);
static bool is_blank(const struct ac_demo_prompt *prompt);

void
ac_demo_scenario_plan_usual(
    struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt)
{
	if (set_protocol(plan, prompt))
		carry_out(plan, usual(), prompt, 0);
}

void
ac_demo_scenario_plan(
    struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt)
{
	const struct ac_demo_scenario *scenario;
	int64_t number;

	if (!set_protocol(plan, prompt))
		return;
	scenario = choose(prompt, &number);
	if (scenario == NULL || scenario->script == NULL ||
	    scenario == &ac_demo_scenarios[0])
		plan_help(plan, &prompt->marker);
	else
		carry_out(plan, scenario, prompt, number);
}

/* False, and the list is planned, if there is no such version. */
static bool
set_protocol(struct ac_demo_plan *plan, const struct ac_demo_prompt *prompt)
{
	int64_t version;

	if (!prompt->has_protocol)
		return true;
	if (!read_number(usual(), &prompt->protocol, &version)) {
		plan_help(plan, &prompt->protocol);
		return false;
	}
	ac_demo_plan_set_protocol(plan, (int)version);
	return true;
}

/* What the prompt's marker is for; NULL if it is wrong. */
static const struct ac_demo_scenario *
choose(const struct ac_demo_prompt *prompt, int64_t *number)
{
	const struct ac_demo_scenario *scenario;

	*number = 0;
	if (!prompt->has_marker)
		return usual();
	scenario = find(prompt->marker.name);
	if (scenario == NULL || !read_number(scenario, &prompt->marker, number))
		return NULL;
	return scenario;
}

/* The usual answer: that of the marker which says how it is written. */
static const struct ac_demo_scenario *
usual(void)
{
	const struct ac_demo_scenario *scenario = find(AC_DEMO_PROTOCOL);

	if (scenario == NULL)
		abort(); /* the table lacks it */
	return scenario;
}

static const struct ac_demo_scenario *
find(const char *name)
{
	for (size_t i = 0; i < ac_demo_scenarios_count; i++) {
		if (strcmp(ac_demo_scenarios[i].name, name) == 0)
			return &ac_demo_scenarios[i];
	}
	return NULL;
}

/* The marker's number, or the preset; false if it is none for the
 * scenario. */
static bool
read_number(const struct ac_demo_scenario *scenario,
    const struct ac_demo_marker *marker, int64_t *number)
{
	size_t len = strlen(marker->value);

	*number = scenario->preset;
	if (!marker->has_value)
		return true;
	if (scenario->number == NULL || len == 0 || len > 9 ||
	    strspn(marker->value, "0123456789") != len)
		return false;
	*number = strtoll(marker->value, NULL, 10);
	return *number >= scenario->min && *number <= scenario->max;
}

static void
carry_out(struct ac_demo_plan *plan, const struct ac_demo_scenario *scenario,
    const struct ac_demo_prompt *prompt, int64_t number)
{
	char *answer = ac_demo_text_make(prompt);

	if (scenario->status != 0) {
		plan->status = scenario->status;
		plan->headers = scenario->headers;
	}
	plan->end = scenario->end;
	ac_demo_script_add(plan, scenario->script, answer, number);
	free(answer);
}

static void
plan_help(struct ac_demo_plan *plan, const struct ac_demo_marker *marker)
{
	char *help = make_help(marker);

	ac_demo_script_add(plan, ac_demo_scenarios[0].script, help, 0);
	free(help);
}

/* What is wrong with the marker, if anything is, and the list. */
static char *
make_help(const struct ac_demo_marker *marker)
{
	const struct ac_demo_scenario *scenario = find(marker->name);
	char *help = NULL;
	size_t len;
	FILE *out = open_memstream(&help, &len);

	if (out == NULL)
		ac_out_of_memory();
	if (scenario == NULL)
		fprintf(out, "The demo has no scenario `%s`. ", marker->name);
	else if (marker->has_value && scenario->number == NULL)
		fprintf(
		    out, "The scenario `%s` takes no number. ", scenario->name);
	else if (marker->has_value)
		fprintf(out,
		    "The scenario `%s` takes a whole number from %lld to "
		    "%lld. ",
		    scenario->name, (long long)scenario->min,
		    (long long)scenario->max);
	else if (scenario->course != NULL)
		fprintf(out, "The scenario `%s` is for the model %s. ",
		    scenario->name, AC_DEMO_IMAGE_MODEL);
	list_scenarios(out);
	if (fclose(out) != 0)
		ac_out_of_memory();
	return help;
}

static void
list_scenarios(FILE *out)
{
	fputs("What can be asked for:\n\n", out);
	for (size_t i = 0; i < ac_demo_scenarios_count; i++) {
		const struct ac_demo_scenario *scenario = &ac_demo_scenarios[i];

		if (scenario->number == NULL)
			fprintf(out, "- `[demo:%s]` %s\n", scenario->name,
			    scenario->help);
		else
			fprintf(out,
			    "- `[demo:%s=%s]` %s Without a number: "
			    "%lld.\n",
			    scenario->name, scenario->number, scenario->help,
			    (long long)scenario->preset);
	}
}

bool
ac_demo_scenario_is_once(const struct ac_demo_prompt *prompt)
{
	int64_t number;
	const struct ac_demo_scenario *scenario = choose(prompt, &number);

	return scenario != NULL && scenario->is_once;
}

const struct ac_demo_course *
ac_demo_scenario_course(const struct ac_demo_prompt *prompt, int64_t *polls)
{
	static const struct ac_demo_course usual_course;
	const struct ac_demo_scenario *scenario;

	*polls = 1;
	if (strcmp(prompt->model, AC_DEMO_IMAGE_MODEL) != 0 || is_blank(prompt))
		return NULL;
	if (!prompt->has_marker)
		return &usual_course;
	scenario = choose(prompt, polls);
	if (scenario == NULL)
		return NULL;
	if (scenario->number == NULL)
		*polls = 1;
	return scenario->course;
}

static bool
is_blank(const struct ac_demo_prompt *prompt)
{
	for (size_t i = 0; i < prompt->text_len; i++) {
		if (!isspace((unsigned char)prompt->text[i]))
			return false;
	}
	return true;
}

const char *
ac_demo_scenario_name(size_t i)
{
	return i < ac_demo_scenarios_count ? ac_demo_scenarios[i].name : NULL;
}
