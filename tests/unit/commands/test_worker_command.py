"""`fedsecure worker` hands its options on as settings."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.cli import app
from streams.edge import partitions_of
from transport.kafka.offsets import TopicPartition


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of every worker that would have started; no process ends and no log is configured."""
    settings: list[Settings] = []

    async def run_worker(given: Settings) -> int:
        settings.append(given)
        return 0

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.test:1")
    monkeypatch.setenv("REDIS_URL", "redis://redis.test:2/0")
    monkeypatch.setattr("streams.worker.run_worker", run_worker)
    monkeypatch.setattr("transport.logs.configure_logs", lambda _: None)
    monkeypatch.setattr(os, "_exit", lambda code: None)
    return settings


def test_the_rule_comes_from_the_option_else_from_the_environment(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CliRunner().invoke
    assert run(app, ["worker"]).exit_code == 0
    assert run(app, ["worker", "--rule", "paper-fig3"]).exit_code == 0
    monkeypatch.setenv("FEDSECURE_RULE", "paper-fig3")
    assert run(app, ["worker"]).exit_code == 0
    assert run(app, ["worker", "--rule", "common-scale"]).exit_code == 0
    assert [settings.rule for settings in started] == ["common-scale", "paper-fig3", "paper-fig3", "common-scale"]


def test_a_rule_that_there_is_not_is_refused(started: list[Settings]) -> None:
    assert CliRunner().invoke(app, ["worker", "--rule", "fig3"]).exit_code == 2
    assert not started


def test_the_devices_of_edge_mode_are_named_as_their_hospital_writes_them(started: list[Settings]) -> None:
    assert CliRunner().invoke(app, ["worker", "--devices", "ICU_03, bed 4,p000020"]).exit_code == 0
    topics = started[0].topics
    assert partitions_of(started[0]) == {
        TopicPartition(topics.vitals(one), 0) for one in ("icu-03", "bed-4", "p000020")
    }


def test_two_names_of_one_edge_device_are_refused(started: list[Settings]) -> None:
    CliRunner().invoke(app, ["worker", "--devices", "ICU_03,ICU-03"])
    with pytest.raises(Misconfigured, match="'ICU_03' and 'ICU-03' are both device icu-03"):
        partitions_of(started[0])
