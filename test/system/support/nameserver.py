# SPDX-License-Identifier: AGPL-3.0-or-later
"""A scripted name server on a loopback port, and a program that asks it."""
import functools
import socket
import struct
import subprocess
import threading

A, AAAA = 1, 28
NXDOMAIN, SERVFAIL, TRUNCATED = 3, 2, 0x0200

# The program with a resolv.conf of its own, in a name space of its own.
WRAPPER = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
           'mount --bind "$0" /etc/resolv.conf && exec "$@"')


def _question(query):
    """The name of a query, its type, and its bytes."""
    at = 12
    labels = []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind, _ = struct.unpack_from(">HH", query, at + 1)
    return ".".join(labels), kind, query[12:at + 5]


def answer(query, *addresses, flags=0):
    """An answer to a query with these IPv4 addresses, for that type alone."""
    _, kind, question = _question(query)
    if kind != A:
        addresses = ()
    records = b"".join(
        struct.pack(">HHHIH", 0xc00c, A, 1, 0, 4) + socket.inet_aton(address)
        for address in addresses)
    return (query[:2] + struct.pack(">HHHHH", 0x8180 | flags, 1,
                                    len(addresses), 0, 0) +
            question + records)


class Nameserver:
    """Knows every name as 127.0.0.1, unless reply is set: a function of a
    query and send(datagram), called in a thread of its own."""

    def __init__(self, folder):
        self.reply = self.know
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        conf = folder / f"resolv.conf-{port}"
        conf.write_text(f"nameserver 127.0.0.1:{port}\n")
        self.wrapper = (*WRAPPER, str(conf))
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.sendto(b"", self._socket.getsockname())

    @staticmethod
    def know(query, send):
        send(answer(query, "127.0.0.1"))

    def _serve(self):
        with self._socket:
            while True:
                query, peer = self._socket.recvfrom(4096)
                if not query:
                    return
                send = functools.partial(self._send, peer)
                threading.Thread(target=self.reply, args=(query, send),
                                 daemon=True).start()

    def _send(self, peer, datagram):
        try:
            self._socket.sendto(datagram, peer)
        except OSError:
            pass  # it is over


@functools.cache
def missing():
    """Why a program cannot be given a name server, or ""."""
    done = subprocess.run(
        [*WRAPPER, "/dev/null", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else done.stderr.decode().strip()
