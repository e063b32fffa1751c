"""The secure local stack before anything is started: what is written for its servers, and that no option widens or loses rights."""

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.kafka.config import render_properties
from fedsecure.local_stack.layout import prepare_site, servers_of
from fedsecure.local_stack.processes import ProcessId
from fedsecure.local_stack.redis import program
from fedsecure.local_stack.state_file import ServerRecord, StateFile
from fedsecure.security.site import LOCAL_FOLDER, Site, SiteRecord

PORTS = {"redis": {"client": 6}, "kafka": {"client": 1, "controller": 2}}
US = ProcessId.of_this_process()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / LOCAL_FOLDER)
    made.make(SiteRecord("fedsecure", "fedsecure-workers", "127.0.0.1:1", "127.0.0.1:6"), dt.datetime.now(dt.UTC))
    return made


def test_a_secure_broker_lets_nobody_in_without_tls_or_a_log_in(site: Site) -> None:
    said = dict(
        line.split("=", 1) for line in render_properties(Path("/d"), 1, 1, {1: 2}, site).splitlines() if "=" in line
    )
    protocols = dict(each.split(":") for each in said["listener.security.protocol.map"].split(","))
    assert protocols == {"CLIENT": "SASL_SSL", "CONTROLLER": "SSL"}
    assert {each.partition("://")[0] for each in said["listeners"].split(",")} == protocols.keys()
    assert said["listener.name.controller.ssl.client.auth"] == "required"
    assert said["allow.everyone.if.no.acl.found"] == "false"
    assert said["super.users"] == "User:broker;User:admin"
    assert said["connections.max.reauth.ms"] == "600000"


def test_a_plain_broker_says_nothing_of_it() -> None:
    text = render_properties(Path("/d"), 1, 1, {1: 2})
    assert not [word for word in ("SSL", "authorizer", "SCRAM", "super.users") if word in text]


def test_a_secure_redis_listens_by_tls_alone(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fedsecure.local_stack.redis.server.secure_redis", lambda: program.SecureRedis("/r", has_tls=True)
    )
    redis = servers_of(tmp_path, None, site)[0]
    redis.prepare(PORTS, lambda _: None)
    lines = (tmp_path / "redis" / "redis.conf").read_text().splitlines()
    assert {"port 0", "tls-port 6", f'aclfile "{site.users_file}"'} <= set(lines)
    assert redis.address({"client": 6}) == "rediss://127.0.0.1:6/0"


def test_a_stack_is_made_secure_once_and_keeps_its_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsecure.local_stack.layout.secure_redis", lambda: program.SecureRedis("/r", has_tls=True))
    site = Site(tmp_path / LOCAL_FOLDER)
    servers = servers_of(tmp_path, None, site)
    prepare_site(site, servers, PORTS)
    before = site.kafka_password("worker")
    prepare_site(site, servers, PORTS | {"kafka": {"client": 3, "controller": 2}})
    assert (site.record.kafka, site.kafka_password("worker")) == ("127.0.0.1:3", before)


def test_data_that_anyone_could_read_are_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(Misconfigured, match=r"has data that anyone could read and write: .*--state-dir.*--wipe"):
        LocalStack(tmp_path, secure=True, environ={})


def test_a_secure_stack_is_not_opened_by_an_option(tmp_path: Path, site: Site) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(Misconfigured, match="has data of a secure stack"):
        LocalStack(tmp_path, secure=False, environ={})
    assert LocalStack(tmp_path, environ={}).site is not None, "unset, it stays what it is"
    LocalStack(tmp_path, environ={}).wipe()
    assert not site.folder.exists(), "with the data their passwords are gone"


def test_a_secure_stack_does_not_take_services_of_others(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="unset KAFKA_BOOTSTRAP_SERVERS, or use `fedsecure secure`"):
        LocalStack(tmp_path, secure=True, environ={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})


def test_a_program_that_does_not_log_in_is_told_how(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateFile(tmp_path)
    for name, ports in PORTS.items():
        state.note(name, ServerRecord(US, ports))
    monkeypatch.setenv("FEDSECURE_STATE_DIR", str(tmp_path))
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        Misconfigured, match=rf"FEDSECURE_SECRETS_DIR to the folder of a principal.*{site.folder}/programs"
    ):
        settings_for_running_stack()


def test_the_brokers_configuration_is_its_owners_alone(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = servers_of(tmp_path, None, site)[1]
    monkeypatch.setattr("fedsecure.local_stack.kafka.broker.ensure_jars", lambda *_: [])
    broker.folder.mkdir()
    (broker.folder / "formatted").write_text("once")
    broker.prepare(PORTS, lambda _: None)
    assert stat.S_IMODE((broker.folder / "server.properties").stat().st_mode) == 0o600
