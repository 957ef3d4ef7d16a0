# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real proxies, each with a configuration and a folder of its own:

    with Tinyproxy(auth=("joe", "sesame")) as proxy:
        launch(AKASH_BASE_URL=url, HTTPS_PROXY=proxy.url)

What went through them is in proxy.log().
"""
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from support import GUARD_S

SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"

# A name that only whoever resolves it takes for 127.0.0.1: libc reads the
# number, while nobody who looks at names sees an address or localhost in it.
NAME = "0x7f.1"

# An address that is not a loopback one; connecting to it ends there.
ADDRESS = "0.0.0.0"


def missing(*names):
    """Why a test of these programs is skipped, or "" if they are there."""
    absent = [name for name in names if shutil.which(name, path=SEARCH) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Proxy:
    """A proxy's process on a free port of 127.0.0.1."""

    scheme = "http"

    def __init__(self, auth=None):
        self.auth = auth
        self.port = None
        # Squid gives up root and must still reach its files: no pytest folder.
        self.folder = Path(tempfile.mkdtemp(prefix="akashchat-proxy-"))
        self.folder.chmod(0o777)
        self._output = self.folder / "output"
        self._process = None

    def command(self):
        """The program and its arguments; self.port and folder are there."""
        raise NotImplementedError

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        login = f"{':'.join(self.auth)}@" if self.auth else ""
        return f"{self.scheme}://{login}{self.address}"

    def log(self):
        return self._output.read_text("utf-8", "replace")

    def wait_log(self, text):
        """Waits until a text is in the log: some write it behind a
        connection's end."""
        tick = threading.Event()
        for _ in range(GUARD_S * 50):
            if text in self.log():
                return
            tick.wait(0.02)
        raise AssertionError(f"no {text!r} in the log: {self.log()}")

    def __enter__(self):
        # Somebody else may take the port before the proxy does.
        for _ in range(5):
            self.port = free_port()
            if self._start():
                return self
        text = self.log()
        shutil.rmtree(self.folder, ignore_errors=True)
        raise AssertionError(f"{type(self).__name__} does not start: {text}")

    def __exit__(self, *_):
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        name, *arguments = self.command()
        with self._output.open("wb") as output:
            # pylint: disable-next=consider-using-with
            self._process = subprocess.Popen(
                [shutil.which(name, path=SEARCH), *map(str, arguments)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT)
        tick = threading.Event()
        for _ in range(GUARD_S * 50):
            if self._process.poll() is not None:
                return False
            if self._listens():
                return True
            tick.wait(0.02)
        self._stop()
        return False

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def _stop(self):
        self._process.terminate()
        try:
            self._process.wait(GUARD_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Tinyproxy(Proxy):
    """auth is a user and a password, connect_port the only one to which
    CONNECT is allowed; without it that is every port."""

    def __init__(self, auth=None, connect_port=None):
        super().__init__(auth)
        self._connect_port = connect_port

    def command(self):
        lines = [f"Port {self.port}", "Listen 127.0.0.1", "Timeout 60",
                 "MaxClients 64", "LogLevel Connect"]
        if self.auth:
            lines.append(f"BasicAuth {' '.join(self.auth)}")
        if self._connect_port:
            lines.append(f"ConnectPort {self._connect_port}")
        path = self.folder / "conf"
        path.write_text("\n".join([*lines, ""]), "utf-8")
        return "tinyproxy", "-d", "-c", path


class Squid(Proxy):
    """It knows site.example, which is 127.0.0.1, and asks no name server for
    it."""

    NAME = "site.example"

    def command(self):
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 {self.NAME}\n", "utf-8")
        log = self.folder / "access"
        lines = [f"http_port 127.0.0.1:{self.port}", "http_access allow all",
                 f"hosts_file {hosts}", "visible_hostname proxy.example",
                 f"access_log stdio:{log}", f"cache_log {self.folder}/cache",
                 "pid_filename none", "cache deny all", "pinger_enable off",
                 "netdb_filename none", "memory_cache_shared off",
                 "dns_nameservers 127.0.0.1", "shutdown_lifetime 0 seconds",
                 "max_filedescriptors 1024", "buffered_logs off",
                 f"coredump_dir {self.folder}"]
        if os.geteuid() == 0:
            lines.append("cache_effective_user nobody")
        path = self.folder / "conf"
        path.write_text("\n".join([*lines, ""]), "utf-8")
        path.chmod(0o644)
        hosts.chmod(0o644)
        return "squid", "-N", "-f", path

    def log(self):
        """Squid writes a line when a connection has ended."""
        access = self.folder / "access"
        text = access.read_text("utf-8") if access.exists() else ""
        return text + super().log()


class Microsocks(Proxy):
    scheme = "socks5h"

    def command(self):
        login = ["-u", self.auth[0], "-P", self.auth[1]] if self.auth else []
        return "microsocks", "-i", "127.0.0.1", "-p", self.port, *login
