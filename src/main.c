/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* akashchat-api: argv to configuration to loop to exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

enum { EXIT_USAGE = 2 };

enum { SIGNALS = 3 };

struct program {
	int argc;
	char **argv;
	struct event_base *base;
	struct ac_server *server;
	struct event *signals[SIGNALS];
	struct event *watchdog; /* NULL: nobody watches */
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
end(struct program *program)
{
	if (program->draining)
		event_base_loopbreak(program->base);
	program->draining = true;
	ac_service_notify("STOPPING=1\nSTATUS=finishing the last requests");
	ac_server_drain(program->server, on_drained, program);
}

/* Reads everything anew that the command line was read with. */
static void
reload(struct program *program)
{
	struct ac_config *fresh = ac_config_new();
	char reason[AC_REASON_SIZE];

	ac_service_notify_reloading();
	if (ac_config_parse(fresh, program->argc, program->argv, reason) ==
		AC_COMMAND_SERVE &&
	    ac_server_reload(program->server, fresh, reason)) {
		ac_service_notify("READY=1\nSTATUS=serving, reloaded");
	} else {
		ac_log_failure("nothing was reloaded", reason);
		ac_service_notify(
		    "READY=1\nSTATUS=serving; the last reload failed");
	}
	ac_config_free(fresh);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct program *program = arg;

	(void)what;
	if (program->server == NULL)
		return; /* it came just before they were blocked */
	if (number != SIGHUP)
		end(program);
	else if (!program->draining)
		reload(program);
}

/* From here on a signal waits for the loop, where the server is there. */
static bool
catch_signals(struct program *program)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < SIGNALS; i++) {
		program->signals[i] =
		    evsignal_new(program->base, numbers[i], on_signal, program);
		if (program->signals[i] == NULL ||
		    event_add(program->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

/* The loop goes round. */
static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ac_service_notify("WATCHDOG=1");
}

/* Twice as often as is wanted. */
static bool
feed_watchdog(struct program *program)
{
	int64_t ms = ac_service_watchdog_ms() / 2;
	struct timeval interval = {
	    .tv_sec = ms / 1000,
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000,
	};

	if (ms == 0)
		return true;
	program->watchdog =
	    event_new(program->base, -1, EV_PERSIST, on_watchdog, NULL);
	return program->watchdog != NULL &&
	       event_add(program->watchdog, &interval) == 0;
}

/* A signal that comes while the rest is taken down does not end the process
 * in its middle. */
static void
block_signals(void)
{
	sigset_t signals;

	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int
serve(struct program *program, struct ac_config *config)
{
	char reason[AC_REASON_SIZE];
	int status;

	if (ac_config_take_sockets(config, reason))
		program->server = ac_server_new(program->base, config, reason);
	if (program->server == NULL) {
		fprintf(stderr, "akashchat-api: %s\n", reason);
		return EXIT_FAILURE;
	}
	ac_service_notify("READY=1\nSTATUS=serving");
	status = ac_server_run(program->server);
	block_signals();
	ac_server_free(program->server);
	program->server = NULL;
	/* What libevent still had to do for the server, such as ending the
	 * look-up of a name. */
	event_base_loop(program->base, EVLOOP_NONBLOCK);
	return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
run(struct ac_config *config, int argc, char **argv)
{
	struct program program = {
	    .argc = argc,
	    .argv = argv,
	    .base = make_base(),
	};
	int status = EXIT_FAILURE;

	if (program.base == NULL || !catch_signals(&program) ||
	    !feed_watchdog(&program))
		fprintf(stderr, "akashchat-api: there is no event loop\n");
	else
		status = serve(&program, config);
	if (program.watchdog != NULL)
		event_free(program.watchdog);
	for (size_t i = 0; i < SIGNALS; i++) {
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
		status = run(config, argc, argv);
		break;
	case AC_COMMAND_PROBE:
		status = ac_probe(config) ? EXIT_SUCCESS : EXIT_FAILURE;
		break;
	case AC_COMMAND_DOCTOR:
		status = ac_doctor(config) ? EXIT_SUCCESS : EXIT_FAILURE;
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
