"""The whole pipeline under Prometheus: an attack is told and taken back, and every panel of both dashboards has data."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field

import pytest
from promql_names import MONITORING

from contracts.configuration.settings import Settings
from contracts.event_time import from_event_minute
from contracts.messages.verdicts import decode_status
from contracts.messages.vitals import VitalsBatch, encode_vitals
from transport.kafka.publisher import Publisher
from transport.redis_client import connect_redis

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

CALM, ATTACKED = "synthetic-3-0000", "synthetic-3-0003"
ATTACK = f"motif:device={ATTACKED},onset=760,duration=90,level=strong,seed=7"
COHORT = ("--synthetic", "4", "--seed", "3", "--synthetic-minutes", "1200")
# Two programs load TensorFlow first: seconds on an idle machine, minutes on a busy one.
PATIENCE_S = 300


@dataclass
class Ward:
    """The programs of one run, each serving its metrics where Prometheus looks."""

    settings: Settings
    ports: dict[str, int]
    spawn: object
    programs: dict[str, object] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, wait_s: float | None = None) -> None:
        settings = self.settings.model_copy(update={"metrics_port": self.ports[name]})
        self.programs[name] = self.spawn(*arguments, settings=settings)
        if wait_s is not None:
            assert self.programs[name].wait(wait_s) == 0, self.programs[name].log

    def start_programs(self) -> None:
        """Start what judges and what trains."""
        self.start("worker", "worker")
        self.start("coordinator", "coordinator")
        self.start("devices", "device", "--all")

    def enrol_all(self) -> None:
        """Send what the devices enrol with."""
        self.start("replay", "replay", *COHORT, "--minutes", "740", "--speed", "max", "--fresh", wait_s=PATIENCE_S)

    def status(self, device_id: str):
        with connect_redis(self.settings) as client:
            value = client.hget(self.settings.redis_keys.device(device_id), "status")
        return decode_status(value) if isinstance(value, bytes) else None

    def send_again(self, device_id: str) -> None:
        """Send what nobody can read, and a minute that was applied before."""
        status = self.status(device_id)
        again = VitalsBatch(
            device_id=device_id, session_id=status.session_id, observed_at=from_event_minute(status.applied_through),
            heart_rate_bpm=[80.0], resp_rate_bpm=[17.0], pulse_bpm=None, batch_interval_s=1.0, sent_at=time.time(),
        )  # fmt: skip

        async def send() -> None:
            async with Publisher(self.settings) as publisher:
                for value in (b"nothing to read", encode_vitals(again)):
                    await publisher.send(self.settings.topics.vitals(device_id), device_id, value)

        asyncio.run(send())


@pytest.fixture
def ward(settings: Settings, ports: dict[str, int], spawn, tmp_path) -> Ward:
    changes = {
        "enrolment_min": 600, "round_interval_s": 2.0, "round_deadline_s": 60.0, "round_quorum": 2,
        "aggregation": "fedavg", "register_new_devices": True, "device_key_dir": tmp_path / "keys",
    }  # fmt: skip
    return Ward(settings.model_copy(update=changes), ports, spawn)


def expressions() -> list[tuple[str, str]]:
    """Return (where, expression) of every panel and annotation, its variables replaced."""
    found = []
    for path in sorted((MONITORING / "grafana" / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        found += [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
        found += [(mark["name"], mark["expr"]) for mark in dashboard["annotations"]["list"]]
    replaced = [(where, e.replace("$device", ".*").replace("$__rate_interval", "10s")) for where, e in found]
    assert not [e for _, e in replaced if re.search(r"\$\w", e)]
    return replaced


def quarantined(alerts: list[dict]) -> set[str]:
    return {alert["labels"]["device"] for alert in alerts}


def test_an_attack_is_told_and_taken_back_and_every_panel_has_data(ward: Ward, prometheus, webhook, wait_until):
    began = time.time()
    ward.start_programs()
    # What a program counts before it is scraped first never shows as an increase: the restore of the first devices.
    wait_until(lambda: {"worker", "coordinator", "devices"} <= prometheus.up(), PATIENCE_S, "all are scraped")
    ward.enrol_all()
    wait_until(lambda: (s := ward.status(ATTACKED)) and s.enrolled and s.finished, PATIENCE_S, "all have enrolled")
    wait_until(lambda: "devices_hosted" in ward.programs["devices"].log, PATIENCE_S, "the devices are hosted")
    ward.send_again(CALM)
    ward.start("replay", "replay", *COHORT, "--minutes", "1100", "--speed", "1800", "--attack", ATTACK)
    told = wait_until(lambda: webhook.alerts("DeviceQuarantined", "firing"), PATIENCE_S, "the webhook is told")
    assert quarantined(told) == {ATTACKED}
    assert told[0]["annotations"]["summary"] == f"Device {ATTACKED} is quarantined"
    assert webhook.tokens == {"Bearer only-for-this-test"}
    over = wait_until(
        lambda: webhook.alerts("DeviceQuarantined", "resolved"), PATIENCE_S, "the webhook is told the end"
    )
    assert quarantined(over) == {ATTACKED}
    wait_until(lambda: not ward.programs["replay"].runs(), PATIENCE_S, "the replay has ended")
    assert ("DeviceQuarantined", ATTACKED) not in prometheus.firing()
    assert webhook.alerts("DeadLetters", "firing"), "the message that nobody can read is told"
    without = {where for where, expression in expressions() if not prometheus.values(expression, began, time.time())}
    assert without == set(), "panels without data"
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert not [rule["lastError"] for rule in rules if rule["health"] != "ok"]
