# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests that proxies and servers are known to read differently.

A case is what a client sends on one connection. Behind it NEXT is sent, a
proper request; most cases hold EVIL too, which only those who take the end of
the request for elsewhere see as a request. Each request names itself in its
path and in X-Request-Id: first, evil, next.
"""
import itertools
import random

# Stands for a case's number, of as many characters.
MARK = b"@@@@"

# How the program, asked directly, treats what a case and NEXT are together.
OPEN = "open"        # reads the next request, or waits for the rest
REFUSED = "refused"  # 4xx, and the end of the connection
ANY = "any"          # nothing is said

HOST = b"Host: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"


def line(what, method=b"GET", version=b"HTTP/1.1"):
    return b"%s /%s/%s %s\r\n" % (method, MARK, what, version)


def named(what):
    return b"X-Request-Id: %s-%s\r\n" % (MARK, what)


def head(headers=b"", method=b"POST", version=b"HTTP/1.1", host=HOST):
    """The first request's head."""
    return (line(b"first", method, version) + named(b"first") + host +
            headers + b"\r\n")


EVIL = line(b"evil") + named(b"evil") + HOST + b"\r\n"
NEXT = line(b"next") + named(b"next") + HOST + b"\r\n"
LENGTH = b"Content-Length: %d\r\n"


class Case:
    """data is to be sent; answered are those requests of which a strict
    server sends answers that are no refusals, with NEXT behind the data, and
    end is what becomes of the connection then."""

    def __init__(self, name, data, answered=(), end=REFUSED):
        self.name = name
        self.data = data
        self.answered = tuple(answered)
        self.end = end
        self.number = None

    def bytes(self):
        """What to send, with NEXT."""
        return (self.data + NEXT).replace(MARK, b"%04d" % self.number)

    def __repr__(self):
        return f"{self.number} ({self.name}): {self.data[:300]!r}"


ALL = ("first", "evil", "next")
GOOD = ("first", "next")


def good(name, data, answered=GOOD):
    return Case(name, data, answered, OPEN)


# ---- how long a body is ---------------------------------------------------

GOOD_CODINGS = [b"chunked", b"Chunked", b"CHUNKED", b"  chunked",
                b"chunked  ", b"\tchunked\t"]
BAD_CODINGS = [
    b"", b"chunked,", b",chunked", b"chunked, chunked", b"identity",
    b"chunked, identity", b"identity, chunked", b"gzip", b"gzip, chunked",
    b"xchunked", b"chunkedx", b"chunked;q=1", b'"chunked"', b"'chunked'",
    b"chunk", b"\x0bchunked", b"chunked\x0b", b"\x0cchunked", b"chunked\0",
    b"\0chunked", b"chunked\xff", b"\xa0chunked", b"c h u n k e d",
    b"chunked\r", b"\rchunked", b"chunked\n", b"chunked\r\n x", b"\r\n chunked",
    b"chunked\r\n\t", b"cow"]


def codings():
    """Transfer-Encoding's values, alone and beside a Content-Length. A
    reader of chunks finds EVIL behind them, one of lengths within or beyond
    them."""
    lengths = {"no length": b"", "length 0": LENGTH % 0,
               "length of all": LENGTH % len(LAST + EVIL)}
    for value in GOOD_CODINGS + BAD_CODINGS:
        for what, length in lengths.items():
            coding = b"Transfer-Encoding: " + value + b"\r\n"
            for order in ([coding + length, length + coding] if length
                          else [coding]):
                yield Case(f"{value!r}, {what}",
                           head(order) + LAST + EVIL,
                           *((ALL, OPEN) if value in GOOD_CODINGS and
                             not length else ((), REFUSED)))


