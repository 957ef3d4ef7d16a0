/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * libakashchat: Akash Chat behind the OpenAI API, on the host's libevent
 * loop.
 *
 *	struct ac_config *config = ac_config_new();
 *	struct ac_server *server = ac_server_new(base, config, error);
 *	ac_server_run(server);
 *	ac_server_free(server);
 *	event_base_loop(base, EVLOOP_NONBLOCK);
 *	ac_config_free(config);
 *
 * The library has no threads, installs no signal handlers and never calls
 * exit(). It aborts only where there is no memory left. The host ignores
 * SIGPIPE, since libevent writes to sockets that a peer may have closed.
 * Everything here belongs to the thread that runs the loop.
 */
#ifndef AKASHCHAT_AKASHCHAT_H
#define AKASHCHAT_AKASHCHAT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct ac_config;
struct ac_server;

/* The room for a one-line reason, its NUL included. */
enum { AC_REASON_SIZE = 512 };

/* The library's version, such as "0.1.0"; constant. */
const char *ac_version(void);

/*
 * Process-wide settings, all of them optional, to be called once and before
 * any other use of libevent or jansson: running out of memory inside those
 * aborts like everywhere else, and libevent's warnings go to the log.
 */
void ac_process_init(void);

/*
 * Tells the service manager what becomes of this process, in the words of
 * sd_notify(3): lines such as "READY=1". Nothing happens where none has asked
 * (NOTIFY_SOCKET); a message that cannot be delivered is lost.
 */
void ac_service_notify(const char *state);

/* The same at the beginning of a reload, which ends with "READY=1". */
void ac_service_notify_reloading(void);

/* How often, in milliseconds, the service manager wants to hear "WATCHDOG=1"
 * at the least (sd_watchdog_enabled(3)); 0: it does not. */
int64_t ac_service_watchdog_ms(void);

/* Logs an error in the format of the program's log. */
void ac_log_failure(const char *message, const char *reason);

/* A configuration with every option at its default. The caller owns it. */
struct ac_config *ac_config_new(void);

/* Frees it and wipes its secrets; NULL is fine. */
void ac_config_free(struct ac_config *config);

/*
 * Sets one option by the name it has in the environment, for instance
 * ("SERVER_ADDRESS", "localhost:0"). It beats what the environment or a file
 * says, in whichever order they come. Returns false and a reason that names
 * the option, the value (a secret's is hidden) and what is allowed.
 */
bool ac_config_set(struct ac_config *config, const char *name,
    const char *value, char reason[AC_REASON_SIZE]);

/* What a command line asks for. */
enum ac_command {
	AC_COMMAND_SERVE,  /* the configuration is complete: serve */
	AC_COMMAND_PROBE,  /* --probe: ac_probe(), exit with 0 or 1 */
	AC_COMMAND_DOCTOR, /* --doctor: ac_doctor(), exit with 0 or 1 */
	AC_COMMAND_DONE,   /* --help and the like were answered: exit with 0 */
	AC_COMMAND_BAD,    /* the reason says what is wrong: exit with 2 */
};

/*
 * Reads flags, the environment and --config FILE into config; flags beat the
 * environment, which beats the file. --help, --version and --check-config
 * are answered on standard output. With AC_COMMAND_BAD reason holds one line.
 */
enum ac_command ac_config_parse(struct ac_config *config, int argc, char **argv,
    char reason[AC_REASON_SIZE]);

/*
 * Takes the listening sockets that a service manager has handed over to this
 * process (sd_listen_fds(3)): they take the place of SERVER_ADDRESS, those
 * that are called "metrics" of METRICS_ADDRESS. Without any nothing happens.
 * False and a reason where one is no listening stream socket.
 */
bool ac_config_take_sockets(
    struct ac_config *config, char reason[AC_REASON_SIZE]);

/*
 * Answers AC_COMMAND_PROBE: asks the URL of --probe, on a loop of its own and
 * for five seconds at most. True: the answer's status was 2xx. Otherwise one
 * line on standard error says what was seen.
 */
bool ac_probe(struct ac_config *config);

/*
 * Answers AC_COMMAND_DOCTOR: checks what the configuration says, or with
 * --url a running installation, step by step on a loop of its own, and
 * prints a report on standard output (docs/doctor.md). Each step has a
 * deadline. True: nothing failed. The log shows errors alone meanwhile,
 * unless LOG_LEVEL is debug.
 */
bool ac_doctor(struct ac_config *config);

/*
 * Builds the server on base and starts to listen. base and config are
 * borrowed and must outlive the server; config is changed by
 * ac_server_reload() alone. Returns NULL and a reason where an address cannot
 * be listened on or a certificate store cannot be read. No request is handled
 * before the loop runs.
 */
struct ac_server *ac_server_new(struct event_base *base,
    struct ac_config *config, char reason[AC_REASON_SIZE]);

/*
 * Runs the loop until event_base_loopbreak(), event_base_loopexit() or until
 * nothing is left to wait for, and returns what event_base_dispatch() does.
 * A host may call that instead: this one lets the deltas of many streams
 * gather for half a millisecond, which saves processor time. The server must
 * not be freed in its callbacks then.
 */
int ac_server_run(struct ac_server *server);

/*
 * Takes over a configuration that was read anew: the files that it names
 * (keys, certificates) are read, then whatever may change while the server
 * runs does so for all that comes from now on; what needs a restart is
 * logged and left. Connections and running requests go on. False and a
 * reason where a file is bad: nothing has changed then. The caller frees
 * fresh in either case.
 */
bool ac_server_reload(struct ac_server *server, struct ac_config *fresh,
    char reason[AC_REASON_SIZE]);

/* The first TCP port that the server listens on (the picked one for port 0);
 * 0 if there is none. */
uint16_t ac_server_port(const struct ac_server *server);

/*
 * Says at /ready that the server is going, stops listening after DRAIN_DELAY
 * and lets running requests finish, for at most DRAIN_TIMEOUT; what runs then
 * gets an error, and a second later its connection is closed. on_drained
 * is called once, from the loop and never before this function returns. It
 * may free the server. Calling it again changes nothing.
 */
void ac_server_drain(struct ac_server *server,
    void (*on_drained)(struct ac_server *server, void *arg), void *arg);

/*
 * Closes every connection at once and frees everything; NULL is fine. What
 * libevent still holds of a name's look-up goes with the loop's next turn. Not
 * to be called from a callback of the server other than on_drained.
 */
void ac_server_free(struct ac_server *server);

#ifdef __cplusplus
}
#endif

#endif
