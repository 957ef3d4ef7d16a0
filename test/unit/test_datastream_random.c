/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the sender says is what arrives: random texts, cut into random lines
 * (also within surrogate pairs) and the lines into random reads. The texts
 * of the events, put one behind the other into one JSON string, must parse
 * to the text that was sent.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "codec/datastream.h"
#include "support/random.h"
#include "support/unit.h"
#include "support/utf16.h"

enum { ROUNDS = 20000, MAX_UNITS = 60, MAX_PIECE = 12 };

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

/* What arrived: a JSON string without its last quote. */
struct receiver {
	struct memory literals;
	size_t decoded_len;
	enum ac_event_type type; /* of the texts that count */
	bool ended;
};

static void
receive(const struct ac_event *event, void *arg)
{
	struct receiver *receiver = arg;

	assert_int_not_equal(event->type, AC_EVENT_ERROR);
	receiver->ended = event->type == AC_EVENT_END;
	if (event->type != receiver->type)
		return;
	assert_true(event->literal_len > 0);
	receiver->decoded_len += event->text_len;
	fwrite(event->literal, 1, event->literal_len, receiver->literals.out);
}

/* Lines that say nothing about the text. */
static void
write_noise(struct random *random, FILE *body)
{
	static const char *const noise[] = {
	    "\n", "z:{}\n", "2:[1]\n", "0:\"\"\n", "g:\"\"\n", "8:[]\n"};

	if (random_below(random, 3) == 0)
		fputs(noise[random_below(random, AC_LENGTH(noise))], body);
}

static void
write_body(struct random *random, FILE *body, char code, const uint16_t *units,
    size_t len)
{
	while (len > 0) {
		size_t piece = 1 + random_below(random, MAX_PIECE);

		if (piece > len)
			piece = len;
		fprintf(body, "%c:\"", code);
		utf16_write_literal(random, body, units, piece);
		fputs("\"\n", body);
		write_noise(random, body);
		units += piece;
		len -= piece;
	}
	fputs("d:{\"finishReason\":\"stop\"}\n", body);
}

static void
feed_in_pieces(
    struct random *random, struct ac_datastream *decoder, struct memory *body)
{
	size_t most = 1 + random_below(random, 40);
	size_t at = 0;

	while (at < body->len) {
		size_t piece = 1 + random_below(random, most);
		char *copy;

		if (piece > body->len - at)
			piece = body->len - at;
		copy = ac_memdup(body->data + at, piece);
		ac_datastream_feed(decoder, copy, piece);
		free(copy);
		at += piece;
	}
	ac_datastream_end(decoder);
}

static void
expect_text(const struct receiver *receiver, const struct memory *text)
{
	json_t *value = json_loadb(receiver->literals.data,
	    receiver->literals.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(value);
	assert_int_equal(json_string_length(value), text->len);
	assert_memory_equal(json_string_value(value), text->data, text->len);
	assert_int_equal(receiver->decoded_len, text->len);
	json_decref(value);
}

static void
send_and_receive(struct random *random, char code, enum ac_event_type type)
{
	uint16_t units[MAX_UNITS];
	size_t len = random_below(random, MAX_UNITS + 1);
	struct receiver receiver = {.type = type};
	struct ac_datastream decoder;
	struct memory body, text;

	open_memory(&body);
	open_memory(&text);
	open_memory(&receiver.literals);
	fputc('"', receiver.literals.out);
	utf16_fill(random, units, len);
	utf16_write_utf8(text.out, units, len);
	write_body(random, body.out, code, units, len);
	close_memory(&body);
	close_memory(&text);
	ac_datastream_init(&decoder, receive, &receiver);
	feed_in_pieces(random, &decoder, &body);
	ac_datastream_clear(&decoder);
	fputc('"', receiver.literals.out);
	close_memory(&receiver.literals);
	assert_true(receiver.ended);
	expect_text(&receiver, &text);
	free(body.data);
	free(text.data);
	free(receiver.literals.data);
}

static void
random_texts_arrive_as_they_were_sent(void **state)
{
	struct random random = {.state = 19680624};

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS; i++)
		send_and_receive(&random, '0', AC_EVENT_TEXT);
}

static void
random_reasonings_arrive_as_they_were_sent(void **state)
{
	struct random random = {.state = 42};

	AC_UNUSED(state);
	for (size_t i = 0; i < ROUNDS / 10; i++)
		send_and_receive(&random, 'g', AC_EVENT_REASONING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_texts_arrive_as_they_were_sent),
	    cmocka_unit_test(random_reasonings_arrive_as_they_were_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
