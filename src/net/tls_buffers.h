/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Memory for OpenSSL's record buffers. A connection needs one of some 17 KB
 * for the moment in which it reads or writes a record; taken from the heap,
 * thousands of them would leave holes between what lives as long as a
 * connection. They come from a few blocks that are used again and again.
 */
#ifndef AC_NET_TLS_BUFFERS_H
#define AC_NET_TLS_BUFFERS_H

/* Makes OpenSSL use them, for the whole process. Without effect where OpenSSL
 * has allocated something before. Not for programs with threads. */
void ac_tls_buffers_install(void);

#endif
