/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The answers: see demo_text.h. An answer is put together of
 *
 *	[thoughts] [greeting] [sum] what this is, what was asked [remark]
 *
 * in one of two languages. The user's text is walked through character by
 * character, so nothing is ever cut within one.
 */
#include "demo/demo_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "demo/demo_models.h"
#include "demo/demo_prompt.h"
#include "demo/demo_sum.h"

enum {
	MAX_QUOTE = 160,    /* characters of the user's message */
	MAX_MODEL = 100,    /* characters of the model's id */
	MAX_PIECE = 64,     /* bytes of a word, about */
	MAX_CHAR_BYTES = 4, /* UTF-8 */
	FIRST_WIDE = 0x2e80 /* Chinese, and what is as wide */
};

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char ellipsis[] = "…";

static const char *const english_greetings[] = {
    "hello", "hi", "hey", "good morning", "good afternoon", "good evening"};

static const char *const chinese_greetings[] = {
    "你好", "您好", "嗨", "早上好", "下午好", "晚上好", "大家好"};

/* What goes into an answer; strings are short and without NULs. */
struct words {
	const struct ac_demo_prompt *prompt;
	const char *text;  /* the user's, whole */
	const char *quote; /* the same for quoting; empty if it is blank */
	const char *model;
	const char *sum; /* empty: none */
};

static char *make_quote(const char *text, size_t len, size_t max_chars);
static size_t add_char(char *out, size_t *used, const char *text, size_t len);
static size_t decode(const char *s, size_t len, uint32_t *c);
static char *speak(const struct words *words);
static bool has_chinese(const char *text, size_t len);
static void speak_english(FILE *out, const struct words *words);
static void speak_chinese(FILE *out, const struct words *words);
static bool greets_in_english(const char *text);
static bool greets_in_chinese(const char *text);
static bool thinks(const struct ac_demo_prompt *prompt);
static bool paints(const struct ac_demo_prompt *prompt);

char *
ac_demo_text_make(const struct ac_demo_prompt *prompt)
{
	const char *text = prompt->text == NULL ? "" : prompt->text;
	char *quote = make_quote(text, prompt->text_len, MAX_QUOTE);
	const char *speaker =
	    paints(prompt) ? AC_DEMO_DEFAULT_MODEL : prompt->model;
	char *model = make_quote(speaker, strlen(speaker), MAX_MODEL);
	char sum[160];
	struct words words = {
	    .prompt = prompt,
	    .text = text,
	    .quote = quote,
	    .model = model,
	    .sum = ac_demo_sum_find(text, sum, sizeof(sum)) ? sum : "",
	};
	char *answer = speak(&words);

	free(quote);
	free(model);
	return answer;
}

/* A text without the blanks around it, on one line, and no longer than
 * max_chars; the caller frees it. */
static char *
make_quote(const char *text, size_t len, size_t max_chars)
{
	char *quote = ac_malloc(max_chars * MAX_CHAR_BYTES + sizeof(ellipsis));
	size_t used = 0;

	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	for (size_t chars = 0; len > 0 && chars < max_chars; chars++) {
		size_t n = add_char(quote + used, &used, text, len);

		text += n;
		len -= n;
	}
	if (len > 0)
		memcpy(quote + used, ellipsis, sizeof(ellipsis));
	else
		quote[used] = '\0';
	return quote;
}

/* Writes the first character of text, or what stands for it, to out and adds
 * its bytes to *used. Returns how many of text it took. */
static size_t
add_char(char *out, size_t *used, const char *text, size_t len)
{
	uint32_t c;
	size_t n = decode(text, len, &c);

	if (c < 0x20 || c == 0x7f) {
		*out = ' ';
		*used += 1;
	} else if (c == 0xfffd) {
		memcpy(out, replacement, sizeof(replacement) - 1);
		*used += sizeof(replacement) - 1;
	} else {
		memcpy(out, text, n);
		*used += n;
	}
	return n;
}

/* The first character of s (len bytes, at least 1) and its length. A byte
 * that begins none is U+FFFD. */
static size_t
decode(const char *s, size_t len, uint32_t *c)
{
	size_t n = ac_utf8_decode(s, len, c);

	if (n > 0)
		return n;
	*c = 0xfffd;
	return 1;
}

