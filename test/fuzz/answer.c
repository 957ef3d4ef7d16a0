/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Strict reading of answers: see answer.h. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

enum { BODY_MAX = 64 * 1024 * 1024 };

struct head {
	size_t len;
	int64_t length; /* -1: none */
	bool chunked;
};

static json_t *
parse(const char *data, size_t len)
{
	json_t *json = json_loadb(data, len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);

	FUZZ_CHECK(json != NULL);
	return json;
}

/* A header's line, without its end. */
static void
read_header(
    struct answer *answer, struct head *head, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name_len;
	char *value;

	FUZZ_CHECK(colon != NULL && colon > line && colon[1] == ' ');
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK((line[i] >= ' ' && line[i] != 0x7f) || line[i] < 0);
	name_len = (size_t)(colon - line);
	value = strndup(colon + 2, len - name_len - 2);
	if (name_len == 14 && strncasecmp(line, "Content-Length", 14) == 0) {
		FUZZ_CHECK(head->length == -1 && !head->chunked);
		FUZZ_CHECK(*value != '\0' &&
			   value[strspn(value, "0123456789")] == '\0');
		head->length = strtoll(value, NULL, 10);
	} else if (name_len == 17 &&
		   strncasecmp(line, "Transfer-Encoding", 17) == 0) {
		FUZZ_CHECK(head->length == -1 && !head->chunked);
		FUZZ_CHECK(strcmp(value, "chunked") == 0);
		head->chunked = true;
	} else if (name_len == 12 &&
		   strncasecmp(line, "Content-Type", 12) == 0) {
		FUZZ_CHECK(*answer->type == '\0');
		snprintf(answer->type, sizeof(answer->type), "%.*s",
		    (int)strcspn(value, ";"), value);
	} else if (name_len == 10 && strncasecmp(line, "Connection", 10) == 0) {
		answer->closes = strcasecmp(value, "close") == 0;
	}
	free(value);
}

/* False: it is not whole. */
static bool
read_head(
    struct answer *answer, struct head *head, const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);
	const char *line, *next;

	*head = (struct head){.length = -1};
	if (end == NULL)
		return false;
	head->len = (size_t)(end - data) + 4;
	FUZZ_CHECK(head->len > 13 && memcmp(data, "HTTP/1.", 7) == 0);
	FUZZ_CHECK((data[7] == '0' || data[7] == '1') && data[8] == ' ');
	answer->status = (int)strtol(data + 9, NULL, 10);
	FUZZ_CHECK(answer->status >= 100 && answer->status <= 599);
	line = (const char *)memmem(data, head->len, "\r\n", 2) + 2;
	for (; line < end; line = next + 2) {
		next =
		    memmem(line, head->len - (size_t)(line - data), "\r\n", 2);
		read_header(answer, head, line, (size_t)(next - line));
	}
	return true;
}

/* Returns the chunked body's length on the wire, as much as there is of it. */
static size_t
read_chunks(struct answer *answer, const char *data, size_t len)
{
	size_t at = 0;

	for (;;) {
		const char *line = data + at;
		const char *end = memmem(line, len - at, "\r\n", 2);
		size_t size, digits;

		if (end == NULL)
			return len;
		digits = strspn(line, "0123456789abcdefABCDEF");
		FUZZ_CHECK(digits > 0 && line + digits == end);
		size = strtoul(line, NULL, 16);
		at += digits + 2;
		if (len - at < size + 2) {
			FUZZ_CHECK(ac_buf_add(&answer->body, data + at,
			    len - at < size ? len - at : size));
			return len;
		}
		FUZZ_CHECK(ac_buf_add(&answer->body, data + at, size));
		FUZZ_CHECK(memcmp(data + at + size, "\r\n", 2) == 0);
		at += size + 2;
		if (size == 0) {
			answer->is_whole = true;
			return at;
		}
	}
}

static size_t
read_body(struct answer *answer, const struct head *head, const char *data,
    size_t len, bool ended)
{
	size_t used = len;

	answer->ends_itself = head->chunked || head->length >= 0;
	if (head->chunked)
		return read_chunks(answer, data, len);
	if (head->length >= 0 && (size_t)head->length <= len) {
		answer->is_whole = true;
		used = (size_t)head->length;
	} else if (head->length < 0) {
		answer->is_whole = ended;
	}
	FUZZ_CHECK(ac_buf_add(&answer->body, data, used));
	return used;
}

size_t
answer_read(struct answer *answer, const char *data, size_t len, bool ended,
    enum answer_method method)
{
	size_t at = 0;
	struct head head;

