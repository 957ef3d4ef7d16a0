# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is measured, and what stands behind it: nginx, the program, nothing
at all (the client asks the upstream itself), and the upstream."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

GUARD_S = 20
TOKEN = "0123456789abcdef" * 4
MODEL = "Bench-Model-0"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") +
                     ":/usr/sbin:/usr/local/sbin")

NGINX_CONF = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 16384; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=models:1m;
    keepalive_requests 100000000;
    upstream site {{
        server 127.0.0.1:{upstream};
        keepalive 512;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096 {tls};
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        proxy_pass_request_headers on;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_read_timeout 600s;
        location / {{
            proxy_pass https://site;
            proxy_buffering off;
        }}
        location = /api/models/ {{
            proxy_pass https://site;
            proxy_cache models;
            proxy_cache_valid 200 10m;
        }}
        location = /health {{ return 200 "ok"; }}
    }}
}}
"""


class Failed(Exception):
    """The benchmark cannot go on; str() says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition):
    """Waits until condition() is true."""
    ends = time.monotonic() + GUARD_S
    while not condition():
        if time.monotonic() > ends:
            raise Failed(f"{what} does not come up")
        time.sleep(0.005)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def stop(process):
    """Ends a process of ours, and waits for it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(GUARD_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Bench:
    """Where things are: the programs that were built, a folder for what is
    written, and a certificate."""

    def __init__(self, build, folder):
        self.build = Path(build)
        self.folder = Path(folder)
        self.cert = self.folder / "cert.pem"
        self.key = self.folder / "key.pem"
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=bench", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert],
            check=False, capture_output=True, encoding="utf-8")
        if done.returncode != 0:
            raise Failed(f"no certificate: {done.stderr}")

    def tool(self, name):
        path = self.build / "test" / "bench" / name
        if not path.exists():
            raise Failed(f"{path} is not built (target \"bench\")")
        return str(path)


class Upstream:
    """The benchmark's upstream; one serves all runs."""

    def __init__(self, bench):
        # pylint: disable=consider-using-with
        self._process = subprocess.Popen(
            [bench.tool("bench_upstream"), bench.cert, bench.key],
            stdout=subprocess.PIPE, encoding="utf-8")
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the upstream does not start")
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)

    def lateness(self):
        """How late ticks came since this was asked last: {"ticks": n,
        "late_p99_us": n}."""
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", self.port)) as plain, \
                context.wrap_socket(plain) as wire:
            wire.sendall(b"POST /lateness HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += wire.recv(4096)
        body = answer.partition(b"\r\n\r\n")[2]
        return json.loads(body.split(b"\r\n")[1])


class Side:
    """One of those that are compared; open() starts it afresh."""

    name = ""
    speaks_openai = False  # or the app's own protocol

    def __init__(self, bench, upstream):
        self.bench = bench
        self.upstream = upstream
        self.port = 0
        self.process = None

    def open(self, tls):
        """Starts it with or without TLS towards clients."""
        folder = self.bench.folder / "side"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.port = free_port()
        command, environment = self.command(folder, tls)
        with open(folder / "stderr", "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log)
        wait_for(self.name, lambda: accepts(self.port))

    def command(self, folder, tls):
        """The command and its environment."""
        raise NotImplementedError

    def pids(self):
        """The processes that serve."""
        return [self.process.pid]

    def close(self):
        stop(self.process)


class Direct(Side):
    """Nothing between the client and the upstream."""

    name = "direct"

    def open(self, tls):
        self.port = self.upstream.port

    def pids(self):
        return []

    def close(self):
        pass


class Nginx(Side):
    """nginx with a proxy_pass, which translates nothing."""

    name = "nginx"

    def command(self, folder, tls):
        conf = folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder, upstream=self.upstream.port, port=self.port,
            tls="ssl" if tls else "", cert=self.bench.cert,
            key=self.bench.key), encoding="utf-8")
        return [NGINX, "-c", str(conf), "-p", str(folder), "-e",
                f"{folder}/error.log"], os.environ

    def pids(self):
        wait_for("nginx's worker", lambda: len(self._workers()) == 1)
        return self._workers()

    def _workers(self):
        """The children that serve; those of the cache do not."""
        master = self.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(pid) for pid in children.split()
                if "worker process" in Path(f"/proc/{pid}/cmdline").read_text()]


class Program(Side):
    """This program, or another build of it."""

    speaks_openai = True

    def __init__(self, bench, upstream, name, path):
        super().__init__(bench, upstream)
        self.name = name
        self.path = path

    def command(self, folder, tls):
        environment = {
            "SERVER_ADDRESS": f"127.0.0.1:{self.port}",
            "AKASH_BASE_URL": f"https://127.0.0.1:{self.upstream.port}",
            "SSL_CERT_FILE": str(self.bench.cert),
        }
        if tls:
            environment["TLS_CERT"] = str(self.bench.cert)
            environment["TLS_KEY"] = str(self.bench.key)
        return [str(self.path)], environment
