"""Scores one micro-batch at a time, from raw records to acknowledged results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import structlog

from contracts.errors import Unavailable
from contracts.metrics import FENCED_DEVICES, LAST_EVENT_AGE_SECONDS, PRODUCE_TO_STATUS_SECONDS
from streams.errors import Fatal
from streams.metrics import DeviceSeries
from streams.publisher import VerdictPublisher
from streams.scoring.batch import BatchResult, BatchScorer
from streams.scoring.passed_over import PassedOver, SharedPositions, own_positions
from streams.state.backfill import BackfillReader
from streams.state.devices import AssignedDevices
from streams.state.restore import Restorer
from streams.state.status_store import StatusStore
from streams.vitals_records import DeviceNames, VitalsRecord, parts
from transport.kafka.offsets import TopicPartition

log = structlog.get_logger()

PLAUSIBLE_DELAY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where results go: Redis first (it refuses whoever was overtaken), then Kafka, then this worker's metrics."""

    store: StatusStore
    publisher: VerdictPublisher
    series: DeviceSeries


class ScoringLoop:
    """Applies every record of the partitions it holds exactly once in effect, whatever is delivered twice or skipped.

    A lock keeps one micro-batch, one restore or one change of assignment in flight. All methods may raise
    `Unavailable` or `Fatal`, after which the process must end.
    """

    def __init__(
        self,
        names: DeviceNames,
        scorer: BatchScorer,
        executor: Executor,
        restorer: Restorer,
        history: BackfillReader,
        outlets: Outlets,
        fence_patience_s: float,
    ) -> None:
        self.held = AssignedDevices()
        self.busy_since: float | None = None
        self.assigned_once = False
        self._left_over = False
        self._passed_over = PassedOver()
        self._shared = SharedPositions() if names.shared else None
        self._names = names
        self._scorer = scorer
        self._executor = executor
        self._restorer = restorer
        self._history = history
        self._outlets = outlets
        self._fence_patience_s = fence_patience_s
        self._lock = asyncio.Lock()
        self._stopping = False
        self._last_record_at = time.time()
        LAST_EVENT_AGE_SECONDS.set_function(lambda: time.time() - self._last_record_at)

    async def process(self, records: Sequence[VitalsRecord]) -> None:
        """Score, show and publish the records, until everything is acknowledged."""
        self._last_record_at = time.time()
        async with self._lock:
            try:
                for part in parts(records):
                    if self._stopping:
                        self._left_over = True
                        return
                    self.busy_since = time.monotonic()
                    await self._process(part)
            except BaseException:
                self._left_over = True
                raise
            finally:
                self.busy_since = None

    async def catch_up(self, ends: Mapping[TopicPartition, int | None]) -> None:
        """Apply what stands in the topics and was passed over. `ends`: where each partition ends (None: unknown)."""
        if self.busy_since is not None:
            return
        positions = self._shared.reached if self._shared else own_positions(self.held)
        for partition, start, stop in self._passed_over.look(positions, ends):
            missed = list[VitalsRecord]()
            with suppress(Unavailable):  # it is looked for again
                missed = await self._history.gap(partition, start, stop)
            if missed:
                log.info("passed_over_read", topic=partition.topic, records=len(missed))
                await self.process(missed)

    @property
    def may_commit(self) -> bool:
        """Whether all that was handed over was applied: a commit beyond would hide records from the next holder."""
        return not self._left_over and not self.held.fenced

    def begin_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note where the group reads on after a change of it."""
        if self._shared:
            self._shared.begin_at(offsets)

    async def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Take a new assignment: what left is forgotten, what stayed is checked again before it goes on."""
        async with self._lock:
            left = self.held.assign(partitions)
            if self._shared:
                self._shared.keep(partitions)
            await self._forget(left)
            self.assigned_once = True
            log.info("units_assigned", units=len(partitions), left=len(left))

    async def restore_assigned(self) -> None:
        """Restore what was assigned, ahead of its first record (in the shared layout: on first sight)."""
        async with self._lock:
            if not self._stopping:
                await self._restore_missing(())

    def between_batches(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which nothing is in flight and nothing begins."""
        return self._lock

    async def settle(self) -> None:
        """Wait until nothing is in flight."""
        async with self._lock:
            return

    async def stop(self) -> None:
        """Finish the part in flight and take no more."""
        self._stopping = True
        await self.settle()

    async def keep_view(self) -> None:
        """Notice a Redis that lost the view and write it again from what is held."""
        self._outlets.series.count(time.time())
        fenced_since = self.held.fenced_since
        if fenced_since is not None and time.monotonic() - fenced_since > self._fence_patience_s:
            raise Fatal("another worker judges devices that this one is assigned")
        if not await self._outlets.store.needs_rewrite():
            return
        async with self._lock:
            statuses = [held.status for held in self.held.devices.values() if held.status is not None]
            await self._fence(await self._outlets.store.rewrite(statuses))

    async def publish_again(self) -> None:
        """Put every held device's status on the status topic again: it was made anew, and whoever restores needs them."""
        async with self._lock:
            run, held = asyncio.get_running_loop().run_in_executor, list(self.held.devices.values())
            results = await run(self._executor, self._scorer.whole_results, held)
            refused = await self._outlets.store.write(results)
            await self._outlets.publisher.publish([result for result in results if result.device_id not in refused])
            log.info("statuses_published_again", devices=len(results) - len(refused))
            await self._fence(refused)

    async def _process(self, records: Sequence[VitalsRecord]) -> None:
        held = self.held
        if self._shared:
            records = await self._shared.filled(records, self._history.gap)
        mine = [r for r in records if r.partition in held.partitions and r.device_id not in held.fenced]
        await self._restore_missing(mine)
        mine = await self._next_in_order(mine)
        if not mine:
            return
        run = asyncio.get_running_loop().run_in_executor
        batch_result = await run(self._executor, self._scorer.score, mine, held.devices)
        refused = await self._outlets.store.write(batch_result.results)
        self._observe_delay(batch_result)
        await self._publish(batch_result, refused)
        await self._fence(refused)

    async def _restore_missing(self, records: Iterable[VitalsRecord]) -> None:
        missing = {r.device_id: r.partition for r in records if r.device_id not in self.held.verified and r.device_id}
        if not self._names.shared:
            partitions = {self._names.device_of(partition.topic, None): partition for partition in self.held.partitions}
            gone = self.held.verified | self.held.fenced
            missing.update({device: partition for device, partition in partitions.items() if device not in gone})
        if missing:
            await self._restorer.restore(self.held, missing)
            for device in filter(None, map(self.held.devices.get, missing)):
                if device.status:
                    self._outlets.series.show(device.status)

    async def _next_in_order(self, records: Sequence[VitalsRecord]) -> list[VitalsRecord]:
        """Drop what was applied already and read what was skipped."""
        ordered: list[VitalsRecord] = []
        expected: dict[str, int] = {}
        for record in records:
            device = self.held.devices.get(record.device_id)
            if device is None:
                ordered.append(record)
                continue
            offset = expected.get(record.device_id, device.next_offset)
            if record.offset < offset:
                continue
            # In a shared topic the offsets between a device's records belong to others.
            if record.offset > offset and not self._names.shared:
                log.info("gap_read", device=record.device_id, records=record.offset - offset)
                ordered.extend(await self._history.gap(record.partition, offset, record.offset))
            ordered.append(record)
            expected[record.device_id] = record.offset + 1
        return ordered

    async def _publish(self, batch_result: BatchResult, refused: set[str]) -> None:
        accepted = [result for result in batch_result.results if result.device_id not in refused]
        letters = [letter for letter in batch_result.dead_letters if letter.device_id not in refused]
        await self._outlets.publisher.publish(accepted, letters)
        for result in accepted:
            self._outlets.series.show(result.status)

    async def _fence(self, refused: Collection[str]) -> None:
        if not refused:
            return
        log.warning("devices_fenced", devices=len(refused))
        FENCED_DEVICES.inc(len(refused))
        self.held.fence(refused, time.monotonic())
        await self._forget(refused)

    async def _forget(self, devices: Collection[str]) -> None:
        if not devices:
            return
        for device_id in devices:
            self.held.forget(device_id)
            self._outlets.series.forget(device_id)
        await asyncio.get_running_loop().run_in_executor(self._executor, self._scorer.close, tuple(devices))

    def _observe_delay(self, batch_result: BatchResult) -> None:
        now = time.time()
        for sent_at in batch_result.sent_at:
            if 0 <= now - sent_at <= PLAUSIBLE_DELAY_S:
                PRODUCE_TO_STATUS_SECONDS.observe(now - sent_at)
