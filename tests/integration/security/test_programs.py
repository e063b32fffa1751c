"""Every program under its own principal, from vitals to a committed round: its row is all that it needs, and no log holds a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rounds_on_record import committed

from contracts.configuration.settings import Settings
from fedsecure.healthcheck import check
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.ports import choose_ports
from fedsecure.security.principals import ADMIN
from fedsecure.security.provisioning import add_devices
from fedsecure.security.site import Site
from transport.device_status_reader import RedisDeviceStatusReader
from transport.redis_client import connect_redis

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
DEVICES = [f"synthetic-3-000{number}" for number in range(3)]
COHORT = ("--synthetic", "3", "--seed", "3", "--synthetic-minutes", "1300")
ROUNDS = {
    "FEDSECURE_ROUND_QUORUM": "2",
    "FEDSECURE_AGGREGATION": "fedavg",
    "FEDSECURE_ROUND_INTERVAL_S": "1",
    "FEDSECURE_ROUND_DEADLINE_S": "30",
}


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[LocalStack]:
    """A secure stack that nobody else writes to, with two device hosts: one of two devices, one of one."""
    with LocalStack(tmp_path / "ward", secure=True, environ={}) as running:
        assert running.site is not None
        add_devices(running.site, DEVICES[:2], host="ward")
        add_devices(running.site, DEVICES[2:])
        yield running


def test_all_programs_work_under_their_principals_and_are_refused_nothing(
    ward: LocalStack, spawn: Any, wait_until: Any, tmp_path: Path
) -> None:
    site = ward.site
    assert site is not None
    settings = site.settings_of(ADMIN)
    ports = choose_ports(("console", "metrics"), {})

    def start(principal: str, *words: str, **environ: str) -> Any:
        own = {
            "FEDSECURE_SECRETS_DIR": str(site.program_folder(principal)),
            "FEDSECURE_DEVICE_KEY_DIR": str(tmp_path / "keys"),
        }
        return spawn(*words, environ=own | ROUNDS | environ)

    worker = start("worker", "worker")
    for device in DEVICES:
        assert start(ADMIN, "device", "register", device).wait(90) == 0
    assert start("replay", "replay", *COHORT, "--minutes", "780", "--speed", "max", "--fresh").wait(120) == 0
    hosts = [start("host-ward", "device", "--all"), start(f"device-{DEVICES[2]}", "device", "--device", DEVICES[2])]
    coordinator = start("coordinator", "coordinator")
    console = start("console", "console", "--port", str(ports["console"]), FEDSECURE_METRICS_PORT=str(ports["metrics"]))
    for host in hosts:
        wait_until(lambda host=host: "devices_hosted" in host.log, 180, "the devices are hosted")
    replay = start("replay", "replay", *COHORT, "--speed", "480", "--pack", "4", "--accept-commands")
    record = wait_until(lambda: everybody(settings), 120, "a round of all devices is committed")
    assert record.accepted == DEVICES
    assert check(ports["metrics"], path="/readyz") is None, "the console reads Kafka and Redis"
    with connect_redis(settings) as client:
        statuses = RedisDeviceStatusReader(client, settings.redis_keys).statuses(DEVICES)
        assert all(status is not None for status in statuses.values())
        refused = client.execute_command("ACL", "LOG")
    assert refused == [], "Redis refused nobody anything"
    for program in (replay, *hosts, coordinator, console, worker):
        assert program.stop() in {0, 130}
    assert denied(site) == [], "Kafka refused nobody anything"
    logs = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*.log"))
    words = [site.kafka_password(name) for name in site.principals()] + [
        site.redis_password(name) for name in ("worker", "coordinator")
    ]
    assert not [word for word in words if word in logs]


def everybody(settings: Settings) -> Any:
    return next((record for record in committed(settings) if len(record.accepted) == len(DEVICES)), None)


def denied(site: Site) -> list[str]:
    trail = site.folder.parent / "kafka" / "logs" / "audit.log"
    return [line for line in trail.read_text().splitlines() if "Denied" in line]
