/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The whole server and its raw clients: see stage.h. */
#include "stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <akashchat/akashchat.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "peer_tls.h"

static const struct peer_step serves[] = {SERVE, END};

static void
set_option(struct stage *stage, const char *name, const char *value)
{
	char reason[AC_REASON_SIZE];

	if (!ac_config_set(stage->config, name, value, reason))
		fail_msg("%s", reason);
}

bool
stage_has_tls(void)
{
	return getenv("STAGE_TLS") != NULL;
}

static void
set_up_tls(struct stage *stage)
{
	server_files_open(&stage->files);
	set_option(stage, "TLS_CERT", stage->files.cert.path);
	set_option(stage, "TLS_KEY", stage->files.key.path);
	/* Whom the server is, is not looked at. */
	stage->client_tls = SSL_CTX_new(TLS_client_method());
	assert_non_null(stage->client_tls);
}

void
stage_open(struct stage *stage, const struct stage_wish *wish)
{
	static const struct stage_wish nothing;
	char reason[AC_REASON_SIZE] = "";
	char *url;

	if (wish == NULL)
		wish = &nothing;
	*stage = (struct stage){.peer = NULL};
	loop_open(&stage->loop);
	stage->peer = peer_new(stage->loop.base, wish->peer_tls);
	peer_script(stage->peer, serves);
	stage->config = ac_config_new();
	url = ac_asprintf("http%s://127.0.0.1:%u",
	    wish->ca_file == NULL ? "" : "s", (unsigned)stage->peer->port);
	set_option(stage, "AKASH_BASE_URL", url);
	free(url);
	set_option(stage, "SERVER_ADDRESS", "127.0.0.1:0");
	set_option(stage, "UNKNOWN_MODELS", "pass");
	if (wish->ca_file != NULL)
		set_option(stage, "SSL_CERT_FILE", wish->ca_file);
	if (wish->option != NULL)
		set_option(stage, wish->option, wish->value);
	if (stage_has_tls())
		set_up_tls(stage);
	stage->server = ac_server_new(stage->loop.base, stage->config, reason);
	if (stage->server == NULL)
		fail_msg("%s", reason);
}

void
stage_free_server(struct stage *stage)
{
	ac_server_free(stage->server);
	stage->server = NULL;
}

void
stage_close(struct stage *stage)
{
	stage_free_server(stage);
	ac_config_free(stage->config);
	if (stage->client_tls != NULL) {
		SSL_CTX_free(stage->client_tls);
		server_files_close(&stage->files);
	}
	peer_free(stage->peer);
	loop_close(&stage->loop);
}

int
stage_chat_conn(const struct stage *stage, size_t nth)
{
	static const char begin[] = "POST /api/chat/ ";

	for (size_t i = 0; i < stage->peer->request_count; i++) {
		const struct peer_request *request = &stage->peer->requests[i];

		if (strncmp(request->text, begin, sizeof(begin) - 1) == 0 &&
		    nth-- == 0)
			return request->conn;
	}
	return -1;
}

void
stage_wait_for_chats(struct stage *stage, size_t n)
{
	LOOP_UNTIL(&stage->loop, stage_chat_conn(stage, n - 1) != -1);
}

/* Puts what waits onto the wire, as far as the socket takes it; false where
 * something is left. */
static bool
write_wire(struct client *client)
{
	while (evbuffer_get_length(client->wire) > 0) {
		if (evbuffer_write(client->wire, client->fd) >= 0)
			continue;
		if (errno == EAGAIN)
			event_add(client->writing, NULL);
		else
			event_del(client->writing);
		return false;
	}
	return true;
}

/* Text to the server; over TLS it waits for the handshake. */
static bool
write_text(struct client *client, const char *text, size_t len)
{
	if (client->tls == NULL)
		evbuffer_add(client->wire, text, len);
	else if (client->tls->is_up)
		peer_tls_send(client->tls, text, len);
	else
		evbuffer_add(client->unsent, text, len);
	return write_wire(client);
}

static void
note_text(struct client *client, const char *text, size_t len)
{
	size_t kept = strlen(client->text);
	size_t room = sizeof(client->text) - 1 - kept;

	client->received += len;
	for (size_t i = 0; i < len; i++)
		client->tildes += text[i] == '~';
	if (room > len)
		room = len;
	memcpy(client->text + kept, text, room);
	client->text[kept + room] = '\0';
}

