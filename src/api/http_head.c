/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Strict checking of a request's head (RFC 9112): see http_head.h. Where the
 * standard lets a server choose between leniency and a refusal, this
 * refuses: what two implementations read differently is what smuggles.
 */
#include "api/http_head.h"

#include <string.h>

#include <event2/util.h>

enum { LENGTH_DIGITS_MAX = 18 };

/* A piece of the head. */
struct slice {
	const char *data;
	size_t len;
};

/* What is gathered while the lines are read. */
struct head {
	struct slice method;
	bool is_http_1_0;
	unsigned hosts;
	unsigned lengths;
	unsigned encodings;
	struct ac_framing *framing;
	struct ac_error *error;
};

static bool check_request_line(struct head *, struct slice line);
static bool check_header(struct head *, struct slice line);
static bool check_known_header(
    struct head *, struct slice name, struct slice value);
static bool check_whole(const struct head *);

static bool
refuse(struct ac_error *error, const char *why)
{
	ac_error_set(error, AC_ERROR_BAD_HTTP,
	    "The request is not proper HTTP: %s.", why);
	return false;
}

static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_token_char(s.data[i]))
			return false;
	}
	return s.len > 0;
}

static bool
equals(struct slice s, const char *text)
{
	return s.len == strlen(text) &&
	       evutil_ascii_strncasecmp(s.data, text, s.len) == 0;
}

/* Takes the next line off the head; false where it does not end in CR LF or
 * holds either elsewhere. */
static bool
take_line(struct slice *head, struct slice *line)
{
	const char *end = memchr(head->data, '\n', head->len);
	size_t len = end == NULL ? 0 : (size_t)(end - head->data);

	if (len == 0 || head->data[len - 1] != '\r' ||
	    memchr(head->data, '\r', len - 1) != NULL)
		return false;
	*line = (struct slice){head->data, len - 1};
	head->data += len + 1;
	head->len -= len + 1;
	return true;
}

bool
ac_http_head_check(const char *data, size_t len, struct ac_framing *framing,
    struct ac_error *error)
{
	struct head head = {.framing = framing, .error = error};
	struct slice rest = {data, len};
	struct slice line;

	*framing = (struct ac_framing){.is_chunked = false};
	if (!take_line(&rest, &line))
		return refuse(error, "a line does not end with CR LF");
	if (!check_request_line(&head, line))
		return false;
	for (;;) {
		if (!take_line(&rest, &line))
			return refuse(error, "a line does not end with CR LF");
		if (line.len == 0)
			return check_whole(&head);
		if (!check_header(&head, line))
			return false;
	}
}

static bool
is_target(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	}
	return s.len > 0;
}

/* method SP target SP version, with one space each. */
static bool
check_request_line(struct head *head, struct slice line)
{
	const char *first = memchr(line.data, ' ', line.len);
	const char *last = memrchr(line.data, ' ', line.len);
	const char *end = line.data + line.len;
	struct slice target, version;

	if (first == NULL || first == last)
		return refuse(head->error, "its first line is not a request "
					   "line");
	head->method = (struct slice){line.data, (size_t)(first - line.data)};
	target = (struct slice){first + 1, (size_t)(last - first - 1)};
	version = (struct slice){last + 1, (size_t)(end - last - 1)};
	if (!is_token(head->method))
		return refuse(head->error, "its method is not a word");
	if (!is_target(target))
		return refuse(head->error,
		    "its target holds characters that must be escaped");
	head->is_http_1_0 =
	    version.len == 8 && memcmp(version.data, "HTTP/1.0", 8) == 0;
	if (!head->is_http_1_0 &&
	    (version.len != 8 || memcmp(version.data, "HTTP/1.1", 8) != 0))
		return refuse(head->error,
		    "its version is neither HTTP/1.1 nor HTTP/1.0");
	return true;
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 &&
	       (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool
check_header(struct head *head, struct slice line)
{
	const char *colon = memchr(line.data, ':', line.len);
	struct slice name, value;

	if (line.data[0] == ' ' || line.data[0] == '\t')
		return refuse(head->error, "a header is folded");
	if (colon == NULL)
		return refuse(head->error, "a header has no colon");
	name = (struct slice){line.data, (size_t)(colon - line.data)};
	value = (struct slice){colon + 1, line.len - name.len - 1};
	if (!is_token(name))
		return refuse(head->error, "a header's name is not a word");
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(
			    head->error, "a header holds a control character");
	}
	return check_known_header(head, name, trim(value));
}

static bool
check_length(struct head *head, struct slice value)
{
	uint64_t length = 0;

	if (++head->lengths > 1)
		return refuse(head->error, "it names its length twice");
	if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
		return refuse(head->error, "its Content-Length is no number");
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return refuse(
			    head->error, "its Content-Length is no number");
		length = length * 10 + (uint64_t)(value.data[i] - '0');
	}
	head->framing->content_length = length;
	return true;
}

