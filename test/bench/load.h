/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The load: connections that ask and check what they get, in one of three
 * ways. Any answer that is not whole ends the process, so that a figure that
 * is printed is one without errors.
 */
#ifndef AC_BENCH_LOAD_H
#define AC_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <openssl/types.h>

#include "answer.h"
#include "usage.h"

enum load_mode {
	/* All streams are opened, then watched for a while, then ended. */
	LOAD_STREAMS,
	/* So many connections ask again and again: what comes after the
	 * warm-up is measured. */
	LOAD_LOOP,
	/* Requests at a fixed rate, whatever becomes of the earlier ones. */
	LOAD_RATE,
};

struct load_wish {
	enum load_mode mode;
	struct sockaddr_in target;
	SSL_CTX *tls; /* NULL: plain */
	struct answer_wish answer;
	struct usage_pids pids; /* whose usage is measured */
	const char *request;    /* head and body */
	size_t count;           /* streams, or connections */
	uint64_t requests;      /* LOOP and RATE: all of them … */
	uint64_t warm_up;       /* … and how many of them do not count */
	uint64_t rate;          /* of RATE, a second */
	uint64_t settle_ms;     /* of STREAMS: from the last one's beginning */
	uint64_t window_ms;     /* of STREAMS; 0: until the last one's end */
	uint64_t slow_percent;  /* of STREAMS: slow readers */
	struct sockaddr_in release; /* of STREAMS, port 0: nobody is held */
};

struct load_result {
	uint64_t answers; /* that were measured */
	uint64_t deltas;  /* in the window */
	int64_t cpu_ns;
	int64_t wall_ns;
	struct usage_memory before; /* any connection */
	struct usage_memory after;  /* the window */
	size_t first_count;         /* LOOP and RATE: times to the first byte */
	int64_t *first_ns;          /* owned by the caller, sorted */
};

/* Runs it; returns when every answer is whole. */
void load_run(const struct load_wish *wish, struct load_result *result);

#endif
