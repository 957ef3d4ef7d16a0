/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The whole server in a world of its own (world.h), with a client in front
 * and the web app (app.h) behind it.
 */
#ifndef AC_TEST_RIG_H
#define AC_TEST_RIG_H

#include "answer.h"
#include "app.h"
#include "world.h"

struct ac_config;
struct ac_server;
struct event_base;

struct rig {
	struct world_hooks hooks;
	struct event_base *base; /* owned, like all that follows */
	struct ac_config *config;
	struct ac_server *server; /* NULL: freed already */
	struct app app;
	int fd;               /* the client's; -1: none */
	struct ac_buf got;    /* what the server said to it */
	bool ended;           /* the server closed the connection */
	bool left;            /* the client did, or the half of it */
	bool has_said;        /* the client has played its script */
	struct player player; /* the client's */
	bool is_resting;      /* nothing needs to come */
	int64_t moved_ms;     /* when something happened last */
};

/* options are names and values by turns, with NULL at the end. The app is to
 * be set up between the two. */
void rig_init(struct rig *rig);
void rig_serve(struct rig *rig, const char *const *options);

/* Frees everything that is left and looks whether that is all. */
void rig_close(struct rig *rig);

/* A client connects and plays the script. */
void rig_ask(struct rig *rig, struct script script, bool in_one);

/* Plays on until there is one whole answer or the connection's end; false
 * (and nothing to clear): it ended before a whole head. */
bool rig_play_answer(struct rig *rig, struct answer *answer);

/* Plays on until the connection's end. */
void rig_play_out(struct rig *rig);

/* Plays on until the script is over, whatever else is going on. */
void rig_play_script(struct rig *rig);

/* The client goes away, if it has not, and this time passes. */
void rig_rest(struct rig *rig, int64_t ms);

#endif
