"""What happens around a micro-batch that does not come to its end."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from streams.core import WorkerCore
from streams.errors import ExitWatchdog
from streams.scoring.batch import BatchResult
from streams.scoring.loop import Outlets, ScoringLoop
from streams.scoring.passed_over import LOOKS
from streams.state.devices import DeviceContext
from streams.vitals_records import PART_BYTES, DeviceNames, VitalsRecord
from transport.kafka.offsets import TopicPartition

UNIT = TopicPartition("t.vitals.v1.p1", 0)


class FakeScorer:
    """Moves on like the real one; `before` runs first, in the executor's thread."""

    def __init__(self) -> None:
        self.judged: list[int] = []
        self.before = lambda: None

    def score(self, records, devices):
        self.before()
        for record in records:
            devices[record.device_id].next_offset = record.offset + 1
            self.judged.append(record.offset)
        return BatchResult()

    def close(self, devices):
        pass


class FakeOutlet:
    refused: frozenset[str] = frozenset()

    async def write(self, writes):
        return self.refused

    async def publish(self, devices, letters):
        pass

    def forget(self, device_id):
        pass


class FakeHistory:
    """Kafka with messages up to wherever one asks; `error` is raised instead."""

    error: Exception | None = None

    async def gap(self, partition, start, stop):
        if self.error:
            raise self.error
        return records(*range(start, stop), size=1)


@pytest.fixture
def scorer():
    return FakeScorer()


@pytest.fixture
def outlet():
    return FakeOutlet()


@pytest.fixture
def loop(scorer, outlet):
    with ThreadPoolExecutor(1) as executor:
        names = DeviceNames(Settings(prefix="t"))
        outlets = Outlets(outlet, outlet, outlet)
        loop = ScoringLoop(names, scorer, executor, SimpleNamespace(), FakeHistory(), outlets, 30.0)
        loop.held.assign([UNIT])
        loop.held.hold(DeviceContext("p1", 1, 0), UNIT)
        yield loop


def records(*offsets: int, size: int = PART_BYTES) -> list[VitalsRecord]:
    """Records so large that each is a part of its own."""
    return [VitalsRecord("p1", UNIT, offset, 0.0, b"x" * size) for offset in offsets]


async def test_what_was_delivered_twice_is_applied_once(loop, scorer):
    await loop.process(records(0, 1, size=1))
    await loop.process(records(0, 1, 2, size=1))
    assert scorer.judged == [0, 1, 2]
    assert loop.may_commit


async def test_what_was_passed_over_is_read_once_its_device_stood_still(loop, scorer):
    for _ in range(LOOKS - 1):
        await loop.catch_up({UNIT: 2})
    assert scorer.judged == []
    await loop.catch_up({UNIT: 2})
    assert scorer.judged == [0, 1]
    for _ in range(2 * LOOKS):
        await loop.catch_up({UNIT: 2})
    await loop.process(records(0, 1, 2, size=1))
    assert scorer.judged == [0, 1, 2]


async def test_a_device_that_moves_is_left_to_the_consumer(loop, scorer):
    for offset in range(2 * LOOKS):
        await loop.catch_up({UNIT: 100})
        await loop.process(records(offset, size=1))
    assert scorer.judged == list(range(2 * LOOKS))


async def test_what_was_passed_over_is_looked_for_again_while_kafka_is_away(loop, scorer):
    loop._history.error = Unavailable("Kafka does not answer")
    for _ in range(LOOKS):
        await loop.catch_up({UNIT: 1})
    loop._history.error = None
    await loop.catch_up({UNIT: 1})
    assert scorer.judged == [0]


SHARED = TopicPartition("t.vitals.v1", 0)
OTHERS = {1: "p2", 3: "p2"}


class SharedHistory:
    """A topic that two devices share."""

    async def gap(self, partition, start, stop):
        return shared_records(*range(start, stop))


