/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A configuration under test: see scene.h. */
#include "support/scene.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/option_table.h"

/* Takes an option out of the environment, its name in lower case, and a
 * secret's file. */
static void
unset(const char *name)
{
	char *file = ac_asprintf("%s_FILE", name);
	char *lower = ac_strdup(name);

	for (char *p = lower; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	unsetenv(name);
	unsetenv(file);
	unsetenv(lower);
	free(file);
	free(lower);
}

int
scene_set_up(void **state)
{
	static struct scene scene;

	for (size_t i = 0; i < AC_OPTIONS; i++)
		unset(ac_option_at(i)->name);
	unsetenv("REQUEST_METHOD");
	scene = (struct scene){.config = ac_config_new()};
	scene.options = ac_config_options(scene.config);
	*state = &scene;
	return 0;
}

int
scene_tear_down(void **state)
{
	struct scene *scene = *state;

	ac_config_free(scene->config);
	return 0;
}

bool
scene_set(struct scene *scene, enum ac_option_source source, const char *name,
    const char *value)
{
	return ac_config_set_from(
	    scene->config, source, name, value, scene->error);
}

bool
scene_load_environment(struct scene *scene)
{
	return ac_config_load_environment(scene->config, scene->error);
}

/* Loads a file of these bytes; the file's name goes into path. */
bool
scene_load_bytes(struct scene *scene, char path[FILES_PATH_SIZE],
    const char *data, size_t len)
{
	bool ok;

	files_make(path, data, len);
	ok = ac_config_load_file(scene->config, path, scene->error);
	unlink(path);
	return ok;
}

bool
scene_load_text(struct scene *scene, const char *text)
{
	char path[FILES_PATH_SIZE];

	return scene_load_bytes(scene, path, text, strlen(text));
}
