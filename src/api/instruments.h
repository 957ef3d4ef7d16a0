/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What this program counts and times, for GET /metrics: docs/metrics.md has
 * each metric with its meaning. The floors below keep plain counters of their
 * own, which are asked when the metrics are.
 */
#ifndef AC_API_INSTRUMENTS_H
#define AC_API_INSTRUMENTS_H

#include <stddef.h>
#include <stdint.h>

struct ac_access;
struct ac_api;
struct ac_instruments;
struct evbuffer;

/* api: whose connections, gate and upstream are shown; borrowed, and
 * initialised before the first ac_instruments_write(). */
struct ac_instruments *ac_instruments_new(const struct ac_api *api);

/* NULL is fine. */
void ac_instruments_free(struct ac_instruments *instruments);

/* A request has ended. */
void ac_instruments_note_request(
    struct ac_instruments *instruments, const struct ac_access *access);

/* The head of a stream is on its way; its stream has ended. */
void ac_instruments_note_stream_begun(struct ac_instruments *instruments);
void ac_instruments_note_stream_over(struct ac_instruments *instruments);

/* How many are between the two. */
size_t ac_instruments_streams(const struct ac_instruments *instruments);

/* A piece of a stream is sent; how many there have been. */
void ac_instruments_note_delta(struct ac_instruments *instruments);
uint64_t ac_instruments_deltas(const struct ac_instruments *instruments);

/* The first text of an answer came so long after its request. */
void ac_instruments_note_first_token(
    struct ac_instruments *instruments, int64_t ns);

/* Text of a stream was read from the upstream so long after the last. */
void ac_instruments_note_gap(struct ac_instruments *instruments, int64_t ns);

/* A request had to wait so long for its turn, to whatever end. */
void ac_instruments_note_wait(struct ac_instruments *instruments, int64_t ns);

/* From a read of the upstream to the write at the client it took so long. */
void ac_instruments_note_overhead(
    struct ac_instruments *instruments, int64_t ns);

/* Appends all of them as they are now, in Prometheus' text format. */
void ac_instruments_write(
    struct ac_instruments *instruments, struct evbuffer *out);

#endif
