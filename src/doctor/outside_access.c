/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who is let in, and to what: the steps of keys and models of a checkup from
 * outside (outside_private.h). */
#include "doctor/outside_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "doctor/words.h"
#include "upstream/models.h"

enum {
	SEEN_SIZE = 160,
	MODELS_MS = 30000, /* the site may be asked for them first */
};

/* ---- keys -----------------------------------------------------------------
 */

static void
say_open(struct outside *outside)
{
	if (outside->key != NULL)
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "Set BEARER_TOKEN or API_KEYS_FILE where the program runs. "
		    "If they are, look\nwhether the proxy adds a key by itself "
		    "(nginx: proxy_set_header Authorization).",
		    "a key is at hand but none is wanted: everybody may come "
		    "in");
	else if (ac_target_is_loopback(&outside->target))
		ac_checkup_say(
		    outside->checkup, AC_FINDING_OK, NULL, "none is wanted");
	else
		ac_checkup_say(outside->checkup, AC_FINDING_WARNING,
		    "Set BEARER_TOKEN or API_KEYS_FILE where the program runs.",
		    "none is wanted: everybody who reaches it may use it");
}

static void
judge_keys(struct outside *outside, const struct ac_ask_reply *wrong)
{
	char *code = ac_outside_error_code(wrong);

	if (code == NULL)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    ac_outside_advice(wrong->status),
		    "a wrong key gives HTTP %d, which is not of this program",
		    wrong->status);
	else if (code[0] == '\0' && wrong->status == 401)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "nginx: take away proxy_set_header Authorization \"\"; and "
		    "auth_basic.",
		    "a key does not arrive: the proxy drops the Authorization "
		    "header");
	else if (wrong->status == 401)
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "one is wanted: none gives 401, a wrong one 401");
	else
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED, NULL,
		    "none gives 401, but a wrong one HTTP %d", wrong->status);
	free(code);
}

static void
on_wrong_key(
    struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
		return;
	}
	judge_keys(outside, reply);
	ac_checkup_next(outside->checkup);
}

static void
on_no_key(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	static const struct ac_ask_handlers handlers = {
	    .on_done = on_wrong_key};
	struct outside *outside = arg;
	struct outside_question question = {
	    .path = "/v1/models",
	    .authorization = "Bearer not-a-key-of-this-server",
	};
	char *code = ac_outside_error_code(reply);

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
	} else if (reply->status == 401 && code != NULL) {
		ac_outside_ask(outside, &question, &handlers);
	} else if (code != NULL || reply->status == 200) {
		say_open(outside); /* whether or not there is a list */
		ac_checkup_next(outside->checkup);
	} else {
		ac_outside_wonder(outside, reply);
	}
	free(code);
}

void
ac_outside_start_keys(void *arg)
{
	static const struct ac_ask_handlers handlers = {
	    .on_head = ac_outside_on_head,
	    .on_done = on_no_key,
	};
	struct outside_question question = {.path = "/v1/models"};

	ac_outside_ask(arg, &question, &handlers);
}

/* ---- models ---------------------------------------------------------------
 */

/* DEFAULT_MODEL where it is on the list, else the first that does not draw. */
static void
choose_model(struct outside *outside, const json_t *list)
{
	const char *wanted = outside->options->default_model;
	const char *first = NULL;
	bool found = false;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id =
		    ac_json_get_string(json_array_get(list, i), "id");

		if (id == NULL || strcmp(id, AC_MODEL_IMAGE) == 0)
			continue;
		if (first == NULL)
			first = id;
		found = found || (wanted != NULL && strcmp(id, wanted) == 0);
	}
	ac_replace_string(&outside->model, found ? wanted : first);
}

static void
say_no_models(struct outside *outside, const struct ac_ask_reply *reply)
{
	char *code = ac_outside_error_code(reply);
	char line[SEEN_SIZE];

	ac_words_copy_line(
	    line, sizeof(line), reply->body.data, reply->body.len);
	if (code == NULL) {
		ac_outside_wonder(outside, reply);
		return;
	}
	if (reply->status == 401)
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    outside->key == NULL
			? "Put a key into BEARER_TOKEN for this check."
			: "Is it one of the server's keys, and has it not "
			  "expired?",
		    "%s",
		    outside->key == NULL
			? "a key is wanted and none is at hand"
			: "the key in BEARER_TOKEN is refused");
	else
		ac_checkup_say(outside->checkup, AC_FINDING_FAILED,
		    "akashchat-api --doctor on the server says more.",
		    "HTTP %d: %s", reply->status, line);
	ac_checkup_next(outside->checkup);
	free(code);
}

static void
on_models(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct outside *outside = arg;
	json_t *value;
	const json_t *list;

	outside->ask = NULL;
	if (error != NULL) {
		ac_outside_fail(outside, error);
		return;
	}
	value = ac_json_parse_lenient(reply->body.data, reply->body.len);
	list = json_object_get(value, "data");
	if (reply->status == 200 && json_is_array(list)) {
		choose_model(outside, list);
		ac_checkup_say(outside->checkup, AC_FINDING_OK, NULL,
		    "%zu%s in %" PRId64 " ms", json_array_size(list),
		    outside->key == NULL ? "" : " with the key of BEARER_TOKEN",
		    ac_checkup_elapsed_ms(outside->checkup));
		ac_checkup_next(outside->checkup);
	} else {
		say_no_models(outside, reply);
	}
	json_decref(value);
}

void
ac_outside_start_models(void *arg)
{
	static const struct ac_ask_handlers handlers = {
	    .on_head = ac_outside_on_head,
	    .on_done = on_models,
	};
	struct outside *outside = arg;
	struct outside_question question = {
	    .path = "/v1/models",
	    .authorization = outside->authorization,
	};

	ac_checkup_set_limit(outside->checkup, MODELS_MS);
	ac_outside_ask(outside, &question, &handlers);
}
