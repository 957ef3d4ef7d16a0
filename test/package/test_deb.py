# SPDX-License-Identifier: AGPL-3.0-or-later
"""What cpack makes: the .deb files and the tarball."""
import gzip
import re
import subprocess
import tarfile

import pytest

from conftest import PACKAGES, PLAIN, VERSION, need, run


def package(name):
    """The path of a .deb; skips where they cannot be made."""
    need("dpkg-shlibdeps")
    found = list(PACKAGES.glob(f"{name}_{VERSION}_*.deb"))
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def program():
    return package("akashchat-api")


@pytest.fixture(scope="module")
def library():
    return package("libakashchat-dev")


def contents(deb):
    """The mode and owner of each file of a package, by its path."""
    rows = [line.split(None, 5) for line in run("dpkg-deb", "-c", deb)
            .splitlines()]
    return {row[5][1:]: (row[0], row[1]) for row in rows}


def field(deb, name):
    return run("dpkg-deb", "-f", deb, name).strip()


def control(deb, folder):
    """Unpacks what dpkg reads of a package."""
    run("dpkg-deb", "-e", deb, folder)
    return {path.name: path for path in folder.iterdir()}


def test_the_files_of_the_program_are_in_debians_places(program):
    found = contents(program)
    for path in ["/etc/akashchat/akashchat.conf",
                 "/usr/lib/systemd/system/akashchat-api.service",
                 "/usr/lib/systemd/system/akashchat-api.socket",
                 "/usr/lib/sysusers.d/akashchat-api.conf",
                 "/usr/share/doc/akashchat-api/copyright",
                 "/usr/share/doc/akashchat-api/changelog.gz",
                 "/usr/share/man/man1/akashchat-api.1.gz"]:
        assert found.pop(path) == ("-rw-r--r--", "root/root")
    assert found["/usr/bin/akashchat-api"] == ("-rwxr-xr-x", "root/root")
    assert not [path for path in found if "local" in path.split("/")
                or "include" in path or path.endswith((".a", ".so"))]


def test_the_files_of_the_library_are_apart(library):
    found = contents(library)
    assert "/usr/include/akashchat/akashchat.h" in found
    for name in ["libakashchat.a", "pkgconfig/akashchat.pc",
                 "cmake/akashchat/akashchatConfig.cmake"]:
        assert [path for path in found
                if re.fullmatch(rf"/usr/lib/(\S+/)?{name}", path)]
    assert not [path for path in found if path.startswith("/usr/bin")]


def test_the_configuration_is_a_conffile(program, tmp_path):
    files = control(program, tmp_path / "control")
    assert files["conffiles"].read_text("utf-8").splitlines() \
        == ["/etc/akashchat/akashchat.conf"]
    for name in ["postinst", "prerm", "postrm"]:
        assert files[name].stat().st_mode & 0o777 == 0o755
        run("sh", "-n", files[name])


def test_it_depends_on_the_libraries_that_it_is_linked_with(program, library):
    depends = field(program, "Depends")
    for name in ["libc6", "libevent-core-2.1-7", "libevent-extra-2.1-7",
                 "libevent-openssl-2.1-7", "libjansson4", "libssl3",
                 "ca-certificates"]:
        assert re.search(rf"(^|, ){re.escape(name)}(t64)?( \(|,|$)", depends)
    assert "-dev" not in depends
    for name in ["libevent-dev", "libssl-dev", "libjansson-dev"]:
        assert name in field(library, "Depends")


def test_it_names_the_project_and_nobody(program):
    assert field(program, "Maintainer") == "akashchat-api"
    assert field(program, "Version") == VERSION
    assert "@" not in run("dpkg-deb", "-f", program)


def test_the_program_is_stripped_and_runs(program, tmp_path):
    run("dpkg-deb", "-x", program, tmp_path)
    path = tmp_path / "usr/bin/akashchat-api"
    done = subprocess.run(["nm", path], capture_output=True, text=True,
                          env=PLAIN, check=False)
    assert "no symbols" in done.stderr
    assert run(path, "--version") == f"akashchat-api {VERSION}\n"


def test_the_licence_is_told_in_full(program, tmp_path):
    run("dpkg-deb", "-x", program, tmp_path)
    text = (tmp_path / "usr/share/doc/akashchat-api/copyright").read_text(
        "utf-8")
    assert text.startswith("Format: https://www.debian.org/")
    assert "END OF TERMS AND CONDITIONS" in text
    # A field goes on in lines that begin with a space, empty ones have a dot.
    licence = text.split("\nLicense: AGPL-3.0-or-later\n")[-1]
    assert [line for line in licence.splitlines()
            if not re.match(r" (\.$|\s*[^\s.])", line)] == []
    with gzip.open(tmp_path / "usr/share/doc/akashchat-api/changelog.gz",
                   "rt", encoding="utf-8") as changelog:
        assert changelog.readline() == "# Changelog\n"


@pytest.mark.parametrize("name", ["akashchat-api", "libakashchat-dev"])
def test_lintian_has_nothing_against_it(name):
    deb = package(name)
    need("lintian")
    run("lintian", "--allow-root", "--fail-on=error,warning", deb)


def test_the_tarball_installs_below_usr_local(tmp_path):
    found = list(PACKAGES.glob(f"akashchat-api-{VERSION}-*.tar.gz"))
    assert len(found) == 1
    with tarfile.open(found[0]) as archive:
        members = archive.getmembers()
        assert {member.uid for member in members} == {0}
        names = {member.name.split("/", 1)[1] for member in members}
        assert {name for name in names
                if not f"{name}/".startswith("usr/local/")} <= {"usr"}
        archive.extractall(tmp_path)
    for name in ["usr/local/bin/akashchat-api",
                 "usr/local/etc/akashchat/akashchat.conf",
                 "usr/local/include/akashchat/akashchat.h",
                 "usr/local/lib/systemd/system/akashchat-api.service",
                 "usr/local/share/man/man1/akashchat-api.1",
                 "usr/local/share/doc/akashchat-api/LICENSE"]:
        assert name in names
    root = tmp_path / members[0].name.split("/", 1)[0]
    assert run(root / "usr/local/bin/akashchat-api", "--version") \
        == f"akashchat-api {VERSION}\n"
    unit = root / "usr/local/lib/systemd/system/akashchat-api.service"
    assert "ExecStart=/usr/local/bin/" in unit.read_text("utf-8")
