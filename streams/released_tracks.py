"""Tracks of released bundles, each read from Kafka, loaded and warmed in a thread of its own beside the scoring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

from contracts.settings import Settings
from detectors.bundle import DEFAULT_BUNDLE, folder_contents
from detectors.tracks import DeviceTracks
from transport.bundle_files import BundleFiles
from transport.release_log import ReleaseFeed
from transport.released_bundles import ReleasedBundles
from transport.topic_reader import TopicReader

TracksFactory = Callable[[Mapping[str, bytes]], DeviceTracks]
"""Makes the tracks of a bundle from its files by name; blocks, raises Misconfigured."""


def live_factory(settings: Settings) -> TracksFactory:
    """Return the factory of the real detector; imports TensorFlow, which is to be done before anything runs."""
    from detectors.live import live_tracks  # noqa: PLC0415 - seconds, which workers with another factory save

    return partial(live_tracks, settings)


class ReleasedTracks:
    """What `transport.released_bundles` is, for tracks; `start` before anything else."""

    def __init__(self, settings: Settings, factory: TracksFactory) -> None:
        self._settings = settings
        self._factory = factory
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bundles")
        self._open = AsyncExitStack()
        self._bundles: ReleasedBundles[DeviceTracks] | None = None

    async def start(self) -> DeviceTracks:
        """Connect and return the tracks of the bundle in force; raises Unavailable, or Misconfigured for the own bundle."""
        settings = self._settings
        own = await asyncio.to_thread(folder_contents, settings.bundle_dir or DEFAULT_BUNDLE)
        reader = await self._open.enter_async_context(TopicReader(settings))
        feed = ReleaseFeed(reader, settings.topics.bundles)
        self._bundles = ReleasedBundles(feed, BundleFiles(settings), own, self._load)
        tracks = await self._bundles.newer(None)
        assert tracks is not None  # nothing is the bundle already
        return tracks

    async def newer(self, current_sha: str) -> DeviceTracks | None:
        """Return the tracks of the bundle in force, or None while that is the current one; raises Unavailable."""
        return await self._bundles.newer(current_sha) if self._bundles else None

    async def get(self, bundle_sha: str) -> DeviceTracks | None:
        """Return the tracks of a bundle, None when it cannot be loaded; raises Unavailable."""
        return await self._bundles.get(bundle_sha) if self._bundles else None

    async def close(self) -> None:
        """Disconnect; a bundle that is just being loaded is left alone."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        await self._open.aclose()

    async def _load(self, contents: Mapping[str, bytes]) -> DeviceTracks:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._factory, contents)
