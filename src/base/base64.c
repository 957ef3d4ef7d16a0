/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Base64 by OpenSSL, a piece at a time: see base64.h. */
#include "base/base64.h"

#include <event2/buffer.h>
#include <openssl/evp.h>

#include "base/mem.h"

/* Pieces of whole groups, so that only the last has padding, each of which
 * fills a block of 64 KB together with libevent's header and a NUL. */
enum { PIECE_CODED = 64 * 1024 - 64, PIECE = PIECE_CODED / 4 * 3 };

void
ac_base64_add(struct evbuffer *out, const void *data, size_t len)
{
	const unsigned char *rest = data;

	while (len > 0) {
		size_t taken = len < PIECE ? len : PIECE;
		struct evbuffer_iovec room;
		int coded;

		/* OpenSSL puts a NUL behind. */
		if (evbuffer_reserve_space(out, PIECE_CODED + 1, &room, 1) != 1)
			ac_out_of_memory();
		coded = EVP_EncodeBlock(room.iov_base, rest, (int)taken);
		room.iov_len = (size_t)coded;
		if (evbuffer_commit_space(out, &room, 1) != 0)
			ac_out_of_memory();
		rest += taken;
		len -= taken;
	}
}
