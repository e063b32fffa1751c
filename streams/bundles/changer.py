"""Moves a running worker's devices to the bundle in force, one by one and between micro-batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import structlog

from contracts.errors import FedSecureError
from contracts.metrics import BUNDLE_CHANGES
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.bundles.engines import ReleasedEngines
from streams.scoring.loop import ScoringLoop
from streams.state.backfill import BackfillReader, BackfillRequest, joined
from transport.kafka.offset_range_reader import OffsetRangeReader

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BundleChanger:
    """Looks at the releases again and again. Whatever it finds, the worker goes on judging meanwhile.

    A new bundle is loaded and a device's vitals are read back beside the scoring; only the change itself (the profile
    frozen again, the rings filled: some ten milliseconds) waits for its turn between two micro-batches. Nothing is
    published by a change: the next status carries it, and a worker that dies before it changes the device again.
    """

    released: ReleasedEngines
    router: EngineRouter
    loop: ScoringLoop
    reader: OffsetRangeReader
    history: BackfillReader
    executor: Executor
    on_change: Callable[[], None]

    async def run(self, interval_s: float) -> None:
        """Look until cancelled, also while the broker is lost. `reader` is used by nobody else."""
        failed = False
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.look()
                failed = False
            except Exception as error:
                if not failed:
                    unforeseen = None if isinstance(error, FedSecureError) else error
                    log.warning("bundle_not_changed", reason=str(error), kind=type(error).__name__, exc_info=unforeseen)
                failed = True

    async def look(self) -> None:
        """Load the bundle in force if it is another and let it take over who is behind. Raises Unavailable."""
        newer = await self.released.newer(self.router.bundle_sha)
        async with self.loop.between_batches():
            if newer is not None:
                self.router.use(newer)
                self.on_change()
            behind = self.router.behind()
        moved = [await self._change(device_id) for device_id in behind]
        if any(moved):
            log.info("bundle_changed", bundle=self.router.bundle_sha[:12], devices=sum(moved))

    async def _change(self, device_id: str) -> bool:
        held = self.loop.held
        async with self.loop.between_batches():
            device = held.devices.get(device_id)
            if device is None:
                return False
            partition, snapshot = held.partition_of[device_id], self.router.snapshot(device_id)
            needed_from = DetectionEngine.history_needed_to_take_over(snapshot) or 0
            wanted = BackfillRequest(device_id, partition, device.next_offset, snapshot.session_id, needed_from)
        first_kept = (await self.reader.bounds([partition]))[partition][0]
        await self.history.read([wanted], {partition: first_kept})
        async with self.loop.between_batches():
            if held.devices.get(device_id) is not device:
                return False  # it left meanwhile, or was restored under the bundle in force
            snapshot = self.router.snapshot(device_id)
            if snapshot.session_id != wanted.session_id:
                return False  # the next look finds it as it is then
            wanted.add_newer(await self.history.gap(partition, wanted.stop, device.next_offset))
            chunks, is_whole = list(joined(wanted.batches)), wanted.is_whole(first_kept)
            take_over = partial(self.router.take_over_or_keep, device_id, snapshot, chunks, is_whole=is_whole)
            if await asyncio.get_running_loop().run_in_executor(self.executor, take_over):
                BUNDLE_CHANGES.labels("moved").inc()
                return True
            BUNDLE_CHANGES.labels("kept").inc()
            bundle = self.router.bundle_sha_of(device_id)[:12]
            log.warning("old_bundle_kept", device=device_id, bundle=bundle, reason="its enrolment minutes are gone")
            return False
