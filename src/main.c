/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* akashchat-api: argv to configuration to loop to exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

enum { EXIT_USAGE = 2 };

struct program {
	struct event_base *base;
	struct ac_server *server;
	struct event *signals[2];
	bool draining;
};

static struct event_base *
make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* No descriptor is ever dup()ed here, which the changelist needs. */
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void
on_drained(struct ac_server *server, void *arg)
{
	struct program *program = arg;

	(void)server;
	event_base_loopbreak(program->base);
}

/* The first signal drains, the second ends at once. */
static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct program *program = arg;

	(void)number;
	(void)what;
	if (program->draining)
		event_base_loopbreak(program->base);
	program->draining = true;
	ac_server_drain(program->server, on_drained, program);
}

/* From here on a signal waits for the loop, where the server is there. */
static bool
catch_signals(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < 2; i++) {
		program->signals[i] =
		    evsignal_new(program->base, numbers[i], on_signal, program);
		if (program->signals[i] == NULL ||
		    event_add(program->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

static int
serve(struct program *program, const struct ac_config *config)
{
	char reason[AC_REASON_SIZE];
	int status;

	program->server = ac_server_new(program->base, config, reason);
	if (program->server == NULL) {
		fprintf(stderr, "akashchat-api: %s\n", reason);
		return EXIT_FAILURE;
	}
	status = event_base_dispatch(program->base);
	ac_server_free(program->server);
	/* What libevent still had to do for the server, such as ending the
	 * look-up of a name. */
	event_base_loop(program->base, EVLOOP_NONBLOCK);
	return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
run(const struct ac_config *config)
{
	struct program program = {.base = make_base()};
	int status = EXIT_FAILURE;

	if (program.base == NULL || !catch_signals(&program))
		fprintf(stderr, "akashchat-api: there is no event loop\n");
	else
		status = serve(&program, config);
	for (size_t i = 0; i < 2; i++) {
		if (program.signals[i] != NULL)
			event_free(program.signals[i]);
	}
	if (program.base != NULL)
		event_base_free(program.base);
	return status;
}

int
main(int argc, char **argv)
{
	struct ac_config *config;
	char reason[AC_REASON_SIZE];
	int status = EXIT_SUCCESS;

	signal(SIGPIPE, SIG_IGN);
	ac_process_init();
	config = ac_config_new();
	switch (ac_config_parse(config, argc, argv, reason)) {
	case AC_COMMAND_SERVE:
		status = run(config);
		break;
	case AC_COMMAND_DONE:
		break;
	case AC_COMMAND_BAD:
		fprintf(stderr, "akashchat-api: %s\n", reason);
		status = EXIT_USAGE;
		break;
	}
	ac_config_free(config);
	/* What the libraries keep for the whole life of the process. */
	libevent_global_shutdown();
	return status;
}
