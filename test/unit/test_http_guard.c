/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The guard at the door: what it lets through, what it refuses and with
 * which status, and that it never matters where the bytes are cut.
 */
#include "api/http_guard.h"

#include <stdlib.h>
#include <string.h>

#include "api/error_reply.h"
#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

#define HOST "Host: x\r\n"
#define POST "POST /v1/chat/completions HTTP/1.1\r\n" HOST

enum { BODY_MAX = 100 };

/* status 0: the request passes, and rest bytes are left behind it. */
static const struct {
	const char *name;
	const char *data;
	size_t len; /* 0: up to the NUL */
	int status;
	size_t rest;
} cases[] = {
    {"plain get", "GET / HTTP/1.1\r\n" HOST "\r\n", 0, 0, 0},
    {"http 1.0 without a host", "GET / HTTP/1.0\r\n\r\n", 0, 0, 0},
    {"absolute target", "GET http://x/v1 HTTP/1.1\r\n" HOST "\r\n", 0, 0, 0},
    {"body", POST "Content-Length: 2\r\n\r\n{}", 0, 0, 0},
    {"empty body", POST "Content-Length: 0\r\n\r\n", 0, 0, 0},
    {"body of the largest size, one request behind it",
	POST "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n", 0, 0, 16},
    {"chunks",
	POST "Transfer-Encoding: chunked\r\n\r\n"
	     "2\r\n{}\r\n0A\r\n0123456789\r\n0\r\n\r\nnext",
	0, 0, 4},
    {"chunked in capitals, with spaces",
	POST "Transfer-Encoding:   CHUNKED \t\r\n\r\n0\r\n\r\n", 0, 0, 0},
    {"tab and high bytes in a value",
	"GET / HTTP/1.1\r\n" HOST "X: a\tb\xc3\xa9\r\n\r\n", 0, 0, 0},
    {"expect continue", POST "Expect: 100-Continue\r\n\r\n", 0, 0, 0},
    {"unknown method without a body", "BREW / HTTP/1.1\r\n" HOST "\r\n", 0, 0,
	0},
    {"ipv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, 0, 0},

    {"tls handshake", "\x16\x03\x01", 0, 400, 0},
    {"leading line end", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0},
    {"lower-case method", "get / HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0},
    {"no request line", "GARBAGE\r\n\r\n", 0, 400, 0},
    {"method of two letters", "GO / HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0},
    {"method of one letter", "G /v1 HTTP/1.1\r\n" HOST "\r\n", 0, 0, 0},
    {"no version", "GET /\r\n\r\n", 0, 400, 0},
    {"http 1.7", "GET / HTTP/1.7\r\n" HOST "\r\n", 0, 400, 0},
    {"http 2.0", "PRI * HTTP/2.0\r\n\r\n", 0, 400, 0},
    {"negative version", "GET / HTTP/-1.1\r\n" HOST "\r\n", 0, 400, 0},
    {"space in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 0, 400, 0},
    {"control byte in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 0, 400,
	0},
    {"raw utf-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 0,
	400, 0},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 0, 400, 0},
    {"two hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 0, 400, 0},
    {"space in the host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 0, 400, 0},
    {"two lengths", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 0,
	400, 0},
    {"list of lengths", POST "Content-Length: 2, 2\r\n\r\n{}", 0, 400, 0},
    {"signed length", POST "Content-Length: +2\r\n\r\n{}", 0, 400, 0},
    {"negative length", POST "Content-Length: -2\r\n\r\n{}", 0, 400, 0},
    {"hexadecimal length", POST "Content-Length: 0x2\r\n\r\n{}", 0, 400, 0},
    {"length without a number", POST "Content-Length:\r\n\r\n", 0, 400, 0},
    {"length that overflows",
	POST "Content-Length: 18446744073709551617\r\n\r\n", 0, 400, 0},
    {"length and chunks",
	POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400,
	0},
    {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 400,
	0},
    {"gzip alone", POST "Transfer-Encoding: gzip\r\n\r\n", 0, 400, 0},
    {"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 0, 400, 0},
    {"chunked twice",
	POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
	     "\r\n",
	0, 400, 0},
    {"chunks in http 1.0",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400, 0},
    {"space before the colon", POST "Content-Length : 2\r\n\r\n{}", 0, 400, 0},
    {"empty name", "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 0, 400, 0},
    {"no colon", "GET / HTTP/1.1\r\n" HOST "abc\r\n\r\n", 0, 400, 0},
    {"folded header", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 0, 400,
	0},
    {"folded first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 0, 400, 0},
    {"nul in a value", "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 35, 400,
	0},
    {"bare carriage return", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 0,
	400, 0},
    {"bare line feeds", "GET / HTTP/1.1\nHost: x\n\n", 0, 400, 0},
    {"head with a body", "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n",
	0, 400, 0},
    {"trace with chunks",
	"TRACE / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 0,
	400, 0},
    {"unknown method with a body",
	"BREW / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", 0, 400, 0},
    {"chunk size with 0x",
	POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 0, 400,
	0},
    {"chunk size with a sign",
	POST "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n", 0, 400,
	0},
    {"chunk extension",
	POST "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 0,
	400, 0},
    {"chunk size without digits", POST "Transfer-Encoding: chunked\r\n\r\n\r\n",
	0, 400, 0},
    {"something behind a chunk",
	POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n", 0, 400,
	0},
    {"bare line feed behind a chunk's size",
	POST "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 0, 400, 0},
    {"trailer", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 0,
	400, 0},
    {"chunk size that overflows",
	POST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 0, 413,
	0},
    {"body too large", POST "Content-Length: 101\r\n\r\n", 0, 413, 0},
    {"chunks too large together",
	POST "Transfer-Encoding: chunked\r\n\r\n"
	     "2\r\n{}\r\n63\r\n",
	0, 413, 0},
    {"other expectation", POST "Expect: banana\r\n\r\n", 0, 417, 0},
};

static size_t
case_len(size_t i)
{
	return cases[i].len != 0 ? cases[i].len : strlen(cases[i].data);
}

/* Feeds len bytes in pieces; returns how many were taken. */
static size_t
feed(struct ac_guard *guard, const char *data, size_t len, size_t piece)
{
	size_t used = 0;

	while (used < len) {
		size_t give = len - used < piece ? len - used : piece;
		size_t taken = ac_guard_feed(guard, data + used, give);

		used += taken;
		if (taken < give)
			break;
	}
	return used;
}

static void
check(size_t i, struct ac_guard *guard, size_t used)
{
	if (cases[i].status != 0) {
		if (guard->state != AC_GUARD_REFUSED ||
		    ac_error_status(guard->error->code) != cases[i].status)
			fail_msg("%s: state %d, status %d", cases[i].name,
			    (int)guard->state,
			    ac_error_status(guard->error->code));
		assert_int_not_equal(strlen(guard->error->message), 0);
		return;
	}
	if (guard->state != AC_GUARD_DONE)
		fail_msg("%s: state %d, %s", cases[i].name, (int)guard->state,
		    guard->error->message);
	assert_int_equal(case_len(i) - used, cases[i].rest);
}

static void
each_case_whole_and_byte_by_byte(void **state)
{
	static const size_t pieces[] = {100000, 1, 2, 3, 7};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		for (size_t p = 0; p < AC_LENGTH(pieces); p++) {
			struct ac_guard guard;
			size_t used;

			ac_guard_init(&guard, BODY_MAX);
			used =
			    feed(&guard, cases[i].data, case_len(i), pieces[p]);
			check(i, &guard, used);
			ac_guard_clear(&guard);
		}
	}
}

static void
each_case_cut_in_two_at_every_offset(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		for (size_t cut = 1; cut < case_len(i); cut++) {
			struct ac_guard guard;
			size_t used;

			ac_guard_init(&guard, BODY_MAX);
			used = ac_guard_feed(&guard, cases[i].data, cut);
			if (used == cut)
				used += ac_guard_feed(&guard,
				    cases[i].data + cut, case_len(i) - cut);
			check(i, &guard, used);
			ac_guard_clear(&guard);
		}
	}
}

/* A head of a line of line_len and headers up to head_len bytes in all. */
static char *
make_head(size_t line_len, size_t head_len)
{
	static const char begin[] = "GET /";
	static const char version[] = " HTTP/1.1\r\n";
	static const char host[] = HOST "X: ";
	char *head = ac_malloc(head_len + 1);
	size_t at;

	memset(head, 'a', head_len);
	memcpy(head, begin, sizeof(begin) - 1);
	at = line_len - (sizeof(version) - 1);
	memcpy(head + at, version, sizeof(version) - 1);
	at += sizeof(version) - 1;
	memcpy(head + at, host, sizeof(host) - 1);
	memcpy(head + head_len - 4, "\r\n\r\n", 4);
	head[head_len] = '\0';
	return head;
}

static int
status_of_head(size_t line_len, size_t head_len, size_t piece)
{
	char *head = make_head(line_len, head_len);
	struct ac_guard guard;
	int status;

	ac_guard_init(&guard, BODY_MAX);
	feed(&guard, head, head_len, piece);
	status = guard.state == AC_GUARD_DONE
		     ? 0
		     : ac_error_status(guard.error->code);
	ac_guard_clear(&guard);
	free(head);
	return status;
}

static void
long_lines_and_heads_have_their_own_statuses(void **state)
{
	static const size_t pieces[] = {100000, 1, 1000};

	AC_UNUSED(state);
	for (size_t p = 0; p < AC_LENGTH(pieces); p++) {
		size_t piece = pieces[p];

		assert_int_equal(
		    status_of_head(AC_GUARD_LINE_MAX, AC_GUARD_HEAD_MAX, piece),
		    0);
		assert_int_equal(status_of_head(AC_GUARD_LINE_MAX + 1,
				     AC_GUARD_HEAD_MAX, piece),
		    414);
		assert_int_equal(
		    status_of_head(100, AC_GUARD_HEAD_MAX + 1, piece), 431);
	}
}

static void
reset_makes_ready_for_the_next_request(void **state)
{
	static const char two[] = POST "Connection: keep-alive, Close\r\n"
				       "Content-Length: 2\r\n\r\n{}"
				       "GET / HTTP/1.1\r\n" HOST "\r\n";
	struct ac_guard guard;
	size_t used;

	AC_UNUSED(state);
	ac_guard_init(&guard, BODY_MAX);
	used = ac_guard_feed(&guard, two, sizeof(two) - 1);
	assert_int_equal(guard.state, AC_GUARD_DONE);
	assert_true(guard.head.wants_close);
	assert_int_equal(ac_guard_feed(&guard, two, 1), 0);
	ac_guard_reset(&guard);
	assert_int_equal(guard.state, AC_GUARD_IDLE);
	used += ac_guard_feed(&guard, two + used, sizeof(two) - 1 - used);
	assert_int_equal(guard.state, AC_GUARD_DONE);
	assert_false(guard.head.wants_close);
	assert_int_equal(used, sizeof(two) - 1);
	ac_guard_clear(&guard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case_whole_and_byte_by_byte),
	    cmocka_unit_test(each_case_cut_in_two_at_every_offset),
	    cmocka_unit_test(long_lines_and_heads_have_their_own_statuses),
	    cmocka_unit_test(reset_makes_ready_for_the_next_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
