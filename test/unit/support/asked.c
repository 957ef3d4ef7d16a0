/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests for tests: see asked.h. */
#include "support/asked.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/mem.h"
#include "base/text.h"

bool
asked_parse_pieces(asked_parse_fn *parse, struct ac_chat_request *request,
    const char *text, size_t len, size_t piece, struct ac_error *error)
{
	struct evbuffer *body = ac_text_new();
	char *copy = ac_memdup(text, len);
	bool ok;

	for (size_t i = 0; i < len; i++) {
		if (copy[i] == '\'')
			copy[i] = '"';
	}
	/* By reference, so that each piece stays one of its own. */
	for (size_t i = 0; i < len; i += piece)
		evbuffer_add_reference(body, copy + i,
		    len - i < piece ? len - i : piece, NULL, NULL);
	ok = parse(request, body, error);
	evbuffer_free(body);
	free(copy);
	return ok;
}

bool
asked_parse(asked_parse_fn *parse, struct ac_chat_request *request,
    const char *text, struct ac_error *error)
{
	return asked_parse_pieces(
	    parse, request, text, strlen(text), strlen(text) + 1, error);
}
