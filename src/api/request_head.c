/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Strict checking of a request's head (RFC 9112): see request_head.h. Where the
 * standard lets a server choose between leniency and a refusal, this
 * refuses: what two implementations read differently is what smuggles.
 */
#include "api/request_head.h"

#include <stdlib.h>
#include <string.h>

#include <event2/http.h>
#include <event2/util.h>

#include "base/mem.h"

enum { LENGTH_DIGITS_MAX = 18 };

/* A piece of the head. */
struct slice {
	const char *data;
	size_t len;
};

static bool read_request_line(
    struct ac_request_head *, struct slice line, struct ac_error *);
static bool read_header(
    struct ac_request_head *, struct slice line, struct ac_error *);
static bool read_known_header(struct ac_request_head *, struct slice name,
    struct slice value, struct ac_error *);
static bool check_whole(const struct ac_request_head *, struct ac_error *);

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

void
ac_request_head_clear(struct ac_request_head *head)
{
	free(head->origin);
	free(head->request_id);
	*head = (struct ac_request_head){.has_request_line = false};
}

enum ac_head_line
ac_request_head_read(struct ac_request_head *head, const char *data, size_t len,
    struct ac_error *error)
{
	struct slice line = {data, len};

	if (!head->has_request_line) {
		head->has_request_line = true;
		return read_request_line(head, line, error) ? AC_HEAD_MORE
							    : AC_HEAD_BAD;
	}
	if (len > 0)
		return read_header(head, line, error) ? AC_HEAD_MORE
						      : AC_HEAD_BAD;
	return check_whole(head, error) ? AC_HEAD_WHOLE : AC_HEAD_BAD;
}

/* The methods whose body evhttp reads; behind any other, a body would be
 * taken for the next request. */
static bool
may_have_body(struct slice method)
{
	static const char *const methods[] = {
	    "POST", "PUT", "PATCH", "GET", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < AC_LENGTH(methods); i++) {
		if (method.len == strlen(methods[i]) &&
		    memcmp(method.data, methods[i], method.len) == 0)
			return true;
	}
	return false;
}

/* A path, "*", or a whole URL as proxies are asked for. What libevent could
 * not take apart it would answer itself. */
static bool
is_target(struct slice s)
{
	struct evhttp_uri *uri;
	char *copy;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	}
	if (s.len > 0 && s.data[0] == '/' && (s.len == 1 || s.data[1] != '/'))
		return true;
	copy = ac_memdup(s.data, s.len);
	uri = evhttp_uri_parse_with_flags(copy, EVHTTP_URI_NONCONFORMANT);
	free(copy);
	if (uri != NULL)
		evhttp_uri_free(uri);
	return s.len > 0 && uri != NULL;
}

/* method SP target SP version, with one space each. */
static bool
read_request_line(
    struct ac_request_head *head, struct slice line, struct ac_error *error)
{
	const char *first = memchr(line.data, ' ', line.len);
	const char *last = memrchr(line.data, ' ', line.len);
	const char *end = line.data + line.len;
	struct slice method, target, version;

	/* evhttp answers a shorter one itself. */
	if (line.len < strlen("GET / HTTP/1.0"))
		return refuse(error, "its first line is too short");
	if (first == NULL || first == last)
		return refuse(error, "its first line is not a request "
				     "line");
	method = (struct slice){line.data, (size_t)(first - line.data)};
	target = (struct slice){first + 1, (size_t)(last - first - 1)};
	version = (struct slice){last + 1, (size_t)(end - last - 1)};
	if (!is_token(method))
		return refuse(error, "its method is not a word");
	head->may_have_body = may_have_body(method);
	if (equals(method, "CONNECT")) {
		ac_error_set(error, AC_ERROR_METHOD_NOT_ALLOWED,
		    "This server is no proxy.");
		return false;
	}
	if (!is_target(target))
		return refuse(error, "its target is not one");
	head->is_http_1_0 =
	    version.len == 8 && memcmp(version.data, "HTTP/1.0", 8) == 0;
	if (!head->is_http_1_0 &&
	    (version.len != 8 || memcmp(version.data, "HTTP/1.1", 8) != 0))
		return refuse(
		    error, "its version is neither HTTP/1.1 nor HTTP/1.0");
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
read_header(
    struct ac_request_head *head, struct slice line, struct ac_error *error)
{
	const char *colon = memchr(line.data, ':', line.len);
	struct slice name, value;

	if (line.data[0] == ' ' || line.data[0] == '\t')
		return refuse(error, "a header is folded");
	if (colon == NULL)
		return refuse(error, "a header has no colon");
	name = (struct slice){line.data, (size_t)(colon - line.data)};
	value = (struct slice){colon + 1, line.len - name.len - 1};
	if (!is_token(name))
		return refuse(error, "a header's name is not a word");
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(
			    error, "a header holds a control character");
	}
	return read_known_header(head, name, trim(value), error);
}

static bool
read_length(
    struct ac_request_head *head, struct slice value, struct ac_error *error)
{
	uint64_t length = 0;

	if (++head->lengths > 1)
		return refuse(error, "it names its length twice");
	if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
		return refuse(error, "its Content-Length is no number");
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return refuse(error, "its Content-Length is no number");
		length = length * 10 + (uint64_t)(value.data[i] - '0');
	}
	head->content_length = length;
	return true;
}

static bool
read_host(
    struct ac_request_head *head, struct slice value, struct ac_error *error)
{
	static const char marks[] = "-._~!$&'()*+,;=:[]%";

	if (++head->hosts > 1)
		return refuse(error, "it names its host twice");
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr(marks, c) != NULL))
			return refuse(error, "its Host is no host");
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

/* The last header of a name counts. */
static void
keep(char **kept, struct slice value)
{
	free(*kept);
	*kept = ac_memdup(value.data, value.len);
}

static bool
read_known_header(struct ac_request_head *head, struct slice name,
    struct slice value, struct ac_error *error)
{
	if (equals(name, "Host"))
		return read_host(head, value, error);
	if (equals(name, "Content-Length"))
		return read_length(head, value, error);
	if (equals(name, "Transfer-Encoding")) {
		if (++head->encodings > 1 || !equals(value, "chunked"))
			return refuse(error,
			    "its Transfer-Encoding is not chunked and nothing "
			    "else");
		head->is_chunked = true;
	} else if (equals(name, "Connection")) {
		if (lists_close(value))
			head->wants_close = true;
	} else if (equals(name, "X-Request-Id")) {
		keep(&head->request_id, value);
	} else if (equals(name, "Origin")) {
		keep(&head->origin, value);
	} else if (equals(name, "Expect") && !equals(value, "100-continue")) {
		ac_error_set(error, AC_ERROR_EXPECTATION,
		    "Of all expectations only 100-continue is met.");
		return false;
	}
	return true;
}

static bool
check_whole(const struct ac_request_head *head, struct ac_error *error)
{
	if (head->hosts == 0 && !head->is_http_1_0)
		return refuse(error, "it has no Host");
	if (head->encodings > 0 && head->lengths > 0)
		return refuse(error,
		    "it has both a Content-Length and a Transfer-Encoding");
	if (head->encodings > 0 && head->is_http_1_0)
		return refuse(error, "HTTP/1.0 has no Transfer-Encoding");
	if ((head->is_chunked || head->content_length > 0) &&
	    !head->may_have_body)
		return refuse(error, "its method has no body");
	return true;
}