/* Bytes of TLS, with whatever text they hold. */
static void
feed_tls(struct client *client, const char *data, size_t len)
{
	static struct evbuffer_iovec piece;
	struct evbuffer *in = evbuffer_new();
	size_t waiting = evbuffer_get_length(client->unsent);

	peer_tls_feed(client->tls, data, len, in);
	if (client->tls->is_up && waiting > 0) {
		peer_tls_send(client->tls,
		    (const char *)evbuffer_pullup(client->unsent, -1), waiting);
		evbuffer_drain(client->unsent, waiting);
	}
	write_wire(client);
	while (
	    evbuffer_peek(in, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		note_text(client, piece.iov_base, piece.iov_len);
		evbuffer_drain(in, piece.iov_len);
	}
	evbuffer_free(in);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char piece[64 * 1024];
	struct client *client = arg;
	ssize_t len = recv(fd, piece, sizeof(piece), 0);

	(void)what;
	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		client->ended = true;
		client->was_reset = len < 0;
		event_del(client->reading);
	} else if (client->tls != NULL) {
		feed_tls(client, piece, (size_t)len);
	} else {
		note_text(client, piece, (size_t)len);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	if (!write_wire(client))
		return;
	if (client->flood == NULL) {
		event_del(client->writing);
		return;
	}
	client->flooded += strlen(client->flood);
	write_text(client, client->flood, strlen(client->flood));
}

void
client_open(struct client *client, struct stage *stage)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(ac_server_port(stage->server)),
	};

	*client = (struct client){.stage = stage};
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
	client->reading = event_new(stage->loop.base, client->fd,
	    EV_READ | EV_PERSIST, on_readable, client);
	client->writing = event_new(stage->loop.base, client->fd,
	    EV_WRITE | EV_PERSIST, on_writable, client);
	event_add(client->reading, NULL);
	client->wire = evbuffer_new();
	client->unsent = evbuffer_new();
	if (stage->client_tls != NULL) {
		client->tls =
		    peer_tls_new_client(stage->client_tls, client->wire);
		write_wire(client);
	}
}

void
client_shake_hands(struct client *client)
{
	if (client->tls != NULL)
		LOOP_UNTIL(&client->stage->loop, client->tls->is_up);
}

void
client_close(struct client *client)
{
	if (client->fd == -1)
		return;
	event_free(client->reading);
	event_free(client->writing);
	peer_tls_free(client->tls);
	evbuffer_free(client->wire);
	evbuffer_free(client->unsent);
	close(client->fd);
	client->fd = -1;
}

void
client_reset(struct client *client)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	setsockopt(
	    client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	client_close(client);
}

void
client_half_close(struct client *client)
{
	shutdown(client->fd, SHUT_WR);
}

void
client_say_goodbye(struct client *client)
{
	peer_tls_say_goodbye(client->tls);
	write_wire(client);
}

void
client_send(struct client *client, const char *text)
{
	if (!write_text(client, text, strlen(text)))
		fail_msg("the socket does not take a request");
}

void
client_flood(struct client *client, const char *text)
{
	client->flood = text;
	event_add(client->writing, NULL);
}

void
client_stop_reading(struct client *client)
{
	event_del(client->reading);
}

void
client_go_on_reading(struct client *client)
{
	event_add(client->reading, NULL);
}

void
client_ask(struct client *client, bool wants_stream)
{
	char *body = ac_asprintf("{\"model\":\"m\",\"stream\":%s,\"messages\":"
				 "[{\"role\":\"user\",\"content\":\"hi\"}]}",
	    wants_stream ? "true" : "false");
	char *text = ac_asprintf("POST /v1/chat/completions HTTP/1.1\r\n"
				 "Host: localhost\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
	    strlen(body), body);

	client_send(client, text);
	free(text);
	free(body);
}

void
client_wait_for(struct client *client, const char *text)
{
	LOOP_UNTIL(&client->stage->loop, strstr(client->text, text) != NULL);
}

size_t
client_count(const struct client *client, const char *text)
{
	const char *rest = client->text;
	size_t count = 0;

	for (; (rest = strstr(rest, text)) != NULL; rest++)
		count++;
	return count;
}
