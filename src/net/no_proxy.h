/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NO_PROXY: which hosts are reached without a proxy. */
#ifndef AC_NET_NO_PROXY_H
#define AC_NET_NO_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a host, a name or an address without brackets, is reached without
 * a proxy: because it is localhost or a loopback address, or because list
 * names it; list may be NULL. Read as Go's golang.org/x/net/http/httpproxy
 * reads it: entries are separated by commas; each is "*", an address, a
 * range (10.0.0.0/8), or a name, which stands for all below it too unless it
 * begins with "." or "*."; all but a range may end with ":port". What is
 * none of these matches nothing. Names beyond ASCII are to be written as
 * xn--.
 */
bool ac_no_proxy_covers(const char *list, const char *host, uint16_t port);

#endif
