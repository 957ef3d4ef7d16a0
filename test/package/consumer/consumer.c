/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A host of the library as its users write one: it serves the demo on a free
 * port, asks it for /health and prints the answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include <akashchat/akashchat.h>
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>

struct host {
	struct event_base *base;
	struct ac_server *server;
	struct bufferevent *client;
};

static void
on_drained(struct ac_server *server, void *arg)
{
	struct host *host = arg;

	(void)server;
	event_base_loopbreak(host->base);
}

/* The answer ends with its connection; then the server may go as well. */
static void
on_client_event(struct bufferevent *client, short what, void *arg)
{
	struct host *host = arg;
	struct evbuffer *answer = bufferevent_get_input(client);

	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
		return;
	fwrite(evbuffer_pullup(answer, -1), 1, evbuffer_get_length(answer),
	    stdout);
	ac_server_drain(host->server, on_drained, host);
}

static int
ask(struct host *host)
{
	static const char request[] = "GET /health HTTP/1.1\r\n"
				      "Host: localhost\r\n"
				      "Connection: close\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(ac_server_port(host->server));
	host->client =
	    bufferevent_socket_new(host->base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(host->client, NULL, NULL, on_client_event, host);
	bufferevent_enable(host->client, EV_READ | EV_WRITE);
	bufferevent_write(host->client, request, sizeof(request) - 1);
	return bufferevent_socket_connect(
	    host->client, (struct sockaddr *)&address, sizeof(address));
}

int
main(void)
{
	struct host host = {.base = event_base_new()};
	struct ac_config *config = ac_config_new();
	char reason[AC_REASON_SIZE] = "";

	if (!ac_config_set(config, "DEMO", "on", reason) ||
	    !ac_config_set(config, "SERVER_ADDRESS", "127.0.0.1:0", reason) ||
	    (host.server = ac_server_new(host.base, config, reason)) == NULL) {
		fprintf(stderr, "consumer: %s\n", reason);
		return EXIT_FAILURE;
	}
	if (ask(&host) != 0)
		return EXIT_FAILURE;
	ac_server_run(host.server);
	printf("library %s\n", ac_version());
	bufferevent_free(host.client);
	ac_server_free(host.server);
	event_base_loop(host.base, EVLOOP_NONBLOCK);
	ac_config_free(config);
	event_base_free(host.base);
	return EXIT_SUCCESS;
}
