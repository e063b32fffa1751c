"""Puts a bundle in force and deletes the files that no kept bundle needs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, Unavailable
from contracts.messages.releases import LONGEST_REASON, BundleRelease
from contracts.topics import Topics
from fl_coordinator.releases.file_keeping import StoredFile, stored_files, unkept_files
from fl_coordinator.releases.succession import current_release, kept_bundles, rollback_target
from transport.bundles.files import BundleFiles
from transport.bundles.releases import publish_release, read_releases
from transport.kafka.publisher import Publisher

log = structlog.get_logger()


class Superseded(FedSecureError):
    """Another bundle was released meanwhile: what was found out about the one before says nothing of it."""


@dataclass(frozen=True, slots=True)
class ReleaseReason:
    """Why a bundle is released, of which model it was made, the canary's figures, and who says so."""

    kind: Literal["initial", "promotion", "rollback"]
    reason: str
    by: str
    model_sha256: str | None = None
    canary: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Releaser:
    """Adds releases to the log, one at a time and never over a bundle that the caller does not know of."""

    publisher: Publisher
    topics: Topics
    read: Callable[[], Awaitable[list[BundleRelease]]]
    stored: Callable[[], Awaitable[Mapping[str, StoredFile]]]
    contents: Callable[[str], Awaitable[Mapping[str, bytes]]]
    kept: int
    clock: Callable[[], float]

    @classmethod
    def of(cls, settings: Settings, publisher: Publisher, clock: Callable[[], float] = time.time) -> Releaser:
        """Return the releaser of an installation."""
        return cls(
            publisher, settings.topics, lambda: read_releases(settings), lambda: stored_files(settings),
            BundleFiles(settings).contents, settings.bundles_kept, clock,
        )  # fmt: skip

    async def release(
        self, contents: Mapping[str, bytes], bundle_sha256: str, grounds: ReleaseReason, over: str | None
    ) -> BundleRelease:
        """Put a bundle (its files by name) in force in place of `over` (None: nothing was released yet) and return its release.

        Raises Superseded when another bundle is in force, or another release took the number, InvalidMessage when the files are not
        the bundle, Unavailable when Kafka does not take them.
        """
        releases = await self.read()
        current = current_release(releases)
        in_force = current.bundle_sha256 if current else None
        if in_force != over:
            raise Superseded(f"bundle {(in_force or 'none')[:12]} was released meanwhile: run the command again")
        release = BundleRelease(
            release=current.release + 1 if current else 1, bundle_sha256=bundle_sha256, parent_sha256=over,
            model_sha256=grounds.model_sha256, kind=grounds.kind, reason=grounds.reason[:LONGEST_REASON],
            canary=dict(grounds.canary), released_at=self.clock(), by=grounds.by,
        )  # fmt: skip
        await publish_release(self.publisher, self.topics, release, contents)
        releases = await self.read()
        if release not in releases:  # two who release at once take the same number: the last word under it counts
            raise Superseded(f"another release took number {release.release}: look at `fedsecure bundles`")
        await self._clear(releases)
        return release

    async def roll_back(
        self, reason: str, by: str, to: int | None = None, taking_back: str | None = None
    ) -> BundleRelease:
        """Put the bundle of release `to` in force again, or the one that the current bundle was promoted over.

        Raises Superseded when `taking_back` is given and that bundle is not in force, Misconfigured when there is no such release,
        InvalidMessage when its files are gone; else as `release`.
        """
        releases = await self.read()
        target = rollback_target(releases, to)
        contents = await self.contents(target.bundle_sha256)
        grounds = ReleaseReason("rollback", reason, by, target.model_sha256)
        over = taking_back or releases[-1].bundle_sha256
        return await self.release(contents, target.bundle_sha256, grounds, over)

    async def _clear(self, releases: list[BundleRelease]) -> None:
        """Delete what no kept bundle needs. The release stands whether that works or not."""
        try:
            gone = unkept_files(await self.stored(), kept_bundles(releases, self.kept), self.clock())
            for sha256 in gone:
                await self.publisher.send(self.topics.bundle_files, sha256, None)
        except Unavailable as error:
            log.warning("bundle_files_not_cleared", reason=str(error))
            return
        if gone:
            log.info("bundle_files_cleared", files=len(gone))
