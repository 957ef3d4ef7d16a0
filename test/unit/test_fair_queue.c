/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The fair queue: who runs, who waits, who goes. */
#include "api/fair_queue.h"

#include <string.h>

#include "support/unit.h"

enum { LINES = 4, WAITERS = 64 };

struct scene {
	struct ac_fair_queue queue;
	struct ac_fair_line lines[LINES];
	struct ac_fair_waiter waiters[WAITERS];
	char names[WAITERS][2]; /* the line's letter, and a number */
	size_t used;
	char order[2 * WAITERS + 1]; /* the names of those that ran */
};

static void
set_up(struct scene *scene, size_t max_running, size_t max_waiting)
{
	*scene = (struct scene){.used = 0};
	ac_fair_queue_init(&scene->queue);
	scene->queue.max_running = max_running;
	scene->queue.max_waiting = max_waiting;
	for (size_t i = 0; i < LINES; i++)
		ac_fair_line_init(&scene->lines[i]);
}

/* Enters "a1" and the like; the letter is the line. */
static enum ac_fair
enter(struct scene *scene, const char *name, struct ac_fair_waiter **evicted)
{
	struct ac_fair_waiter *waiter = &scene->waiters[scene->used];
	char *own = scene->names[scene->used++];

	memcpy(own, name, 2);
	waiter->owner = own;
	return ac_fair_queue_enter(
	    &scene->queue, &scene->lines[name[0] - 'a'], waiter, evicted);
}

/* Enters all of "a1b1…", each of which is to end up so. */
static void
enter_all(struct scene *scene, const char *names, enum ac_fair expected)
{
	struct ac_fair_waiter *evicted;

	for (; *names != '\0'; names += 2) {
		assert_int_equal(enter(scene, names, &evicted), expected);
		assert_null(evicted);
	}
}

/* Lets the running end one after the other until nobody waits. */
static const char *
run_all(struct scene *scene)
{
	struct ac_fair_waiter *waiter;
	size_t len = 0;

	while (scene->queue.waiting > 0) {
		assert_null(ac_fair_queue_next(&scene->queue));
		ac_fair_queue_done(&scene->queue);
		waiter = ac_fair_queue_next(&scene->queue);
		assert_non_null(waiter);
		assert_null(waiter->line);
		memcpy(scene->order + len, waiter->owner, 2);
		len += 2;
	}
	scene->order[len] = '\0';
	return scene->order;
}

static struct ac_fair_waiter *
find(struct scene *scene, const char *name)
{
	for (size_t i = 0; i < scene->used; i++) {
		if (memcmp(scene->names[i], name, 2) == 0)
			return &scene->waiters[i];
	}
	fail_msg("nobody is called %s", name);
	return NULL;
}

static void
without_a_limit_everybody_runs(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 0, 0);
	enter_all(&scene, "a1a2b1c1a3", AC_FAIR_RUN);
	assert_int_equal(scene.queue.running, 5);
	for (int i = 0; i < 5; i++)
		ac_fair_queue_done(&scene.queue);
	assert_int_equal(scene.queue.running, 0);
}

static void
one_line_is_served_in_order(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 2, 8);
	enter_all(&scene, "a1a2", AC_FAIR_RUN);
	enter_all(&scene, "a3a4a5", AC_FAIR_WAIT);
	assert_string_equal(run_all(&scene), "a3a4a5");
	assert_int_equal(scene.queue.running, 2);
}

static void
turns_go_round_the_lines(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 16);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1a2a3a4b1b2c1", AC_FAIR_WAIT);
	assert_string_equal(run_all(&scene), "a1b1c1a2b2a3a4");
}

/* A line that comes back goes behind the others. */
static void
a_line_that_was_empty_waits_for_its_turn(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 16);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1b1b2", AC_FAIR_WAIT);
	ac_fair_queue_done(&scene.queue);
	assert_ptr_equal(ac_fair_queue_next(&scene.queue), find(&scene, "a1"));
	enter_all(&scene, "a2", AC_FAIR_WAIT);
	assert_string_equal(run_all(&scene), "b1a2b2");
}

