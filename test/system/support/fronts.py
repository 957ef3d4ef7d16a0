# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proxies before the program that tell what they took for requests.

Each gives every request that it passes on an X-Request-Id of its own, which
the program logs and answers with, and says in the answer's X-Path what path it
thinks that it asked for. It waits for a client for a second at most, and its
connections to the program serve all its clients.
"""
import re

from support.nginx import Nginx
from support.proxies import Proxy


class Passed:
    """A request as a front saw it. status is the program's, or None if the
    program did not answer."""

    def __init__(self, identity, status, method, path):
        self.id = identity
        self.status = status
        self.method = method
        self.path = path


NGINX_HTTP = """
    upstream program {{ server 127.0.0.1:{port}; keepalive 4; }}
    log_format told '$request_id $upstream_status $request_method $request_uri';
    client_header_timeout 1s;
    client_body_timeout 1s;
    keepalive_timeout 1s;
    lingering_close off;
    ignore_invalid_headers {ignore};
    underscores_in_headers {underscores};
"""

NGINX_LOCATION = """
    access_log {folder}/access told;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Request-Id $request_id;
    proxy_next_upstream off;
    proxy_request_buffering {buffering};
    add_header X-Path $request_uri always;
"""


class NginxFront(Nginx):
    """lenient: headers that it would leave out are passed on, and bodies as
    they come."""

    def __init__(self, folder, port, lenient=False):
        self._access = folder / "access"
        self._access.touch(0o666)
        super().__init__(
            folder, port, target="program",
            http=NGINX_HTTP.format(port=port,
                                   ignore="off" if lenient else "on",
                                   underscores="on" if lenient else "off"),
            settings=NGINX_LOCATION.format(
                folder=folder, buffering="off" if lenient else "on"))

    def passed(self):
        """All requests; for when it has been stopped."""
        found = []
        for line in self._access.read_text("latin-1").splitlines():
            # The method is empty and the path missing where no line was read.
            identity, status, method, path = line.split(" ", 3)
            found.append(Passed(
                identity, int(status) if status.isdigit() else None, method,
                path))
        return found


HAPROXY = """
global
    log stdout format raw local0
    nbthread 1
defaults
    mode http
    log global
    timeout connect 5s
    timeout server 30s
    timeout client 1s
    timeout http-request 1s
    timeout http-keep-alive 1s
    retries 0
    http-reuse always
    unique-id-format %{{+X}}o\\ %pid-%rt-%fp-%cp
    {settings}
frontend front
    bind 127.0.0.1:{front_port}
    http-request del-header X-Request-Id
    http-request set-var(txn.path) url
    unique-id-header X-Request-Id
    http-after-response set-header X-Path %[var(txn.path)]
    log-format "told %ID %Tr %ST %HM %[var(txn.path)]"
    default_backend program
backend program
    server program 127.0.0.1:{port}
"""


class HaproxyFront(Proxy):
    """lenient: with option accept-invalid-http-request."""

    def __init__(self, port, lenient=False):
        super().__init__()
        self._program = port
        self._lenient = lenient

    def command(self):
        path = self.folder / "conf"
        path.write_text(HAPROXY.format(
            port=self._program, front_port=self.port,
            settings="option accept-invalid-http-request"
            if self._lenient else ""), "utf-8")
        return "haproxy", "-db", "-f", path

    def stop(self):
        self._stop()

    def passed(self):
        """All requests; for when it has been stopped."""
        found = []
        for match in re.finditer(
                r"^told (\S*) (\S+) (\S+) (\S+) (.*)$", self.log(), re.M):
            identity, response_ms, status, method, path = match.groups()
            found.append(Passed(
                identity, int(status) if int(response_ms) >= 0 else None,
                method, path))
        return found
