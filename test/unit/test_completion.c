/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The chat completion encoders: their exact bytes, and the rules of OpenAI's
 * API reference that clients rely on, checked on the parsed JSON.
 */
#include "codec/completion.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

#define HEAD(object)                                                   \
	"\"id\":\"chatcmpl-1\",\"object\":\"" object "\",\"created\":" \
	"1700000000,\"model\":\"Meta-Llama-3-3-70B-Instruct\","
#define CHUNK "data: {" HEAD("chat.completion.chunk") "\"choices\":["

static const struct ac_completion_head head = {
    .id = "chatcmpl-1",
    .model = "Meta-Llama-3-3-70B-Instruct",
    .created = 1700000000,
};
static const struct ac_usage usage = {11, 7};
static const char text_literal[] = "caf\xc3\xa9 \\\"q\\\" \\u0000";

/* The buffer's contents as a C string; the buffer is empty afterwards. */
static char *
take(struct evbuffer *buffer)
{
	size_t len = evbuffer_get_length(buffer);
	char *text = ac_malloc(len + 1);

	evbuffer_remove(buffer, text, len);
	text[len] = '\0';
	return text;
}

static void
expect_bytes(struct evbuffer *out, const char *expected)
{
	char *text = take(out);

	assert_string_equal(text, expected);
	free(text);
}

static void
add_whole_stream(struct ac_chunk_encoder *encoder, struct evbuffer *out)
{
	ac_chunk_add_role(encoder, out);
	ac_chunk_add_reasoning(encoder, out, "hm", 2);
	ac_chunk_add_text(encoder, out, text_literal, strlen(text_literal));
	ac_chunk_add_finish(encoder, out, AC_FINISH_LENGTH);
	ac_chunk_add_usage(encoder, out, &usage);
	ac_chunk_add_done(out);
}

static void
frames_without_usage_have_these_bytes(void **state)
{
	struct ac_chunk_encoder encoder;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_chunk_encoder_init(&encoder, &head, AC_CHUNK_USAGE_NONE);
	add_whole_stream(&encoder, out);
	expect_bytes(out,
	    CHUNK "{\"index\":0,\"delta\":{\"role\":\"assistant\","
		  "\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
		  "\"finish_reason\":null}]}\n\n" CHUNK
		  "{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},"
		  "\"logprobs\":null,\"finish_reason\":null}]}\n\n" CHUNK
		  "{\"index\":0,\"delta\":{\"content\":"
		  "\"caf\xc3\xa9 \\\"q\\\" \\u0000\"},"
		  "\"logprobs\":null,\"finish_reason\":null}]}\n\n" CHUNK
		  "{\"index\":0,\"delta\":{},\"logprobs\":null,"
		  "\"finish_reason\":\"length\"}]}\n\n"
		  "data: [DONE]\n\n");
	ac_chunk_encoder_clear(&encoder);
	ac_chunk_encoder_clear(&encoder);
	evbuffer_free(out);
}

static void
frames_with_usage_have_these_bytes(void **state)
{
	struct ac_chunk_encoder encoder;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_chunk_encoder_init(&encoder, &head, AC_CHUNK_USAGE_LAST);
	add_whole_stream(&encoder, out);
	expect_bytes(out, CHUNK
	    "{\"index\":0,\"delta\":{\"role\":\"assistant\","
	    "\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
	    "\"finish_reason\":null}],\"usage\":null}\n\n" CHUNK
	    "{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},"
	    "\"logprobs\":null,\"finish_reason\":null}],"
	    "\"usage\":null}\n\n" CHUNK "{\"index\":0,\"delta\":{\"content\":"
	    "\"caf\xc3\xa9 \\\"q\\\" \\u0000\"},"
	    "\"logprobs\":null,\"finish_reason\":null}],"
	    "\"usage\":null}\n\n" CHUNK
	    "{\"index\":0,\"delta\":{},\"logprobs\":null,"
	    "\"finish_reason\":\"length\"}],\"usage\":null}\n\n" CHUNK
	    "],\"usage\":{\"prompt_tokens\":11,"
	    "\"completion_tokens\":7,\"total_tokens\":18}}\n\n"
	    "data: [DONE]\n\n");
	ac_chunk_encoder_clear(&encoder);
	evbuffer_free(out);
}

