"""The parts of an installation that can be wrong by themselves: the clock, the broker's configuration, the wards."""

from __future__ import annotations

import time
from pathlib import Path

from chaos.site.services import LinkedBroker
from chaos.site.stepped_clock import SteppedClock
from chaos.site.ward import ATTACKED_FROM, ATTACKED_MIN, HORIZON_MIN, MINUTES, WARDS, expected_of

from fedsecure.local_stack.kafka import broker


def test_a_stepped_clock_is_off_by_what_the_file_says_and_right_without_one(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    assert abs(SteppedClock(file).time() - time.time()) < 60
    file.write_text("-7200")
    assert abs(SteppedClock(file).time() + 7200 - time.time()) < 60


def test_a_linked_broker_tells_each_program_the_way_through_its_link(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(broker, "ensure_jars", lambda *_: [])
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "formatted").write_text("id\n")
    linked = LinkedBroker(tmp_path / "kafka", {"worker-1": (21001, 21002)})
    linked.prepare({"kafka": {"client": 20001, "controller": 20002}}, lambda _: None)
    lines = dict(
        line.split("=", 1)
        for line in (tmp_path / "kafka" / "server.properties").read_text().splitlines()
        if "=" in line
    )
    assert lines["listeners"].endswith("CONTROLLER://127.0.0.1:20002,WORKER_1://127.0.0.1:21001")
    assert lines["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001,WORKER_1://127.0.0.1:21002"
    assert lines["listener.security.protocol.map"].endswith("WORKER_1:PLAINTEXT")


def test_every_ward_has_what_a_disaster_could_spoil() -> None:
    """Attacks that are found before their minutes could be trained on, devices that train, and minutes still to stream."""
    for ward in WARDS:
        expected = expected_of(ward)
        assert len(expected.lines) == ward.devices * MINUTES
        assert ward.before_min < ATTACKED_FROM
        for patient in ward.patients():
            changes = expected.changes[patient.device_id]
            first = patient.recording.first_event_minute
            found = [minute - first for minute, state in changes if state == "quarantined"]
            if patient.injections:
                assert ATTACKED_FROM < found[0] < min(ATTACKED_FROM + ATTACKED_MIN, ATTACKED_FROM + HORIZON_MIN)
            assert not any(expected.windows[patient.device_id]), "undisturbed, no poisoned minute is trained on"
            assert len(expected.windows[patient.device_id]) >= 5
