/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The reaper: when it frees, and in which order. */
#include "base/reaper.h"

#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "base/attr.h"
#include "support/unit.h"

/* A loop, a reaper, and the names of what was freed. */
struct scene {
	struct event_base *base;
	struct ac_reaper *reaper;
	char freed[64];
};

/* What is handed over. */
struct thing {
	struct scene *scene;
	const char *name;
	struct thing *next; /* handed over while this one is freed */
};

static void
free_thing(void *arg)
{
	struct thing *thing = arg;
	char *freed = thing->scene->freed;

	snprintf(freed + strlen(freed),
	    sizeof(thing->scene->freed) - strlen(freed), "%s", thing->name);
	if (thing->next != NULL)
		ac_reaper_add(thing->scene->reaper, free_thing, thing->next);
}

static int
set_up(void **state)
{
	static struct scene scene;

	scene = (struct scene){.base = event_base_new()};
	assert_non_null(scene.base);
	scene.reaper = ac_reaper_new(scene.base);
	*state = &scene;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *scene = *state;

	ac_reaper_free(scene->reaper);
	event_base_free(scene->base);
	return 0;
}

static void
nothing_is_freed_before_the_call_returns(void **state)
{
	struct scene *scene = *state;
	struct thing a = {.scene = scene, .name = "a"};

	ac_reaper_add(scene->reaper, free_thing, &a);
	assert_string_equal(scene->freed, "");
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_string_equal(scene->freed, "a");
}

static void
things_go_in_the_order_of_the_handing(void **state)
{
	struct scene *scene = *state;
	struct thing a = {.scene = scene, .name = "a"};
	struct thing b = {.scene = scene, .name = "b"};
	struct thing c = {.scene = scene, .name = "c"};

	ac_reaper_add(scene->reaper, free_thing, &b);
	ac_reaper_add(scene->reaper, free_thing, &a);
	ac_reaper_add(scene->reaper, free_thing, &c);
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_string_equal(scene->freed, "bac");
}

static void
what_is_handed_over_while_reaping_goes_in_the_same_turn(void **state)
{
	struct scene *scene = *state;
	struct thing c = {.scene = scene, .name = "c"};
	struct thing b = {.scene = scene, .name = "b", .next = &c};
	struct thing a = {.scene = scene, .name = "a", .next = &b};
	struct thing x = {.scene = scene, .name = "x"};

	ac_reaper_add(scene->reaper, free_thing, &a);
	ac_reaper_add(scene->reaper, free_thing, &x);
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	assert_string_equal(scene->freed, "axbc");
}

static void
it_works_again_after_each_turn(void **state)
{
	struct scene *scene = *state;
	struct thing b = {.scene = scene, .name = "b"};
	struct thing a = {.scene = scene, .name = "a", .next = &b};

	for (int i = 0; i < 3; i++) {
		scene->freed[0] = '\0';
		ac_reaper_add(scene->reaper, free_thing, &a);
		assert_string_equal(scene->freed, "");
		event_base_loop(scene->base, EVLOOP_NONBLOCK);
		assert_string_equal(scene->freed, "ab");
	}
}

/* An event's callback that hands itself over. */
static void
hand_over(evutil_socket_t fd, short what, void *arg)
{
	struct thing *thing = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_reaper_add(thing->scene->reaper, free_thing, thing);
	assert_string_equal(thing->scene->freed, "");
}

static void
what_a_callback_hands_over_goes_in_the_same_turn(void **state)
{
	struct scene *scene = *state;
	struct thing a = {.scene = scene, .name = "a"};
	struct event *event = event_new(scene->base, -1, 0, hand_over, &a);

	event_active(event, EV_TIMEOUT, 0);
	event_base_loop(scene->base, EVLOOP_ONCE);
	assert_string_equal(scene->freed, "a");
	event_free(event);
}

static void
an_idle_reaper_does_not_keep_the_loop_running(void **state)
{
	struct scene *scene = *state;
	struct thing a = {.scene = scene, .name = "a"};

	assert_int_equal(event_base_dispatch(scene->base), 1);
	ac_reaper_add(scene->reaper, free_thing, &a);
	assert_int_equal(event_base_dispatch(scene->base), 1);
	assert_string_equal(scene->freed, "a");
}

static void
its_own_end_frees_what_waits(void **state)
{
	struct scene *scene = *state;
	struct thing b = {.scene = scene, .name = "b"};
	struct thing a = {.scene = scene, .name = "a", .next = &b};

	ac_reaper_add(scene->reaper, free_thing, &a);
	ac_reaper_free(scene->reaper);
	assert_string_equal(scene->freed, "ab");
	scene->reaper = NULL;
	event_base_loop(scene->base, EVLOOP_NONBLOCK);
	ac_reaper_free(NULL);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(nothing_is_freed_before_the_call_returns),
	    SCENE(things_go_in_the_order_of_the_handing),
	    SCENE(what_is_handed_over_while_reaping_goes_in_the_same_turn),
	    SCENE(it_works_again_after_each_turn),
	    SCENE(what_a_callback_hands_over_goes_in_the_same_turn),
	    SCENE(an_idle_reaper_does_not_keep_the_loop_running),
	    SCENE(its_own_end_frees_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