static json_t *
parse(const char *data, size_t len)
{
	json_error_t error;
	json_t *value = json_loadb(
	    data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (value == NULL)
		fail_msg("%s in %.*s", error.text, (int)len, data);
	return value;
}

/* Cuts one event off the front of a stream; NULL at [DONE]. */
static json_t *
next_frame(const char **stream)
{
	const char *end = strstr(*stream, "\n\n");
	const char *data = *stream + strlen("data: ");

	assert_non_null(end);
	assert_memory_equal(*stream, "data: ", strlen("data: "));
	*stream = end + 2;
	if (strncmp(data, "[DONE]", 6) == 0)
		return NULL;
	/* A frame is one line: a client may read line by line. */
	assert_null(memchr(data, '\n', (size_t)(end - data)));
	return parse(data, (size_t)(end - data));
}

static const char *
string_at(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	assert_non_null(string);
	return string;
}

static void
check_head(const json_t *frame, const char *object)
{
	assert_string_equal(string_at(frame, "id"), head.id);
	assert_string_equal(string_at(frame, "object"), object);
	assert_string_equal(string_at(frame, "model"), head.model);
	assert_int_equal(json_integer_value(json_object_get(frame, "created")),
	    head.created);
}

/* The choice of a frame that is not the usage frame. */
static const json_t *
check_choice(const json_t *frame)
{
	const json_t *choices = json_object_get(frame, "choices");
	const json_t *choice = json_array_get(choices, 0);
	const json_t *finish = json_object_get(choice, "finish_reason");

	assert_int_equal(json_array_size(choices), 1);
	assert_true(json_is_integer(json_object_get(choice, "index")));
	assert_int_equal(
	    json_integer_value(json_object_get(choice, "index")), 0);
	assert_true(json_is_null(json_object_get(choice, "logprobs")));
	assert_true(json_is_null(finish) || json_is_string(finish));
	return choice;
}

static void
check_usage(const json_t *value)
{
	assert_int_equal(
	    json_integer_value(json_object_get(value, "prompt_tokens")), 11);
	assert_int_equal(
	    json_integer_value(json_object_get(value, "completion_tokens")), 7);
	assert_int_equal(
	    json_integer_value(json_object_get(value, "total_tokens")), 18);
}

/* A stream's frames by the rules of a chunk; returns how many there were,
 * [DONE] not counted. */
static size_t
check_stream(const char *stream, enum ac_chunk_usage mode)
{
	size_t count = 0;
	json_t *frame;
	bool usage_came = false;

	while ((frame = next_frame(&stream)) != NULL) {
		const json_t *choices = json_object_get(frame, "choices");
		const json_t *value = json_object_get(frame, "usage");

		assert_false(usage_came);
		check_head(frame, "chat.completion.chunk");
		assert_true(json_is_array(choices));
		if (json_array_size(choices) > 0) {
			assert_true(json_is_object(
			    json_object_get(check_choice(frame), "delta")));
			assert_int_equal(
			    json_is_null(value), mode == AC_CHUNK_USAGE_LAST);
			assert_int_equal(
			    value == NULL, mode == AC_CHUNK_USAGE_NONE);
		} else {
			check_usage(value);
			usage_came = true;
		}
		json_decref(frame);
		count++;
	}
	assert_int_equal(usage_came, mode == AC_CHUNK_USAGE_LAST);
	assert_string_equal(stream, "");
	return count;
}

static void
every_frame_follows_the_reference(void **state)
{
	static const enum ac_chunk_usage modes[] = {
	    AC_CHUNK_USAGE_NONE, AC_CHUNK_USAGE_LAST};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(modes); i++) {
		struct ac_chunk_encoder encoder;
		struct evbuffer *out = evbuffer_new();
		char *stream;

		ac_chunk_encoder_init(&encoder, &head, modes[i]);
		add_whole_stream(&encoder, out);
		stream = take(out);
		assert_int_equal(check_stream(stream, modes[i]), 4 + i);
		free(stream);
		ac_chunk_encoder_clear(&encoder);
		evbuffer_free(out);
	}
}

