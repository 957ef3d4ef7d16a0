/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A call of the HTTP client that writes down what its handlers were told and
 * whether they ran when they may, and the scene that such calls play in: a
 * loop, a scripted peer and a client whose origin is that peer.
 */
#ifndef AC_TEST_CALL_H
#define AC_TEST_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "base/error.h"
#include "base/url.h"
#include "loop.h"
#include "net/http_client.h"
#include "peer.h"

struct ac_proxy;
struct ac_reaper;
struct ac_tls;

struct scene {
	struct loop loop;
	struct peer *peer; /* owned */
	struct ac_reaper *reaper;
	struct ac_resolver *resolver;
	struct ac_tls *tls; /* NULL: plain */
	struct ac_url url;
	struct ac_http_client *client;
	char proxy_host[16];
	char proxy_name[32]; /* as messages have it */
	bool turn_at_end;    /* the loop turns once more when all is freed */
};

/* What to set up; what is zero has its default. */
struct scene_wish {
	const char *host;       /* of the URL: "127.0.0.1" */
	uint16_t port;          /* of the URL: the peer's */
	const char *peer_ip;    /* where the peer listens: 127.0.0.1 */
	SSL_CTX *peer_tls;      /* of the peer: plain */
	const char *ca_file;    /* an https URL; whom the client trusts */
	int connect_timeout_ms; /* 10 s */
	int answer_timeout_ms;  /* 10 s */
	int silence_timeout_ms; /* 10 s */
	int retries;            /* none */
	/* The peer is a proxy of this kind; NULL: there is none. Its host and
	 * port are filled in, so it is written to. */
	struct ac_proxy *proxy;
};

/* wish may be NULL. */
void scene_open(struct scene *scene, const struct scene_wish *wish);

/* Frees everything and looks whether anything is left. */
void scene_close(struct scene *scene);

/* Frees the client and the reaper before scene_close() does. */
void scene_drop_client(struct scene *scene);

enum call_moment {
	CALL_HEAD,
	CALL_DATA,
	CALL_DONE,
};

struct call {
	struct scene *scene;
	struct ac_http_call *call; /* NULL: over */
	bool started;              /* the start has returned */
	int heads;
	int datas;
	int dones;
	int status;
	char cookie[64];       /* the head's first Set-Cookie */
	size_t body_len;       /* of all on_data */
	size_t body_kept;      /* of it in body */
	char body[64 * 1024];  /* the beginning of the body, NUL-terminated */
	size_t newest_len;     /* of the last on_data */
	uint64_t body_sum;     /* of all its bytes */
	bool succeeded;        /* on_done(NULL) */
	struct ac_error error; /* of on_done(error) */
	const char *problem;   /* a rule of http_client.h that was broken */
	/* What the test does within a handler; NULL: nothing. */
	void (*within)(struct call *call, enum call_moment moment);
	struct call *other; /* for within */
};

/* Starts GET path. */
void call_get(struct call *call, struct scene *scene, const char *path);

/* Starts POST path with a body of len times 'x'. */
void call_post(
    struct call *call, struct scene *scene, const char *path, size_t len);

void call_cancel(struct call *call);

/* The same for ac_http_call_leave(). */
void call_leave(struct call *call);

/* Waits for on_done and checks that all was told as promised. */
void call_wait(struct call *call);

/* The same, with how it is to end. */
void call_wait_for_success(struct call *call, int status, const char *body);
void call_wait_for_error(struct call *call, enum ac_error_code code);

/* A GET from start to end that must be answered with "ok". */
void call_check_client(struct scene *scene);

/* What call_check_client() wants of the peer. */
#define ANSWER_OK SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

#endif
