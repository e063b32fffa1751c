"""`docker-compose.yml`, `.env`, the Dockerfile and its requirements, held against the schema and our own rules; no Docker is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from jsonschema import Draft7Validator

from contracts.configuration.settings import Settings, variable_of
from fedsecure.healthcheck import check

ROOT = Path(__file__).parents[2]
OURS = ("topics-init", "worker", "coordinator", "devices", "replay", "ingest", "console")
ONE_SHOT = ("topics-init",)
DOCKERFILES = ("Dockerfile", "monitoring/Dockerfile")
REQUIREMENTS = ("requirements.txt", "requirements-core.txt")


def dotenv() -> dict[str, str]:
    lines = (ROOT / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def compose() -> dict:
    """The compose file with the variables of `.env` filled in, as `docker compose config` does."""
    given = dotenv()
    text = re.sub(r"\$\{(\w+)\}", lambda found: given[found.group(1)], (ROOT / "docker-compose.yml").read_text())
    return yaml.safe_load(text)


def test_it_is_a_compose_file(compose):
    schema = json.loads((ROOT / "tests/data/compose-spec/compose-spec.json").read_text())
    errors = [f"{list(error.path)}: {error.message}" for error in Draft7Validator(schema).iter_errors(compose)]
    assert errors == []


def test_every_secret_is_a_file_for_one_service_that_knows_it_by_its_name(compose):
    added = yaml.safe_load((ROOT / "docker-compose.secrets.yml").read_text())
    schema = json.loads((ROOT / "tests/data/compose-spec/compose-spec.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(added)] == []
    assert all(one == {"file": f"secrets/{name}"} for name, one in added["secrets"].items())
    assert sorted(name for one in added["services"].values() for name in one["secrets"]) == sorted(added["secrets"])
    alertmanager = (ROOT / "monitoring/alertmanager/alertmanager.yml").read_text()
    settings = {variable_of(field) for field in Settings.model_fields}
    for name, service in added["services"].items():
        assert name in compose["services"]
        files = service.get("environment", {})
        # Each by a setting of its own: the folder of settings is that of the log-ins in docker-compose.secure.yml.
        assert files.keys() <= settings - {"FEDSECURE_SECRETS_DIR"}
        for secret in service["secrets"]:
            assert f"/run/secrets/{secret}" in files.values() or f"/run/secrets/{secret}\n" in alertmanager, secret


def test_every_service_is_confined(compose):
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "mem_limit" in service, name
        assert service["restart"] != "always", name
        assert "privileged" not in service, name
    for name in OURS:
        assert compose["services"][name]["read_only"] is True, name
        assert compose["services"][name]["user"] == "10001:10001", name
        assert compose["services"][name]["init"] is True, name


def test_every_long_running_service_says_whether_it_is_well(compose):
    dockerfile = (ROOT / "Dockerfile").read_text()
    for name, service in compose["services"].items():
        own = service.get("healthcheck", {})
        if name in ONE_SHOT:
            assert own == {"disable": True}
        elif name in OURS:
            assert not own or "test" in own
            assert "HEALTHCHECK" in dockerfile
        else:
            assert own["start_period"], name
            assert own["test"][0] == "CMD", name  # an exec, not a shell


def test_nothing_is_published_beyond_this_machine_unless_env_says_so(compose):
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} publishes {port}"
    assert dotenv()["PUBLISH_ADDRESS"] == dotenv()["INGEST_ADDRESS"] == "127.0.0.1"


def test_every_image_is_pinned_and_no_secret_is_in_env(compose):
    for name, value in dotenv().items():
        if name.endswith("_IMAGE"):
            tag = value.rpartition(":")[2]
            assert tag != "latest", name
            assert tag, name
        assert not re.search("password|secret|token", name, re.IGNORECASE), name
    for name, service in compose["services"].items():
        assert service["image"] in dotenv().values(), name


def test_every_variable_of_a_program_is_a_setting(compose):
    known = {f"FEDSECURE_{name.upper()}" for name in Settings.model_fields} | {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}
    for name in OURS:
        unknown = set(compose["services"][name].get("environment", {})) - known
        assert unknown == set(), name


def test_every_command_is_one_that_the_program_has(compose):
    from fedsecure.commands import topics  # noqa: F401, PLC0415 - the registered names are the files' names

    files = {path.stem for path in (ROOT / "fedsecure/commands").glob("*.py")}
    for name in OURS:
        command = compose["services"][name]["command"]
        first = command.split()[0] if isinstance(command, str) else command[0]
        assert first in files, name


def test_a_service_waits_only_for_services_that_say_when_they_are_there(compose):
    for name, service in compose["services"].items():
        for other, condition in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert condition["condition"] == wanted, f"{name} -> {other}"


def test_every_volume_is_declared_and_used(compose):
    used = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert used == set(compose["volumes"])


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_dockerfile_has_no_lint(name):
    hadolint = shutil.which("hadolint", path=str(ROOT / ".venv/bin")) or shutil.which("hadolint")
    assert hadolint, "hadolint is in the development group: make setup"
    found = subprocess.run([hadolint, str(ROOT / name)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_dockerfile_copies_every_package_and_ignores_nothing_that_it_copies():
    copied = set(re.findall(r"^COPY --chmod=755 (\w+) /opt", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    packages = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text()).group(1)
    assert copied == set(re.findall(r'"(\w+)"', packages))
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied | set(REQUIREMENTS) <= let_in


def test_the_image_has_the_version_of_the_package():
    project = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE).group(1)
    assert set(re.findall(r"^ARG VERSION=(.*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)) == {project}


def test_requirements_are_those_of_the_lock(tmp_path):
    uv = ROOT / ".tools/bin/uv"
    if not uv.exists():
        pytest.skip("uv is not here: `make setup` brings it")
    subprocess.run(["make", "requirements", f"FOLDER={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    for name in REQUIREMENTS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), "run: make requirements"


def test_the_image_core_is_without_tensorflow_and_the_image_full_has_the_build_for_processors():
    full, core = (set(re.findall(r"^([\w-]+)==", (ROOT / name).read_text(), re.MULTILINE)) for name in REQUIREMENTS)
    assert {"tensorflow-cpu", "keras", "threadpoolctl", "matplotlib", "pillow", "pyarrow"} <= full - core
    assert core < full
    (tensorflow,) = re.findall(r"^tensorflow==.*", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert "platform_machine != 'x86_64'" in tensorflow


def test_the_service_that_trains_runs_from_the_image_full_and_all_others_from_core(compose):
    targets = {dotenv()["FEDSECURE_CORE_IMAGE"]: "core", dotenv()["FEDSECURE_IMAGE"]: "full"}
    assert len(targets) == 2
    stages = re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages[-1] == "full"  # what `docker build .` makes
    for name in OURS:
        service = compose["services"][name]
        target = targets[service["image"]]
        assert (target == "full") == (service["command"][0] == "device"), name
        assert target in stages
        assert "build" not in service or service["build"]["target"] == target, name
    built = {compose["services"][name]["image"] for name in OURS if "build" in compose["services"][name]}
    assert built == set(targets)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_whatever_is_copied_from_the_clone_gets_its_mode_in_the_dockerfile(name):
    lines = re.findall(r"^COPY .*", (ROOT / name).read_text(), re.MULTILINE)
    from_the_clone = [line for line in lines if "--from=" not in line]
    assert from_the_clone
    assert all(re.match(r"COPY --chmod=[67][45][45] ", line) for line in from_the_clone)
    assert not re.search("^ADD ", (ROOT / name).read_text(), re.MULTILINE)


def test_nothing_is_mounted_with_the_modes_and_the_label_of_the_clone(compose):
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            is_named = source in compose["volumes"]
            # A folder of this machine needs a label that containers may read, and modes that nobody here can promise.
            assert is_named or "z" in rest.partition(":")[2].split(","), f"{name} mounts {volume}"
            assert is_named or not (ROOT / source).resolve().is_relative_to(ROOT), (
                f"{name} mounts {volume} of the clone"
            )
    assert "configs" not in compose  # compose mounts those, too


def test_the_images_of_the_monitoring_hold_what_their_servers_are_told_to_read(compose):
    copied = dict(
        re.findall(r"^COPY --chmod=755 (\S+) (\S+)", (ROOT / "monitoring/Dockerfile").read_text(), re.MULTILINE)
    )
    services = compose["services"]
    told = [
        option.partition("=")[2]
        for name in ("prometheus", "alertmanager")
        for option in services[name]["command"]
        if option.startswith("--config.file=")
    ]
    told.append(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    for path in told:
        source, target = next((one, to) for one, to in copied.items() if Path(path).is_relative_to(to))
        assert (ROOT / "monitoring" / source / Path(path).relative_to(target)).is_file()
    let_in = {line[1:] for line in (ROOT / "monitoring/.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source.partition("/")[0] for source in copied} == let_in
    stages = re.findall(r"^FROM \S+ AS (\w+)", (ROOT / "monitoring/Dockerfile").read_text(), re.MULTILINE)
    assert [services[stage]["build"]["target"] for stage in stages] == stages
    mounted = [volume.rpartition(":")[2] for name in stages for volume in services[name]["volumes"]]
    assert not any(Path(to).is_relative_to(mount) for to in copied.values() for mount in mounted)


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False)])
def test_the_health_check_asks_the_programs_own_probe(status, is_well):
    class Probe(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()
            self.wfile.write(b'{"ok": false, "reason": "no partitions"}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Probe) as server:
        port = server.server_address[1]
        thread = Thread(target=server.handle_request)
        thread.start()
        why = check(port)
        thread.join()
    assert (why is None) == is_well
    assert is_well or "no partitions" in str(why)
    assert "no answer" in str(check(port))
