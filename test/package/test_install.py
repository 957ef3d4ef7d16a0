# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `cmake --install` puts where."""
import pytest

from conftest import BUILD, VERSION, install, run

FILES = [
    "bin/akashchat-api",
    "include/akashchat/akashchat.h",
    "share/man/man1/akashchat-api.1",
    "share/doc/akashchat-api/LICENSE",
    "share/doc/akashchat-api/README.md",
    "share/doc/akashchat-api/CHANGELOG.md",
    "share/doc/akashchat-api/docs/configuration.md",
    "share/doc/akashchat-api/docs/grafana.json",
    "lib/systemd/system/akashchat-api.service",
    "lib/systemd/system/akashchat-api.socket",
    "lib/sysusers.d/akashchat-api.conf",
    "share/doc/akashchat-api/SECURITY.md",
    "share/doc/akashchat-api/docker/nginx/akashchat.conf",
    "share/doc/akashchat-api/docs/alerts.yml",
    "share/doc/akashchat-api/docs/performance.svg",
]


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_in_its_place(tree, name):
    assert (tree / "usr/local" / name).is_file()


def test_the_program_runs(tree):
    program = tree / "usr/local/bin/akashchat-api"
    assert run(program, "--version") == f"akashchat-api {VERSION}\n"


def test_the_unit_follows_the_prefix(tree, system_tree):
    local = lines(tree / "usr/local" / FILES[8])
    assert ("ExecStart=/usr/local/bin/akashchat-api"
            " --config /usr/local/etc/akashchat/akashchat.conf") in local
    # systemd makes such folders in /etc alone.
    assert not [line for line in local if "ConfigurationDirectory" in line]
    assert (tree / "usr/local/etc/akashchat/akashchat.conf").is_file()
    system = lines(system_tree / "usr" / FILES[8])
    assert ("ExecStart=/usr/bin/akashchat-api"
            " --config /etc/akashchat/akashchat.conf") in system
    assert "ConfigurationDirectory=akashchat" in system
    assert (system_tree / "etc/akashchat/akashchat.conf").is_file()


def test_a_configuration_stays_when_the_program_is_installed_again(tmp_path):
    install(BUILD, tmp_path)
    path = tmp_path / "usr/local/etc/akashchat/akashchat.conf"
    path.write_text("DEMO=on\n", encoding="utf-8")
    install(BUILD, tmp_path)
    assert lines(path) == ["DEMO=on"]


def test_the_program_can_be_installed_without_the_library(tmp_path):
    run("cmake", "--install", BUILD, "--prefix", "/usr", "--component",
        "runtime", env={"DESTDIR": str(tmp_path)})
    assert (tmp_path / "usr/bin/akashchat-api").is_file()
    assert not (tmp_path / "usr/include").exists()
    assert not list(tmp_path.glob("usr/lib/**/*akashchat.*"))
