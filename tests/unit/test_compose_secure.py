"""`docker-compose.secure.yml`: laid over the compose file as Docker does it, nothing that anyone may use is left, and nobody has another's log-in."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fedsecure.security.principals import SUPER_USERS, program_principals
from fedsecure.security.site import REAUTH_S

ROOT = Path(__file__).parents[2]
PRINCIPALS = {each.name for each in program_principals(Topics(), RedisKeys(), "fedsecure-workers")} | {"host-ward"}
PROGRAMS = ("worker", "coordinator", "devices", "replay", "ingest", "console")


def read(name: str) -> dict[str, Any]:
    given = dict(
        line.split("=", 1) for line in (ROOT / ".env").read_text().splitlines() if "=" in line and line[0] != "#"
    )
    text = (ROOT / name).read_text()
    return yaml.safe_load(re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: given.get(found[1]) or found[2], text))


@pytest.fixture(scope="module")
def added() -> dict[str, Any]:
    return read("docker-compose.secure.yml")


@pytest.fixture(scope="module")
def services(added: dict[str, Any]) -> dict[str, Any]:
    """Both files together: variables and volumes are added, the rest takes the former's place."""
    together = read("docker-compose.yml")["services"]
    for name, over in added["services"].items():
        service = together.setdefault(name, {})
        environment = service.get("environment", {}) | over.get("environment", {})
        volumes = [*service.get("volumes", []), *over.get("volumes", [])]
        service |= over | {
            "environment": {key: value for key, value in environment.items() if value is not None},
            "volumes": volumes,
        }
    return together


def binds(service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a service has of this machine's files; the other volumes are Docker's own."""
    return [mount for mount in service.get("volumes", []) if isinstance(mount, dict)]


def test_it_is_a_compose_file(added: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec/compose-spec.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(added)] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_its_own_principal_and_no_address_without_a_log_in(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert not {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"} & service["environment"].keys()
    assert service["environment"]["FEDSECURE_SECRETS_DIR"] == "/run/principal"
    (principal,) = (mount for mount in binds(service) if mount["target"] == "/run/principal")
    folder = Path(principal["source"])
    assert (folder.parent, principal["read_only"]) == (Path("secure/programs"), True)
    assert folder.name in PRINCIPALS
    assert folder.name == {"devices": "host-ward"}.get(name, name)


def test_a_file_that_is_missing_is_not_made_as_a_folder_of_roots(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert all(mount["bind"] == {"create_host_path": False} for mount in binds(service)), name


def test_only_the_administrator_has_the_whole_folder(services: dict[str, Any]) -> None:
    whole = {name for name, each in services.items() if any(one["source"] == "./secure" for one in binds(each))}
    assert whole == {"topics-init", "admin"}
    for name in whole:  # an upgrade may bring a principal: its log-in is written before it is in force
        assert [mount["read_only"] for mount in binds(services[name])] == [False], name
    assert services["devices"]["environment"]["FEDSECURE_REGISTER_NEW_DEVICES"] == "false"


def test_kafka_has_no_listener_without_tls(services: dict[str, Any]) -> None:
    kafka = services["kafka"]["environment"]
    listeners = {one.partition("://")[0] for one in kafka["KAFKA_LISTENERS"].split(",")}
    protocols = dict(one.split(":") for one in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert protocols.keys() == listeners
    assert set(protocols.values()) == {"SASL_SSL", "SSL"}
    for name in (name for name, protocol in protocols.items() if protocol == "SSL"):
        assert kafka[f"KAFKA_LISTENER_NAME_{name}_SSL_CLIENT_AUTH"] == "required"
    for name in (name for name, protocol in protocols.items() if protocol == "SASL_SSL"):
        assert f"KAFKA_LISTENER_NAME_{name}_SCRAM___SHA___512_SASL_JAAS_CONFIG" in kafka
    assert kafka["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    assert kafka["KAFKA_SUPER_USERS"] == ";".join(f"User:{name}" for name in SUPER_USERS)
    assert kafka["KAFKA_CONNECTIONS_MAX_REAUTH_MS"] == REAUTH_S * 1000


def test_redis_listens_by_tls_alone_and_knows_its_users(services: dict[str, Any]) -> None:
    words = services["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert (options["--port"], options["--tls-port"]) == ("0", "6379")
    assert options["--aclfile"] == "/run/secure/users.acl"


def test_kafkas_start_is_a_script_that_bash_reads(added: dict[str, Any]) -> None:
    script = added["configs"]["start-kafka"]["content"].replace("$$", "$")
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_every_added_service_is_confined(services: dict[str, Any]) -> None:
    admin = services["admin"]
    assert (admin["cap_drop"], admin["read_only"], admin["user"]) == (["ALL"], True, "10001:10001")
    assert admin["profiles"] == ["admin"], "it is started by hand alone"
