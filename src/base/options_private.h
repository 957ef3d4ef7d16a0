/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a configuration is made of: for options.c and option_reload.c. */
#ifndef AC_BASE_OPTIONS_PRIVATE_H
#define AC_BASE_OPTIONS_PRIVATE_H

#include "base/arguments.h"
#include "base/handed_sockets.h"
#include "base/option_table.h"
#include "base/options.h"

/* For each option also who set it and with which text. */
struct ac_config {
	struct ac_options options;
	enum ac_option_source sources[AC_OPTIONS];
	char *texts[AC_OPTIONS];                 /* owned; secrets too */
	struct ac_handed_sockets handed_clients; /* owned until listened on */
	struct ac_handed_sockets handed_metrics;
	struct ac_arguments arguments;
};

#endif
