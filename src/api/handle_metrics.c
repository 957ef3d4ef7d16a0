/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GET /metrics: what was counted, in Prometheus' text format. */
#include <event2/buffer.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/instruments.h"
#include "api/request.h"
#include "base/attr.h"
#include "base/text.h"

void
ac_handle_metrics(struct ac_request *request, const char *tail)
{
	struct evbuffer *body = ac_text_new();

	AC_UNUSED(tail);
	ac_instruments_write(ac_request_api(request)->instruments, body);
	ac_request_add_header(request, "Content-Type",
	    "text/plain; version=0.0.4; charset=utf-8");
	ac_request_add_header(request, "Cache-Control", "no-store");
	ac_request_reply(request, 200, body);
	evbuffer_free(body);
}
