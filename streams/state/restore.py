"""Restores devices from their last status before any new record of theirs is applied."""

from __future__ import annotations

import time
from asyncio import get_running_loop
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import msgspec
import structlog

from contracts.messages.verdicts import DeviceSnapshot, DeviceStatus
from contracts.metrics import BUNDLE_CHANGES, RESTORE_SECONDS
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.bundles.engines import ReleasedEngines
from streams.publisher import DeviceResult, VerdictPublisher
from streams.state.backfill import BackfillReader, BackfillRequest, joined
from streams.state.devices import AssignedDevices, DeviceContext
from streams.state.snapshots import SnapshotReader
from streams.state.status_store import StatusStore
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import TopicPartition
from transport.kafka.protocol.topic_ids import UNKNOWN, TopicIds

log = structlog.get_logger()

PARTITIONS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class RestoreSources:
    """Where a restore reads: any topic, the status topic, the vitals' past, bundles other than the one in force."""

    reader: OffsetRangeReader
    status_log: SnapshotReader
    history: BackfillReader
    released: ReleasedEngines


@dataclass(slots=True)
class _Device:
    """A device that is restored: `bounds` and id of its topic, its last status, and what its restore needs.

    `old` is the engine of the bundle that judged it, where that is another than the one in force and can be loaded.
    """

    device_id: str
    partition: TopicPartition
    bounds: tuple[int, int]
    topic_id: str
    status: DeviceStatus | None
    old: DetectionEngine | None = None
    history: BackfillRequest | None = None

    @property
    def snapshot(self) -> DeviceSnapshot | None:
        return self.status.snapshot if self.status else None

    @property
    def next_offset(self) -> int:
        """Where to go on. A topic that was made anew since (by its id, or as it is shorter) is read from its start."""
        start, end = self.bounds
        if self.status is None or self.snapshot is None or self.status.vitals_offset > end:
            return start
        return start if _differ(self.status.vitals_topic_id, self.topic_id) else max(self.status.vitals_offset, start)