def coding_names():
    """Names that some take for Transfer-Encoding; beside them a length."""
    names = [b"Transfer-Encoding ", b"Transfer-Encoding\t",
             b" Transfer-Encoding", b"\tTransfer-Encoding",
             b"Transfer-Encoding\0", b"Transfer-\0Encoding",
             b"Transfer-Encoding\x0b", b"\x0bTransfer-Encoding",
             b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding",
             b"X\r\rTransfer-Encoding", b"X: y\n Transfer-Encoding",
             b"X: y\r\n Transfer-Encoding", b"\nTransfer-Encoding",
             b"Transfer\xadEncoding", b"Transfer Encoding",
             b"Transfer-Encoding:", b"\xefTransfer-Encoding",
             b"(Transfer-Encoding"]
    for name in names:
        yield Case(f"{name!r}", head(name + b": chunked\r\n" +
                                     LENGTH % len(LAST + EVIL)) + LAST + EVIL)
    for name in (b"Transfer_Encoding", b"TransferEncoding", b"TE",
                 b"Content-Encoding", b"Transfer-Encoding-X", b"X"):
        yield good(f"{name!r}", head(name + b": chunked\r\n" +
                                     LENGTH % len(LAST + EVIL)) + LAST + EVIL)
    pairs = [(b"chunked", b"chunked"), (b"chunked", b"identity"),
             (b"identity", b"chunked"), (b"chunked", b"x"),
             (b"x", b"chunked"), (b"", b"chunked"), (b"chunked", b"")]
    for one, other in pairs:
        both = (b"Transfer-Encoding: %s\r\nTransfer-encoding: %s\r\n" %
                (one, other))
        yield Case(f"twice: {one!r}, {other!r}", head(both) + LAST + EVIL)
        yield Case(f"twice and a length: {one!r}, {other!r}",
                   head(both + LENGTH % 5) + LAST + EVIL)


def lengths():
    """Content-Length's values before a body of five bytes."""
    body = b"AAAAA" + EVIL
    for value in (b"5", b"05", b"000000000000000005", b"  5  ", b"\t5\t"):
        yield good(f"length {value!r}", head(
            b"Content-Length:" + value + b"\r\n") + body, ALL)
    for value in (
            b"+5", b"-5", b"0x5", b"5,5", b"5, 5", b"5,", b",5", b"5 5",
            b"5;", b"5.0", b"5e0", b"", b" ", b"a", b"5a", b"-0", b"+0",
            b"18446744073709551621", b"18446744073709551616",
            b"9223372036854775813", b"4294967301x", b"99999999999999999999999",
            b"0000000000000000005", b"5\0", b"\x005", b"5\x0b", b"\x0b5",
            b"5\xa0", b"\xd9\xa5", b"5\r", b"\r5", b"\r\n 5", b"5\r\n 6",
            b"5\n", b"'5'", b'"5"', b"5\x85", b"0, 5", b"5 ,6", b"_5", b"5_0"):
        yield Case(f"length {value!r}", head(
            b"Content-Length: " + value + b"\r\n") + body)
    for one, other in itertools.product((0, 5, 6, len(body)), repeat=2):
        yield Case(f"lengths {one} and {other}", head(
            LENGTH % one + b"X: y\r\n" + LENGTH % other) + body)
    for name in (b"Content-Length ", b"Content-Length\t", b" Content-Length",
                 b"Content-Length\0", b"Content-\0Length",
                 b"\x0bContent-Length",
                 b"X: y\nContent-Length", b"X: y\rContent-Length",
                 b"Content Length", b"X: y\r\n Content-Length"):
        yield Case(f"{name!r}", head(name + b": 5\r\n") + body)
        yield Case(f"{name!r} beside another", head(
            name + b": 5\r\n" + LENGTH % len(body)) + body)
    for name in (b"Content_Length", b"ContentLength", b"X-Content-Length",
                 b"Content-Length-X"):
        yield good(f"{name!r}", head(name + b": 5\r\n" + LENGTH % len(body)) +
                   body)


