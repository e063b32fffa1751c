"""Minutes go out once, whenever the writer was ended and started again."""

from __future__ import annotations

from threading import Event

import pytest

from contracts.configuration.settings import Settings
from contracts.messages.ingest import DeviceReadings, JournalRecord, Reading
from contracts.messages.vitals import VitalsBatch, decode_vitals
from contracts.metrics import INGEST_LATE_READINGS
from ingest.devices import Devices
from ingest.journal_reader import Entry
from ingest.minute_writer import MinuteWriter
from transport.clock import Clock
from transport.kafka.last_sent import LastSent

NOW = 1_790_000_040.0
M = int(NOW // 60)


class Broker:
    """A journal and vitals topics in memory; `stop_when_read` ends a writer that has read all."""

    def __init__(self) -> None:
        self.journal: list[JournalRecord] = []
        self.vitals: list[VitalsBatch] = []
        self.position = 0
        self.now = 0.0
        self.unacked = 0
        self.ended = Event()

    # the reader
    def rewind(self) -> int:
        self.position = self.journal[-1].settled_before if self.journal else 0
        return len(self.journal)

    def poll(self, timeout_s: float) -> list[Entry]:
        found = [Entry(at, self.journal[at]) for at in range(self.position, len(self.journal))][:2]
        self.position += len(found)
        if not found:
            self.ended.set()
        return found

    # the outlet
    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None:
        batch = decode_vitals(value, expected_device_id=key.decode())
        assert (topic, minutes) == (f"vitals-{batch.device_id}", len(batch))
        self.vitals.append(batch)

    def drain(self, within_s: float) -> int:
        return self.unacked

    # the devices' topics
    def prepare(self, device_ids: list[str]) -> dict[str, LastSent]:
        return {
            each.device_id: LastSent(each.session_id, each.first_event_minute + len(each) - 1, each.label)
            for each in self.vitals
        }

    def hear(
        self, second: float, value: float | None, writer: MinuteWriter | None = None, label: str | None = None
    ) -> None:
        readings = [Reading("heart_rate_bpm", 0, M * 60 + second, value)]
        device = DeviceReadings(device_id="a", label=label, readings=readings)
        settled = writer.settled_before if writer else 0
        self.journal.append(JournalRecord(devices=[device], received_at=NOW, settled_before=settled))

    def start(self, **settings) -> MinuteWriter:
        clock = Clock(lambda: self.now, lambda: NOW, lambda _: None)
        given = Settings(**settings)
        writer = MinuteWriter(given, Devices(given, self, lambda: NOW), lambda name: f"vitals-{name}", self, clock)
        writer.restore(self)
        return writer

    def run(self, writer: MinuteWriter) -> None:
        self.ended.clear()
        writer.run(self, self.ended)

    @property
    def minutes(self) -> list[tuple[int, float | None]]:
        return [
            (batch.first_event_minute - M + at, value)
            for batch in self.vitals
            for at, value in enumerate(batch.heart_rate_bpm)
        ]


@pytest.fixture
def broker() -> Broker:
    return Broker()


def test_minutes_go_to_the_devices_topic_with_its_name(broker: Broker) -> None:
    writer = broker.start()
    for second, value in ((0, 80.0), (30, 82.0), (75, 90.0), (200, 70.0)):
        broker.hear(second, value, label="Bed A")
    broker.run(writer)
    assert broker.minutes == [(0, 81.0), (1, 90.0)]
    assert {(batch.label, batch.batch_interval_s, batch.pulse_bpm) for batch in broker.vitals} == {
        ("Bed A", 60.0, None)
    }


@pytest.mark.parametrize("killed_after", range(8))
def test_wherever_it_is_killed_each_minute_is_sent_once_with_the_same_value(broker: Broker, killed_after: int) -> None:
    heard = [(0, 80.0), (30, 82.0), (65, 90.0), (80, 91.0), (125, 70.0), (140, None), (200, 75.0), (300, 76.0)]
    writer = broker.start()
    for second, value in heard[:killed_after]:
        broker.hear(second, value, writer)
        broker.run(writer)
    writer = broker.start()
    for second, value in heard[max(0, killed_after - 1) :]:  # the gateway repeats what it had no answer to
        broker.hear(second, value, writer)
        broker.run(writer)
    assert broker.minutes == [(0, 81.0), (1, 90.5), (2, 70.0), (3, 75.0)]
    assert len({batch.session_id for batch in broker.vitals}) == 1


def test_what_is_settled_is_not_read_again(broker: Broker) -> None:
    writer = broker.start()
    for second in range(0, 600, 20):
        broker.hear(second, 80.0, writer)
        broker.run(writer)
    restarted = broker.start()
    assert restarted.settled_before >= len(broker.journal) - 8


def test_nothing_is_settled_that_the_broker_has_not_acknowledged(broker: Broker) -> None:
    writer = broker.start()
    broker.unacked = 1
    broker.hear(0, 80.0)
    broker.hear(200, 80.0)
    broker.run(writer)
    assert writer.settled_before == 0
    broker.unacked = 0
    broker.run(writer)
    assert writer.settled_before == 1


def test_late_readings_are_counted_but_not_those_that_are_read_back(broker: Broker) -> None:
    before = INGEST_LATE_READINGS._value.get()
    writer = broker.start()
    for second in (0, 200, 10):
        broker.hear(second, 80.0)
    broker.run(writer)
    assert INGEST_LATE_READINGS._value.get() == before + 1
    broker.start()
    assert INGEST_LATE_READINGS._value.get() == before + 1


def test_a_device_is_not_silent_while_kafka_keeps_it_waiting(broker: Broker) -> None:
    writer = broker.start(ingest_silence_s=90.0)
    broker.hear(0, 80.0)
    broker.run(writer)
    broker.now, writer.trouble_at = 200.0, lambda: 150.0
    broker.run(writer)
    assert broker.minutes == []
    broker.now = 240.0
    broker.run(writer)
    assert broker.minutes == [(0, 80.0)]
