/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Where a chat's time goes: for the metrics, and for the Server-Timing header
 * of its answer. All times are ac_clock_ns()'s.
 */
#ifndef AC_API_CHAT_TIMING_H
#define AC_API_CHAT_TIMING_H

#include <stdint.h>

struct ac_chat;
struct ac_request;

/* In place; a chat that is NULL below has ended. */
struct ac_chat_timing {
	int64_t started_ns;
	int64_t waited_ns; /* for sessions */
	int64_t text_ns;   /* when text was read last; 0: not known */
};

void ac_chat_timing_start(struct ac_chat_timing *timing);

/* Before chat is forgotten: how long it has waited for sessions. */
void ac_chat_timing_note_end(
    struct ac_chat_timing *timing, const struct ac_chat *chat);

/* The first text has come. */
void ac_chat_timing_note_first(
    struct ac_chat_timing *timing, struct ac_request *request);

/* Text of a stream has come and is written next. What one read brought counts
 * once, in however many chunks it came. */
void ac_chat_timing_note_text(struct ac_chat_timing *timing,
    struct ac_request *request, const struct ac_chat *chat);

/* The client was behind and the upstream had to wait for it. */
void ac_chat_timing_note_pause(struct ac_chat_timing *timing);

/* Says with the head, which is about to be sent, where the time before it
 * went. */
void ac_chat_timing_add_header(struct ac_chat_timing *timing,
    struct ac_request *request, const struct ac_chat *chat);

#endif
