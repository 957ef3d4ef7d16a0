/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The encoders in the form of the older completions: their exact bytes, by
 * the schema CreateCompletionResponse of OpenAI's API reference.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "codec/completion.h"
#include "support/unit.h"

#define TEXT_HEAD                                                       \
	"\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":" \
	"1700000000,\"model\":\"m\",\"choices\":["
#define TEXT_CHUNK "data: {" TEXT_HEAD

static const struct ac_completion_head text_head = {
    .id = "cmpl-1",
    .model = "m",
    .created = 1700000000,
    .form = AC_COMPLETION_TEXT,
};

static const struct ac_usage usage = {11, 7};
static const char text_literal[] = "caf\xc3\xa9 \\\"q\\\" \\u0000";

/* The buffer's contents; it is empty afterwards. */
static void
expect_bytes(struct evbuffer *out, const char *expected)
{
	size_t len = evbuffer_get_length(out);
	char *text = ac_malloc(len + 1);

	evbuffer_remove(out, text, len);
	text[len] = '\0';
	assert_string_equal(text, expected);
	free(text);
}

/* What a handler calls for either form; the form leaves out what it has no
 * place for. */
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
text_frames_have_these_bytes(void **state)
{
	struct ac_chunk_encoder encoder;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_chunk_encoder_init(&encoder, &text_head, AC_CHUNK_USAGE_NONE);
	add_whole_stream(&encoder, out);
	ac_chunk_encoder_clear(&encoder);
	expect_bytes(out, TEXT_CHUNK
	    "{\"text\":\"caf\xc3\xa9 \\\"q\\\" \\u0000\",\"index\":0,"
	    "\"logprobs\":null,\"finish_reason\":null}]}\n\n" TEXT_CHUNK
	    "{\"text\":\"\",\"index\":0,\"logprobs\":null,"
	    "\"finish_reason\":\"length\"}]}\n\n"
	    "data: [DONE]\n\n");
	ac_chunk_encoder_init(&encoder, &text_head, AC_CHUNK_USAGE_LAST);
	add_whole_stream(&encoder, out);
	ac_chunk_encoder_clear(&encoder);
	expect_bytes(out, TEXT_CHUNK
	    "{\"text\":\"caf\xc3\xa9 \\\"q\\\" \\u0000\",\"index\":0,"
	    "\"logprobs\":null,\"finish_reason\":null}],"
	    "\"usage\":null}\n\n" TEXT_CHUNK
	    "{\"text\":\"\",\"index\":0,\"logprobs\":null,"
	    "\"finish_reason\":\"length\"}],\"usage\":null}\n\n" TEXT_CHUNK
	    "],\"usage\":{\"prompt_tokens\":11,"
	    "\"completion_tokens\":7,\"total_tokens\":18}}\n\n"
	    "data: [DONE]\n\n");
	evbuffer_free(out);
}

static void
a_text_completion_has_these_bytes(void **state)
{
	struct ac_completion completion;
	struct evbuffer *out = evbuffer_new();

	AC_UNUSED(state);
	ac_completion_init(&completion, 100);
	assert_true(ac_completion_add_reasoning(&completion, "hm", 2));
	assert_true(ac_completion_add_text(&completion, "a\\n", 3));
	/* tool_calls is no word of this form. */
	ac_completion_finish(
	    &completion, &text_head, AC_FINISH_TOOL_CALLS, &usage, out);
	assert_null(completion.reasoning);
	expect_bytes(out,
	    "{" TEXT_HEAD "{\"text\":\"a\\n\",\"index\":0,\"logprobs\":null,"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":11,"
	    "\"completion_tokens\":7,\"total_tokens\":18}}");
	ac_completion_clear(&completion);
	evbuffer_free(out);
}

static void
each_finish_has_a_word_of_the_schema(void **state)
{
	static const char *const words[AC_FINISHES] = {
	    [AC_FINISH_STOP] = "stop",
	    [AC_FINISH_LENGTH] = "length",
	    [AC_FINISH_CONTENT_FILTER] = "content_filter",
	    [AC_FINISH_TOOL_CALLS] = "stop",
	    [AC_FINISH_ERROR] = "stop",
	    [AC_FINISH_OTHER] = "stop",
	    [AC_FINISH_UNKNOWN] = "stop",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_FINISHES; i++)
		assert_string_equal(
		    ac_finish_name(AC_COMPLETION_TEXT, (enum ac_finish)i),
		    words[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_frames_have_these_bytes),
	    cmocka_unit_test(a_text_completion_has_these_bytes),
	    cmocka_unit_test(each_finish_has_a_word_of_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
