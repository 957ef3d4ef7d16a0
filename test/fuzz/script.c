/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Scripts: see script.h. */
#include "script.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

enum { MARK = 0x1e };

static void
take(struct script *script, size_t len)
{
	script->at += len;
	script->len -= len;
}

/* What a mark and the letter behind it say; BYTES: nothing. */
static struct script_step
read_mark(const struct script *script)
{
	struct script_step step = {.kind = SCRIPT_BYTES};

	if (script->len < 2)
		return step;
	switch (script->at[1]) {
	case '.':
		step.kind = SCRIPT_CUT;
		break;
	case 't':
		step = (struct script_step){SCRIPT_SLEEP, .sleep_ms = 1000};
		break;
	case 'T':
		step = (struct script_step){SCRIPT_SLEEP, .sleep_ms = 100000};
		break;
	case 'c':
		step.kind = SCRIPT_CLOSE;
		break;
	case 'h':
		step.kind = SCRIPT_HALF_CLOSE;
		break;
	case 'n':
		step.kind = SCRIPT_NEXT;
		break;
	case 'z':
		if (script->len > 2)
			step = (struct script_step){
			    SCRIPT_FLOOD, .data = script->at + 2};
		break;
	default:
		break;
	}
	return step;
}

struct script_step
script_next(struct script *script)
{
	const char *mark;
	struct script_step step;

	if (script->len == 0)
		return (struct script_step){.kind = SCRIPT_END};
	step = (struct script_step){SCRIPT_BYTES, .data = script->at};
	if (*script->at == MARK) {
		struct script_step marked = read_mark(script);

		if (marked.kind != SCRIPT_BYTES) {
			take(script, marked.kind == SCRIPT_FLOOD ? 3 : 2);
			return marked;
		}
	}
	mark = memchr(script->at + 1, MARK, script->len - 1);
	step.len = mark == NULL ? script->len : (size_t)(mark - script->at);
	take(script, step.len);
	return step;
}

struct script
script_next_section(struct script *script)
{
	struct script section = {.at = script->at};
	const char *end;
	struct script_step step;

	do {
		end = script->at;
		step = script_next(script);
	} while (step.kind != SCRIPT_NEXT && step.kind != SCRIPT_END);
	section.len = (size_t)(end - section.at);
	return section;
}

bool
script_has(struct script script, enum script_kind kind)
{
	struct script_step step;

	do
		step = script_next(&script);
	while (step.kind != kind && step.kind != SCRIPT_END);
	return step.kind == kind;
}

/* Writes some of the step's bytes; false: none. */
static bool
write_some(struct player *player, int fd)
{
	static char flood[SCRIPT_FLOOD_LEN];
	const char *data = player->step.data;
	size_t left = player->step.len - player->sent;
	ssize_t len;

	if (player->step.kind == SCRIPT_FLOOD) {
		memset(flood, *data, sizeof(flood));
		data = flood;
		left = sizeof(flood) - player->sent;
	}
	len = send(fd, data + player->sent, left, MSG_NOSIGNAL);
	if (len < 0 && errno == EAGAIN)
		return false;
	player->sent += len < 0 ? left : (size_t)len;
	return true;
}

static bool
has_bytes(const struct player *player)
{
	if (player->step.kind == SCRIPT_FLOOD)
		return player->sent < SCRIPT_FLOOD_LEN;
	return player->step.kind == SCRIPT_BYTES &&
	       player->sent < player->step.len;
}

/* What a step does that is no writing. */
static enum player_state
begin(struct player *player)
{
	player->sent = 0;
	switch (player->step.kind) {
	case SCRIPT_BYTES:
	case SCRIPT_FLOOD:
	case SCRIPT_CUT:
	case SCRIPT_NEXT:
		return PLAYER_MOVED;
	case SCRIPT_SLEEP:
		player->awake_ms = world_ms() + player->step.sleep_ms;
		return PLAYER_MOVED;
	case SCRIPT_CLOSE:
		return PLAYER_CLOSES;
	case SCRIPT_HALF_CLOSE:
		return PLAYER_HALF_CLOSES;
	case SCRIPT_END:
		break;
	}
	return PLAYER_OVER;
}

enum player_state
player_move(struct player *player, int fd)
{
	enum player_state state;
	bool moved = false;

	do {
		if (player->awake_ms > world_ms()) {
			world_wake_at(player->awake_ms);
			break;
		}
		if (!has_bytes(player)) {
			player->step = script_next(&player->script);
			state = begin(player);
			if (state != PLAYER_MOVED)
				return state;
			moved = true;
		}
		if (has_bytes(player) && !write_some(player, fd))
			break;
		moved = true;
	} while (player->in_one);
	return moved ? PLAYER_MOVED : PLAYER_WAITS;
}
