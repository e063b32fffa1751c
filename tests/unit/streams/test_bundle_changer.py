"""A running worker changes its devices' bundle: one by one, losing no minute, and never worse than before."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from lives import ENROLMENT, START, assert_same_snapshot, calm, chunk
from plain_detector import level_model

from contracts.errors import Unavailable
from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.metrics import BUNDLE_CHANGES
from detectors.engine.chunks import chunk_of
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.bundles.changer import BundleChanger
from streams.state.devices import AssignedDevices, DeviceContext
from streams.vitals_records import VitalsRecord
from transport.kafka.offsets import TopicPartition

UNIT = TopicPartition("t.vitals.v1.a", 0)
PACK = 10
MINUTES = 400
BEATS = calm(MINUTES)


def batch(offset: int) -> VitalsBatch:
    beats = BEATS[offset * PACK : (offset + 1) * PACK]
    return VitalsBatch(
        device_id="a", session_id=1, observed_at=from_event_minute(START + offset * PACK), heart_rate_bpm=beats,
        resp_rate_bpm=[15.0] * PACK, batch_interval_s=60.0, sent_at=0.0,
    )  # fmt: skip


class Topic:
    """The vitals of one device: offset k holds minutes 10 k to 10 k + 9; `first_kept` is what retention left."""

    first_kept = 0

    def __init__(self) -> None:
        self.while_reading = lambda: None
        self.away = False

    async def bounds(self, units):
        if self.away:
            raise Unavailable("Kafka is away")
        return dict.fromkeys(units, (self.first_kept, MINUTES // PACK))

    async def read(self, wanted, starts):
        for one in wanted:
            one.add_older(encode_vitals(batch(at)) for at in range(starts[one.partition], one.stop))
        self.while_reading()

    async def gap(self, unit, start, stop):
        return [VitalsRecord("a", unit, at, 0.0, encode_vitals(batch(at))) for at in range(start, stop)]


class Loop:
    def __init__(self, router: EngineRouter) -> None:
        self.held = AssignedDevices()
        self.lock = asyncio.Lock()
        self._router = router

    def between_batches(self):
        return self.lock

    def judge(self, first: int, end: int) -> list:
        device = self.held.devices["a"]
        device.next_offset = end
        return self._router.apply([chunk_of(batch(at)) for at in range(first, end)])


class Released:
    """What was released; the same bundle is handed out once."""

    def __init__(self) -> None:
        self.newest: DetectionEngine | None = None

    async def newer(self, current_sha):
        return None if self.newest is None or self.newest.bundle_sha == current_sha else self.newest


def engine_of(name: str, threshold: float) -> DetectionEngine:
    return DetectionEngine(level_model(name, threshold=threshold), enrolment_min=ENROLMENT)


class Bench:
    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.router = EngineRouter(engine_of("old", 2.5))
        self.topic, self.loop, self.released = Topic(), Loop(self.router), Released()
        self.told: list[str] = []
        self.loop.held.assign([UNIT])
        self.loop.held.hold(DeviceContext("a", 1, 0), UNIT)
        self.router.open("a", None)
        self.changer = BundleChanger(
            self.released, self.router, self.loop, self.topic, self.topic, executor,
            lambda: self.told.append(self.router.bundle_sha),
        )  # fmt: skip


@pytest.fixture
def bench():
    with ThreadPoolExecutor(1) as executor:
        yield Bench(executor)


def counted(outcome: str) -> float:
    return BUNDLE_CHANGES.labels(outcome)._value.get()


def from_the_start(end: int) -> DetectionEngine:
    """The new bundle as if it had judged the device always."""
    engine = engine_of("new", 1.5)
    engine.open("a", None)
    engine.apply([chunk_of(batch(at)) for at in range(end)])
    return engine


async def test_a_device_goes_on_as_if_the_new_bundle_had_judged_it_always(bench: Bench) -> None:
    moved = counted("moved")
    bench.loop.judge(0, 30)
    await bench.changer.look()
    assert (bench.router.bundle_sha_of("a"), bench.told) == ("old", [])
    bench.released.newest = engine_of("new", 1.5)
    await bench.changer.look()
    await bench.changer.look()
    assert (bench.router.bundle_sha_of("a"), bench.told, counted("moved")) == ("new", ["new"], moved + 1)
    undisturbed = from_the_start(30)
    assert_same_snapshot(bench.router.snapshot("a"), undisturbed.snapshot("a"))
    (rest,) = bench.loop.judge(30, 31)
    (same,) = undisturbed.apply([chunk_of(batch(30))])
    np.testing.assert_allclose(rest.score, same.score, atol=1e-6)
    assert rest.event_minute.tolist() == list(range(START + 300, START + 310))


async def test_minutes_judged_by_the_old_bundle_while_the_past_is_read_are_not_lost(bench: Bench) -> None:
    bench.loop.judge(0, 30)
    bench.released.newest = engine_of("new", 1.5)
    bench.topic.while_reading = lambda: bench.loop.judge(30, 35)
    await bench.changer.look()
    assert_same_snapshot(bench.router.snapshot("a"), from_the_start(35).snapshot("a"))


async def test_a_device_whose_enrolment_is_gone_is_kept_by_its_bundle_and_counted_once(bench: Bench) -> None:
    kept = counted("kept")
    bench.loop.judge(0, 30)
    before = bench.router.snapshot("a")
    bench.released.newest, bench.topic.first_kept = engine_of("new", 1.5), 1
    await bench.changer.look()
    await bench.changer.look()
    assert (bench.router.bundle_sha_of("a"), bench.router.snapshot("a"), counted("kept")) == ("old", before, kept + 1)
    assert bench.loop.judge(30, 32)[-1].latest_threshold == 2.5


async def test_a_device_that_still_enrols_changes_at_once_and_goes_on_enrolling(bench: Bench) -> None:
    bench.loop.judge(0, 9)
    bench.released.newest = engine_of("new", 1.5)
    await bench.changer.look()
    bench.loop.judge(9, 20)
    assert_same_snapshot(bench.router.snapshot("a"), from_the_start(20).snapshot("a"))


async def test_a_device_that_left_while_its_past_was_read_is_left_alone(bench: Bench) -> None:
    bench.loop.judge(0, 30)
    bench.released.newest = engine_of("new", 1.5)

    def leave() -> None:
        bench.loop.held.forget("a")
        bench.router.close("a")

    bench.topic.while_reading = leave
    await bench.changer.look()
    assert "a" not in bench.released.newest


async def test_a_new_session_while_the_past_was_read_is_found_by_the_next_look(bench: Bench) -> None:
    bench.loop.judge(0, 30)
    bench.released.newest = engine_of("new", 1.5)
    bench.topic.while_reading = lambda: bench.router.apply([chunk(calm(3), 900, session=2)])
    await bench.changer.look()
    assert (bench.router.bundle_sha_of("a"), bench.router.behind()) == ("old", ["a"])


async def test_nothing_that_goes_wrong_ends_the_looking(bench: Bench) -> None:
    bench.loop.judge(0, 30)
    bench.released.newest = engine_of("new", 1.5)
    bench.topic.away = True
    running = asyncio.create_task(bench.changer.run(0.001))
    await asyncio.sleep(0.02)
    assert (bench.router.bundle_sha_of("a"), running.done()) == ("old", False)
    bench.topic.away = False
    async with asyncio.timeout(20):
        while bench.router.bundle_sha_of("a") == "old":
            await asyncio.sleep(0.005)
    running.cancel()
