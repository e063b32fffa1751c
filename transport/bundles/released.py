"""Loads the bundle that the log of releases has put in force, and passes over what cannot be loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import structlog

from contracts.content_hash import sha256_of
from contracts.errors import Unavailable
from contracts.messages.bundle_manifest import MANIFEST
from contracts.metrics import BUNDLES_REFUSED
from transport.bundles.files import BundleFiles
from transport.bundles.releases import ReleaseLog
from transport.compacted_table import CompactedTable

log = structlog.get_logger()

Contents = Mapping[str, bytes]
Loaded = TypeVar("Loaded")


class ReleasedBundles(Generic[Loaded]):
    """Bundles by their releases. `own` are the files of the one that counts while there is no release.

    `load` makes of a bundle's files, already verified by their hashes, what the program computes with.
    """

    def __init__(
        self,
        releases: CompactedTable[ReleaseLog],
        files: BundleFiles,
        own: Contents,
        load: Callable[[Contents], Awaitable[Loaded]],
    ) -> None:
        self._releases = releases
        self._files = files
        self._own = own
        self._own_sha = sha256_of(own[MANIFEST])
        self._load = load
        self._refused: set[str] = set()

    async def newer(self, current_sha: str | None) -> Loaded | None:
        """Return the bundle in force, or None while it is the one with `current_sha`.

        That is the highest release that can be loaded, so that a restarted program ends in the same. Raises Unavailable when
        Kafka does not answer, and what `load` raises for the own bundle.
        """
        for release in reversed((await self._releases.refresh()).all()):
            if release.bundle_sha256 == current_sha:
                return None
            loaded = await self.get(release.bundle_sha256)
            if loaded is not None:
                log.info("bundle_loaded", bundle=release.bundle_sha256[:12], release=release.release, kind=release.kind)
                return loaded
        return None if current_sha == self._own_sha else await self._load(self._own)

    async def get(self, bundle_sha: str) -> Loaded | None:
        """Return a bundle, or None when it cannot be loaded. Raises Unavailable when Kafka does not answer."""
        if bundle_sha in self._refused:
            return None
        try:
            own = bundle_sha == self._own_sha
            return await self._load(self._own if own else await self._files.contents(bundle_sha))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a bundle, the judging goes on without it
            self._refused.add(bundle_sha)
            BUNDLES_REFUSED.inc()
            log.error("bundle_refused", bundle=bundle_sha[:12], error=str(error)[:500], kind=type(error).__name__)  # noqa: TRY400
            return None
