/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server in a world of its own: see rig.h. */
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/log.h"

enum {
	GOT_MAX = 64 * 1024 * 1024,
	/* Longer than every timeout of the server. */
	PATIENCE_MS = 1000 * 1000,
};

static void
on_log(enum ac_log_level level, const char *line, void *arg)
{
	AC_UNUSED(level);
	AC_UNUSED(arg);
	for (; *line != '\0'; line++)
		FUZZ_CHECK(*line >= ' ' && *line <= '~');
}

static bool
on_connect(int fd, void *arg)
{
	struct rig *rig = arg;

	return app_connect(&rig->app, fd);
}

static void
hang_up(struct rig *rig)
{
	close(rig->fd);
	rig->fd = -1;
}

static bool
read_some(struct rig *rig)
{
	static char piece[64 * 1024];
	ssize_t len = recv(rig->fd, piece, sizeof(piece), 0);

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len > 0) {
		FUZZ_CHECK(ac_buf_add(&rig->got, piece, (size_t)len));
		return true;
	}
	rig->ended = true;
	hang_up(rig);
	return true;
}

static bool
write_some(struct rig *rig)
{
	if (rig->has_said)
		return false;
	switch (player_move(&rig->player, rig->fd)) {
	case PLAYER_MOVED:
		return true;
	case PLAYER_WAITS:
		return false;
	case PLAYER_CLOSES:
		rig->left = rig->has_said = true;
		hang_up(rig);
		return true;
	case PLAYER_HALF_CLOSES:
		rig->left = true;
		shutdown(rig->fd, SHUT_WR);
		return true;
	case PLAYER_OVER:
		break;
	}
	rig->has_said = true;
	return true;
}

/* The server's word first, then the app's, then the client's. */
static bool
on_idle(void *arg)
{
	struct rig *rig = arg;
	bool moved = (rig->fd >= 0 && read_some(rig)) || app_move(&rig->app) ||
		     (rig->fd >= 0 && write_some(rig));

	/* Whoever waits for the client's end looks whether that is it. */
	if (moved) {
		rig->moved_ms = world_ms();
		event_base_loopbreak(rig->base);
	}
	return moved;
}

static void
on_stuck(void *arg)
{
	struct rig *rig = arg;

	FUZZ_CHECK(rig->is_resting);
	event_base_loopbreak(rig->base);
}

void
rig_init(struct rig *rig)
{
	*rig = (struct rig){
	    .hooks = {on_connect, on_idle, on_stuck, rig},
	    .fd = -1,
	};
	signal(SIGPIPE, SIG_IGN);
	ac_log_set_sink(on_log, NULL);
	app_init(&rig->app);
	ac_buf_init(&rig->got, GOT_MAX);
	world_enter(&rig->hooks);
	rig->base = event_base_new();
	rig->config = ac_config_new();
}

void
rig_serve(struct rig *rig, const char *const *options)
{
	static const char *const usual[] = {"SERVER_ADDRESS", "unix:/fuzz",
	    "AKASH_BASE_URL", "http://127.0.0.1:1", "UNKNOWN_MODELS", "pass",
	    "LOG_LEVEL", "debug", NULL};
	char reason[AC_REASON_SIZE] = "";

	for (size_t i = 0; usual[i] != NULL; i += 2)
		FUZZ_CHECK(
		    ac_config_set(rig->config, usual[i], usual[i + 1], reason));
	for (size_t i = 0; options[i] != NULL; i += 2)
		FUZZ_CHECK(ac_config_set(
		    rig->config, options[i], options[i + 1], reason));
	rig->server = ac_server_new(rig->base, rig->config, reason);
	FUZZ_CHECK(rig->server != NULL);
}

void
rig_close(struct rig *rig)
{
	ac_server_free(rig->server);
	ac_config_free(rig->config);
	rig->is_resting = true;
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	event_base_free(rig->base);
	if (rig->fd >= 0)
		hang_up(rig);
	app_clear(&rig->app);
	ac_buf_clear(&rig->got);
	world_leave();
}

void
rig_ask(struct rig *rig, struct script script, bool in_one)
{
	ac_buf_reset(&rig->got);
	rig->ended = rig->left = rig->has_said = false;
	rig->player = (struct player){.script = script, .in_one = in_one};
	rig->moved_ms = world_ms();
	rig->fd = world_call();
}

static void
go_round(struct rig *rig)
{
	event_base_loop(rig->base, EVLOOP_ONCE);
	FUZZ_CHECK(world_ms() - rig->moved_ms < PATIENCE_MS);
}

bool
rig_play_answer(struct rig *rig, struct answer *answer)
{
	size_t seen = 0;

	while (rig->fd >= 0) {
		go_round(rig);
		if (rig->got.len == seen)
			continue;
		seen = rig->got.len;
		if (answer_read(answer, ac_buf_string(&rig->got), seen,
			rig->ended, ANSWER_TO_ANY) == 0)
			continue;
		if (answer->is_whole)
			return true;
		answer_clear(answer);
	}
	return answer_read(answer, ac_buf_string(&rig->got), rig->got.len, true,
		   ANSWER_TO_ANY) > 0;
}

void
rig_play_out(struct rig *rig)
{
	while (rig->fd >= 0)
		go_round(rig);
}

void
rig_play_script(struct rig *rig)
{
	while (rig->fd >= 0 && !rig->has_said)
		go_round(rig);
}

void
rig_rest(struct rig *rig, int64_t ms)
{
	int64_t until = world_ms() + ms;

	if (rig->fd >= 0)
		hang_up(rig);
	rig->is_resting = true;
	while (world_ms() < until) {
		world_wake_at(until);
		event_base_loop(rig->base, EVLOOP_ONCE);
	}
	rig->is_resting = false;
}
