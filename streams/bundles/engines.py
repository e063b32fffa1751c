"""Detection engines of released bundles, loaded in a thread beside the scoring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from contracts.configuration.settings import Settings
from detectors.bundle.bundle import DEFAULT_BUNDLE, folder_contents
from detectors.engine.engine import DetectionEngine
from transport.bundles.files import BundleFiles
from transport.bundles.released import ReleasedBundles
from transport.bundles.releases import release_table
from transport.kafka.topic_reader import TopicReader

EngineFactory = Callable[[Mapping[str, bytes]], DetectionEngine]
"""Makes the engine of a bundle from its files by name; blocks, raises Misconfigured."""


def live_factory(settings: Settings) -> EngineFactory:
    """Return the factory of the real detector, having imported TensorFlow, which is to be done before anything runs."""
    from detectors.detector import live_engine  # noqa: PLC0415 - seconds, which workers with another factory save

    return partial(live_engine, settings)


ReleasedEngines = ReleasedBundles[DetectionEngine]
"""The engines of released bundles; that of the bundle in force is `newer(None)` at first."""


@asynccontextmanager
async def released_engines(settings: Settings, factory: EngineFactory) -> AsyncIterator[ReleasedEngines]:
    """Connect to the releases, whose engines are made in a thread of their own. Raises Unavailable.

    Who leaves does not wait for a bundle that is just being loaded.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix="bundles")

    async def load(contents: Mapping[str, bytes]) -> DetectionEngine:
        return await asyncio.get_running_loop().run_in_executor(executor, factory, contents)

    own = await asyncio.to_thread(folder_contents, settings.bundle_dir or DEFAULT_BUNDLE)
    try:
        async with TopicReader(settings) as reader:
            yield ReleasedBundles(release_table(settings, reader), BundleFiles(settings), own, load)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