static void
the_first_frame_names_the_role(void **state)
{
	struct ac_chunk_encoder encoder;
	struct evbuffer *out = evbuffer_new();
	char *stream;
	const char *at;
	json_t *frame;
	const json_t *delta;

	AC_UNUSED(state);
	ac_chunk_encoder_init(&encoder, &head, AC_CHUNK_USAGE_NONE);
	ac_chunk_add_role(&encoder, out);
	at = stream = take(out);
	frame = next_frame(&at);
	delta = json_object_get(check_choice(frame), "delta");
	assert_string_equal(string_at(delta, "role"), "assistant");
	assert_string_equal(string_at(delta, "content"), "");
	assert_true(json_is_null(json_object_get(delta, "refusal")));
	json_decref(frame);
	free(stream);
	ac_chunk_encoder_clear(&encoder);
	evbuffer_free(out);
}

static void
each_finish_has_its_word(void **state)
{
	static const char *const words[AC_FINISHES] = {
	    [AC_FINISH_STOP] = "stop",
	    [AC_FINISH_LENGTH] = "length",
	    [AC_FINISH_CONTENT_FILTER] = "content_filter",
	    [AC_FINISH_TOOL_CALLS] = "tool_calls",
	    [AC_FINISH_ERROR] = "stop",
	    [AC_FINISH_OTHER] = "stop",
	    [AC_FINISH_UNKNOWN] = "stop",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_FINISHES; i++) {
		struct ac_chunk_encoder encoder;
		struct evbuffer *out = evbuffer_new();
		char *stream;
		const char *at;
		json_t *frame;

		assert_string_equal(
		    ac_finish_name(AC_COMPLETION_CHAT, (enum ac_finish)i),
		    words[i]);
		ac_chunk_encoder_init(&encoder, &head, AC_CHUNK_USAGE_NONE);
		ac_chunk_add_finish(&encoder, out, (enum ac_finish)i);
		at = stream = take(out);
		frame = next_frame(&at);
		assert_string_equal(
		    string_at(check_choice(frame), "finish_reason"), words[i]);
		json_decref(frame);
		free(stream);
		ac_chunk_encoder_clear(&encoder);
		evbuffer_free(out);
	}
}

static const char *const odd_models[] = {"", "a/b:c@d", "say \"x\"",
    "back\\slash", "new\nline\r\ttab", "\x01\x1f\x7f", "data: [DONE]\n\n",
    "caf\xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\xa8", "\"},\"choices\":[]", "%s%n"};

static void
odd_model_names_arrive_in_frames(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(odd_models); i++) {
		struct ac_completion_head odd = head;
		struct ac_chunk_encoder encoder;
		struct evbuffer *out = evbuffer_new();
		char *stream;
		const char *at;
		json_t *frame;

		odd.model = odd_models[i];
		ac_chunk_encoder_init(&encoder, &odd, AC_CHUNK_USAGE_NONE);
		ac_chunk_add_text(&encoder, out, "x", 1);
		at = stream = take(out);
		frame = next_frame(&at);
		assert_string_equal(string_at(frame, "model"), odd_models[i]);
		assert_string_equal(at, "");
		json_decref(frame);
		free(stream);
		ac_chunk_encoder_clear(&encoder);
		evbuffer_free(out);
	}
}

/* The completion of what was added so far. */
static char *
finish(struct ac_completion *completion, const struct ac_completion_head *of)
{
	struct evbuffer *out = evbuffer_new();
	char *text;

	ac_completion_finish(completion, of, AC_FINISH_STOP, &usage, out);
	text = take(out);
	evbuffer_free(out);
	return text;
}