	do {
		*answer = (struct answer){.status = 0};
		if (at == len || !read_head(answer, &head, data + at, len - at))
			return 0;
		at += head.len;
	} while (answer->status < 200);
	ac_buf_init(&answer->body, BODY_MAX);
	if (answer->status == 204 || method == ANSWER_TO_HEAD) {
		answer->is_whole = answer->ends_itself = true;
		return at;
	}
	return at + read_body(answer, &head, data + at, len - at, ended);
}

void
answer_clear(struct answer *answer)
{
	ac_buf_clear(&answer->body);
}

/* /ready has words of its own. */
static void
check_error(const json_t *json)
{
	const json_t *error = json_object_get(json, "error");
	const json_t *code = json_object_get(error, "code");
	const json_t *param = json_object_get(error, "param");

	if (error == NULL) {
		FUZZ_CHECK(json_is_string(json_object_get(json, "status")));
		return;
	}
	FUZZ_CHECK(json_is_string(json_object_get(error, "message")));
	FUZZ_CHECK(json_is_string(json_object_get(error, "type")));
	FUZZ_CHECK(json_is_string(code) || json_is_null(code));
	FUZZ_CHECK(json_is_string(param) || json_is_null(param));
}

/* The data of the next event of a stream, comments skipped; false at its
 * end. */
static bool
next_frame(const char **at, size_t *left, const char **data, size_t *len)
{
	while (*left > 0) {
		const char *end = memmem(*at, *left, "\n\n", 2);
		bool is_comment;

		FUZZ_CHECK(end != NULL);
		*data = *at;
		*len = (size_t)(end - *at);
		*at += *len + 2;
		*left -= *len + 2;
		is_comment = *len > 0 && **data == ':';
		FUZZ_CHECK(memchr(*data, '\n', *len) == NULL);
		if (is_comment)
			continue;
		FUZZ_CHECK(*len > 6 && memcmp(*data, "data: ", 6) == 0);
		*data += 6;
		*len -= 6;
		return true;
	}
	return false;
}

static bool
is_done(const char *data, size_t len)
{
	return len == 6 && memcmp(data, "[DONE]", 6) == 0;
}

static void
check_stream(const char *at, size_t left)
{
	const char *data;
	size_t len, frames = 0;
	bool is_over = false;

	for (; next_frame(&at, &left, &data, &len); frames++) {
		json_t *json;

		FUZZ_CHECK(!is_over);
		if (is_done(data, len)) {
			is_over = true;
			continue;
		}
		json = parse(data, len);
		if (json_object_get(json, "error") != NULL) {
			is_over = true;
			check_error(json);
		} else {
			FUZZ_CHECK(
			    json_is_array(json_object_get(json, "choices")));
		}
		json_decref(json);
	}
	FUZZ_CHECK(is_over && frames > 0);
}

void
answer_check(const struct answer *answer)
{
	json_t *json;

	if (strcmp(answer->type, "text/event-stream") == 0) {
		check_stream(answer->body.data, answer->body.len);
		return;
	}
	FUZZ_CHECK(answer->status < 400 ||
		   strcmp(answer->type, "application/json") == 0);
	if (strcmp(answer->type, "application/json") != 0)
		return;
	json = parse(answer->body.data, answer->body.len);
	if (answer->status >= 400)
		check_error(json);
	json_decref(json);
}

static void
add_string(struct ac_buf *text, const json_t *string)
{
	if (string == NULL)
		return;
	FUZZ_CHECK(ac_buf_add(
	    text, json_string_value(string), json_string_length(string)));
}

static void
add_choices(struct ac_buf *text, const char *data, size_t len)
{
	json_t *json = parse(data, len);
	const json_t *choice =
	    json_array_get(json_object_get(json, "choices"), 0);
	const json_t *said = json_object_get(choice, "delta");

	if (said == NULL)
		said = json_object_get(choice, "message");
	add_string(text, json_object_get(said, "reasoning_content"));
	add_string(text, json_object_get(said, "content"));
	add_string(text, json_object_get(choice, "text"));
	add_string(text, json_object_get(choice, "finish_reason"));
	if (json_object_get(json, "error") != NULL)
		FUZZ_CHECK(ac_buf_add(text, "!", 1));
	json_decref(json);
}

struct ac_buf
answer_text(const struct answer *answer)
{
	struct ac_buf text;
	const char *at = answer->body.data, *data;
	size_t left = answer->body.len, len;

	ac_buf_init(&text, BODY_MAX);
	if (strcmp(answer->type, "application/json") == 0) {
		add_choices(&text, at, left);
		return text;
	}
	while (next_frame(&at, &left, &data, &len)) {
		if (!is_done(data, len))
			add_choices(&text, data, len);
	}
	return text;
}
