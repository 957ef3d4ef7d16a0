/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the sender says is what arrives: random texts of several blocks that
 * overlap, cut into random deltas (also within surrogate pairs), written as
 * events in every form that the standards allow and cut into random reads.
 * The texts of the events, put one behind the other into one JSON string,
 * must parse to what a naive reference makes of the deltas.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "codec/uistream.h"
#include "support/random.h"
#include "support/unit.h"
#include "support/utf16.h"

enum { ROUNDS = 8000, MAX_DELTAS = 20, MAX_PIECE = 12, BLOCKS = 5 };

/* Memory that is written like a file. */
struct memory {
	FILE *out;
	char *data;
	size_t len;
};

static void
open_memory(struct memory *memory)
{
	*memory = (struct memory){0};
	memory->out = open_memstream(&memory->data, &memory->len);
	assert_non_null(memory->out);
}

static void
close_memory(struct memory *memory)
{
	fclose(memory->out);
	memory->out = NULL;
}

static const struct block {
	const char *name;
	const char *id; /* in JSON */
	enum ac_event_type type;
} blocks[BLOCKS] = {
    {"text", "\"0\"", AC_EVENT_TEXT},
    {"text", "\"\"", AC_EVENT_TEXT},
    {"text", "\"txt-\\u00e9\"", AC_EVENT_TEXT},
    {"reasoning", "\"0\"", AC_EVENT_REASONING},
    {"reasoning", "\"reasoning-0\"", AC_EVENT_REASONING},
};

/* What was sent, and the units since another block's delta: halves join
 * within such a run only. */
struct sender {
	struct random random;
	struct memory body;
	struct memory texts[2]; /* of TEXT and of REASONING, in UTF-8 */
	const struct block *last;
	uint16_t run[MAX_DELTAS * MAX_PIECE];
	size_t run_len;
	const char *line_end;
};

/* What arrived: JSON strings without their last quote. */
struct receiver {
	struct memory literals[2];
	size_t decoded_len[2];
	bool ended;
};

static size_t
index_of(enum ac_event_type type)
{
	return type == AC_EVENT_TEXT ? 0 : 1;
}

static void
receive(const struct ac_event *event, void *arg)
{
	struct receiver *receiver = arg;
	size_t i = index_of(event->type);

	assert_int_not_equal(event->type, AC_EVENT_ERROR);
	receiver->ended = event->type == AC_EVENT_END;
	if (event->type != AC_EVENT_TEXT && event->type != AC_EVENT_REASONING)
		return;
	assert_true(event->literal_len > 0);
	receiver->decoded_len[i] += event->text_len;
	fwrite(
	    event->literal, 1, event->literal_len, receiver->literals[i].out);
}

static bool
by_chance(struct sender *sender)
{
	return random_below(&sender->random, 4) == 0;
}

static void
end_line(struct sender *sender)
{
	fputs(sender->line_end, sender->body.out);
}

/* White space between two tokens; a new line of data is one too. */
static void
write_space(struct sender *sender)
{
	if (!by_chance(sender))
		return;
	if (!by_chance(sender)) {
		fputc(by_chance(sender) ? '\t' : ' ', sender->body.out);
		return;
	}
	end_line(sender);
	if (by_chance(sender)) {
		fputs(": between", sender->body.out);
		end_line(sender);
	}
	fputs(by_chance(sender) ? "data:" : "data: ", sender->body.out);
}

static void
write_token(struct sender *sender, const char *token)
{
	write_space(sender);
	fputs(token, sender->body.out);
}

static void
begin_data(struct sender *sender)
{
	static const char *const ends[] = {"\n", "\r\n", "\r"};

	/* A stream is mostly of one kind, as a server writes it. */
	if (random_below(&sender->random, 20) == 0)
		sender->line_end = ends[random_below(&sender->random, 3)];
	if (by_chance(sender)) {
		fputs("event: message", sender->body.out);
		end_line(sender);
	}
	fputs(by_chance(sender) ? "data:" : "data: ", sender->body.out);
}

static void
end_event(struct sender *sender)
{
	end_line(sender);
	end_line(sender);
}

static void
write_noise(struct sender *sender)
{
	static const char *const noise[] = {
	    ": keep-alive",
	    "",
	    "id: 7",
	    "data: {\"type\":\"data-x\",\"data\":[\"\\ud83d\"]}",
	    "data: {\"type\":\"unheard-of\",\"delta\":\"a\"}",
	    "data: {\"type\":\"message-metadata\",\"messageMetadata\":{}}",
	    "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"\"}",
	    "data: {\"type\":\"reasoning-delta\",\"id\":\"0\",\"delta\":\"\"}",
	};

	if (!by_chance(sender))
		return;
	fputs(noise[random_below(&sender->random, AC_LENGTH(noise))],
	    sender->body.out);
	end_event(sender);
}

static void
write_member(struct sender *sender, const char *name)
{
	write_token(sender, name);
	write_token(sender, ":");
	write_space(sender);
}

