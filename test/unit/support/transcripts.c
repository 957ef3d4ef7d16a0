/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Playing transcripts: see transcripts.h. */
#include "support/transcripts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/files.h"
#include "support/unit.h"

/* What is run: tests of cmocka take no arguments. */
static char *directory; /* owned */
static recording_start_fn *start_recording;

/* A body that is longer than this is cut at every 61st offset only. */
enum { EVERY_CUT_MAX = 16 * 1024, SAMPLE_STEP = 61 };

/* A body and its expected events. */
struct transcript {
	char *name;
	char *body;
	size_t body_len;
	char *events;
	size_t events_len;
};

/* Cuts off the comment lines in front. */
static void
skip_comments(char *text, size_t *len)
{
	char *end;

	while (*len > 0 && text[0] == '#' &&
	       (end = memchr(text, '\n', *len)) != NULL) {
		*len -= (size_t)(end + 1 - text);
		memmove(text, end + 1, *len + 1);
	}
}

static void
load(struct transcript *transcript, const char *file_name)
{
	size_t stem = strlen(file_name) - strlen(".txt");
	char *body = ac_asprintf("%s/%s", directory, file_name);
	char *events =
	    ac_asprintf("%s/%.*s.events", directory, (int)stem, file_name);

	transcript->name = ac_memdup(file_name, stem);
	transcript->body = files_read(body, &transcript->body_len);
	transcript->events = files_read(events, &transcript->events_len);
	skip_comments(transcript->events, &transcript->events_len);
	free(body);
	free(events);
}

static void
unload(struct transcript *transcript)
{
	free(transcript->name);
	free(transcript->body);
	free(transcript->events);
}

/* How a playing cuts the body. */
struct cut {
	const char *name; /* for a failure's message */
	size_t at;        /* of the second piece; 0: none */
	bool bytes;       /* each byte is a piece */
};

static void
play(struct recording *recording, const struct transcript *transcript,
    const struct cut *cut)
{
	const char *body = transcript->body;
	size_t len = transcript->body_len;

	if (cut->bytes) {
		for (size_t i = 0; i < len; i++)
			recording_feed(recording, body + i, 1);
	} else {
		recording_feed(recording, body, cut->at);
		recording_feed(recording, body + cut->at, len - cut->at);
	}
	recording_end(recording);
}

/* Plays the transcript and compares; returns the sum of the text_len. */
static size_t
expect_events(const struct transcript *transcript, const struct cut *cut)
{
	struct recording recording;
	size_t decoded_len;

	start_recording(&recording);
	recording.checks = cut->at == 0;
	play(&recording, transcript, cut);
	if (recording.problem != NULL)
		fail_msg("%s, %s %zu: %s", transcript->name, cut->name, cut->at,
		    recording.problem);
	if (recording.text_size != transcript->events_len ||
	    memcmp(recording.text, transcript->events,
		transcript->events_len) != 0)
		fail_msg("%s, %s %zu: the events are\n%s", transcript->name,
		    cut->name, cut->at, recording.text);
	decoded_len = recording.decoded_len;
	recording_clear(&recording);
	return decoded_len;
}

static void
events_do_not_depend_on_the_cuts(const struct transcript *transcript)
{
	const struct cut whole = {.name = "whole"};
	const struct cut bytes = {.name = "byte by byte", .bytes = true};
	size_t decoded_len = expect_events(transcript, &whole);
	size_t step = transcript->body_len > EVERY_CUT_MAX ? SAMPLE_STEP : 1;

	assert_int_equal(expect_events(transcript, &bytes), decoded_len);
	for (size_t i = 1; i < transcript->body_len; i += step) {
		const struct cut cut = {.name = "cut at", .at = i};

		assert_int_equal(expect_events(transcript, &cut), decoded_len);
	}
}

/* The first count lines of the expected events. */
static size_t
lines_len(const struct transcript *transcript, size_t count)
{
	const char *end = transcript->events;

	while (count-- > 0)
		end = strchr(end, '\n') + 1;
	return (size_t)(end - transcript->events);
}

static size_t
count_lines(const struct transcript *transcript)
{
	size_t count = 0;

	for (size_t i = 0; i < transcript->events_len; i++)
		count += transcript->events[i] == '\n';
	return count;
}

static void
stop_ends_the_events_at_once(const struct transcript *transcript)
{
	const struct cut cuts[] = {
	    {.name = "whole"}, {.name = "byte by byte", .bytes = true}};
	size_t count = count_lines(transcript);

	for (size_t i = 0; i < 2 * count; i++) {
		struct recording recording;

		start_recording(&recording);
		recording.stop_at = i / 2 + 1;
		play(&recording, transcript, &cuts[i % 2]);
		assert_null(recording.problem);
		assert_int_equal(recording.text_size,
		    lines_len(transcript, recording.stop_at));
		assert_memory_equal(
		    recording.text, transcript->events, recording.text_size);
		recording_clear(&recording);
	}
}

static void
check_transcript(void **state)
{
	const struct transcript *transcript = *state;

	events_do_not_depend_on_the_cuts(transcript);
	stop_ends_the_events_at_once(transcript);
}

static int
is_body(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static int
is_events(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 7 && strcmp(entry->d_name + len - 7, ".events") == 0;
}

/* How many entries of the directory pass the filter; their names in order. */
static size_t
list(int (*filter)(const struct dirent *entry), char ***names)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, filter, alphasort);

	if (count <= 0) {
		perror(directory);
		exit(1);
	}
	*names = ac_calloc((size_t)count, sizeof(**names));
	for (int i = 0; i < count; i++) {
		(*names)[i] = ac_strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return (size_t)count;
}

static void
free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void
each_events_file_has_its_body(void **state)
{
	char **bodies, **events;
	size_t body_count = list(is_body, &bodies);
	size_t events_count = list(is_events, &events);

	AC_UNUSED(state);
	assert_int_equal(events_count, body_count);
	free_names(bodies, body_count);
	free_names(events, events_count);
}

int
transcripts_run(const char *name, recording_start_fn *start)
{
	struct transcript *transcripts;
	struct CMUnitTest *tests;
	char **names;
	size_t count;
	int failed;

	directory = ac_asprintf("%s/%s", AC_TEST_DATA, name);
	start_recording = start;
	count = list(is_body, &names);
	transcripts = ac_calloc(count, sizeof(*transcripts));
	tests = ac_calloc(count + 1, sizeof(*tests));

	tests[count] =
	    (struct CMUnitTest)cmocka_unit_test(each_events_file_has_its_body);
	for (size_t i = 0; i < count; i++) {
		load(&transcripts[i], names[i]);
		tests[i] = (struct CMUnitTest){
		    .name = transcripts[i].name,
		    .test_func = check_transcript,
		    .initial_state = &transcripts[i],
		};
	}
	failed = _cmocka_run_group_tests(name, tests, count + 1, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		unload(&transcripts[i]);
	free(transcripts);
	free(tests);
	free_names(names, count);
	free(directory);
	return failed;
}
