# SPDX-License-Identifier: AGPL-3.0-or-later
"""The installed library, as programs that are built with it find it."""
import os
import pathlib
import re
import shlex

import pytest

from conftest import SOURCE, VERSION, run

CONSUMER = pathlib.Path(__file__).with_name("consumer")
CC = os.environ["CC"]


def folder_of(root, name):
    """The only folder below root that holds a file of this name."""
    found = list(root.glob(f"usr/local/lib/**/{name}"))
    assert len(found) == 1
    return found[0].parent


@pytest.fixture(params=["tree", "shared_tree"], ids=["static", "shared"])
def root(request):
    return request.getfixturevalue(request.param)


def pkg_config(root, *arguments):
    where = folder_of(root, "akashchat.pc")
    return shlex.split(run("pkg-config", *arguments, "akashchat",
                           env={"PKG_CONFIG_PATH": str(where)}))


def check_consumer(program, root):
    """The consumer serves the demo and asks it for /health."""
    libraries = list(root.glob("usr/local/lib/**/libakashchat.so.?"))
    path = ":".join(str(library.parent) for library in libraries)
    said = run(program, env={"LD_LIBRARY_PATH": path}, timeout=60)
    assert said.startswith("HTTP/1.1 200 OK\n")
    assert '{"status":"ok"' in said
    assert said.endswith(f"library {VERSION}\n")


def test_pkg_config_finds_it(root, tmp_path):
    assert pkg_config(root, "--modversion") == [VERSION]
    run(CC, "-std=c11", "-Wall", "-Wextra", "-Werror", "-o",
        tmp_path / "consumer", CONSUMER / "consumer.c",
        *pkg_config(root, "--cflags", "--libs"))
    check_consumer(tmp_path / "consumer", root)


def test_find_package_finds_it(root, tmp_path):
    run("cmake", "-S", CONSUMER, "-B", tmp_path, f"-DCMAKE_C_COMPILER={CC}",
        f"-DCMAKE_PREFIX_PATH={root}/usr/local")
    run("cmake", "--build", tmp_path)
    check_consumer(tmp_path / "consumer", root)


def test_find_package_refuses_another_version(tree, tmp_path):
    text = (CONSUMER / "CMakeLists.txt").read_text(encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(
        text.replace("akashchat 0.1", "akashchat 0.99 QUIET")
        .replace("REQUIRED", "").split("add_executable")[0]
        + "if(akashchat_FOUND)\n  message(FATAL_ERROR found)\nendif()\n",
        encoding="utf-8")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build",
        f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_PREFIX_PATH={tree}/usr/local")


def symbols(*arguments):
    """The names of what a library defines for others."""
    rows = [line.split() for line in run("nm", *arguments).splitlines()]
    return {row[2].split("@")[0] for row in rows
            if len(row) == 3 and row[1] != "A"}


def test_the_static_library_defines_names_of_its_own_alone(tree):
    library = folder_of(tree, "libakashchat.a") / "libakashchat.a"
    found = symbols("-g", "--defined-only", library)
    assert "ac_server_new" in found
    assert [name for name in found if not name.startswith("ac_")] == []


def test_the_shared_library_exports_what_the_header_declares(shared_tree):
    header = (SOURCE / "include/akashchat/akashchat.h").read_text("utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    declared = set(re.findall(r"\b(ac_\w+)\(", code))
    assert "ac_server_new" in declared
    library = folder_of(shared_tree, "libakashchat.so") / "libakashchat.so"
    assert symbols("-D", "--defined-only", library) == declared


def test_a_shared_library_keeps_its_libraries_to_itself(shared_tree):
    flags = pkg_config(shared_tree, "--libs")
    assert "-lakashchat" in flags and "-levent_core" in flags
    assert "-ljansson" not in flags and "-lssl" not in flags
    assert "-ljansson" in pkg_config(shared_tree, "--libs", "--static")


def test_the_program_finds_the_shared_library_beside_it(shared_tree):
    program = shared_tree / "usr/local/bin/akashchat-api"
    assert run(program, "--version") == f"akashchat-api {VERSION}\n"
