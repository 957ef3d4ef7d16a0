/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The guard at the door: whole, byte by byte and cut where the input says it
 * comes to the same end after the same bytes, and evhttp, given the request
 * that passed, would find it to be one: a method, a target, no byte that
 * ends a header early.
 */
#include <string.h>

#include "api/error_reply.h"
#include "api/http_guard.h"
#include "fuzz.h"

enum { BODY_MAX = 1000 };

struct outcome {
	enum ac_guard_state state;
	size_t used;
	int status;
};

static struct outcome
feed(const char *data, size_t len, size_t first, size_t then)
{
	struct outcome outcome = {.used = 0};
	struct ac_guard guard;
	size_t give = first;

	ac_guard_init(&guard, BODY_MAX);
	while (outcome.used < len) {
		size_t left = len - outcome.used;
		size_t piece = give < left ? give : left;
		size_t taken =
		    ac_guard_feed(&guard, data + outcome.used, piece);

		outcome.used += taken;
		if (taken < piece)
			break;
		give = then;
	}
	outcome.state = guard.state;
	if (guard.state == AC_GUARD_REFUSED)
		outcome.status = ac_error_status(guard.error->code);
	ac_guard_clear(&guard);
	return outcome;
}

/* How far a refused request was read may differ; why it was may not. */
static void
check_same(const struct outcome *a, const struct outcome *b)
{
	FUZZ_CHECK(a->state == b->state);
	FUZZ_CHECK(a->status == b->status);
	if (a->state == AC_GUARD_DONE)
		FUZZ_CHECK(a->used == b->used);
}

static void
check_passed(const char *data, size_t used)
{
	const char *end = memmem(data, used, "\r\n\r\n", 4);
	size_t head;

	FUZZ_CHECK(end != NULL);
	head = (size_t)(end - data) + 4;
	FUZZ_CHECK(memchr(data, '\0', head) == NULL);
	FUZZ_CHECK(data[0] >= 'A' && data[0] <= 'Z');
	FUZZ_CHECK((const char *)memchr(data, '\r', head) - data >= 14);
	for (size_t i = 0; i < head; i++) {
		if (data[i] == '\n')
			FUZZ_CHECK(i > 0 && data[i - 1] == '\r');
		if (data[i] == '\r')
			FUZZ_CHECK(data[i + 1] == '\n');
		if (data[i] == '\n' && i + 1 < head)
			FUZZ_CHECK(data[i + 1] != ' ' && data[i + 1] != '\t');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 2;
	struct outcome whole, single, cut;
	size_t at;

	if (size < 2)
		return 0;
	at = (size_t)data[0] << 8 | data[1];
	size -= 2;
	whole = feed(bytes, size, size + 1, size + 1);
	single = feed(bytes, size, 1, 1);
	cut = feed(bytes, size, at % (size + 1) + 1, size + 1);
	check_same(&whole, &single);
	check_same(&whole, &cut);
	if (whole.state == AC_GUARD_DONE)
		check_passed(bytes, whole.used);
	return 0;
}
