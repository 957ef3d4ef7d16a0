/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Words for failures: see words.h. */
#include "doctor/words.h"

#include <string.h>

const char *
ac_words_cause(const struct ac_error *error)
{
	static const char subject[] = "The upstream";
	const char *colon = strstr(error->message, ": ");

	if (colon == NULL ||
	    strncmp(error->message, subject, sizeof(subject) - 1) != 0)
		return error->message;
	return colon + 2;
}

/* The errors of a client's request cannot come of a question that the doctor
 * itself made, but for those that the site answers with. */
const char *
ac_words_advice(enum ac_error_code code)
{
	switch (code) {
	case AC_ERROR_UPSTREAM_UNREACHABLE:
	case AC_ERROR_CONNECT_TIMEOUT:
		return "Is AKASH_BASE_URL right? Does a firewall stand in the "
		       "way, or is a proxy\nneeded (HTTPS_PROXY)?";
	case AC_ERROR_UPSTREAM_TLS:
		return "Is something between here and the site that opens TLS? "
		       "Its authority goes\ninto SSL_CERT_FILE. Is this "
		       "machine's clock right?";
	case AC_ERROR_UPSTREAM_PROXY:
		return "Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY and at "
		       "the proxy's own log;\nNO_PROXY goes around it.";
	case AC_ERROR_UPSTREAM_CHALLENGE:
		return "A CDN before the site wants a browser: "
		       "UPSTREAM_COOKIES and UPSTREAM_USER_AGENT\nof one that "
		       "it lets pass, from this address.";
	case AC_ERROR_UPSTREAM_SESSION:
		return "Is AKASH_BASE_URL an Akash Chat? A private one may "
		       "want AKASH_ACCESS_TOKEN.";
	case AC_ERROR_FIRST_EVENT_TIMEOUT:
	case AC_ERROR_SILENCE_TIMEOUT:
		return "The site is slow or hangs. Try again later; "
		       "FIRST_EVENT_TIMEOUT and\nSILENCE_TIMEOUT say how long "
		       "it is waited for.";
	case AC_ERROR_RATE_LIMIT:
		return "The site has had enough of this address for now. Try "
		       "again later.";
	case AC_ERROR_MODEL_NOT_FOUND:
		return "The site does not have the model: look at "
		       "DEFAULT_MODEL.";
	case AC_ERROR_IMAGE_TIMEOUT:
		return "The site draws slowly or not at all; IMAGE_TIMEOUT "
		       "says how long it is waited for.";
	case AC_ERROR_UPSTREAM:
	case AC_ERROR_IMAGE_NOT_DRAWN:
	case AC_ERROR_OVERLOADED:
	case AC_ERROR_SHUTTING_DOWN:
	case AC_ERROR_REQUEST_TIMEOUT:
		return "The site failed. Does its own page answer in a "
		       "browser?";
	case AC_ERROR_NONE:
	case AC_ERROR_BAD_REQUEST:
	case AC_ERROR_BAD_HTTP:
	case AC_ERROR_INVALID_JSON:
	case AC_ERROR_MISSING_PARAMETER:
	case AC_ERROR_INVALID_TYPE:
	case AC_ERROR_INVALID_VALUE:
	case AC_ERROR_UNSUPPORTED_VALUE:
	case AC_ERROR_UNSUPPORTED_CONTENT:
	case AC_ERROR_CONTEXT_LENGTH:
	case AC_ERROR_MISSING_KEY:
	case AC_ERROR_INVALID_KEY:
	case AC_ERROR_EXPIRED_KEY:
	case AC_ERROR_ORIGIN:
	case AC_ERROR_UNKNOWN_URL:
	case AC_ERROR_IMAGE_NOT_FOUND:
	case AC_ERROR_METHOD_NOT_ALLOWED:
	case AC_ERROR_BODY_TOO_LARGE:
	case AC_ERROR_URI_TOO_LONG:
	case AC_ERROR_EXPECTATION:
	case AC_ERROR_HEADERS_TOO_LARGE:
	case AC_ERROR_INTERNAL:
	case AC_ERROR_CODES:
		break;
	}
	return NULL;
}

void
ac_words_copy_line(char *out, size_t size, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < size - 1 && data[i] != '\n'; i++)
		out[i] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
	if (i > 0 && i < len && data[i] == '\n' && data[i - 1] == '\r')
		i--;
	out[i] = '\0';
}
