/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the site says about jobs: see image_status.h. */
#include "upstream/image_status.h"

#include <string.h>
#include <strings.h>

#include "upstream/answer.h"

enum { QUOTE_MAX = 300 }; /* bytes of the upstream's words */

/* The statuses that end a job, in any case; every other means that it is
 * under way. */
static const struct {
	const char *word;
	enum ac_image_state state;
} endings[] = {
    {"succeeded", AC_IMAGE_READY},
    {"completed", AC_IMAGE_READY},
    {"failed", AC_IMAGE_FAILED},
};

/* What the app itself refuses, an unhandled exception of it, which is empty,
 * or its middleware's status, which is handed on as it is. */
static bool
may_be_about_a_job(const struct ac_answer *answer)
{
	return answer->status >= 400 && answer->status != 429 &&
	       !answer->is_html;
}

/* The words of a JSON string, or of an object with "error" or "message". */
static const char *
find_words(const json_t *value)
{
	const char *words = json_string_value(value);

	if (words == NULL)
		words = ac_json_get_string(value, "error");
	return words != NULL ? words : ac_json_get_string(value, "message");
}

static void
set_no_list(struct ac_error *error, const json_t *value)
{
	const char *words = find_words(value);

	if (words != NULL) {
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream says of the picture's job: %.*s", QUOTE_MAX,
		    words);
		error->is_quote = true;
	} else {
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream's answer about the picture's job is %s.",
		    value == NULL ? "not JSON" : "no list");
	}
}

enum ac_image_report
ac_image_report_read(
    json_t **list, struct ac_answer *answer, struct ac_error *error)
{
	json_t *value;

	*list = NULL;
	if (answer->status != 200) {
		ac_answer_set_error(answer, "the picture's status", error);
		return may_be_about_a_job(answer) ? AC_IMAGE_REPORT_A_JOB
						  : AC_IMAGE_REPORT_SITE;
	}
	if (answer->is_html) {
		ac_answer_set_error(answer, "the picture's status", error);
		return AC_IMAGE_REPORT_SITE;
	}
	if (answer->is_truncated) {
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream's answer about the picture's job is larger "
		    "than %zu bytes.",
		    answer->body.max);
		return AC_IMAGE_REPORT_A_JOB;
	}
	value = ac_json_parse_lenient(answer->body.data, answer->body.len);
	if (json_is_array(value)) {
		*list = value;
		return AC_IMAGE_REPORT_LIST;
	}
	set_no_list(error, value);
	json_decref(value);
	return AC_IMAGE_REPORT_A_JOB;
}

static const json_t *
find_job(const json_t *list, const char *job_id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *job = json_array_get(list, i);

		if (ac_json_equals(json_object_get(job, "job_id"), job_id))
			return job;
	}
	return NULL;
}

static enum ac_image_state
find_state(const char *word)
{
	for (size_t i = 0; i < AC_LENGTH(endings); i++) {
		if (strcasecmp(word, endings[i].word) == 0)
			return endings[i].state;
	}
	return AC_IMAGE_UNDER_WAY;
}

static void
set_failed(struct ac_error *error, const json_t *job)
{
	const char *words = find_words(job);

	ac_error_set(error, AC_ERROR_UPSTREAM,
	    "The upstream failed to draw the picture%s%.*s",
	    words == NULL ? "." : ": ", QUOTE_MAX, words == NULL ? "" : words);
	error->is_quote = words != NULL;
}

void
ac_image_status_read(
    struct ac_image_status *status, const json_t *list, const char *job_id)
{
	const json_t *job = find_job(list, job_id);
	const char *word = ac_json_get_string(job, "status");

	*status = (struct ac_image_status){.state = AC_IMAGE_UNCLEAR};
	if (word == NULL) {
		ac_error_set(&status->error, AC_ERROR_UPSTREAM,
		    "The upstream says nothing of the picture's %s.",
		    job == NULL ? "job" : "status");
		return;
	}
	status->state = find_state(word);
	if (status->state == AC_IMAGE_FAILED) {
		set_failed(&status->error, job);
	} else if (status->state == AC_IMAGE_READY) {
		status->result = ac_json_get_string(job, "result");
		if (status->result != NULL && *status->result != '\0')
			return;
		status->state = AC_IMAGE_UNCLEAR;
		ac_error_set(&status->error, AC_ERROR_UPSTREAM,
		    "The upstream says that the picture is ready, and not "
		    "where it is.");
	}
}
