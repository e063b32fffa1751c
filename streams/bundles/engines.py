"""Detection engines of released bundles, loaded in a thread beside the scoring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

from contracts.settings import Settings
from detectors.bundle.bundle import DEFAULT_BUNDLE, folder_contents
from detectors.engine.engine import DetectionEngine
from transport.bundles.files import BundleFiles
from transport.bundles.released import ReleasedBundles
from transport.bundles.releases import release_table
from transport.kafka.topic_reader import TopicReader

EngineFactory = Callable[[Mapping[str, bytes]], DetectionEngine]
"""Makes the engine of a bundle from its files by name; blocks, raises Misconfigured."""


def live_factory(settings: Settings) -> EngineFactory:
    """Return the factory of the real detector; imports TensorFlow, which is to be done before anything runs."""
    from detectors.detector import live_engine  # noqa: PLC0415 - seconds, which workers with another factory save

    return partial(live_engine, settings)


class ReleasedEngines:
    """What `transport.bundles.released` is, for engines; `start` before anything else."""

    def __init__(self, settings: Settings, factory: EngineFactory) -> None:
        self._settings = settings
        self._factory = factory
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bundles")
        self._open = AsyncExitStack()
        self._bundles: ReleasedBundles[DetectionEngine] | None = None

    async def start(self) -> DetectionEngine:
        """Connect and return the engine of the bundle in force; raises Unavailable, or Misconfigured for the own bundle."""
        settings = self._settings
        own = await asyncio.to_thread(folder_contents, settings.bundle_dir or DEFAULT_BUNDLE)
        reader = await self._open.enter_async_context(TopicReader(settings))
        self._bundles = ReleasedBundles(release_table(settings, reader), BundleFiles(settings), own, self._load)
        engine = await self._bundles.newer(None)
        assert engine is not None  # nothing is the bundle already
        return engine

    async def newer(self, current_sha: str) -> DetectionEngine | None:
        """Return the engine of the bundle in force, or None while that is the current one; raises Unavailable."""
        return await self._bundles.newer(current_sha) if self._bundles else None

    async def get(self, bundle_sha: str) -> DetectionEngine | None:
        """Return the engine of a bundle, None when it cannot be loaded; raises Unavailable."""
        return await self._bundles.get(bundle_sha) if self._bundles else None

    async def close(self) -> None:
        """Disconnect; a bundle that is just being loaded is left alone."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        await self._open.aclose()

    async def _load(self, contents: Mapping[str, bytes]) -> DetectionEngine:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._factory, contents)