static void
write_delta(struct sender *sender, const struct block *block,
    const uint16_t *units, size_t len)
{
	size_t first = random_below(&sender->random, 4);

	begin_data(sender);
	write_token(sender, "{");
	for (size_t i = first; i < first + 4; i++) {
		if (i > first)
			write_token(sender, ",");
		switch (i % 4) {
		case 0:
			write_member(sender, "\"type\"");
			fprintf(sender->body.out, "\"%s-delta\"", block->name);
			break;
		case 1:
			write_member(sender,
			    by_chance(sender) ? "\"\\u0069d\"" : "\"id\"");
			fputs(block->id, sender->body.out);
			break;
		case 2:
			write_member(sender, "\"delta\"");
			fputc('"', sender->body.out);
			utf16_write_literal(
			    &sender->random, sender->body.out, units, len);
			fputc('"', sender->body.out);
			break;
		default:
			write_member(sender, "\"providerMetadata\"");
			fputs(by_chance(sender) ? "{\"p\":{\"delta\":\"}\"}}"
						: "\"none\"",
			    sender->body.out);
		}
	}
	write_token(sender, "}");
	end_event(sender);
}

/* The reference: a run's halves belong together. */
static void
end_run(struct sender *sender)
{
	if (sender->run_len > 0)
		utf16_write_utf8(
		    sender->texts[index_of(sender->last->type)].out,
		    sender->run, sender->run_len);
	sender->run_len = 0;
}

static void
change_block(struct sender *sender)
{
	const struct block *next =
	    &blocks[random_below(&sender->random, BLOCKS)];

	if (next != sender->last)
		end_run(sender);
	sender->last = next;
}

static void
write_body(struct sender *sender)
{
	size_t count = random_below(&sender->random, MAX_DELTAS + 1);

	for (size_t i = 0; i < BLOCKS; i++)
		fprintf(sender->body.out,
		    "data: {\"type\":\"%s-start\",\"id\":%s}\n\n",
		    blocks[i].name, blocks[i].id);
	for (size_t i = 0; i < count; i++) {
		size_t len = 1 + random_below(&sender->random, MAX_PIECE);
		uint16_t *units;

		if (sender->last == NULL || by_chance(sender))
			change_block(sender);
		units = sender->run + sender->run_len;
		utf16_fill(&sender->random, units, len);
		sender->run_len += len;
		write_delta(sender, sender->last, units, len);
		write_noise(sender);
	}
	end_run(sender);
	fputs("data: {\"type\":\"finish\"}\n\ndata: [DONE]\n\n",
	    sender->body.out);
}

static void
feed_in_pieces(
    struct random *random, struct ac_uistream *decoder, struct memory *body)
{
	size_t most = 1 + random_below(random, 60);
	size_t at = 0;

	while (at < body->len) {
		size_t piece = 1 + random_below(random, most);
		char *copy;

		if (piece > body->len - at)
			piece = body->len - at;
		copy = ac_memdup(body->data + at, piece);
		ac_uistream_feed(decoder, copy, piece);
		free(copy);
		at += piece;
	}
	ac_uistream_end(decoder);
}

static void
expect_text(
    const struct receiver *receiver, const struct sender *sender, size_t i)
{
	const struct memory *text = &sender->texts[i];
	json_t *value = json_loadb(receiver->literals[i].data,
	    receiver->literals[i].len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(value);
	assert_int_equal(json_string_length(value), text->len);
	assert_memory_equal(json_string_value(value), text->data, text->len);
	assert_int_equal(receiver->decoded_len[i], text->len);
	json_decref(value);
}

static void
send_and_receive(struct sender *sender)
{
	struct receiver receiver = {0};
	struct ac_uistream decoder;

	sender->last = NULL;
	sender->line_end = "\n";
	open_memory(&sender->body);
	for (size_t i = 0; i < 2; i++) {
		open_memory(&sender->texts[i]);
		open_memory(&receiver.literals[i]);
		fputc('"', receiver.literals[i].out);
	}
	write_body(sender);
	close_memory(&sender->body);
	ac_uistream_init(&decoder, receive, &receiver);
	feed_in_pieces(&sender->random, &decoder, &sender->body);
	ac_uistream_clear(&decoder);
	assert_true(receiver.ended);
	for (size_t i = 0; i < 2; i++) {
		fputc('"', receiver.literals[i].out);
		close_memory(&sender->texts[i]);
		close_memory(&receiver.literals[i]);
		expect_text(&receiver, sender, i);
		free(sender->texts[i].data);
		free(receiver.literals[i].data);
	}
	free(sender->body.data);
}

static void
random_texts_of_overlapping_blocks_arrive_as_they_were_sent(void **state)
{
	struct sender sender = {.random = {.state = 19690720}};

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS; i++)
		send_and_receive(&sender);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		random_texts_of_overlapping_blocks_arrive_as_they_were_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