static void
who_leaves_is_not_served(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 16);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1b1a2c1c2", AC_FAIR_WAIT);
	ac_fair_queue_leave(&scene.queue, find(&scene, "a1"));
	ac_fair_queue_leave(&scene.queue, find(&scene, "b1"));
	ac_fair_queue_leave(&scene.queue, find(&scene, "c2"));
	assert_int_equal(scene.queue.waiting, 2);
	assert_string_equal(run_all(&scene), "a2c1");
}

static void
room_is_for_those_who_wait(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 16);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1", AC_FAIR_WAIT);
	ac_fair_queue_done(&scene.queue);
	enter_all(&scene, "b1", AC_FAIR_WAIT);
	assert_ptr_equal(ac_fair_queue_next(&scene.queue), find(&scene, "a1"));
	assert_null(ac_fair_queue_next(&scene.queue));
}

static void
a_full_queue_takes_nobody(void **state)
{
	struct ac_fair_waiter *evicted;
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 0);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1b1", AC_FAIR_FULL);
	set_up(&scene, 1, 2);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1b1", AC_FAIR_WAIT);
	/* None has so many that taking one would be fairer. */
	assert_int_equal(enter(&scene, "c1", &evicted), AC_FAIR_FULL);
	assert_null(evicted);
	assert_string_equal(run_all(&scene), "a1b1");
}

static void
the_longest_line_makes_room(void **state)
{
	struct ac_fair_waiter *evicted;
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 4);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1b1a2a3", AC_FAIR_WAIT);
	assert_int_equal(enter(&scene, "a4", &evicted), AC_FAIR_FULL);
	assert_null(evicted);
	assert_int_equal(enter(&scene, "c1", &evicted), AC_FAIR_WAIT);
	assert_ptr_equal(evicted, find(&scene, "a3"));
	assert_null(evicted->line);
	assert_int_equal(enter(&scene, "d1", &evicted), AC_FAIR_WAIT);
	assert_ptr_equal(evicted, find(&scene, "a2"));
	assert_int_equal(enter(&scene, "d2", &evicted), AC_FAIR_FULL);
	assert_int_equal(scene.queue.waiting, 4);
	assert_string_equal(run_all(&scene), "a1b1c1d1");
}

static void
limits_may_change(void **state)
{
	struct scene scene;

	AC_UNUSED(state);
	set_up(&scene, 1, 4);
	enter_all(&scene, "a0", AC_FAIR_RUN);
	enter_all(&scene, "a1a2a3", AC_FAIR_WAIT);
	scene.queue.max_running = 3;
	assert_non_null(ac_fair_queue_next(&scene.queue));
	assert_non_null(ac_fair_queue_next(&scene.queue));
	assert_null(ac_fair_queue_next(&scene.queue));
	scene.queue.max_running = 1;
	ac_fair_queue_done(&scene.queue);
	ac_fair_queue_done(&scene.queue);
	assert_null(ac_fair_queue_next(&scene.queue));
	scene.queue.max_running = 0;
	assert_ptr_equal(ac_fair_queue_next(&scene.queue), find(&scene, "a3"));
	assert_null(ac_fair_queue_next(&scene.queue));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_limit_everybody_runs),
	    cmocka_unit_test(one_line_is_served_in_order),
	    cmocka_unit_test(turns_go_round_the_lines),
	    cmocka_unit_test(a_line_that_was_empty_waits_for_its_turn),
	    cmocka_unit_test(who_leaves_is_not_served),
	    cmocka_unit_test(room_is_for_those_who_wait),
	    cmocka_unit_test(a_full_queue_takes_nobody),
	    cmocka_unit_test(the_longest_line_makes_room),
	    cmocka_unit_test(limits_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