def shared_records(*offsets: int) -> list[VitalsRecord]:
    return [VitalsRecord(OTHERS.get(offset, "p1"), SHARED, offset, 0.0, b"x") for offset in offsets]


@pytest.fixture
def shared_loop(scorer, outlet):
    with ThreadPoolExecutor(1) as executor:
        names = DeviceNames(Settings(prefix="t", topic_layout="shared"))
        loop = ScoringLoop(names, scorer, executor, SimpleNamespace(), SharedHistory(), Outlets(*[outlet] * 3), 30.0)
        loop.begin_at({SHARED: 0})
        loop.held.assign([SHARED])
        for device_id in ("p1", "p2"):
            loop.held.hold(DeviceContext(device_id, 1, 0), SHARED)
        yield loop


async def test_what_was_passed_over_in_a_shared_topic_is_read_before_what_comes_after_it(shared_loop, scorer):
    await shared_loop.process(shared_records(3))
    assert scorer.judged == [0, 1, 2, 3]
    await shared_loop.process(shared_records(3, 4, 6))
    assert scorer.judged == [0, 1, 2, 3, 4, 5, 6]


async def test_what_was_passed_over_at_the_end_of_a_shared_topic_is_read_once_it_stood_still(shared_loop, scorer):
    await shared_loop.process(shared_records(0))
    for _ in range(LOOKS):
        assert scorer.judged == [0]
        await shared_loop.catch_up({SHARED: 4})
    assert scorer.judged == [0, 1, 2, 3]


async def test_a_shared_partition_begins_where_the_group_reads_on(shared_loop, scorer):
    await shared_loop.assign([])
    await shared_loop.assign([SHARED])
    shared_loop.begin_at({SHARED: 5})
    for device_id in ("p1", "p2"):
        shared_loop.held.hold(DeviceContext(device_id, 1, 5), SHARED)
    await shared_loop.process(shared_records(6))
    assert scorer.judged == [5, 6]


async def test_a_stop_in_the_middle_of_a_batch_leaves_the_rest_uncommitted(loop, scorer):
    turning = asyncio.get_running_loop()
    scorer.before = lambda: asyncio.run_coroutine_threadsafe(_begin_stop(loop), turning).result()
    await loop.process(records(0, 1, 2))
    assert scorer.judged == [0]
    assert not loop.may_commit


async def _begin_stop(loop):
    stopping = asyncio.ensure_future(loop.stop())
    await asyncio.sleep(0)
    assert not stopping.done()


async def test_a_batch_that_fails_is_not_committed(loop, scorer):
    scorer.before = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        await loop.process(records(0))
    assert not loop.may_commit


async def test_nothing_is_committed_while_another_worker_judges_a_device(loop, outlet):
    outlet.refused = frozenset({"p1"})
    await loop.process(records(0))
    assert not loop.may_commit
    await loop.assign([UNIT])
    assert loop.may_commit


class NoWatchdog(ExitWatchdog):
    def arm(self, exit_code):
        pass


@pytest.fixture
async def core():
    core = WorkerCore(Settings(prefix="t"), SimpleNamespace, NoWatchdog())
    yield core
    await core.close()


async def test_an_error_that_nobody_foresaw_ends_the_worker_and_acknowledges_nothing(core):
    class Broken:
        may_commit = True

        async def process(self, records):
            raise RecursionError

    core._loop = Broken()
    processing = core.spawn(core.process([]))
    await asyncio.wait_for(core.failed.wait(), 5)
    assert isinstance(core.failure, RecursionError)
    assert not processing.done()
    assert not core.may_commit
    assert core.why_not_healthy()


async def test_a_task_that_dies_takes_the_worker_with_it(core):
    async def dies():
        raise KeyError("gone")

    core.spawn(dies())
    await asyncio.wait_for(core.failed.wait(), 5)
    assert isinstance(core.failure, KeyError)


async def test_a_cancelled_task_is_no_failure(core):
    core.spawn(asyncio.Event().wait()).cancel()
    await asyncio.sleep(0.01)
    assert core.failure is None
