/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where a request came from, as the log tells it. */
#ifndef AC_API_CLIENT_ADDRESS_H
#define AC_API_CLIENT_ADDRESS_H

#include "base/ip.h"

struct evhttp_connection;
struct evhttp_request;

/*
 * The address of a client: peer, or, where trusted has peer, the rightmost
 * address in forwarded (X-Forwarded-For, NULL without one) that trusted does
 * not have; the leftmost where it has them all. A forwarded that holds
 * something else on the way there counts for nothing. A peer that is no
 * address came through a Unix socket, and "unix" is what it is called.
 */
void ac_client_address_choose(char client[AC_IP_TEXT_SIZE], const char *peer,
    const char *forwarded, const struct ac_ip_ranges *trusted);

/* The same of a request, all of whose X-Forwarded-For headers count. */
void ac_client_address_find(char client[AC_IP_TEXT_SIZE],
    struct evhttp_request *http, const struct ac_ip_ranges *trusted);

/* The address of a connection's peer alone. */
void ac_client_address_of_peer(
    char client[AC_IP_TEXT_SIZE], struct evhttp_connection *evcon);

#endif
