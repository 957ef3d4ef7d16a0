/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The option table's rows about serving: addresses, keys and limits. */
#include <assert.h>

#include "base/option_checks.h"
#include "base/option_table.h"
#include "base/options.h"

#define FIELD(f) offsetof(struct ac_options, f)

const struct ac_option ac_serving_options[] = {
    {
	.name = "SERVER_ADDRESS",
	.type = AC_TYPE_ADDRESSES,
	.offset = FIELD(server_addresses),
	.default_value = "localhost:16571",
	.needs_restart = true,
	.placeholder = "ADDRESSES",
	.allowed = "`host:port`, `:port`, `[::1]:port` and `unix:/path`, "
		   "separated by commas",
	.help = "Where the program listens. `localhost` is 127.0.0.1 and, "
		"where there is one, ::1; port 0 picks a free one and the log "
		"says which. Sockets that systemd hands over take the place "
		"of all these.",
    },
    {
	.name = "METRICS_ADDRESS",
	.type = AC_TYPE_ADDRESSES,
	.offset = FIELD(metrics_addresses),
	.default_value = "",
	.needs_restart = true,
	.placeholder = "ADDRESSES",
	.allowed = "as for `SERVER_ADDRESS`, or empty",
	.help = "Where `GET /metrics` is served, in plain HTTP and without a "
		"key; empty: at `SERVER_ADDRESS`, with a key where one is "
		"wanted.",
    },
    {
	.name = "UNIX_SOCKET_MODE",
	.type = AC_TYPE_MODE,
	.offset = FIELD(unix_socket_mode),
	.needs_restart = true,
	.default_value = "0660",
	.placeholder = "MODE",
	.allowed = "`0000` to `0777`",
	.help = "The permissions of Unix sockets, in octal: whoever may write "
		"to one can connect.",
    },
    {
	.name = "TLS_CERT",
	.type = AC_TYPE_PATH,
	.offset = FIELD(tls_cert),
	.default_value = "",
	.placeholder = "FILE",
	.allowed = "a path, or empty",
	.help = "A PEM file with the certificate for clients and the chain "
		"above it. With it and `TLS_KEY` the program speaks https "
		"(TLS 1.2 and 1.3) instead of http.",
    },
    {
	.name = "TLS_KEY",
	.type = AC_TYPE_PATH,
	.offset = FIELD(tls_key),
	.default_value = "",
	.placeholder = "FILE",
	.allowed = "a path, or empty",
	.help = "A PEM file with the key of `TLS_CERT`, without a password.",
    },
    {
	.name = "BEARER_TOKEN",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(bearer_token),
	.check = ac_check_key,
	.default_value = "",
	.placeholder = "KEY",
	.allowed = "any text without control characters",
	.help = "The key that clients must send; where this and "
		"`API_KEYS_FILE` are empty, none is wanted. "
		"`BEARER_TOKEN_FILE` reads it from a file.",
    },
    {
	.name = "API_KEYS_FILE",
	.type = AC_TYPE_PATH,
	.offset = FIELD(api_keys_file),
	.default_value = "",
	.placeholder = "FILE",
	.allowed = "a path, or empty",
	.help = "A file of more keys, one a line: a name, the SHA-256 of the "
		"key as `--hash-key` prints it, perhaps limits "
		"(docs/keys.md).",
    },
    {
	.name = "CORS_ALLOW_ORIGINS",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(cors_allow_origins),
	.one_line = true,
	.check = ac_check_origins,
	.default_value = "",
	.placeholder = "ORIGINS",
	.allowed = "`*`, or origins such as `https://chat.example.com`, "
		   "separated by commas; or empty",
	.help = "The web pages that may call. Empty: all, but only those of "
		"localhost, apps and extensions while the program listens on "
		"loopback alone and wants no key.",
    },
    {
	.name = "MAX_BODY_SIZE",
	BYTES(max_body_size, 1024, 1073741824),
	.default_value = "20971520",
	.help = "The largest request body; a larger one is answered 413.",
    },
    {
	.name = "MAX_BODY_MEMORY",
	BYTES(max_body_memory, 1024, 1099511627776),
	.default_value = "268435456",
	.help = "How much the request bodies that are still arriving may take "
		"together; above it requests are answered 503.",
    },
    {
	.name = "MAX_CONNECTIONS",
	NUMBER(max_connections, 0, 10000000),
	.default_value = "0",
	.help = "How many clients may be connected; more wait until one "
		"leaves. 0: half of what the limit of open files allows.",
    },
    {
	.name = "MAX_CONCURRENT_REQUESTS",
	NUMBER(max_concurrent_requests, 0, 10000000),
	.default_value = "0",
	.help = "How many chats, completions and pictures may run at once; 4 "
		"times as many wait in a queue, the rest is answered 503. 0: "
		"no limit.",
    },
    {
	.name = "QUEUE_TIMEOUT",
	SECONDS(queue_timeout_s, 0, 3600),
	.default_value = "10",
	.help = "How long a request may wait in that queue before it is "
		"answered 503; 0: none waits.",
    },
    {
	.name = "TRUSTED_PROXIES",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(trusted_proxies),
	.one_line = true,
	.check = ac_check_ip_ranges,
	.default_value = "",
	.placeholder = "ADDRESSES",
	.allowed = "addresses, `address/bits` and `unix`, separated by "
		   "commas; or empty",
	.help = "The proxies whose `X-Forwarded-For` is believed: the log "
		"tells the rightmost address in it that is not one of these.",
    },
    {
	.name = "HEAD_TIMEOUT",
	SECONDS(head_timeout_s, 1, 3600),
	.default_value = "20",
	.help = "How long a client may take for a request's head, from its "
		"first byte or from connecting, and for TLS before it.",
    },
    {
	.name = "BODY_TIMEOUT",
	SECONDS(body_timeout_s, 1, 3600),
	.default_value = "120",
	.help = "How long a client may take for a request's body.",
    },
    {
	.name = "KEEPALIVE_TIMEOUT",
	SECONDS(keepalive_timeout_s, 1, 3600),
	.default_value = "75",
	.help = "How long a connection may be idle between two requests.",
    },
    {
	.name = "WRITE_TIMEOUT",
	SECONDS(write_timeout_s, 1, 3600),
	.default_value = "60",
	.help = "How long a client may take nothing of an answer that waits "
		"for it.",
    },
    {
	.name = "DRAIN_DELAY",
	SECONDS(drain_delay_s, 0, 3600),
	.default_value = "0",
	.help = "How long after SIGTERM or SIGINT new connections are still "
		"taken, while `GET /ready` says 503 so that a load balancer "
		"turns to others.",
    },
    {
	.name = "DRAIN_TIMEOUT",
	SECONDS(drain_timeout_s, 0, 86400),
	.default_value = "300",
	.help = "How long running requests may go on after that; then they "
		"end with an error. A second signal ends them at once.",
    },
};
static_assert(AC_LENGTH(ac_serving_options) == AC_SERVING_OPTIONS,
    "AC_SERVING_OPTIONS counts");
