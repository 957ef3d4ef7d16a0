# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Dockerfile, compose.yaml, Kubernetes' manifests and Akash's SDL: each
is valid to the tools that know it, and they agree with the program and with
each other."""
import re
import shutil

import pytest

from kit.tools import DOCKER, INSTALLED, kustomize, need, read_yaml, run, \
    run_installed
from support import program
from support.program import ROOT

KUBERNETES = DOCKER / "kubernetes"
MANIFESTS = sorted(path.name for path in KUBERNETES.glob("*.yaml")
                   if path.name != "kustomization.yaml")
OLDEST_KUBERNETES = "1.29"
IMAGE = "registry.example.org/akashchat-api"


def one(path):
    document, = read_yaml(path)
    return document


@pytest.fixture
def compose():
    return one(DOCKER / "compose.yaml")


@pytest.fixture
def pod():
    return one(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]


@pytest.fixture
def sdl():
    return one(DOCKER / "akash/deploy.yaml")


def read_options(path):
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines
                if line and not line.startswith("#"))


@pytest.fixture
def defaults():
    done = program.run("--check-config")
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def in_seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


# ---- valid ----------------------------------------------------------------

def test_dockerfile_is_clean():
    run_installed("hadolint", DOCKER / "Dockerfile")


def test_compose_file_is_valid():
    run_installed("check-jsonschema", "--builtin-schema",
                  "vendor.compose-spec", DOCKER / "compose.yaml")


@pytest.mark.parametrize("version", [[], ["-k", OLDEST_KUBERNETES]],
                         ids=["newest", "oldest"])
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_valid(name, version):
    said = run_installed("kubernetes-validate", "--strict", *version,
                         KUBERNETES / name)
    assert "passed" in said


def test_kustomization_is_valid(tmp_path):
    """Put together and with a key it is valid, and the Deployment names the
    ConfigMap and the Secret that are made."""
    command = kustomize()
    if command is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    folder = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, folder)
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/bearer-token").write_text("sk-x\n", "utf-8")
    (tmp_path / "all.yaml").write_text(run(*command, folder), "utf-8")
    run_installed("kubernetes-validate", "--strict", tmp_path / "all.yaml")
    made = {}
    for document in read_yaml(tmp_path / "all.yaml"):
        made.setdefault(document["kind"], document)
    assert set(made) == {"ConfigMap", "Secret", "Deployment", "Service",
                         "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    spec = made["Deployment"]["spec"]["template"]["spec"]
    source, = spec["containers"][0]["envFrom"]
    names = {kind: made[kind]["metadata"]["name"] for kind in made}
    assert source["configMapRef"]["name"] == names["ConfigMap"]
    assert spec["volumes"][0]["secret"]["secretName"] == names["Secret"]
    assert spec["containers"][0]["image"].startswith(IMAGE + ":")


def test_kustomization_names_every_manifest():
    kustomization = one(KUBERNETES / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == MANIFESTS


def test_sdl_is_valid():
    need("node")
    with (DOCKER / "akash/deploy.yaml").open("rb") as sdl_file:
        said = run("node", ROOT / "test/deploy/validate_sdl.cjs",
                   cwd=INSTALLED / "node", stdin=sdl_file)
    assert said == ""


# ---- in agreement with the program ----------------------------------------

def check_options(tmp_path, options):
    """The program knows every option and takes its value."""
    config = tmp_path / "akashchat.conf"
    if "BEARER_TOKEN_FILE" in options:
        (tmp_path / "token").write_text("sk-x\n", "utf-8")
        options = {**options, "BEARER_TOKEN_FILE": tmp_path / "token"}
    config.write_text("".join(f"{name}={value}\n" for name, value in
                              options.items()), "utf-8")
    done = program.run("--config", config, "--check-config")
    assert done.returncode == 0, done.stderr


def test_options_are_the_program_s(tmp_path, compose, sdl):
    service = sdl["services"]["api"]
    akash = dict(entry.split("=", 1) for entry in service["env"])
    for options in (compose["x-environment"], akash,
                    read_options(KUBERNETES / "akashchat.conf")):
        check_options(tmp_path, options)


def test_akash_needs_a_key_of_its_own(sdl):
    """As it is shipped nothing starts, least of all something open to all."""
    options = dict(entry.split("=", 1)
                   for entry in sdl["services"]["api"]["env"])
    done = program.run(**options)
    assert done.returncode == 2
    assert "BEARER_TOKEN_FILE=/replace-this-line" in done.stderr


def test_processes_get_the_time_to_drain(compose, pod, sdl):
    for name in ("api-1", "api-2", "nginx"):
        assert in_seconds(compose["services"][name]["stop_grace_period"]) > \
            int(compose["x-environment"]["DRAIN_TIMEOUT"])
    options = read_options(KUBERNETES / "akashchat.conf")
    assert pod["terminationGracePeriodSeconds"] > \
        int(options["DRAIN_DELAY"]) + int(options["DRAIN_TIMEOUT"])
    assert "DRAIN_TIMEOUT=25" in sdl["services"]["api"]["env"]


def test_nginx_agrees_with_the_defaults(defaults, sdl):
    text = (DOCKER / "nginx/akashchat.conf").read_text("utf-8")
    values = dict(re.findall(r"^\s*(\w+) ([^;\n]+);$", text, re.M))
    assert int(values["client_max_body_size"].removesuffix("m")) << 20 == \
        int(defaults["MAX_BODY_SIZE"])
    assert values["send_timeout"] == defaults["WRITE_TIMEOUT"] + "s"
    assert values["client_header_timeout"] == defaults["HEAD_TIMEOUT"] + "s"
    assert values["client_body_timeout"] == defaults["BODY_TIMEOUT"] + "s"
    upstream = text[text.index("upstream"):text.index("server {")]
    idle = re.search(r"keepalive_timeout (\w+);", upstream)[1]
    assert in_seconds(idle) < int(defaults["KEEPALIVE_TIMEOUT"])
    assert in_seconds(values["proxy_read_timeout"]) > max(
        int(defaults[name]) for name in (
            "FIRST_EVENT_TIMEOUT", "SILENCE_TIMEOUT", "IMAGE_TIMEOUT"))
    options, = (expose["http_options"]
                for expose in sdl["services"]["api"]["expose"])
    assert options["max_body_size"] == int(defaults["MAX_BODY_SIZE"])
    assert options["read_timeout"] > 1000 * int(defaults["COMMENT_INTERVAL"])


# ---- in agreement with each other -----------------------------------------

def test_one_version_and_placeholders_for_images(compose, sdl):
    version = re.search(r"project\(akashchat VERSION (\S+)",
                        (ROOT / "CMakeLists.txt").read_text("utf-8"))[1]
    tagged = f"{IMAGE}:{version}"
    assert compose["x-api"]["image"] == tagged
    assert sdl["services"]["api"]["image"] == tagged
    image, = one(KUBERNETES / "kustomization.yaml")["images"]
    assert f"{image['name']}:{image['newTag']}" == tagged
    assert f'image.version="{version}"' in \
        (DOCKER / "Dockerfile").read_text("utf-8")


def test_compose_and_nginx_agree_on_addresses(compose):
    services = compose["services"]
    address = {name: service["networks"]["akashchat"]["ipv4_address"]
               for name, service in services.items()}
    servers = (DOCKER / "nginx/akashchat-servers.conf").read_text("utf-8")
    assert re.findall(r"^server (\S+):16571 max_fails=0;$", servers, re.M) \
        == [address["api-1"], address["api-2"]]
    assert compose["x-environment"]["TRUSTED_PROXIES"] == address["nginx"]
    port, = services["nginx"]["ports"]
    local = (DOCKER / "nginx/akashchat-local.conf").read_text("utf-8")
    assert f"\nlisten {port.split(':')[1]};" in local


# ---- as little as possible ------------------------------------------------

def test_compose_services_may_do_nothing_else(compose):
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service and "cap_add" not in service


def test_pod_keeps_to_the_restricted_profile(pod):
    """What Kubernetes' Pod Security Standards ask for, and a root file system
    that cannot be written to."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == \
        {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    container, = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]}}
    assert set(pod["volumes"][0]) == {"name", "secret"}


def test_no_key_is_in_the_checkout():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/docker/secrets/", "/docker/kubernetes/secrets/"} <= set(ignored)
    assert "docker/**/secrets" in \
        (ROOT / ".dockerignore").read_text("utf-8").splitlines()
