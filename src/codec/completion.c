/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The encoders of both kinds of completions: see completion.h. */
#include "codec/completion.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/decimal.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const finish_names[] = {
    [AC_FINISH_STOP] = "stop",
    [AC_FINISH_LENGTH] = "length",
    [AC_FINISH_CONTENT_FILTER] = "content_filter",
    [AC_FINISH_TOOL_CALLS] = "tool_calls",
    [AC_FINISH_ERROR] = "stop",
    [AC_FINISH_OTHER] = "stop",
    [AC_FINISH_UNKNOWN] = "stop",
};
static_assert(AC_LENGTH(finish_names) == AC_FINISHES, "a name for each");

/* What the forms differ in: the literals go between these. */
struct form {
	const char *chunk;     /* a frame's "object" … */
	const char *text;      /* … and its choice before a text … */
	const char *reasoning; /* … or before a reasoning, if it has that … */
	const char *end;       /* … and behind either … */
	const char *finish;    /* … or its choice up to the finish */
	const char *whole;     /* a whole answer's "object" … */
	const char *content;   /* … and its choice before the text … */
	const char *thinking;  /* … between that and the reasoning, … */
	const char *whole_end; /* … and behind them, up to the finish */
};

static const struct form forms[] = {
    [AC_COMPLETION_CHAT] =
	{
	    .chunk = "chat.completion.chunk",
	    .text = "{\"index\":0,\"delta\":{\"content\":\"",
	    .reasoning = "{\"index\":0,\"delta\":{\"reasoning_content\":\"",
	    .end = "\"},\"logprobs\":null,\"finish_reason\":null}",
	    .finish = "{\"index\":0,\"delta\":{},\"logprobs\":null,"
		      "\"finish_reason\":",
	    .whole = "chat.completion",
	    .content = "{\"index\":0,\"message\":{\"role\":\"assistant\","
		       "\"content\":\"",
	    .thinking = "\",\"reasoning_content\":\"",
	    .whole_end = "\",\"refusal\":null},\"logprobs\":null,"
			 "\"finish_reason\":",
	},
    [AC_COMPLETION_TEXT] =
	{
	    .chunk = "text_completion",
	    .text = "{\"text\":\"",
	    .end = "\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}",
	    .finish = "{\"text\":\"\",\"index\":0,\"logprobs\":null,"
		      "\"finish_reason\":",
	    .whole = "text_completion",
	    .content = "{\"text\":\"",
	    .whole_end = "\",\"index\":0,\"logprobs\":null,"
			 "\"finish_reason\":",
	},
};
static_assert(AC_LENGTH(forms) == AC_COMPLETION_FORMS, "each is described");

const char *
ac_finish_name(enum ac_completion_form form, enum ac_finish finish)
{
	if (form == AC_COMPLETION_TEXT && finish == AC_FINISH_TOOL_CALLS)
		finish = AC_FINISH_STOP;
	return finish_names[finish];
}

static void
add_number(struct evbuffer *out, int64_t number)
{
	char digits[AC_DECIMAL_SIZE];

	ac_text_add(out, digits, ac_decimal(digits, number));
}

/* "id":…,"object":…,"created":…,"model":… */
static void
add_head(struct evbuffer *out, const struct ac_completion_head *head,
    const char *object)
{
	ac_text_add_string(out, "\"id\":\"");
	ac_text_add_string(out, head->id);
	ac_text_add_string(out, "\",\"object\":\"");
	ac_text_add_string(out, object);
	ac_text_add_string(out, "\",\"created\":");
	add_number(out, head->created);
	ac_text_add_string(out, ",\"model\":\"");
	ac_json_add_escaped(out, head->model, strlen(head->model));
	ac_text_add_string(out, "\"");
}

/* A choice's finish, up to its end. */
static void
add_finish(struct evbuffer *out, const char *before,
    enum ac_completion_form form, enum ac_finish finish)
{
	ac_text_add_string(out, before);
	ac_text_add_string(out, "\"");
	ac_text_add_string(out, ac_finish_name(form, finish));
	ac_text_add_string(out, "\"}");
}

static void
add_usage(struct evbuffer *out, const struct ac_usage *usage)
{
	ac_text_add_string(out, "{\"prompt_tokens\":");
	add_number(out, usage->prompt_tokens);
	ac_text_add_string(out, ",\"completion_tokens\":");
	add_number(out, usage->completion_tokens);
	ac_text_add_string(out, ",\"total_tokens\":");
	add_number(out, usage->prompt_tokens + usage->completion_tokens);
	ac_text_add_string(out, "}");
}

void
ac_chunk_encoder_init(struct ac_chunk_encoder *encoder,
    const struct ac_completion_head *head, enum ac_chunk_usage usage)
{
	struct evbuffer *text = ac_text_new();

	ac_text_add_string(text, "data: {");
	add_head(text, head, forms[head->form].chunk);
	ac_text_add_string(text, ",\"choices\":[");
	encoder->form = head->form;
	encoder->usage = usage;
	encoder->head_len = evbuffer_get_length(text);
	encoder->head = ac_malloc(encoder->head_len);
	evbuffer_remove(text, encoder->head, encoder->head_len);
	evbuffer_free(text);
}

