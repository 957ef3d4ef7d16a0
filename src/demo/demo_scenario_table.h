/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of scenarios, for demo_scenario.c alone. */
#ifndef AC_DEMO_DEMO_SCENARIO_TABLE_H
#define AC_DEMO_DEMO_SCENARIO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "demo/demo_plan.h"

struct ac_demo_course;
struct ac_demo_op;

struct ac_demo_scenario {
	const char *name;
	const char *number; /* what it counts; NULL: there is none */
	int64_t preset;     /* the number where the marker has none */
	int64_t min;
	int64_t max;
	const char *help;
	int status;                           /* 0: 200 and a stream */
	const struct ac_demo_header *headers; /* with status; NULL: none */
	bool is_once; /* only until the client has another session */
	const struct ac_demo_op *script;     /* NULL: a course instead */
	const struct ac_demo_course *course; /* of a job; NULL: a script */
	enum ac_demo_end end;
};

/* The first is the list of them all. */
extern const struct ac_demo_scenario ac_demo_scenarios[];
extern const size_t ac_demo_scenarios_count;

#endif
