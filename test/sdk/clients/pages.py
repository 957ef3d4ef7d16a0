# SPDX-License-Identifier: AGPL-3.0-or-later
"""A web server on loopback: one page with page.js at any path, and the
official client for browsers to import from."""
import http.server
import threading

from clients.installed import HERE, NODE_PACKAGE

PAGE = b"""<!DOCTYPE html>
<meta charset="utf-8"><title>A page</title>
<script src="/page.js"></script>
"""
SCRIPT = "text/javascript; charset=utf-8"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a GET."""

    def do_GET(self):  # pylint: disable=invalid-name
        body, kind = self.find()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def find(self):
        """The body, or None, and its type."""
        if self.path == "/page.js":
            return (HERE / "page.js").read_bytes(), SCRIPT
        if self.path.startswith("/openai/"):
            path = (NODE_PACKAGE / self.path.removeprefix("/openai/"))
            found = path.suffix == ".mjs" and ".." not in path.parts
            return path.read_bytes() if found else None, SCRIPT
        if self.path == "/favicon.ico":
            return None, "image/x-icon"
        return PAGE, "text/html"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Pages:
    """The server, which every host's name leads to."""

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def origin(self, host):
        return f"http://{host}:{self.port}"

    def url(self, host):
        return f"{self.origin(host)}/"