void
ac_chunk_encoder_clear(struct ac_chunk_encoder *encoder)
{
	free(encoder->head);
	encoder->head = NULL;
}

/* What stands behind the choices of every frame but the usage frame. */
static void
end_frame(struct ac_chunk_encoder *encoder, struct evbuffer *out)
{
	ac_text_add_string(out, encoder->usage == AC_CHUNK_USAGE_LAST
				    ? "],\"usage\":null}\n\n"
				    : "]}\n\n");
}

/* One frame with a literal between begin and the end of a choice. */
static void
add_literal(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const char *begin, const char *literal, size_t len)
{
	ac_text_add(out, encoder->head, encoder->head_len);
	ac_text_add_string(out, begin);
	ac_text_add(out, literal, len);
	ac_text_add_string(out, forms[encoder->form].end);
	end_frame(encoder, out);
}

void
ac_chunk_add_role(struct ac_chunk_encoder *encoder, struct evbuffer *out)
{
	if (encoder->form == AC_COMPLETION_TEXT)
		return;
	ac_text_add(out, encoder->head, encoder->head_len);
	ac_text_add_string(out,
	    "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
	    "\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}");
	end_frame(encoder, out);
}

void
ac_chunk_add_text(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const char *literal, size_t len)
{
	add_literal(encoder, out, forms[encoder->form].text, literal, len);
}

void
ac_chunk_add_reasoning(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const char *literal, size_t len)
{
	const char *begin = forms[encoder->form].reasoning;

	if (begin != NULL && len > 0)
		add_literal(encoder, out, begin, literal, len);
}

void
ac_chunk_add_finish(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    enum ac_finish finish)
{
	ac_text_add(out, encoder->head, encoder->head_len);
	add_finish(out, forms[encoder->form].finish, encoder->form, finish);
	end_frame(encoder, out);
}

void
ac_chunk_add_usage(struct ac_chunk_encoder *encoder, struct evbuffer *out,
    const struct ac_usage *usage)
{
	if (encoder->usage == AC_CHUNK_USAGE_NONE)
		return;
	ac_text_add(out, encoder->head, encoder->head_len);
	ac_text_add_string(out, "],\"usage\":");
	add_usage(out, usage);
	ac_text_add_string(out, "}\n\n");
}

void
ac_chunk_add_done(struct evbuffer *out)
{
	ac_text_add_string(out, "data: [DONE]\n\n");
}

void
ac_chunk_add_comment(struct evbuffer *out)
{
	ac_text_add_string(out, ": keep-alive\n\n");
}

void
ac_completion_init(struct ac_completion *completion, size_t max_len)
{
	*completion = (struct ac_completion){
	    .content = ac_text_new(),
	    .max_len = max_len,
	};
}

void
ac_completion_clear(struct ac_completion *completion)
{
	if (completion->content != NULL)
		evbuffer_free(completion->content);
	if (completion->reasoning != NULL)
		evbuffer_free(completion->reasoning);
	completion->content = completion->reasoning = NULL;
}

static bool
has_room(const struct ac_completion *completion, size_t len)
{
	size_t used = evbuffer_get_length(completion->content);

	if (completion->reasoning != NULL)
		used += evbuffer_get_length(completion->reasoning);
	return len <= completion->max_len - used;
}

bool
ac_completion_add_text(
    struct ac_completion *completion, const char *literal, size_t len)
{
	if (!has_room(completion, len))
		return false;
	ac_text_add(completion->content, literal, len);
	return true;
}

bool
ac_completion_add_reasoning(
    struct ac_completion *completion, const char *literal, size_t len)
{
	if (!has_room(completion, len))
		return false;
	if (len == 0)
		return true; /* not even an empty field comes of it */
	if (completion->reasoning == NULL)
		completion->reasoning = ac_text_new();
	ac_text_add(completion->reasoning, literal, len);
	return true;
}

void
ac_completion_move_text_to_reasoning(struct ac_completion *completion)
{
	if (evbuffer_get_length(completion->content) == 0)
		return;
	if (completion->reasoning == NULL)
		completion->reasoning = ac_text_new();
	evbuffer_add_buffer(completion->reasoning, completion->content);
}

void
ac_completion_drop_text(struct ac_completion *completion)
{
	evbuffer_drain(
	    completion->content, evbuffer_get_length(completion->content));
}

void
ac_completion_finish(struct ac_completion *completion,
    const struct ac_completion_head *head, enum ac_finish finish,
    const struct ac_usage *usage, struct evbuffer *out)
{
	const struct form *form = &forms[head->form];

	ac_text_add_string(out, "{");
	add_head(out, head, form->whole);
	ac_text_add_string(out, ",\"choices\":[");
	ac_text_add_string(out, form->content);
	evbuffer_add_buffer(out, completion->content);
	if (completion->reasoning != NULL && form->thinking != NULL) {
		ac_text_add_string(out, form->thinking);
		evbuffer_add_buffer(out, completion->reasoning);
	}
	if (completion->reasoning != NULL)
		evbuffer_free(completion->reasoning);
	completion->reasoning = NULL;
	add_finish(out, form->whole_end, head->form, finish);
	ac_text_add_string(out, "],\"usage\":");
	add_usage(out, usage);
	ac_text_add_string(out, "}");
}
