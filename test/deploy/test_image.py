# SPDX-License-Identifier: AGPL-3.0-or-later
"""The file system of the image, as docker/rootfs.sh makes it, without Docker:
the program runs in it, as nobody in particular and without a place to write
to."""
import json
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess

import pytest

from kit.tools import DOCKER, run
from support import GUARD_S, program
from support.footprint import SANITIZED
from support.program import Program

pytestmark = [
    pytest.mark.skipif(SANITIZED, reason="the image has no sanitizers"),
    pytest.mark.skipif(not shutil.which("ldd"), reason="there is no ldd")]

GOAL = 20_000_000  # bytes
READ_ONLY = ('mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && '
             'exec chroot {flags} "$0" "$@"')


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The root of the image."""
    root = tmp_path_factory.mktemp("image") / "root"
    run(DOCKER / "rootfs.sh", program.BINARY, root)
    return root


@pytest.fixture(scope="module")
def entry(image):
    """What begins a command that runs in the image: a mount of its own that
    cannot be written to and the user of the Dockerfile, or without root's
    rights a namespace in which the user seems to be root."""
    user = re.search(r"^USER (\S+)$", dockerfile(), re.M)[1]
    if os.geteuid() == 0:
        words = ["unshare", "--mount", "sh", "-c",
                 READ_ONLY.format(flags=f"--userspec={user} --groups=")]
    else:
        words = ["unshare", "--user", "--map-root-user", "--mount", "sh",
                 "-c", READ_ONLY.format(flags="")]
    words += [str(image)]
    tried = subprocess.run([*words, "/usr/bin/akashchat-api", "--version"],
                           capture_output=True, check=False,
                           encoding="utf-8", timeout=GUARD_S)
    if tried.returncode != 0 and any(reason in tried.stderr for reason in (
            "Operation not permitted", "filesystem propagation")):
        # The latter in a chroot whose root is no mount point.
        pytest.skip(f"no namespaces here: {tried.stderr.strip()}")
    assert tried.returncode == 0, tried.stderr
    return words


def dockerfile():
    return (DOCKER / "Dockerfile").read_text("utf-8")


def dockerfile_words(instruction):
    """The words of the last instruction of a name in JSON's form."""
    text = dockerfile().replace("\\\n", "")
    return json.loads(re.findall(rf"{instruction} (\[.*\])$", text, re.M)[-1])


@pytest.fixture
def launch_inside(entry, tmp_path, monkeypatch, launch):
    """Starts the image's entry point."""
    script = tmp_path / "akashchat-api"
    words = [*entry, *dockerfile_words("ENTRYPOINT")]
    script.write_text(f"#!/bin/sh\nexec {shlex.join(words)} \"$@\"\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(program, "BINARY", str(script))
    return launch


def test_image_is_small(image):
    files = [path for path in image.rglob("*")
             if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size} bytes")
    assert size < GOAL


def test_image_has_nothing_that_it_does_not_need(image):
    assert [path.name for path in (image / "usr/bin").iterdir()] == \
        ["akashchat-api"]
    assert not (image / "bin").exists() and not (image / "sbin").exists()
    for path in image.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH), path


def test_authorities_are_where_openssl_looks(image):
    certificates = image / "etc/ssl/certs"
    assert os.readlink(image / "usr/lib/ssl/certs") == "/etc/ssl/certs"
    names = [path.name for path in certificates.iterdir()]
    assert len(names) > 50
    assert all(re.fullmatch(r"[0-9a-f]{8}\.\d", name) for name in names)
    assert not any(path.is_symlink() for path in certificates.iterdir())


def test_program_serves_in_the_image(launch_inside, upstream):
    running = launch_inside(AKASH_BASE_URL=upstream.url)
    uid = pathlib.Path(f"/proc/{running.process.pid}").stat().st_uid
    assert uid == (65532 if os.geteuid() == 0 else os.geteuid())
    assert running.chat().status == 200
    assert running.stream()[1][-1] == "[DONE]"


def test_demo_runs_in_the_image(launch_inside):
    running = launch_inside("--demo", DEMO_DELAY="0")
    assert running.chat("What is 12*7?").status == 200


def test_health_check_of_the_image(launch_inside, entry):
    running = launch_inside("--demo")
    command = dockerfile_words("CMD")
    assert command[-1] == "http://127.0.0.1:16571/health"
    command = [*entry, *command[:-1],
               f"http://127.0.0.1:{running.port}/health"]
    assert subprocess.run(command, check=False,
                          timeout=GUARD_S).returncode == 0
    running.stop()
    assert subprocess.run(command, check=False,
                          timeout=GUARD_S).returncode == 1


def test_container_listens_on_every_address(launch_inside):
    """With the environment of the Dockerfile, but for the port."""
    address = re.search(r"^ENV SERVER_ADDRESS=(\S+):16571$", dockerfile(),
                        re.M)[1]
    running = launch_inside("--demo", SERVER_ADDRESS=f"{address}:0")
    assert isinstance(running, Program)
    assert running.log("listening")[0].get("address") == "0.0.0.0"
