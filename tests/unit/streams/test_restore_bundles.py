"""A worker restores devices that another bundle judged: that one goes on if it can be had, else the new one takes over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from lives import ENROLMENT, START, assert_same_snapshot, calm, chunk
from msgspec.structs import replace
from plain_detector import level_model

from contracts.event_time import from_event_minute
from contracts.messages.verdicts import DeviceSnapshot, DeviceState, DeviceStatus
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.metrics import BUNDLE_CHANGES
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.state.devices import AssignedDevices
from streams.state.restore import PARTITIONS_AT_ONCE, Restorer, RestoreSources
from transport.kafka.offsets import TopicPartition

PACK = 10
OTHERS = [f"d{number:02}" for number in range(2 * PARTITIONS_AT_ONCE)]


def unit_of(device_id: str) -> TopicPartition:
    return TopicPartition(f"t.vitals.v1.{device_id}", 0)


UNIT = unit_of("a")


def engine_of(name: str, threshold: float = 2.5) -> DetectionEngine:
    return DetectionEngine(level_model(name, threshold=threshold), enrolment_min=ENROLMENT)


def status_of(snapshot: DeviceSnapshot, offset: int) -> DeviceStatus:
    return DeviceStatus(
        device_id="a", epoch=3, applied_through=snapshot.applied_through, vitals_offset=offset, session_id=1,
        state=snapshot.state, reason="", state_since=snapshot.state_since, enrolled=snapshot.profile is not None,
        enrolment_share=1.0, score=1.0, threshold=2.5, scores={}, flagged=False, flagged_share=0.0, received_at=0.0,
        batch_interval_s=60.0, finished=False, bundle_sha="old", worker_id="w", minutes=0, windows=0, flagged_windows=0,
        snapshot=snapshot,
    )  # fmt: skip


class Bench:
    """One device with its last status; `first_kept` is the first offset that retention left of its topic."""

    def __init__(self, beats: list[float], executor: ThreadPoolExecutor) -> None:
        self.beats, self.first_kept, self.topic_id = beats, 0, ""
        self.old = engine_of("old")
        self.old.open("a", None)
        self.old.apply([chunk(beats)])
        self.before = self.old.snapshot("a")
        self.status = status_of(self.before, len(beats) // PACK)
        self.released: dict[str, DetectionEngine] = {}
        self.published: list[DeviceStatus] = []
        self.router = EngineRouter(engine_of("new", 1.5))
        sources = RestoreSources(self, self, self, SimpleNamespace(get=self.get))
        self.read_at_once: list[int] = []
        self.restorer = Restorer(sources, self, SimpleNamespace(publish=self.publish), self.router, executor, "v")

    async def restored(self) -> DeviceSnapshot:
        held = AssignedDevices()
        held.assign([UNIT])
        await self.restorer.restore(held, {"a": UNIT})
        assert self.published[0].snapshot == self.router.snapshot("a")
        return self.router.snapshot("a")

    async def get(self, bundle_sha):
        return self.released.get(bundle_sha)

    async def latest(self, devices):
        return {device: replace(self.status, device_id=device) for device in devices}

    async def topic_ids(self):
        return {unit_of(device).topic: self.topic_id for device in ("a", *OTHERS)}

    async def bounds(self, units):
        return {unit: (self.first_kept, len(self.beats) // PACK) for unit in units}

    async def read(self, wanted, starts):
        self.read_at_once.append(len(wanted))
        for one in wanted:
            one.add_older(self.value(one.device_id, at) for at in range(starts[one.partition], one.stop))

    def value(self, device_id: str, at: int) -> bytes:
        beats = self.beats[at * PACK : (at + 1) * PACK]
        return encode_vitals(
            VitalsBatch(
                device_id=device_id, session_id=1, observed_at=from_event_minute(START + at * PACK), heart_rate_bpm=beats,
                resp_rate_bpm=[15.0] * len(beats), batch_interval_s=60.0, sent_at=0.0,
            )
        )  # fmt: skip

    async def epochs(self, devices):
        return {}

    async def take_epochs(self, epochs):
        return {device: epoch + 1 for device, epoch in epochs.items()}

    async def write(self, writes):
        self.published += [write.status for write in writes]
        return set()

    async def publish(self, records):
        pass


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def counted(outcome: str) -> float:
    return BUNDLE_CHANGES.labels(outcome)._value.get()


async def test_the_old_bundle_goes_on_if_it_can_be_loaded(executor) -> None:
    bench = Bench(calm(300), executor)
    bench.released["old"] = engine_of("old")
    assert_same_snapshot(await bench.restored(), bench.before)
    assert (bench.router.bundle_sha_of("a"), bench.router.behind()) == ("old", ["a"])


async def test_else_the_new_one_takes_over_from_the_enrolment_minutes(executor) -> None:
    bench, moved = Bench(calm(300), executor), counted("moved")
    undisturbed = engine_of("new", 1.5)
    undisturbed.open("a", None)
    undisturbed.apply([chunk(bench.beats)])
    assert_same_snapshot(await bench.restored(), undisturbed.snapshot("a"))
    assert (bench.router.bundle_sha_of("a"), counted("moved")) == ("new", moved + 1)
    assert bench.published[0].bundle_sha == "old"  # which judged the score that it shows


async def test_with_neither_the_profile_is_void_and_the_device_enrols_again(executor) -> None:
    bench, void = Bench(calm(300), executor), counted("void")
    bench.first_kept = 5
    after = await bench.restored()
    assert (bench.before.state, after.state, after.profile) == (DeviceState.BENIGN, DeviceState.ENROLLING, None)
    assert (bench.published[0].enrolled, counted("void")) == (False, void + 1)


@pytest.mark.parametrize("first_kept", [0, 5])
@pytest.mark.parametrize("old", [True, False])
async def test_a_quarantined_device_stays_quarantined_whatever_can_be_had(executor, first_kept: int, old: bool) -> None:
    bench = Bench([*calm(300), *[125.0] * 100], executor)
    bench.first_kept = first_kept
    bench.released = {"old": engine_of("old")} if old else {}
    assert bench.before.state is DeviceState.QUARANTINED
    after = await bench.restored()
    assert (after.state, after.standing) == (DeviceState.QUARANTINED, DeviceState.QUARANTINED)


async def test_a_device_without_a_profile_needs_no_old_bundle(executor) -> None:
    bench = Bench(calm(100), executor)
    bench.released["old"] = engine_of("old")
    after = await bench.restored()
    assert (bench.router.bundle_sha_of("a"), after.valid_minutes) == ("new", 100)


@pytest.mark.parametrize(("before", "now", "start"), [("x", "y", 0), ("x", "x", 30), ("", "y", 30), ("x", "", 30)])
async def test_a_device_goes_on_where_it_was_unless_its_topic_is_another(executor, before, now, start) -> None:
    bench = Bench(calm(300), executor)
    bench.topic_id = now
    bench.status = replace(bench.status, vitals_topic_id=before)
    await bench.restored()
    assert (bench.published[0].vitals_offset, bench.published[0].vitals_topic_id) == (start, now)


async def test_a_device_whose_topic_is_gone_keeps_nobody_waiting(executor) -> None:
    bench = Bench(calm(300), executor)
    held = AssignedDevices()
    held.assign([UNIT])
    await bench.restorer.restore(held, {"a": TopicPartition("t.vitals.v1.gone", 0)})
    assert held.devices == {}


async def test_many_devices_are_read_back_a_few_at_a_time(executor) -> None:
    """A day of a device's messages is a megabyte, and a worker may be given thousands of devices at once."""
    bench, held = Bench(calm(300), executor), AssignedDevices()
    bench.released["old"] = engine_of("old")
    devices = {device: unit_of(device) for device in ("a", *OTHERS)}
    held.assign(devices.values())
    await bench.restorer.restore(held, devices)
    assert bench.read_at_once == [PARTITIONS_AT_ONCE, PARTITIONS_AT_ONCE, 1]
    for device in devices:
        assert_same_snapshot(bench.router.snapshot(device), bench.before)
