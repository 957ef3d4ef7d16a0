/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ports that refuse and ports that never answer: see peer.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "loop.h"
#include "peer.h"

uint16_t
peer_dead_port(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	struct sockaddr *any = (struct sockaddr *)&address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, any, len), 0);
	assert_int_equal(getsockname(fd, any, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

void
full_port_open(struct full_port *full, const char *ip, uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	};
	socklen_t len = sizeof(address);
	struct sockaddr *any = (struct sockaddr *)&address;

	assert_int_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
	full->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(full->listener, any, len), 0);
	assert_int_equal(listen(full->listener, 0), 0);
	assert_int_equal(getsockname(full->listener, any, &len), 0);
	full->port = ntohs(address.sin_port);
	for (size_t i = 0; i < AC_LENGTH(full->fillers); i++) {
		full->fillers[i] =
		    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		AC_UNUSED(connect(full->fillers[i], any, len));
	}
}

void
full_port_close(struct full_port *full)
{
	for (size_t i = 0; i < AC_LENGTH(full->fillers); i++)
		close(full->fillers[i]);
	close(full->listener);
}
