# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real nginx before the program, with nothing but a proxy_pass."""
import os
import shutil
import socket
import subprocess
import threading

from support import GUARD_S
from support.client import Connection

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
# Bodies stay in memory: started by root its worker is another user, who may not
# write into the folder.
CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    {http}
    client_body_temp_path {folder}/body;
    client_body_buffer_size 8m;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/socket;
        listen 127.0.0.1:{tcp_port};
        location / {{
            proxy_pass http://{target};
            {settings}
        }}
    }}
}}
"""


class UnixConnection(Connection):
    """A connection to nginx."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(GUARD_S)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.reader = self.socket.makefile("rb")


class NginxProcess:
    """A running nginx that listens on a Unix socket. What it says of errors
    is in the file "errors" of its folder."""

    def __init__(self, folder, config, path, listener=None):
        """listener: a socket that it takes over."""
        self.folder = folder
        self.path = path
        handed = {} if listener is None else {
            "pass_fds": [listener.fileno()],
            "env": {**os.environ, "NGINX": f"{listener.fileno()};"}}
        with (folder / "errors").open("wb") as errors:
            # pylint: disable-next=consider-using-with
            self._process = subprocess.Popen(
                [NGINX, "-p", folder, "-c", config], stderr=errors, **handed)

    def __enter__(self):
        tick = threading.Event()
        for _ in range(GUARD_S * 50):
            if self._listens() or self._process.poll() is not None:
                break
            tick.wait(0.02)
        if not self._listens():
            self.stop()
            raise AssertionError(self.errors())
        return self

    def _listens(self):
        # The socket's file is there a moment before anybody listens on it.
        try:
            self.connect().close()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def __exit__(self, *_):
        self.stop()
        print(self.errors())

    def stop(self):
        """Ends it at once; its logs are whole then."""
        self._process.terminate()
        self._process.wait(GUARD_S)

    def errors(self):
        """What it has logged of errors."""
        return (self.folder / "errors").read_text("utf-8", "replace")

    def connect(self):
        return UnixConnection(self.path)


class Nginx(NginxProcess):
    """One before a program's port, at path and url. settings are further
    lines of its location, http is what stands around its servers; without
    them all is at nginx's defaults. With an upstream of that http, target is
    its name."""

    def __init__(self, folder, port, settings="", http="", target=None):
        # pylint: disable=too-many-arguments
        # nginx takes over a socket that it finds in the variable NGINX.
        listener = socket.create_server(("127.0.0.1", 0))
        tcp_port = listener.getsockname()[1]
        (folder / "conf").write_text(
            CONFIG.format(folder=folder, settings=settings, http=http,
                          target=target or f"127.0.0.1:{port}",
                          tcp_port=tcp_port),
            encoding="utf-8")
        self.port = tcp_port
        self.url = f"http://127.0.0.1:{tcp_port}"
        with listener:
            super().__init__(folder, folder / "conf", folder / "socket",
                             listener)
