# SPDX-License-Identifier: AGPL-3.0-or-later
"""The system call filters of a systemd unit, put on a program without systemd:
SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute."""
import ctypes
import ctypes.util
import errno
import mmap
import socket
import subprocess

ALLOW = 0x7fff0000
EQUAL, MASKED_EQUAL = 4, 7  # enum scmp_compare


def fail_with(number):
    """The action that fails a call with this errno."""
    return 0x00050000 | number


class Argument(ctypes.Structure):
    """struct scmp_arg_cmp: a condition on a system call's argument."""
    _fields_ = [("index", ctypes.c_uint), ("operator", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def load_library():
    """libseccomp, or None; systemd's package brings it."""
    name = ctypes.util.find_library("seccomp")
    if name is None:
        return None
    library = ctypes.CDLL(name, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    return library


def expand(group):
    """The system calls of a group such as @system-service."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", group],
                          capture_output=True, text=True, check=True).stdout
    calls = set()
    for word in (line.strip() for line in said.splitlines()[1:]):
        if word.startswith("@"):
            calls |= expand(word)
        elif word and not word.startswith("#"):
            calls.add(word)
    return calls


class Filter:
    """A list of rules for one seccomp filter."""

    def __init__(self, library, default):
        self.library = library
        self.context = ctypes.c_void_p(library.seccomp_init(default))

    def add(self, action, call, *arguments):
        """Adds a rule; a call that this machine does not have is left out."""
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (Argument * len(arguments))(*arguments)
        done = self.library.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, len(arguments),
            array)
        assert done == 0, f"{call}: {done}"

    def load(self):
        """Puts the filter on this process, for good."""
        done = self.library.seccomp_load(self.context)
        if done != 0:
            raise OSError(-done, "seccomp_load")


def filters(library, allowed, denied, families):
    """The filters for groups of calls and names of address families."""
    calls = set().union(*map(expand, ["@default", *allowed]))
    calls -= set().union(*map(expand, denied)) - expand("@default")
    by_call = Filter(library, fail_with(errno.EPERM))
    for call in sorted(calls - {"socket"}):
        by_call.add(ALLOW, call)
    numbers = {getattr(socket, family) for family in families}
    for number in range(46):
        action = (ALLOW if number in numbers
                  else fail_with(errno.EAFNOSUPPORT))
        by_call.add(action, "socket", Argument(0, EQUAL, number, 0))
    by_memory = Filter(library, ALLOW)
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    by_memory.add(fail_with(errno.EPERM), "mmap",
                  Argument(2, MASKED_EQUAL, both, both))
    by_memory.add(fail_with(errno.EPERM), "mprotect",
                  Argument(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
    return [by_memory, by_call]
