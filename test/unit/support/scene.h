/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A configuration under test, in an environment that names no option. */
#ifndef AC_TEST_SCENE_H
#define AC_TEST_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "support/files.h"

/* A configuration and the message of its last refusal. */
struct scene {
	struct ac_config *config;
	const struct ac_options *options;
	char error[AC_OPTION_ERROR_SIZE];
};

/* cmocka's set-up and tear-down; *state is the scene. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

#define SCENE(f) \
	cmocka_unit_test_setup_teardown(f, scene_set_up, scene_tear_down)

/* Sets an option; false, and the message in the scene, if it is refused. */
bool scene_set(struct scene *scene, enum ac_option_source source,
    const char *name, const char *value);

/* Reads the environment. */
bool scene_load_environment(struct scene *scene);

/* Reads a file of these bytes; the file's name goes into path. */
bool scene_load_bytes(struct scene *scene, char path[FILES_PATH_SIZE],
    const char *data, size_t len);

/* Reads a file of this text. */
bool scene_load_text(struct scene *scene, const char *text);

#endif
