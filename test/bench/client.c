/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The benchmark's client: makes one load, checks every answer and prints
 * what the processes that are watched have used meanwhile, as a JSON object.
 * It is run by bench.py; --help is the table below.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/ssl.h>

#include "load.h"
#include "wire.h"

struct settings {
	struct load_wish wish;
	const char *path;
	const char *body;
	const char *header; /* one line, or empty */
};

static void
set_mode(struct settings *settings, const char *value)
{
	static const char *const names[] = {
	    [LOAD_STREAMS] = "streams",
	    [LOAD_LOOP] = "loop",
	    [LOAD_RATE] = "rate",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			settings->wish.mode = (enum load_mode)i;
			return;
		}
	}
	wire_fatal("--mode is streams, loop or rate");
}

static void
set_form(struct settings *settings, const char *value)
{
	static const char *const names[] = {
	    [ANSWER_APP] = "app",
	    [ANSWER_STREAM] = "stream",
	    [ANSWER_WHOLE] = "whole",
	    [ANSWER_MODELS] = "models",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			settings->wish.answer.form = (enum answer_form)i;
			return;
		}
	}
	wire_fatal("--form is app, stream, whole or models");
}

static uint64_t
number_of(const char *value)
{
	char *end;
	uint64_t number = strtoull(value, &end, 10);

	if (end == value || *end != '\0')
		wire_fatal("a number was expected");
	return number;
}

static void
set_number(struct load_wish *wish, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *place;
	} numbers[] = {
	    {"--requests", &wish->requests},
	    {"--warm-up", &wish->warm_up},
	    {"--rate", &wish->rate},
	    {"--settle-ms", &wish->settle_ms},
	    {"--window-ms", &wish->window_ms},
	    {"--slow-percent", &wish->slow_percent},
	    {"--deltas", &wish->answer.deltas},
	    {"--delta-len", &wish->answer.delta_len},
	};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) == 0) {
			*numbers[i].place = number_of(value);
			return;
		}
	}
	wire_fatal("an argument is not known");
}

static void
set(struct settings *settings, const char *name, const char *value)
{
	struct load_wish *wish = &settings->wish;

	if (strcmp(name, "--mode") == 0)
		set_mode(settings, value);
	else if (strcmp(name, "--form") == 0)
		set_form(settings, value);
	else if (strcmp(name, "--port") == 0)
		wire_loopback(&wish->target, (uint16_t)number_of(value));
	else if (strcmp(name, "--release") == 0)
		wire_loopback(&wish->release, (uint16_t)number_of(value));
	else if (strcmp(name, "--tls") == 0)
		wish->tls = number_of(value) ? wire_client_context() : NULL;
	else if (strcmp(name, "--pids") == 0)
		usage_parse(&wish->pids, value);
	else if (strcmp(name, "--count") == 0)
		wish->count = (size_t)number_of(value);
	else if (strcmp(name, "--path") == 0)
		settings->path = value;
	else if (strcmp(name, "--header") == 0)
		settings->header = value;
	else if (strcmp(name, "--body") == 0)
		settings->body = value;
	else
		set_number(wish, name, value);
}

/* A GET where there is no body. */
static char *
make_request(const struct settings *settings)
{
	static const char form[] =
	    "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s";
	size_t size = sizeof(form) + strlen(settings->path) +
		      strlen(settings->header) + strlen(settings->body) + 32;
	char *request = malloc(size);

	if (request == NULL)
		wire_fatal("out of memory");
	snprintf(request, size, form, *settings->body == '\0' ? "GET" : "POST",
	    settings->path, settings->header,
	    *settings->header == '\0' ? "" : "\r\n", strlen(settings->body),
	    settings->body);
	return request;
}

static int64_t
percentile_us(const struct load_result *result, size_t thousandths)
{
	if (result->first_count == 0)
		return 0;
	return result
		   ->first_ns[(result->first_count - 1) * thousandths / 1000] /
	       1000;
}

static void
print_result(const struct load_result *result)
{
	printf("{\"answers\":%" PRIu64 ",\"deltas\":%" PRIu64
	       ",\"cpu_ns\":%" PRId64 ",\"wall_ns\":%" PRId64
	       ",\"rss_before_kb\":%" PRId64 ",\"pss_before_kb\":%" PRId64
	       ",\"rss_kb\":%" PRId64 ",\"pss_kb\":%" PRId64
	       ",\"peak_kb\":%" PRId64 ",\"first_p50_us\":%" PRId64
	       ",\"first_p99_us\":%" PRId64 "}\n",
	    result->answers, result->deltas, result->cpu_ns, result->wall_ns,
	    result->before.rss_kb, result->before.pss_kb, result->after.rss_kb,
	    result->after.pss_kb, result->after.peak_kb,
	    percentile_us(result, 500), percentile_us(result, 990));
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	struct settings settings = {.path = "/", .body = "", .header = ""};
	struct load_result result;
	char *request;

	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	if (argc % 2 != 1)
		wire_fatal("arguments are --name value");
	for (int i = 1; i + 1 < argc; i += 2)
		set(&settings, argv[i], argv[i + 1]);
	request = make_request(&settings);
	settings.wish.request = request;
	load_run(&settings.wish, &result);
	print_result(&result);
	free(result.first_ns);
	free(request);
	SSL_CTX_free(settings.wish.tls);
	return 0;
}
