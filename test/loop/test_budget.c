/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a delta may cost on its whole way through the server, from the bytes
 * that the web app's TLS brings to those that the client gets: allocations,
 * bytes copied and calls of the system, OpenSSL's and libevent's included. They
 * do not depend on the machine's mood, so the budgets have next to no room. Who
 * gets below one by a change lowers it.
 *
 * The server runs on this thread's loop, and counts. The app and the client
 * are another thread, which blocks: the client has read a piece before the app
 * says the next.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/mem.h"
#include "certs.h"
#include "counted.h"
#include "loop.h"

enum {
	WARM_UP = 50,
	PIECES = 400,
	BURST = 100,
};

#define DELTA "11\r\n0:\" word 123456\"\n\r\n"
#define FRAME "\" word 123456\""

/* A way of asking, and what it may cost. */
struct budget {
	const char *name;
	bool tls; /* towards the client */
	int deltas_in_piece;
	/* For each delta. */
	double allocations;
	double copied;
	double calls;
};

struct talk {
	const struct budget *budget;
	int listener; /* the app's */
	uint16_t app_port;
	uint16_t server_port;
	SSL_CTX *app_tls;
	SSL_CTX *client_tls;
	int over[2]; /* a pipe: the talk is over */
	struct counts before;
	struct counts after;
};

/* One end of a connection that blocks. */
struct end {
	int fd;
	SSL *ssl; /* NULL: plain */
};

/* No assertion of cmocka's may fail on the other thread. */
static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the talk failed: %s\n", what);
	abort();
}

static void
say(struct end *end, const char *text, size_t len)
{
	ssize_t done = end->ssl != NULL
			   ? SSL_write(end->ssl, text, (int)len)
			   : send(end->fd, text, len, MSG_NOSIGNAL);

	must(done == (ssize_t)len, "saying");
}

/* Reads on until text has come number times; what it read is forgotten. */
static void
hear(struct end *end, const char *text, int number)
{
	static char data[64 * 1024];
	size_t len = 0;

	for (;;) {
		ssize_t got;
		char *from = data;

		data[len] = '\0';
		while (number > 0 && (from = strstr(from, text)) != NULL) {
			number--;
			from += strlen(text);
		}
		if (number == 0)
			return;
		/* Looked at from the beginning again where pieces add up. */
		if (from == NULL && len > sizeof(data) / 2)
			must(false, "too much came");
		got = end->ssl != NULL
			  ? SSL_read(end->ssl, data, sizeof(data) - 1)
			  : recv(end->fd, data, sizeof(data) - 1, 0);
		must(got > 0, "hearing");
		len = (size_t)got;
	}
}

static void
set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static struct end
accept_server(struct talk *talk)
{
	struct end end = {.fd = accept(talk->listener, NULL, NULL)};

	must(end.fd >= 0, "accepting");
	set_nodelay(end.fd);
	end.ssl = SSL_new(talk->app_tls);
	SSL_set_fd(end.ssl, end.fd);
	must(SSL_accept(end.ssl) == 1, "the app's handshake");
	return end;
}

static struct end
connect_to_server(struct talk *talk)
{
	struct end end = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(talk->server_port),
	};

	must(connect(end.fd, (struct sockaddr *)&address, sizeof(address)) == 0,
	    "connecting");
	set_nodelay(end.fd);
	if (talk->client_tls == NULL)
		return end;
	end.ssl = SSL_new(talk->client_tls);
	SSL_set_fd(end.ssl, end.fd);
	must(SSL_connect(end.ssl) == 1, "the client's handshake");
	return end;
}

static void
close_end(struct end *end)
{
	SSL_free(end->ssl);
	close(end->fd);
}

/* Gives the session; the chat comes on the same connection or on another. */
static struct end
give_session(struct talk *talk)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\nset-cookie: session_token=aaa; Max-Age=600\r\n"
	    "content-type: application/json\r\nContent-Length: 16\r\n\r\n"
	    "{\"success\":true}";
	struct end end = accept_server(talk);
	struct end other;
	struct pollfd polled[] = {
	    {.fd = end.fd, .events = POLLIN},
	    {.fd = talk->listener, .events = POLLIN},
	};

	hear(&end, "\r\n\r\n", 1);
	say(&end, answer, strlen(answer));
	must(poll(polled, 2, -1) > 0, "waiting for the chat");
	if (polled[0].revents != 0)
		return end;
	other = accept_server(talk);
	close_end(&end);
	return other;
}

/* Asks, and hands the piece through until it has been counted often enough. */
static void
talk_through(struct talk *talk)
{
	static const char body[] =
	    "{\"model\":\"m\",\"stream\":true,\"messages\":"
	    "[{\"role\":\"user\",\"content\":\"Hi\"}]}";
	static const char app_head[] =
	    "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n"
	    "x-vercel-ai-data-stream: v1\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "19\r\nf:{\"messageId\":\"msg-12\"}\n\r\n";
	static const char app_end[] =
	    "1a\r\nd:{\"finishReason\":\"stop\"}\n\r\n0\r\n\r\n";
	static char piece[BURST * sizeof(DELTA)];
	int deltas = talk->budget->deltas_in_piece;
	struct end client = connect_to_server(talk);
	struct end app;
	char head[256];

	snprintf(head, sizeof(head),
	    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(body), body);
	say(&client, head, strlen(head));
	app = give_session(talk);
	hear(&app, "\"Hi\"", 1);
	say(&app, app_head, strlen(app_head));
	for (int i = 0; i < deltas; i++)
		memcpy(piece + (size_t)i * strlen(DELTA), DELTA,
		    strlen(DELTA) + 1);
	for (int i = 0; i < WARM_UP + PIECES; i++) {
		if (i == WARM_UP)
			talk->before = counted_now();
		say(&app, piece, strlen(piece));
		hear(&client, FRAME, deltas);
	}
	talk->after = counted_now();
	say(&app, app_end, strlen(app_end));
	hear(&client, "[DONE]", 1);
	close_end(&client);
	close_end(&app);
}

static void *
run_talk(void *arg)
{
	struct talk *talk = arg;

	talk_through(talk);
	must(write(talk->over[1], "x", 1) == 1, "ending");
	return NULL;
}

static void
on_over(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	*(bool *)arg = true;
}

static void
listen_as_app(struct talk *talk)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);

	talk->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    bind(talk->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(talk->listener, 8), 0);
	assert_int_equal(
	    getsockname(talk->listener, (struct sockaddr *)&address, &len), 0);
	talk->app_port = ntohs(address.sin_port);
}