static bool
check_host(struct head *head, struct slice value)
{
	static const char marks[] = "-._~!$&'()*+,;=:[]%";

	if (++head->hosts > 1)
		return refuse(head->error, "it names its host twice");
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr(marks, c) != NULL))
			return refuse(head->error, "its Host is no host");
	}
	return true;
}

/* Whether a comma-separated list has "close" in it; evhttp looks at the
 * whole value only. */
static bool
lists_close(struct slice list)
{
	while (list.len > 0) {
		const char *comma = memchr(list.data, ',', list.len);
		size_t len =
		    comma == NULL ? list.len : (size_t)(comma - list.data);

		if (equals(trim((struct slice){list.data, len}), "close"))
			return true;
		if (comma == NULL)
			return false;
		list.data += len + 1;
		list.len -= len + 1;
	}
	return false;
}

static bool
check_known_header(struct head *head, struct slice name, struct slice value)
{
	if (equals(name, "Host"))
		return check_host(head, value);
	if (equals(name, "Content-Length"))
		return check_length(head, value);
	if (equals(name, "Transfer-Encoding")) {
		if (++head->encodings > 1 || !equals(value, "chunked"))
			return refuse(head->error,
			    "its Transfer-Encoding is not chunked and nothing "
			    "else");
		head->framing->is_chunked = true;
	} else if (equals(name, "Connection")) {
		if (lists_close(value))
			head->framing->wants_close = true;
	} else if (equals(name, "Origin")) {
		head->framing->origin = value.data;
		head->framing->origin_len = value.len;
	} else if (equals(name, "Expect") && !equals(value, "100-continue")) {
		ac_error_set(head->error, AC_ERROR_EXPECTATION,
		    "Of all expectations only 100-continue is met.");
		return false;
	}
	return true;
}

/* The methods whose body evhttp reads; behind any other, a body would be
 * taken for the next request. */
static bool
may_have_body(struct slice method)
{
	static const char *const methods[] = {
	    "POST", "PUT", "PATCH", "GET", "DELETE", "OPTIONS", "CONNECT"};

	for (size_t i = 0; i < AC_LENGTH(methods); i++) {
		if (method.len == strlen(methods[i]) &&
		    memcmp(method.data, methods[i], method.len) == 0)
			return true;
	}
	return false;
}

static bool
check_whole(const struct head *head)
{
	const struct ac_framing *framing = head->framing;

	if (head->hosts == 0 && !head->is_http_1_0)
		return refuse(head->error, "it has no Host");
	if (head->encodings > 0 && head->lengths > 0)
		return refuse(head->error,
		    "it has both a Content-Length and a Transfer-Encoding");
	if (head->encodings > 0 && head->is_http_1_0)
		return refuse(head->error, "HTTP/1.0 has no Transfer-Encoding");
	if ((framing->is_chunked || framing->content_length > 0) &&
	    !may_have_body(head->method))
		return refuse(head->error, "its method has no body");
	return true;
}
