/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names without a network: see fake_dns.h. */
#include "fake_dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/util.h>

#include "base/mem.h"
#include "loop.h"

enum {
	RCODE_OK = 0,
	RCODE_NO_NAME = 3,
	TTL = 60,
};

struct evdns_base *__real_evdns_base_new(struct event_base *, int flags);
struct evdns_base *__wrap_evdns_base_new(struct event_base *, int flags);
void __real_evdns_base_free(struct evdns_base *, int fail_requests);
void __wrap_evdns_base_free(struct evdns_base *, int fail_requests);

struct evdns_getaddrinfo_request *__real_evdns_getaddrinfo(struct evdns_base *,
    const char *, const char *, const struct evutil_addrinfo *,
    evdns_getaddrinfo_cb, void *);
struct evdns_getaddrinfo_request *__wrap_evdns_getaddrinfo(struct evdns_base *,
    const char *, const char *, const struct evutil_addrinfo *,
    evdns_getaddrinfo_cb, void *);

/* Whom a look-up calls back. */
struct lookup {
	evdns_getaddrinfo_cb callback;
	void *arg;
};

static struct fake_dns *in_use;
static size_t lookups; /* those whose callback is owed */
static struct evdns_server_port *server;

void
fake_dns_use(struct fake_dns *fake)
{
	in_use = fake;
}

static const struct fake_record *
find_record(const char *name)
{
	const struct fake_record *record = in_use->records;

	while (record != NULL && record->name != NULL) {
		if (evutil_ascii_strcasecmp(record->name, name) == 0)
			return record;
		record++;
	}
	return NULL;
}

static void
add_answer(struct evdns_server_request *request, int type,
    const struct fake_record *record)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (type == EVDNS_TYPE_A && record->v4 != NULL &&
	    inet_pton(AF_INET, record->v4, &v4) == 1)
		evdns_server_request_add_a_reply(
		    request, record->name, 1, &v4, TTL);
	if (type == EVDNS_TYPE_AAAA && record->v6 != NULL &&
	    inet_pton(AF_INET6, record->v6, &v6) == 1)
		evdns_server_request_add_aaaa_reply(
		    request, record->name, 1, &v6, TTL);
}

static void
on_query(struct evdns_server_request *request, void *arg)
{
	const struct fake_record *record = NULL;

	(void)arg;
	in_use->queries++;
	if (in_use->is_silent) {
		evdns_server_request_drop(request);
		return;
	}
	for (int i = 0; i < request->nquestions; i++) {
		record = find_record(request->questions[i]->name);
		if (record != NULL)
			add_answer(
			    request, request->questions[i]->type, record);
	}
	evdns_server_request_respond(
	    request, record == NULL ? RCODE_NO_NAME : RCODE_OK);
}

static void
start_server(struct event_base *base, struct evdns_base *dns)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char text[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	server = evdns_add_server_port_with_base(base, fd, 0, on_query, NULL);
	assert_non_null(server);
	snprintf(text, sizeof(text), "127.0.0.1:%u",
	    (unsigned)ntohs(address.sin_port));
	assert_int_equal(evdns_base_nameserver_ip_add(dns, text), 0);
}

static void
load_hosts(struct evdns_base *dns)
{
	int fd = memfd_create("hosts", MFD_CLOEXEC);
	size_t len = strlen(in_use->hosts);
	char path[32];

	assert_int_equal(write(fd, in_use->hosts, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(evdns_base_load_hosts(dns, path), 0);
	close(fd);
}

struct evdns_base *
__wrap_evdns_base_new(struct event_base *base, int flags)
{
	struct evdns_base *dns = __real_evdns_base_new(
	    base, flags & ~EVDNS_BASE_INITIALIZE_NAMESERVERS);

	assert_non_null(dns);
	start_server(base, dns);
	load_hosts(dns);
	return dns;
}

/* libevent looks at the base before it calls back, and does not hold it. */
void
__wrap_evdns_base_free(struct evdns_base *dns, int fail_requests)
{
	assert_int_equal(lookups, 0);
	__real_evdns_base_free(dns, fail_requests);
	evdns_close_server_port(server);
	server = NULL;
}

static void
on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct lookup lookup = *(struct lookup *)arg;

	lookups--;
	free(arg);
	lookup.callback(result, list, lookup.arg);
}

/* As if this machine had addresses of both families. */
struct evdns_getaddrinfo_request *
__wrap_evdns_getaddrinfo(struct evdns_base *dns, const char *name,
    const char *service, const struct evutil_addrinfo *hints,
    evdns_getaddrinfo_cb callback, void *arg)
{
	struct evutil_addrinfo without = *hints;
	struct lookup *lookup = malloc(sizeof(*lookup));

	assert_non_null(lookup);
	*lookup = (struct lookup){callback, arg};
	lookups++;
	without.ai_flags &= ~EVUTIL_AI_ADDRCONFIG;
	return __real_evdns_getaddrinfo(
	    dns, name, service, &without, on_answer, lookup);
}