def methods():
    """A body that looks like a request, with every method."""
    takes_body = (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
    for method in (*takes_body, b"HEAD", b"TRACE", b"BREW", b"PROPFIND",
                   b"MKCOL", b"LOCK"):
        for framed in (LENGTH % len(EVIL), CHUNKED):
            body = (b"%x\r\n%s\r\n%s" % (len(EVIL), EVIL, LAST)
                    if framed == CHUNKED else EVIL)
            yield Case(f"{method!r} with a body", head(framed, method) + body,
                       *((GOOD, OPEN) if method in takes_body else
                         ((), REFUSED)))
        # A strict server takes what comes next for a request.
        yield good(f"{method!r} without a length",
                   head(b"", method) + EVIL, ALL)


# ---- chunks ---------------------------------------------------------------

def chunks():
    """Sizes of a chunk of five bytes, the ends of chunks, what stands behind
    the last one."""
    def body(size=b"5", data=b"AAAAA\r\n", last=LAST):
        return head(CHUNKED) + size + b"\r\n" + data + last + EVIL

    for size in (b"5", b"05", b"0000000000000005"):
        yield good(f"chunk size {size!r}", body(size), ALL)
    for size in (
            b"00000000000000005", b"5 ", b" 5", b"5\t", b"5;a", b"5;a=b",
            b'5;a="b"', b'5;a="\r\n"', b"5 ;a", b"5;", b"5; a\n", b"5;\n",
            b"5;a\r", b"+5", b"-5", b"0x5", b"0X5", b"5x", b"x5", b"5h", b"",
            b"5,5", b"5_0", b"5\0", b"\x005", b"5\x0b", b"5\r", b"5\n",
            b"10000000000000005", b"100000000000000005", b"100000005",
            b"ffffffffffffffff", b"fffffffffffffffb", b"7fffffffffffffff",
            b"8000000000000005", b"G", b".5", b"5.0", b"\r\n5", b"\xef\xbc\x95",
            b"5\xa0", b"5;" + b"a" * 5000, b'"5"', b"5\r\n\r\n5"):
        yield Case(f"chunk size {size!r:.40}", body(size))
    for data in (b"AAAAA", b"AAAAA\n", b"AAAAA\r", b"AAAAAA\r\n",
                 b"AAAAA\r\r\n", b"AAAAA\n\r\n", b"AAAAAX\r\n", b"AAAAA;\r\n",
                 b"AAAAA\rX", b"AAAAA\r\n\r\n", b"AAAA\r\n", b"\r\nAAAAA"):
        yield Case(f"chunk {data!r}", body(data=data))
    for last in (b"00\r\n\r\n", b"0000\r\n\r\n"):
        yield good(f"last chunk {last!r}", body(last=last), ALL)
    for last in (
            b"0;a\r\n\r\n", b"-0\r\n\r\n", b"+0\r\n\r\n", b"0x0\r\n\r\n",
            b" 0\r\n\r\n", b"0 \r\n\r\n", b"\r\n\r\n", b"0\n\n", b"0\r\n\n",
            b"0\n\r\n", b"0\r\r\n\r\n", b"0\r\nX: y\r\n\r\n",
            b"0\r\nContent-Length: 5\r\n\r\n",
            b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0\r\nHost: b\r\n\r\n", b"0\r\nX-Request-Id: x\r\n\r\n",
            b"0\r\n \r\n\r\n", b"0\r\nX y\r\n\r\n", b"0\r\n: y\r\n\r\n",
            b"0\r\nX: y\n\r\n", b"0\r\nX: y\r\n z\r\n\r\n",
            b"0\r\n" + b"X: y\r\n" * 3000 + b"\r\n", b"0\r\nX", b"0\r\n\rX"):
        yield Case(f"last chunk {last!r:.40}", body(last=last))


# ---- lines and heads ------------------------------------------------------

def line_ends():
    whole = head(LENGTH % 5) + b"AAAAA" + EVIL
    head_len = len(head(LENGTH % 5))
    for at in [i for i in range(head_len) if whole[i:i + 2] == b"\r\n"]:
        for end in (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\n\r", b"\0\r\n",
                    b"\x0b", b"\r\n\0"):
            yield Case(f"{end!r} at {at}", whole[:at] + end + whole[at + 2:],
                       *((), ANY) if end in (b"\n\r\n", b"\r", b"\r\n\0")
                       else ((), REFUSED))
    yield Case("all lines end with LF", whole.replace(b"\r\n", b"\n"))
    for before in (b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n\r\n",
                   b"\xef\xbb\xbf"):
        yield Case(f"{before!r} first", before + whole)
    for between in (b"\r\n", b"\n", b"\0", b"A", b"0\r\n\r\n"):
        yield Case(f"{between!r} behind a body",
                   head(LENGTH % 5) + b"AAAAA" + between + EVIL, ("first",),
                   ANY if between == b"A" else REFUSED)


def request_lines():
    rest = b" HTTP/1.1\r\n" + named(b"first") + HOST + b"\r\n"
    path = b"/%s/first" % MARK
    for target in (
            b"http://a" + path, b"http://b" + path, b"https://a" + path,
            b"http://a:80" + path, b"http://[::1]" + path,
            b"//b" + path, path + b"?x=/evil", path + b"/../evil",
            path + b"/%00", path + b"/%0d%0aX:%20y", path + b"/;x",
            path + b"//", b"/." + path, path + b"%20HTTP/1.1",
            path + b"?" + b"y" * 5000, b"*"):
        yield good(f"target {target!r:.40}", b"GET " + target + rest + EVIL,
                   ALL)
    for target in (b"", path + b" x", path + b"\t", path + b"\0",
                   path + b"\xff", path + b"\x7f", b"http://[/", b"//[",
                   b"a:99999999/", path + b"\r", b"\\", path + b"\x0b",
                   path + b"y" * 9000):
        yield Case(f"target {target!r:.40}", b"GET " + target + rest + EVIL,
                   (), ANY if target in (b"\\", b"a:99999999/") else REFUSED)
    for first in (
            b"GET  %s HTTP/1.1", b"GET %s  HTTP/1.1", b"GET\t%s HTTP/1.1",
            b"GET %s\tHTTP/1.1", b"GET %s HTTP/1.1 ", b" GET %s HTTP/1.1",
            b"GET %s", b"GET %s ", b"GET %s HTTP/1.2", b"GET %s HTTP/2.0",
            b"GET %s HTTP/0.9", b"GET %s HTTP/1.10", b"GET %s HTTP/01.1",
            b"GET %s http/1.1", b"GET %s HTTP/1.1x", b"GET %s HTTP/1.",
            b"GET %s HTTP/1,1", b"GET %s HTTP/", b"GET %s XTTP/1.1",
            b"GET %s HTTP/1.1\x0b", b"get %s HTTP/1.1", b'G"T %s HTTP/1.1',
            b"G\0T %s HTTP/1.1", b"G\xc9T %s HTTP/1.1", b"%s HTTP/1.1",
            b"CONNECT %s HTTP/1.1", b"GET %s HTTP /1.1",
            b"GET %s HTTP/1.1 HTTP/1.1"):
        yield Case(f"{first!r}", first.replace(b"%s", path) +
                   rest.removeprefix(b" HTTP/1.1") + EVIL)
    yield Case("CONNECT", b"CONNECT a:1" + rest + EVIL)
    yield good("a method with a dash", b"M-SEARCH " + path + rest + EVIL, ALL)


def headers():
    for more in (b"X: \xe9\xff\x80\r\n", b"X:\r\n", b"X: : \r\n",
                 b"x!#$%&'*+-.^_`|~9: y\r\n", b"X: " + b"y" * 7000 + b"\r\n",
                 b"".join(b"X-%d: y\r\n" % i for i in range(60)),
                 b"X: y\r\n" * 60, b"X:\ty\t\r\n",
                 b"Cookie: a\r\nCookie: b\r\n"):
        yield good(f"{more!r:.40}", head(more, b"GET") + EVIL, ALL)
    for more in (b"X\r\n", b": y\r\n", b"X y\r\n", b" X: y\r\n", b"X : y\r\n",
                 b"X: \0\r\n", b"X: \x01\r\n", b"X: \x7f\r\n", b"X: \x08\r\n",
                 b"X\xe9: y\r\n", b"X\0: y\r\n", b"(X): y\r\n", b"X/: y\r\n",
                 b'"X": y\r\n', b"X: y\r\n z\r\n", b"X: y\r\n\t\r\n",
                 b"X:\r\n y\r\n", b"X: " + b"y" * 40000 + b"\r\n"):
        yield Case(f"{more!r:.40}", head(more, b"GET") + EVIL)
    for host in (HOST + HOST, HOST + b"Host: b\r\n", b"Host: a b\r\n",
                 b"Host: a/b\r\n", b"Host: x@a\r\n", b"Host: a\0\r\n",
                 b"Host : a\r\n", b" Host: a\r\n", b"Host: a\r\n b\r\n",
                 b"Host: a\r\n\tb\r\n", b"Host: \"a\"\r\n", b"",
                 b"Host: a\r\nhost: a\r\n", b"Host: a#b\r\n",
                 b"Host: a\\b\r\n"):
        yield Case(f"{host!r}", head(b"", b"GET", host=host) + EVIL)
    for host in (b"Host: a:80\r\n", b"Host:\r\n", b"Host: [::1]:1\r\n",
                 b"Host: a,b\r\n", b"host:a\r\n"):
        yield good(f"{host!r}", head(b"", b"GET", host=host) + EVIL, ALL)


# ---- versions, hops, pauses -----------------------------------------------

def hops():
    """What an intermediary takes off, answers itself or passes through."""
    body = LENGTH % len(EVIL)
    for value in (b"Content-Length", b"Transfer-Encoding", b"Host",
                  b"X-Request-Id", b"keep-alive, Content-Length", b"TE",
                  b"upgrade", b"", b"keep-alive"):
        yield good(f"Connection: {value!r}", head(
            b"Connection: " + value + b"\r\n" + body) + EVIL)
    yield good("Connection names the coding", head(
        b"Connection: Transfer-Encoding\r\n" + CHUNKED) + LAST + EVIL, ALL)
    for value in (b"close", b"TE, close", b"close, keep-alive", b"CLOSE"):
        yield Case(f"Connection: {value!r}", head(
            b"Connection: " + value + b"\r\n" + body) + EVIL, ("first",), OPEN)
    for more in (b"Keep-Alive: 300\r\n", b"Proxy-Connection: keep-alive\r\n",
                 b"TE: trailers\r\n", b"Trailer: Content-Length\r\n",
                 b"Via: 1.1 x\r\n", b"Max-Forwards: 0\r\n",
                 b"Range: bytes=0-\r\n", b"X-HTTP-Method-Override: HEAD\r\n",
                 b"Content-Encoding: gzip\r\n"):
        yield good(f"{more!r}", head(more + body) + EVIL)
    for value in (b"websocket", b"h2c", b"TLS/1.0", b"HTTP/2.0"):
        for framed, data in ((b"", b""), (body, EVIL)):
            yield good(f"Upgrade: {value!r}", head(
                b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + value +
                b"\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                b"dGhlIHNhbXBsZSBub25jZQ==\r\n" + framed) + data + EVIL,
                ALL)
    yield Case("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
               bytes.fromhex("000000040000000000") + EVIL)
    yield Case("hello of TLS", bytes.fromhex("16030100c8010000c40303") + EVIL)
    yield Case("PROXY protocol", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + EVIL)
    for more in (b"Expect: 100-continue\r\n", b"Expect: 100-Continue\r\n"):
        yield good(f"{more!r}", head(more + body) + EVIL)
        yield good(f"{more!r} in chunks", head(more + CHUNKED) + LAST + EVIL,
                   ALL)
        yield good(f"{more!r} without a body", head(more, b"GET") + EVIL, ALL)
    for more in (b"Expect: 200-ok\r\n", b"Expect: 100-continue, x\r\n",
                 b"Expect: 100-continue\r\nExpect: x\r\n", b"Expect:\r\n"):
        yield Case(f"{more!r}", head(more + body) + EVIL)


def versions():
    def old(more, data=b"", method=b"POST"):
        return head(more, method, b"HTTP/1.0") + data

    keep = b"Connection: keep-alive\r\n"
    body = LENGTH % len(EVIL)
    yield Case("1.0", old(b"", EVIL, b"GET"), ("first",), OPEN)
    yield good("1.0 that stays", old(keep, EVIL, b"GET"), ALL)
    yield Case("1.0 with a body", old(body, EVIL), ("first",), OPEN)
    yield good("1.0 with a body that stays", old(keep + body, EVIL))
    yield Case("1.0 without a length", old(b"", EVIL), ("first",), OPEN)
    for more in (CHUNKED, keep + CHUNKED, keep + CHUNKED + LENGTH % 5,
                 CHUNKED + LENGTH % len(LAST + EVIL)):
        yield Case(f"1.0 with {more!r}", old(more, LAST + EVIL))
    yield Case("1.0 without a host", head(
        b"", b"GET", b"HTTP/1.0", b"") + EVIL, ("first",), OPEN)
    yield Case("1.0 that expects", old(
        b"Expect: 100-continue\r\n" + body, EVIL), ("first",), OPEN)


def pipelines():
    first = head(b"", b"GET")
    chunked = head(CHUNKED) + b"3\r\nabc\r\n" + LAST
    sized = head(LENGTH % 3) + b"abc"
    for number, parts in enumerate(itertools.product(
            (first, chunked, sized), repeat=2)):
        yield good(f"pipeline {number}", b"".join(parts),
                   ("first", "first", "next"))
    yield good("a long pipeline", first * 30, ("first",) * 30 + ("next",))
    yield good("HEAD before GET", head(b"", b"HEAD") + EVIL, ALL)
    yield good("large body", head(LENGTH % 300_000) + b"A" * 300_000 + EVIL,
               ALL)


def unfinished():
    """The rest never comes: NEXT is part of it."""
    for length in (1, 400, 100_000):
        yield Case(f"a body that lacks {length}", head(
            LENGTH % (len(EVIL + NEXT) + length)) + EVIL, (), OPEN)
    yield Case("a chunk that lacks 100", head(CHUNKED) + b"%x\r\n" % (
        len(EVIL + NEXT) + 100) + EVIL, (), OPEN)
    chunk = b"%x\r\n%s\r\n" % (len(EVIL), EVIL)
    yield Case("no last chunk", head(CHUNKED) + chunk)
    yield Case("last chunk without its end", head(CHUNKED) + chunk + b"0\r\n")
    yield Case("half a last chunk", head(CHUNKED) + chunk + b"0")
    yield Case("half a size", head(CHUNKED) + chunk + b"1")
    whole = head(LENGTH % 5)
    for at in range(1, len(whole), 7):
        yield Case(f"head of {at} bytes", whole[:at], (), ANY)


def mutations(count=150):
    """Proper requests with a few bytes changed; the same ones every time."""
    generator = random.Random(9)
    seeds = [head(CHUNKED) + b"5\r\nAAAAA\r\n" + LAST + EVIL,
             head(LENGTH % 5) + b"AAAAA" + EVIL,
             head(b"Connection: keep-alive\r\nX: y\r\n", b"GET") + EVIL]
    specials = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";",
                b"0", b"5", b"\x0b", b"\xff", b"\r\n ", b"chunked",
                b"Content-Length: 5\r\n", CHUNKED]
    for number in range(count):
        data = generator.choice(seeds)
        for _ in range(generator.randrange(1, 4)):
            at = generator.randrange(len(data))
            data = (data[:at] + generator.choice(specials) +
                    data[at + generator.randrange(3):])
        yield Case(f"mutation {number}", data, (), ANY)


def corpus():
    """All cases, numbered."""
    cases = list(itertools.chain(
        codings(), coding_names(), lengths(), methods(), chunks(),
        line_ends(), request_lines(), headers(), hops(), versions(),
        pipelines(), unfinished(), mutations()))
    for number, case in enumerate(cases):
        case.number = number
    return cases
