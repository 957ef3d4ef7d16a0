/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The web app at the other end of a world's connections (world.h). It checks
 * every request that reaches it, and answers as the site does, or with bytes
 * that a script has for it.
 */
#ifndef AC_TEST_APP_H
#define AC_TEST_APP_H

#include <stdbool.h>
#include <sys/queue.h>

#include "script.h"

struct app_conn;
TAILQ_HEAD(app_conns, app_conn);

struct app {
	/* A section for each answer. One that is "@" stands for the ordinary
	 * answer, as does the end of the script; one that begins with "!"
	 * refuses the next connection. */
	struct script script;
	bool is_early;          /* a section begins when one connects */
	bool is_helpful;        /* sessions and models are not of the script */
	bool speaks_ui_stream;  /* in the ordinary answers */
	bool in_one;            /* sections are written in one piece */
	struct app_conns conns; /* owned */
	size_t chat_count;      /* that were asked for */
};

void app_init(struct app *app);
void app_clear(struct app *app);

/* Takes a connection; false: it is refused. */
bool app_connect(struct app *app, int fd);

/* Reads and writes what is there; false: nothing was. */
bool app_move(struct app *app);

#endif
