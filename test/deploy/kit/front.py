# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real nginx with the shipped configuration, before several instances."""
import os
import socket
import subprocess
import threading

from support import GUARD_S
from support.nginx import NGINX, NginxProcess
from support.program import ROOT

SHIPPED = ROOT / "docker/nginx"
# What a place of its own has: see akashchat-local.conf. Every peer of a Unix
# socket has the address that it says it has.
LOCAL = """
listen unix:{folder}/socket;
server_name _;
access_log {folder}/access.log akashchat;
set_real_ip_from unix:;
real_ip_header X-Test-Address;
"""


def install(folder, local, servers):
    """The configuration as it is shipped, with the two files that differ from
    place to place, and the folder instead of /tmp. Started by root, nginx
    would have workers that may not enter the folder."""
    for name in ("nginx.conf", "akashchat.conf"):
        text = (SHIPPED / name).read_text("utf-8")
        (folder / name).write_text(text.replace(" /tmp/", f" {folder}/"),
                                   encoding="utf-8")
    if os.geteuid() == 0:
        main = folder / "nginx.conf"
        main.write_text("user root;\n" + main.read_text("utf-8"), "utf-8")
    (folder / "akashchat-local.conf").write_text(local, "utf-8")
    (folder / "akashchat-servers.conf").write_text(servers, "utf-8")


def check(folder):
    """nginx -t: whether it is content, and its words."""
    done = subprocess.run([NGINX, "-t", "-p", folder, "-c",
                           folder / "nginx.conf"], capture_output=True,
                          timeout=GUARD_S, check=False, encoding="utf-8")
    return done.returncode == 0, done.stderr


class Front(NginxProcess):
    """A running nginx before ports of 127.0.0.1."""

    def __init__(self, folder, *ports):
        install(folder, LOCAL.format(folder=folder), "".join(
            f"server 127.0.0.1:{port} max_fails=0;\n" for port in ports))
        super().__init__(folder, folder / "nginx.conf", folder / "socket")

    def access_line(self):
        """The one line of its access log, which may come a moment after the
        answer."""
        tick = threading.Event()
        for _ in range(GUARD_S * 50):
            text = (self.folder / "access.log").read_text("utf-8")
            if text.endswith("\n"):
                break
            tick.wait(0.02)
        line, = text.splitlines()
        return line

    def ask(self, method, path, body=None, headers=()):
        """A request on a connection of its own, with the whole answer."""
        with self.connect() as connection:
            connection.send(method, path, body, headers)
            response = connection.response(method)
            response.read()
        return response


class Instance:
    """An instance that fails as its handler has it: handle(connection) gets
    each connection in a thread of its own and returns to close it."""

    def __init__(self, handle):
        self._handle = handle
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        connection.settimeout(GUARD_S)
        with connection:
            self._handle(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(GUARD_S)


def read_request(connection):
    """A request with its body; b"" where the peer has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


def refused_port():
    """A port of 127.0.0.1 on which nobody listens, and the socket that keeps
    it so."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname()[1], holder
