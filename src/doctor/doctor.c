/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* --doctor (akashchat.h): chooses the checkup and gives it a loop. */
#include <stdio.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "doctor/outside.h"
#include "doctor/site.h"

bool
ac_doctor(struct ac_config *config)
{
	const struct ac_options *options = ac_config_options(config);
	struct event_base *base = event_base_new();
	bool well;

	if (base == NULL)
		ac_out_of_memory();
	/* The report says what there is to say. */
	ac_log_set_level(
	    options->log_level == AC_LOG_DEBUG ? AC_LOG_DEBUG : AC_LOG_ERROR);
	ac_log_set_format(options->log_format);
	if (ac_config_arguments(config)->url != NULL)
		well = ac_outside_check(base, config, stdout);
	else
		well = ac_site_check(base, config, stdout);
	/* What libevent still holds of a name's look-up. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	return well;
}
