"""What is delivered is named, checked and written down; what cannot be used is counted and said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.messages.ingest import DeviceReadings, Reading
from contracts.metrics import INGEST_READINGS
from ingest.devices import Devices
from ingest.intake import Intake
from ingest.journal import READINGS_A_RECORD, parts
from ingest.naming import Naming, naming_with
from ingest.protocol import GivenReadings, NotUsed
from transport.kafka.last_sent import LastSent

NOW = 1_790_000_000.0
NOW_MIN = int(NOW // 60)


class Topics:
    """Knows how far devices got, and what was asked."""

    def __init__(self, **last_sent: LastSent) -> None:
        self.last_sent = last_sent
        self.prepared: list[str] = []

    def prepare(self, device_ids: list[str]) -> dict[str, LastSent]:
        self.prepared += device_ids
        return {device_id: last for device_id, last in self.last_sent.items() if device_id in device_ids}


class Journal:
    def __init__(self) -> None:
        self.written: list[DeviceReadings] = []
        self.away = False

    async def append(self, devices: Sequence[DeviceReadings]) -> None:
        if self.away:
            raise Unavailable("away")
        self.written += devices


class Bench:
    def __init__(self, topics: Topics | None = None, key: bytes | None = None, **settings) -> None:
        self.topics = topics or Topics()
        self.journal = Journal()
        given = Settings(**settings)
        self.devices = Devices(given, self.topics, lambda: NOW)
        self.intake = Intake(Naming(key), self.devices, self.journal, lambda: NOW, any_clock=given.ingest_any_clock)

    async def deliver(self, *names: str, value: float | None = 80.0, at: float = NOW) -> None:
        await self.intake.deliver([GivenReadings(name, [Reading("heart_rate_bpm", 0, at, value)]) for name in names])

    @property
    def written(self) -> list[tuple[str, str | None, float | None]]:
        return [(each.device_id, each.label, each.readings[0].value) for each in self.journal.written]


def count(outcome: str) -> float:
    return INGEST_READINGS.labels(outcome)._value.get()


async def test_a_device_has_the_id_of_its_name_and_keeps_the_name() -> None:
    bench = Bench()
    await bench.deliver("ICU Bed 4", "p000020")
    assert bench.written == [("icu-bed-4", "ICU Bed 4", 80.0), ("p000020", None, 80.0)]
    assert bench.topics.prepared == ["icu-bed-4", "p000020"]


async def test_with_the_sites_key_nothing_of_a_name_is_left() -> None:
    bench, other = Bench(key=b"k" * 16), Bench(key=b"l" * 16)
    for one in (bench, other):
        await one.deliver(" Muster Erika 4711 ")
    ((device_id, label, _),) = bench.written
    assert label is None
    assert device_id.startswith("d-")
    assert len(device_id) == 18
    assert other.written[0][0] != device_id
    await bench.deliver("Muster Erika 4711")
    assert bench.written[1][0] == device_id


async def test_two_names_of_one_id_are_not_mixed() -> None:
    bench, before = Bench(), count("ambiguous")
    await bench.deliver("Bed 4")
    for name in ("bed-4", "BED 4"):
        with pytest.raises(NotUsed, match="another name"):
            await bench.deliver(name)
    with pytest.raises(NotUsed, match="two names in one message"):
        await bench.deliver("Bed 5", "bed-5")
    await bench.deliver("Bed 6", "bed-4")
    assert bench.written == [("bed-4", "Bed 4", 80.0), ("bed-6", "Bed 6", 80.0)]
    assert count("ambiguous") == before + 5


async def test_the_name_that_a_topic_holds_is_remembered_after_a_restart() -> None:
    bench = Bench(Topics(**{"bed-4": LastSent(5, NOW_MIN, "Bed 4")}))
    with pytest.raises(NotUsed):
        await bench.deliver("bed 4")
    await bench.deliver("Bed 4")


async def test_a_clock_that_is_days_off_is_refused_unless_any_is_taken() -> None:
    bench, before = Bench(), count("clock")
    for at in (NOW - 86_401, NOW + 86_401):
        with pytest.raises(NotUsed, match="more than a day"):
            await bench.deliver("a", at=at)
    await bench.deliver("a", at=NOW + 86_399)
    assert count("clock") == before + 2
    anywhen = Bench(ingest_any_clock=True)
    await anywhen.deliver("a", at=5_000_000_000.0)
    assert len(anywhen.written) == 1


@pytest.mark.parametrize("value", [0.0, -999.0, 8388607.0, 19.9, 300.1, None])
async def test_what_no_patient_has_is_missing(value: float | None) -> None:
    bench, used = Bench(), count("used")
    await bench.deliver("a", value=value)
    assert bench.written == [("a", None, None)]
    assert count("used") == used


async def test_the_number_of_devices_is_bounded() -> None:
    bench = Bench(ingest_max_devices=2)
    await bench.deliver("a", "b")
    with pytest.raises(NotUsed, match="more than 2 devices"):
        await bench.deliver("c")
    await bench.deliver("a")
    assert bench.topics.prepared == ["a", "b"]


async def test_a_name_that_is_none_is_said_without_it() -> None:
    with pytest.raises(NotUsed, match="no name for a device") as error:
        await Bench().deliver("###secret###".replace("secret", "\x07"))
    assert "#" not in str(error.value)


async def test_what_kafka_does_not_take_is_not_counted_as_used() -> None:
    bench, before = Bench(), count("used")
    bench.journal.away = True
    with pytest.raises(Unavailable):
        await bench.deliver("a")
    assert count("used") == before


def test_a_device_goes_on_after_its_last_minute_in_its_session() -> None:
    devices = Devices(Settings(), Topics(a=LastSent(5, NOW_MIN - 3)), lambda: NOW)
    devices.admit({"a": None, "b": None})
    assert (devices["a"].session_id, devices["a"].sent_through) == (5, NOW_MIN - 3)
    assert (devices["b"].session_id, devices["b"].sent_through) == (int(NOW * 1000), None)


def test_a_replays_shifted_dates_are_no_past_of_a_live_monitor() -> None:
    devices = Devices(Settings(), Topics(a=LastSent(int(NOW * 1000) + 7, NOW_MIN + 5000)), lambda: NOW)
    devices.admit({"a": None})
    assert (devices["a"].session_id, devices["a"].sent_through) == (int(NOW * 1000) + 8, None)


def test_the_key_is_read_from_a_file_and_never_said(tmp_path: Path) -> None:
    file = tmp_path / "site.key"
    for content in (b"", b"short", b"x" * 5000):
        file.write_bytes(content)
        with pytest.raises(Misconfigured, match="pseudonym key") as error:
            naming_with(file)
        assert content == b"" or content.decode() not in str(error.value)
    with pytest.raises(Misconfigured, match="cannot be read"):
        naming_with(tmp_path)
    file.write_bytes(b"0123456789abcdef\n")
    assert naming_with(file) == Naming(b"0123456789abcdef")


def test_a_large_message_is_several_records() -> None:
    readings = [Reading("heart_rate_bpm", 0, float(at), 80.0) for at in range(READINGS_A_RECORD + 1)]
    devices = [DeviceReadings(device_id=name, readings=readings) for name in ("a", "b")]
    cut = parts(devices)
    assert all(sum(len(each.readings) for each in record) <= READINGS_A_RECORD for record in cut)
    for name in ("a", "b"):
        assert [r for record in cut for each in record if each.device_id == name for r in each.readings] == readings