static char *
speak(const struct words *words)
{
	char *answer = NULL;
	size_t len;
	FILE *out = open_memstream(&answer, &len);

	if (out == NULL)
		ac_out_of_memory();
	if (has_chinese(words->text, words->prompt->text_len))
		speak_chinese(out, words);
	else
		speak_english(out, words);
	if (fclose(out) != 0)
		ac_out_of_memory();
	return answer;
}

static bool
has_chinese(const char *text, size_t len)
{
	uint32_t c;

	for (size_t i = 0; i < len;) {
		i += decode(text + i, len - i, &c);
		if ((c >= 0x3400 && c <= 0x9fff) ||
		    (c >= 0xf900 && c <= 0xfaff) ||
		    (c >= 0x20000 && c <= 0x3ffff))
			return true;
	}
	return false;
}

static void
speak_english(FILE *out, const struct words *words)
{
	const struct ac_demo_prompt *prompt = words->prompt;

	if (thinks(prompt))
		fputs("<think>\nSomebody writes to a simulation. There is no "
		      "model here, so I say so and keep it short.\n"
		      "</think>\n\n",
		    out);
	if (greets_in_english(words->text))
		fputs("Hello, nice to meet you! ", out);
	if (*words->sum != '\0')
		fprintf(out, "%s.\n\n", words->sum);
	fputs("This is the simulated Akash Chat inside akashchat-api: no "
	      "model has thought about this answer.\n\n",
	    out);
	if (*words->quote != '\0')
		fprintf(out, "You asked %s and wrote: “%s”. ", words->model,
		    words->quote);
	else
		fprintf(out, "You asked %s and wrote nothing. ", words->model);
	fprintf(out,
	    "The conversation has %zu message%s and %s system prompt. ",
	    prompt->messages, prompt->messages == 1 ? "" : "s",
	    prompt->has_system ? "a" : "no");
	if (prompt->attachments > 0)
		fputs("The demo does not look at attachments. ", out);
	fputs(
	    "Start the program without --demo to talk to the real site.", out);
}

static void
speak_chinese(FILE *out, const struct words *words)
{
	const struct ac_demo_prompt *prompt = words->prompt;

	if (thinks(prompt))
		fputs("<think>\n有人在和模拟程序说话。这里没有模型，"
		      "我就如实说明，简短一些。\n</think>\n\n",
		    out);
	if (greets_in_chinese(words->text))
		fputs("你好，很高兴见到你！", out);
	if (*words->sum != '\0')
		fprintf(out, "%s。\n\n", words->sum);
	fputs("这里是 akashchat-api 内置的模拟 Akash Chat，"
	      "没有任何模型参与这个回答。\n\n",
	    out);
	fprintf(
	    out, "你选择的模型是 %s，你说：“%s”。", words->model, words->quote);
	fprintf(out, "这次对话共有 %zu 条消息，%s系统提示词。",
	    prompt->messages, prompt->has_system ? "带有" : "没有");
	if (prompt->attachments > 0)
		fputs("演示模式不会查看附件。", out);
	fputs("去掉 --demo 重新启动，就能连接真正的网站。", out);
}

static bool
greets_in_english(const char *text)
{
	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < AC_LENGTH(english_greetings); i++) {
		size_t len = strlen(english_greetings[i]);

		if (strncasecmp(text, english_greetings[i], len) == 0 &&
		    !isalnum((unsigned char)text[len]))
			return true;
	}
	return false;
}

static bool
greets_in_chinese(const char *text)
{
	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < AC_LENGTH(chinese_greetings); i++) {
		if (strncmp(text, chinese_greetings[i],
			strlen(chinese_greetings[i])) == 0)
			return true;
	}
	return false;
}

static bool
thinks(const struct ac_demo_prompt *prompt)
{
	return strstr(prompt->model, "R1") != NULL;
}

/* The painter does not speak: the app asks another model in its place. */
static bool
paints(const struct ac_demo_prompt *prompt)
{
	return strcmp(prompt->model, AC_DEMO_IMAGE_MODEL) == 0;
}

size_t
ac_demo_text_piece(const char *text)
{
	size_t len = strlen(text);
	size_t used = strspn(text, " \n");
	size_t n;
	uint32_t c;

	if (used == len)
		return used;
	used += decode(text + used, len - used, &c);
	while (c < FIRST_WIDE && used < len && used < MAX_PIECE) {
		n = decode(text + used, len - used, &c);
		if (text[used] == ' ' || text[used] == '\n' || c >= FIRST_WIDE)
			break;
		used += n;
	}
	return used;
}
