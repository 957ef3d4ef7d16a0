/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A chat's times: see chat_timing.h. Part of the handler's call. */
#include "api/chat_timing.h"

#include <string.h>

#include "api/api.h"
#include "api/instruments.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "upstream/chat.h"

static struct ac_instruments *
instruments_of(const struct ac_request *request)
{
	return ac_request_api(request)->instruments;
}

void
ac_chat_timing_start(struct ac_chat_timing *timing)
{
	*timing = (struct ac_chat_timing){.started_ns = ac_clock_ns()};
}

void
ac_chat_timing_note_end(
    struct ac_chat_timing *timing, const struct ac_chat *chat)
{
	if (chat != NULL)
		timing->waited_ns = ac_chat_session_wait_ns(chat);
}

void
ac_chat_timing_note_first(
    struct ac_chat_timing *timing, struct ac_request *request)
{
	ac_instruments_note_first_token(
	    instruments_of(request), ac_clock_ns() - timing->started_ns);
}

void
ac_chat_timing_note_text(struct ac_chat_timing *timing,
    struct ac_request *request, const struct ac_chat *chat)
{
	int64_t read_ns = chat == NULL ? 0 : ac_chat_read_ns(chat);

	if (read_ns != timing->text_ns && read_ns != 0 && timing->text_ns != 0)
		ac_instruments_note_gap(
		    instruments_of(request), read_ns - timing->text_ns);
	timing->text_ns = read_ns;
	ac_instruments_note_delta(instruments_of(request));
	ac_request_note_read(request, read_ns);
}

void
ac_chat_timing_note_pause(struct ac_chat_timing *timing)
{
	timing->text_ns = 0;
}

static char *
add_text(char *end, const char *text)
{
	size_t len = strlen(text);

	memcpy(end, text, len + 1);
	return end + len;
}

/* In milliseconds, with one digit behind the point. */
static char *
add_duration(char *end, int64_t ns)
{
	int64_t tenths = (ns + 50000) / 100000;
	const char fraction[] = {'.', (char)('0' + tenths % 10), '\0'};

	return add_text(end + ac_decimal(end, tenths / 10), fraction);
}

void
ac_chat_timing_add_header(struct ac_chat_timing *timing,
    struct ac_request *request, const struct ac_chat *chat)
{
	int64_t all_ns = ac_clock_ns() - timing->started_ns;
	char text[80];
	char *end;

	ac_chat_timing_note_end(timing, chat);
	end = add_text(text, "session;dur=");
	end = add_duration(end, timing->waited_ns);
	end = add_text(end, ", upstream;dur=");
	add_duration(end, all_ns - timing->waited_ns);
	ac_request_add_header(request, "Server-Timing", text);
}