@dataclass(frozen=True, slots=True)
class Restorer:
    """Snapshot from the status topic, history from the vitals topic, then a new epoch, published first."""

    sources: RestoreSources
    store: StatusStore
    publisher: VerdictPublisher
    router: EngineRouter
    executor: Executor
    worker_id: str

    async def restore(self, held: AssignedDevices, devices: Mapping[str, TopicPartition]) -> None:
        """Make the devices current, but for those whose topic is gone; whose state stands is kept. Raises Unavailable or Fatal."""
        started = time.monotonic()
        ids = await self.sources.reader.topic_ids()
        devices = {device: partition for device, partition in devices.items() if partition.topic in ids}
        statuses = await self.sources.status_log.latest(devices)
        kept = await self._still_current(held, devices, statuses, ids)
        held.verified.update(kept)
        if not (again := {device: partition for device, partition in devices.items() if device not in kept}):
            return
        bounds = await self.sources.reader.bounds(set(again.values()))
        restored = [
            _Device(device_id, partition, bounds[partition], ids.get(partition.topic, UNKNOWN), statuses.get(device_id))
            for device_id, partition in again.items()
        ]
        await self._load_old_engines(restored)
        for device in restored:
            device.history = self._history_of(device)
        starts = {partition: start for partition, (start, _) in bounds.items()}
        opened = dict[str, DeviceSnapshot]()
        for together in _groups(restored):
            await self.sources.history.read([device.history for device in together if device.history], starts)
            opened |= await get_running_loop().run_in_executor(self.executor, self._open, together)
            for device in together:
                device.history = None
        epochs = await self.store.take_epochs({d.device_id: d.status.epoch if d.status else 0 for d in restored})
        for device in restored:
            device_id, status, epoch = device.device_id, device.status, epochs[device.device_id]
            if status is not None:
                status = taken_over(status, epoch, self.worker_id, opened[device_id])
                place = {"vitals_offset": device.next_offset, "vitals_topic_id": device.topic_id}
                status = msgspec.structs.replace(status, **place)
            held.hold(
                DeviceContext.from_status(device_id, epoch, device.next_offset, status, device.topic_id),
                device.partition,
            )
        await self._announce([held.devices[device_id] for device_id in again])
        elapsed_s = time.monotonic() - started
        known = sum(device.status is not None for device in restored)
        RESTORE_SECONDS.observe(elapsed_s)
        log.info("devices_restored", restored=len(again), known=known, kept=len(kept), seconds=round(elapsed_s, 3))

    async def _still_current(
        self,
        held: AssignedDevices,
        devices: Mapping[str, TopicPartition],
        statuses: Mapping[str, DeviceStatus],
        ids: TopicIds,
    ) -> set[str]:
        """Return the held devices that nobody else has touched since: same topic, epoch and offset, in topic and Redis."""
        same = [
            device_id
            for device_id in devices.keys() & held.devices.keys()
            if _place(held.devices[device_id].status) == _place(statuses.get(device_id))
            and not _differ(held.devices[device_id].topic_id, ids.get(devices[device_id].topic, UNKNOWN))
        ]
        epochs = await self.store.epochs(same)
        return {d for d in same if epochs.get(d, held.devices[d].epoch) == held.devices[d].epoch}

    async def _load_old_engines(self, devices: Iterable[_Device]) -> None:
        """Give each device with a profile of another bundle that bundle's engine, if it can still be loaded.

        It judges the device until the bundle in force takes it over; to read all enrolments back first would keep all waiting.
        """
        engines: dict[str, DetectionEngine | None] = {}
        for device in devices:
            profile = device.snapshot.profile if device.snapshot else None
            if profile is None or not self._must_take_over(device):
                continue
            sha = profile.bundle_sha
            if sha not in engines:
                loaded = self.router.loaded(sha)
                engines[sha] = await self.sources.released.get(sha) if loaded is None else loaded
            device.old = engines[sha]

    def _history_of(self, device: _Device) -> BackfillRequest | None:
        snapshot = device.snapshot
        if device.old is None and self._must_take_over(device):
            needed_from = DetectionEngine.history_needed_to_take_over(snapshot)
        else:
            needed_from = DetectionEngine.history_needed_from(snapshot)
        if snapshot is None or needed_from is None:
            return None
        return BackfillRequest(device.device_id, device.partition, device.next_offset, snapshot.session_id, needed_from)

    def _must_take_over(self, device: _Device) -> bool:
        """Return whether another bundle judged the device than the one in force, once it has opened a session."""
        if device.status is None or DetectionEngine.history_needed_from(device.snapshot) is None:
            return False
        profile = device.snapshot.profile if device.snapshot else None
        return (profile.bundle_sha if profile else device.status.bundle_sha) != self.router.bundle_sha

    def _open(self, devices: Sequence[_Device]) -> dict[str, DeviceSnapshot]:
        """Run in the executor thread, which owns the engines, and return where each device stands in them."""
        for device in devices:
            device_id, snapshot, history = device.device_id, device.snapshot, device.history
            self.router.close(device_id)
            chunks = list(joined(history.batches)) if history else []
            if snapshot and device.old is None and self._must_take_over(device):
                is_whole = history is not None and history.is_whole(device.bounds[0])
                if self.router.take_over_or_keep(device_id, snapshot, chunks, is_whole=is_whole):
                    BUNDLE_CHANGES.labels("moved").inc()
                    continue
                BUNDLE_CHANGES.labels("void").inc()
                log.warning("profile_void", device=device_id, reason="its bundle and its enrolment minutes are gone")
            self.router.open(device_id, snapshot, device.old)
            for chunk in chunks:
                self.router.fill(chunk)
        return {device.device_id: self.router.snapshot(device.device_id) for device in devices}

    async def _announce(self, devices: list[DeviceContext]) -> None:
        results = [DeviceResult(device.status, device.status.epoch) for device in devices if device.status is not None]
        refused = await self.store.write(results)
        # Whoever was overtaken since it took the epoch must not publish after its successor.
        await self.publisher.publish([result for result in results if result.device_id not in refused])
        for device in devices:
            if device.status is not None:
                device.now_shows(device.status)


def _groups(devices: Sequence[_Device]) -> Iterator[list[_Device]]:
    """Yield the devices of some partitions at a time: a partition that many share is read once, and few topics' vitals are held."""
    partitions = sorted({device.partition for device in devices})
    for first in range(0, len(partitions), PARTITIONS_AT_ONCE):
        together = set(partitions[first : first + PARTITIONS_AT_ONCE])
        yield [device for device in devices if device.partition in together]


def taken_over(status: DeviceStatus, epoch: int, worker_id: str, snapshot: DeviceSnapshot) -> DeviceStatus:
    """Return the status as its new holder publishes it first.

    `snapshot` is where the new holder's engine stands: a profile that it cannot use is void at once, not only when the next
    minute arrives.
    """
    if status.enrolled and snapshot.profile is None:
        status = msgspec.structs.replace(
            status,
            state=snapshot.state,
            state_since=snapshot.state_since,
            reason="the profile belongs to another bundle or another rule",
            enrolled=False,
            enrolment_share=0.0,
            snapshot=snapshot,
        )
    kept = snapshot if status.snapshot is not None else None
    return msgspec.structs.replace(status, epoch=epoch, worker_id=worker_id, snapshot=kept)


def _differ(before: str, now: str) -> bool:
    """Return whether two ids are known to be of different topics."""
    return UNKNOWN not in (before, now) and before != now


def _place(status: DeviceStatus | None) -> tuple[int, int] | None:
    return None if status is None else (status.epoch, status.vitals_offset)