static void
odd_model_names_arrive_in_completions(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(odd_models); i++) {
		struct ac_completion_head odd = head;
		struct ac_completion completion;
		char *text;
		json_t *value;

		odd.model = odd_models[i];
		ac_completion_init(&completion, 10);
		text = finish(&completion, &odd);
		value = parse(text, strlen(text));
		assert_string_equal(string_at(value, "model"), odd_models[i]);
		json_decref(value);
		free(text);
		ac_completion_clear(&completion);
	}
}

static void
a_completion_has_these_bytes(void **state)
{
	struct ac_completion completion;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_completion_init(&completion, 100);
	assert_true(ac_completion_add_text(&completion, "Hel", 3));
	assert_true(ac_completion_add_text(&completion, "lo\\n\\\"", 6));
	evbuffer_add(out, ">", 1);
	ac_completion_finish(
	    &completion, &head, AC_FINISH_CONTENT_FILTER, &usage, out);
	expect_bytes(out,
	    ">{" HEAD(
		"chat.completion") "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
				   "\"content\":\"Hello\\n\\\"\",\"refusal\":null},"
				   "\"logprobs\":null,\"finish_reason\":\"content_filter\"}],"
				   "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,"
				   "\"total_tokens\":18}}");
	ac_completion_clear(&completion);
	evbuffer_free(out);
}

static void
a_completion_follows_the_reference(void **state)
{
	struct ac_completion completion;
	char *text;
	json_t *value;
	const json_t *choice, *message;

	AC_UNUSED(state);
	ac_completion_init(&completion, 100);
	assert_true(ac_completion_add_text(&completion, "a\\u0000b", 8));
	text = finish(&completion, &head);
	value = parse(text, strlen(text));
	check_head(value, "chat.completion");
	choice = check_choice(value);
	message = json_object_get(choice, "message");
	assert_string_equal(string_at(choice, "finish_reason"), "stop");
	assert_string_equal(string_at(message, "role"), "assistant");
	assert_int_equal(
	    json_string_length(json_object_get(message, "content")), 3);
	assert_true(json_is_null(json_object_get(message, "refusal")));
	assert_null(json_object_get(message, "tool_calls"));
	assert_null(json_object_get(message, "reasoning_content"));
	check_usage(json_object_get(value, "usage"));
	json_decref(value);
	free(text);
	ac_completion_clear(&completion);
}

static void
reasoning_stands_beside_the_content(void **state)
{
	struct ac_completion completion;
	char *text;
	json_t *value;
	const json_t *message;

	AC_UNUSED(state);
	ac_completion_init(&completion, 100);
	assert_true(ac_completion_add_reasoning(&completion, "h", 1));
	assert_true(ac_completion_add_text(&completion, "yes", 3));
	assert_true(ac_completion_add_reasoning(&completion, "m\\\"", 3));
	text = finish(&completion, &head);
	value = parse(text, strlen(text));
	message = json_object_get(check_choice(value), "message");
	assert_string_equal(string_at(message, "content"), "yes");
	assert_string_equal(string_at(message, "reasoning_content"), "hm\"");
	assert_true(json_is_null(json_object_get(message, "refusal")));
	json_decref(value);
	free(text);
	ac_completion_clear(&completion);
}

static void
a_completion_takes_max_len_and_not_a_byte_more(void **state)
{
	struct ac_completion completion;

	AC_UNUSED(state);
	ac_completion_init(&completion, 10);
	assert_true(ac_completion_add_text(&completion, "12345", 5));
	assert_false(ac_completion_add_text(&completion, "123456", 6));
	assert_false(ac_completion_add_reasoning(&completion, "123456", 6));
	assert_true(ac_completion_add_reasoning(&completion, "123", 3));
	assert_false(ac_completion_add_reasoning(&completion, "123", 3));
	assert_false(ac_completion_add_text(&completion, "123", 3));
	assert_true(ac_completion_add_text(&completion, "12", 2));
	assert_false(ac_completion_add_text(&completion, "1", 1));
	assert_false(ac_completion_add_reasoning(&completion, "1", 1));
	assert_true(ac_completion_add_text(&completion, "", 0));
	assert_int_equal(evbuffer_get_length(completion.content), 7);
	assert_int_equal(evbuffer_get_length(completion.reasoning), 3);
	ac_completion_clear(&completion);
	ac_completion_init(&completion, 3);
	assert_false(ac_completion_add_reasoning(&completion, "1234", 4));
	assert_true(ac_completion_add_reasoning(&completion, "123", 3));
	ac_completion_clear(&completion);
}

