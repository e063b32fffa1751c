"""Moves a host's devices to the bundle in force while it runs, between two polls of their vitals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import structlog

from contracts.configuration.settings import Settings
from contracts.metrics import BUILD_INFO, BUNDLE_CHANGES
from detectors.bundle.bundle import DEFAULT_BUNDLE, folder_contents
from detectors.detector import live_engine
from detectors.engine.engine import DetectionEngine
from fl_device.host.detector import HostDetector
from transport.bundles.files import BundleFiles
from transport.bundles.released import ReleasedBundles
from transport.bundles.releases import release_table
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()
POLL_S: Final = 0.2

InExecutor = Callable[..., Awaitable[Any]]
"""Runs a call in the thread that owns the detector."""


class BundleChanges:
    """Looks at the releases whenever it is asked to. Loading goes on beside the judging. Use as an async context manager."""

    def __init__(self, settings: Settings, in_executor: InExecutor) -> None:
        self._settings = settings
        self._in_executor = in_executor
        self._open = AsyncExitStack()
        self._looking: asyncio.Task[DetectionEngine | None] | None = None

    async def __aenter__(self) -> BundleChanges:
        own = await asyncio.to_thread(folder_contents, self._settings.bundle_dir or DEFAULT_BUNDLE)
        reader = await self._open.enter_async_context(TopicReader(self._settings))
        self._bundles = ReleasedBundles(
            release_table(self._settings, reader), BundleFiles(self._settings), own, self._load
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._open.aclose()

    async def first(self) -> DetectionEngine:
        """Return the engine of the bundle in force. Raises Unavailable, or Misconfigured for the own bundle."""
        engine = await self._bundles.newer(None)
        assert engine is not None  # nothing is the bundle already
        BUILD_INFO.info({"bundle": engine.bundle_sha})
        return engine

    async def step(self, detector: HostDetector, vitals: TopicReader) -> None:
        """Begin to look, or take up what was found. Raises Unavailable.

        To be called between two polls of `vitals`, when all that was polled is judged.
        """
        if self._looking is None:
            self._looking = asyncio.create_task(self._bundles.newer(detector.bundle_sha))
            return
        if not self._looking.done():
            return
        looking, self._looking = self._looking, None
        newer = looking.result()
        if newer is not None:
            await self._in_executor(detector.use, newer)
            BUILD_INFO.info({"bundle": newer.bundle_sha})
        for device_id in await self._in_executor(detector.behind):
            await self._change(detector, device_id, vitals)

    async def _change(self, detector: HostDetector, device_id: str, vitals: TopicReader) -> None:
        """Read a device's vitals again, up to where it is judged, and let the bundle in force take it over."""
        topic = self._settings.topics.vitals(device_id)
        end = vitals.position(topic)
        values: list[bytes | None] = []
        async with TopicReader(self._settings) as past:
            await past.add_existing([topic], start="earliest")
            is_all = past.position(topic) == 0
            while past.position(topic) < end:
                values += [record.value for record in await past.poll(POLL_S) if record.offset < end]
        is_moved = await self._in_executor(detector.take_over, device_id, values, is_all)
        BUNDLE_CHANGES.labels("moved" if is_moved else "kept").inc()
        if not is_moved:
            log.warning("old_bundle_kept", device=device_id, reason="its enrolment minutes are gone")

    async def _load(self, contents: Mapping[str, bytes]) -> DetectionEngine:
        return await asyncio.to_thread(live_engine, self._settings, contents)