static void
set_option(struct ac_config *config, const char *name, const char *value)
{
	char reason[AC_REASON_SIZE];

	if (!ac_config_set(config, name, value, reason))
		fail_msg("%s", reason);
}

static bool
is_within(const char *what, uint64_t found, double budget, int deltas)
{
	double each = (double)found / deltas;

	print_message("  %s: %.2f, at most %.2f\n", what, each, budget);
	return each <= budget;
}

/* All three are printed, whichever fails. */
static void
check(const struct talk *talk)
{
	const struct budget *budget = talk->budget;
	const struct counts *before = &talk->before;
	const struct counts *after = &talk->after;
	int deltas = PIECES * budget->deltas_in_piece;
	bool within;

	print_message("%s, for each delta:\n", budget->name);
	within =
	    is_within("allocations", after->allocations - before->allocations,
		budget->allocations, deltas);
	within &= is_within("bytes copied", after->copied - before->copied,
	    budget->copied, deltas);
	within &= is_within("calls of the system", after->calls - before->calls,
	    budget->calls, deltas);
	assert_true(within);
}

/* The server between the two, until the talk is over. */
static void
serve(struct talk *talk, struct loop *loop, struct ac_config *config)
{
	char reason[AC_REASON_SIZE];
	struct ac_server *server = ac_server_new(loop->base, config, reason);
	bool over = false;
	struct event *ending;
	pthread_t thread;

	if (server == NULL)
		fail_msg("%s", reason);
	talk->server_port = ac_server_port(server);
	assert_int_equal(pipe(talk->over), 0);
	ending = event_new(loop->base, talk->over[0], EV_READ, on_over, &over);
	event_add(ending, NULL);
	assert_int_equal(pthread_create(&thread, NULL, run_talk, talk), 0);
	LOOP_UNTIL(loop, over);
	assert_int_equal(pthread_join(thread, NULL), 0);
	event_free(ending);
	ac_server_free(server);
	close(talk->over[0]);
	close(talk->over[1]);
}

static void
run(const struct budget *budget)
{
	/* Where the loop waits in vain, the other thread lives on with it. */
	struct talk *talk = ac_calloc(1, sizeof(*talk));
	struct authority authority;
	struct server_files files;
	struct ac_config *config;
	struct loop loop;
	char url[64];

	talk->budget = budget;
	loop_open(&loop);
	config = ac_config_new();
	authority_open(&authority);
	server_files_open(&files);
	talk->app_tls = certs_good_server_new(&authority);
	listen_as_app(talk);
	snprintf(
	    url, sizeof(url), "https://127.0.0.1:%u", (unsigned)talk->app_port);
	set_option(config, "AKASH_BASE_URL", url);
	set_option(config, "SSL_CERT_FILE", authority.file.path);
	set_option(config, "SERVER_ADDRESS", "127.0.0.1:0");
	set_option(config, "UNKNOWN_MODELS", "pass");
	if (budget->tls) {
		set_option(config, "TLS_CERT", files.cert.path);
		set_option(config, "TLS_KEY", files.key.path);
		talk->client_tls = SSL_CTX_new(TLS_client_method());
	}
	serve(talk, &loop, config);
	close(talk->listener);
	SSL_CTX_free(talk->client_tls);
	SSL_CTX_free(talk->app_tls);
	server_files_close(&files);
	authority_close(&authority);
	ac_config_free(config);
	loop_close(&loop);
	check(talk);
	free(talk);
}

static void
a_delta_by_itself(void **state)
{
	static const struct budget budget = {
	    .name = "a delta by itself",
	    .deltas_in_piece = 1,
	    .allocations = 8.05,
	    .copied = 293,
	    .calls = 3.05,
	};

	AC_UNUSED(state);
	run(&budget);
}

static void
a_delta_by_itself_over_tls(void **state)
{
	static const struct budget budget = {
	    .name = "a delta by itself, TLS in front",
	    .tls = true,
	    .deltas_in_piece = 1,
	    .allocations = 12.05,
	    .copied = 757,
	    .calls = 3.05,
	};

	AC_UNUSED(state);
	run(&budget);
}

static void
a_delta_of_a_burst(void **state)
{
	static const struct budget budget = {
	    .name = "a delta of a burst",
	    .deltas_in_piece = BURST,
	    .allocations = 3.15,
	    .copied = 255,
	    .calls = 0.035,
	};

	AC_UNUSED(state);
	run(&budget);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_delta_by_itself),
	    cmocka_unit_test(a_delta_by_itself_over_tls),
	    cmocka_unit_test(a_delta_of_a_burst),
	};

	counted_start();
	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