static void
finishing_empties_a_completion(void **state)
{
	struct ac_completion completion;
	char *first, *second, *third;

	AC_UNUSED(state);
	ac_completion_init(&completion, 3);
	first = finish(&completion, &head);
	assert_true(ac_completion_add_text(&completion, "abc", 3));
	second = finish(&completion, &head);
	assert_non_null(strstr(second, "\"content\":\"abc\""));
	assert_true(ac_completion_add_text(&completion, "def", 3));
	third = finish(&completion, &head);
	assert_non_null(strstr(third, "\"content\":\"def\""));
	free(first);
	free(second);
	free(third);
	ac_completion_clear(&completion);
	ac_completion_clear(&completion);
}

static void
a_text_that_was_reasoning_is_moved_or_dropped(void **state)
{
	struct ac_completion completion;
	char *text;

	AC_UNUSED(state);
	ac_completion_init(&completion, 5);
	ac_completion_move_text_to_reasoning(&completion);
	assert_null(completion.reasoning);
	assert_true(ac_completion_add_text(&completion, "ab", 2));
	ac_completion_move_text_to_reasoning(&completion);
	assert_true(ac_completion_add_text(&completion, "cd", 2));
	ac_completion_move_text_to_reasoning(&completion);
	/* It still counts. */
	assert_false(ac_completion_add_text(&completion, "ef", 2));
	assert_true(ac_completion_add_text(&completion, "e", 1));
	text = finish(&completion, &head);
	assert_non_null(
	    strstr(text, "\"content\":\"e\",\"reasoning_content\":\"abcd\","));
	free(text);
	/* What was dropped does not, and leaves no field behind. */
	assert_true(ac_completion_add_text(&completion, "abcde", 5));
	ac_completion_drop_text(&completion);
	assert_true(ac_completion_add_reasoning(&completion, "", 0));
	assert_true(ac_completion_add_text(&completion, "fghij", 5));
	text = finish(&completion, &head);
	assert_non_null(strstr(text, "\"content\":\"fghij\",\"refusal\":null"));
	free(text);
	ac_completion_clear(&completion);
}

static void
neither_a_comment_nor_an_empty_reasoning_is_an_event(void **state)
{
	struct ac_chunk_encoder encoder;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_chunk_encoder_init(&encoder, &head, AC_CHUNK_USAGE_NONE);
	ac_chunk_add_reasoning(&encoder, out, "", 0);
	ac_chunk_add_comment(out);
	expect_bytes(out, ": keep-alive\n\n");
	ac_chunk_encoder_clear(&encoder);
	evbuffer_free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_without_usage_have_these_bytes),
	    cmocka_unit_test(frames_with_usage_have_these_bytes),
	    cmocka_unit_test(every_frame_follows_the_reference),
	    cmocka_unit_test(the_first_frame_names_the_role),
	    cmocka_unit_test(each_finish_has_its_word),
	    cmocka_unit_test(odd_model_names_arrive_in_frames),
	    cmocka_unit_test(odd_model_names_arrive_in_completions),
	    cmocka_unit_test(a_completion_has_these_bytes),
	    cmocka_unit_test(a_completion_follows_the_reference),
	    cmocka_unit_test(reasoning_stands_beside_the_content),
	    cmocka_unit_test(a_completion_takes_max_len_and_not_a_byte_more),
	    cmocka_unit_test(finishing_empties_a_completion),
	    cmocka_unit_test(a_text_that_was_reasoning_is_moved_or_dropped),
	    cmocka_unit_test(
		neither_a_comment_nor_an_empty_reasoning_is_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
