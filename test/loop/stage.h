/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The whole server between raw clients and a scripted web app, all on one
 * loop. With STAGE_TLS in the environment the clients speak TLS: every test
 * of the server runs both ways.
 */
#ifndef AC_TEST_STAGE_H
#define AC_TEST_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "certs.h"
#include "loop.h"
#include "peer.h"
#include "site.h"

struct ac_config;
struct ac_server;
struct evbuffer;
struct peer_tls;

struct stage {
	struct loop loop;
	struct peer *peer; /* owned, like all that follows */
	struct ac_config *config;
	struct ac_server *server;  /* NULL: freed already */
	SSL_CTX *client_tls;       /* NULL: clients are plain … */
	struct server_files files; /* … otherwise what the server has */
};

/* What to set up; what is zero has its default. */
struct stage_wish {
	SSL_CTX *peer_tls;   /* the app is behind TLS … */
	const char *ca_file; /* … and whom the server trusts then */
	const char *option;  /* of the server, with its value */
	const char *value;
};

/* Models are not checked, so that none are fetched; the app gives a session
 * as it is asked. wish may be NULL. */
void stage_open(struct stage *stage, const struct stage_wish *wish);

/* Whether clients speak TLS. */
bool stage_has_tls(void);

/* Frees the server, unless that has been done, and looks at what is left. */
void stage_close(struct stage *stage);

void stage_free_server(struct stage *stage);

/* The number of the connection that the nth chat (from 0) came in on, or -1
 * where there was none yet. */
int stage_chat_conn(const struct stage *stage, size_t nth);

/* Waits until n chats have come to the app. */
void stage_wait_for_chats(struct stage *stage, size_t n);

/* A raw client. */
struct client {
	struct stage *stage;
	int fd;                /* -1: closed by the test */
	struct event *reading; /* owned, like all that follows */
	struct event *writing;
	struct peer_tls *tls;    /* NULL: plain */
	struct evbuffer *wire;   /* what is to leave, as it leaves */
	struct evbuffer *unsent; /* text that waits for the handshake */
	size_t received;
	char text[16 * 1024]; /* its beginning, NUL-terminated */
	size_t tildes;        /* how many ~ were in all of it */
	bool ended;           /* the server closed it … */
	bool was_reset;       /* … with a reset */
	const char *flood;    /* what is written over and over … */
	size_t flooded;       /* … and how much of it has left */
};

void client_open(struct client *client, struct stage *stage);

/* Waits until the client's handshake, if there is one, is over. */
void client_shake_hands(struct client *client);

/* Closes it if that has not been done. */
void client_close(struct client *client);
void client_reset(struct client *client);
void client_half_close(struct client *client);

/* Sends TLS's close_notify and nothing else. */
void client_say_goodbye(struct client *client);

void client_send(struct client *client, const char *text);

/* Writes text over and over from now on, as far as it is taken. */
void client_flood(struct client *client, const char *text);

void client_stop_reading(struct client *client);
void client_go_on_reading(struct client *client);

/* Sends a chat request; the app's answer may be anything. */
void client_ask(struct client *client, bool wants_stream);

/* Waits until the text has come. */
void client_wait_for(struct client *client, const char *text);

/* How often it has come. */
size_t client_count(const struct client *client, const char *text);

#define ASK_HEALTH "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* The head of a stream as the app has it. */
#define APP_STREAM                                      \
	APP_HEAD("200 OK", "content-type: text/plain; " \
			   "charset=utf-8\r\n"          \
			   "x-vercel-ai-data-stream: v1\r\n")

/* The usual lines, a chunk each. */
#define APP_START      "19\r\nf:{\"messageId\":\"msg-12\"}\n\r\n"
#define APP_TEXT(five) "a\r\n0:\"" five "\"\n\r\n"
#define APP_FINISH                            \
	"4a\r\nd:{\"finishReason\":\"stop\"," \
	"\"usage\":{\"promptTokens\":1,\"completionTokens\":2}}\n\r\n"

#endif
