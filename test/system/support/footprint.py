# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a running program holds: memory and descriptors, as Linux tells."""
import mmap
import os
import re
import resource
import time

from support import GUARD_S
from support.program import BINARY


def _is_sanitized():
    with open(BINARY, "rb") as file, \
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as code:
        return any(code.find(name) >= 0
                   for name in (b"__asan_init", b"__llvm_profile_"))


# Whether the program is built with AddressSanitizer, or counts what runs, and
# so takes memory of its own: bounds on memory then say little, and the
# sanitizer's leak check says more.
SANITIZED = _is_sanitized()

MB = 1024 * 1024


def _field(path, name):
    with open(path, encoding="ascii") as file:
        return int(re.search(rf"^{name}:\s+(\d+) kB$", file.read(),
                             re.M).group(1)) * 1024


class Footprint:
    """Of a process; sizes are in bytes."""

    def __init__(self, pid):
        self._folder = f"/proc/{pid}"

    def rss(self):
        return _field(f"{self._folder}/status", "VmRSS")

    def pss(self):
        return _field(f"{self._folder}/smaps_rollup", "Pss")

    def reset_peak(self):
        """From now on peak() counts. Returns what is held at the moment."""
        with open(f"{self._folder}/clear_refs", "w",
                  encoding="ascii") as file:
            file.write("5")
        return self.peak()

    def peak(self):
        return _field(f"{self._folder}/status", "VmHWM")

    def descriptors(self):
        """What the open descriptors are, sorted and without their inodes."""
        links = []
        for name in os.listdir(f"{self._folder}/fd"):
            try:
                link = os.readlink(f"{self._folder}/fd/{name}")
            except FileNotFoundError:
                continue  # closed in between
            links.append(re.sub(r":\[\d+\]", "", link))
        return sorted(links)

    def wait_descriptors(self, wanted):
        """Waits until these are open; otherwise the test fails."""
        end = time.monotonic() + GUARD_S
        while (found := self.descriptors()) != wanted:
            assert time.monotonic() < end, f"{found} and not {wanted}"
            time.sleep(0.01)


def quiet_sanitizer():
    """An option for a program whose memory is measured: AddressSanitizer is
    not to keep what was freed."""
    given = os.environ.get("ASAN_OPTIONS")
    mine = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    return {"ASAN_OPTIONS": f"{given}:{mine}" if given else mine}


def open_files_limit():
    """Raises the limit of open files, which children inherit, as far as it
    goes and returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
