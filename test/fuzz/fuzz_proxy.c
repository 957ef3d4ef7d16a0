/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A proxy's URL in the first line, NO_PROXY in the second, behind them what
 * the proxy answers. A refused URL is not shown. Read as much as is wanted
 * or byte by byte, the answer comes to the same end after the same bytes,
 * and says why unless the tunnel is open.
 */
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "base/url.h"
#include "fuzz.h"
#include "net/no_proxy.h"
#include "net/proxy.h"
#include "net/tunnel.h"

struct outcome {
	enum ac_tunnel_state state;
	enum ac_tunnel_fault fault;
	size_t used;
};

static struct outcome
play(const struct ac_proxy *proxy, const char *data, size_t len, size_t piece)
{
	struct ac_tunnel *tunnel = ac_tunnel_new(proxy, "a.example", 443);
	struct outcome outcome = {.used = 0};

	for (;;) {
		size_t wants, output_len;

		ac_tunnel_output(tunnel, &output_len);
		FUZZ_CHECK((ac_tunnel_state(tunnel) == AC_TUNNEL_WRITE) ==
			   (output_len > 0));
		ac_tunnel_wrote(tunnel, output_len);
		wants = ac_tunnel_wants(tunnel);
		FUZZ_CHECK(
		    (ac_tunnel_state(tunnel) == AC_TUNNEL_READ) == (wants > 0));
		if (wants > piece)
			wants = piece;
		if (wants > len - outcome.used)
			wants = len - outcome.used;
		if (wants == 0)
			break;
		ac_tunnel_read(tunnel, data + outcome.used, wants);
		outcome.used += wants;
	}
	outcome.state = ac_tunnel_state(tunnel);
	outcome.fault = ac_tunnel_fault(tunnel);
	FUZZ_CHECK((outcome.state == AC_TUNNEL_FAILED) ==
		   (*ac_tunnel_why(tunnel) != '\0'));
	FUZZ_CHECK((outcome.state == AC_TUNNEL_FAILED) ==
		   (outcome.fault != AC_TUNNEL_FAULT_NONE));
	ac_tunnel_free(tunnel);
	return outcome;
}

static void
check_answer(const struct ac_proxy *proxy, const char *data, size_t len)
{
	struct outcome wanted = play(proxy, data, len, SIZE_MAX);
	struct outcome single = play(proxy, data, len, 1);

	FUZZ_CHECK(wanted.state == single.state);
	FUZZ_CHECK(wanted.fault == single.fault);
	/* How far a refusal was read may differ. */
	if (wanted.state != AC_TUNNEL_FAILED)
		FUZZ_CHECK(wanted.used == single.used);
}

static void
check_proxy(const struct ac_proxy *proxy)
{
	char *authorization = ac_proxy_authorization(proxy);

	FUZZ_CHECK(*proxy->host != '\0' && proxy->port != 0);
	FUZZ_CHECK(strpbrk(proxy->host, "\r\n ") == NULL);
	FUZZ_CHECK((authorization == NULL) == (proxy->user == NULL));
	if (authorization != NULL)
		FUZZ_CHECK(strpbrk(authorization, "\r\n") == NULL);
	ac_wipe_and_free(authorization);
}

/* Ends a line and returns what is behind it; len counts what is left. */
static char *
next_line(char *line, size_t *len)
{
	char *end = memchr(line, '\n', *len);

	if (end == NULL)
		end = line + *len;
	else
		(*len)--;
	*len -= (size_t)(end - line);
	*end = '\0';
	return *len == 0 ? end : end + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_memdup((const char *)data, size);
	char *exceptions = next_line(text, &size);
	char *answer = next_line(exceptions, &size);
	struct ac_options options = {
	    .https_proxy = text, .no_proxy = exceptions};
	struct ac_url origin = {
	    .tls = true, .port = 443, .host = (char[]){"a.example"}};
	char why[AC_OPTION_ERROR_SIZE] = "";
	struct ac_proxy *proxy;

	ac_no_proxy_covers(exceptions, "192.0.2.1", 443);
	ac_no_proxy_covers(exceptions, "2001:db8::1", 443);
	if (!ac_proxy_choose(&proxy, &options, &origin, why, sizeof(why))) {
		FUZZ_CHECK(*why != '\0' && proxy == NULL);
	} else if (proxy != NULL) {
		check_proxy(proxy);
		check_answer(proxy, answer, size);
	}
	ac_proxy_free(proxy);
	free(text);
	return 0;
}
