"""A broker for bundle releases in memory: what was sent can be read back, as the topics would show it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from contracts.content_hash import sha256_of
from contracts.messages.bundle_manifest import MANIFEST, BundleManifest, FileEntry
from contracts.messages.federation import FlEvent, decode_federation
from contracts.messages.releases import BundleRelease, decode_release
from contracts.topics import Topics
from fl_coordinator.releases.file_keeping import StoredFile
from fl_coordinator.releases.releaser import Releaser

TOPICS = Topics("t")


class ReleaseDesk:
    """Takes what a publisher sends; `now` is the clock (epoch seconds) and the time at which files are written."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.releases: dict[str, BundleRelease] = {}
        self.files: dict[str, StoredFile] = {}
        self.contents_of: dict[str, bytes] = {}
        self.events: list[FlEvent] = []
        self.before_release: Callable[[], None] = lambda: None

    async def send(self, topic: str, key: str, value: bytes | None, headers: object = ()) -> None:
        if topic == TOPICS.bundles:
            self.releases[key] = decode_release(value)
            self.before_release()
        elif topic == TOPICS.fl_events:
            self.events.append(decode_federation(FlEvent, value))
        elif value is None:
            del self.files[key], self.contents_of[key]
        else:
            self.files[key] = StoredFile(self.now, value)
            self.contents_of[key] = value

    async def read(self) -> list[BundleRelease]:
        return sorted(self.releases.values(), key=lambda one: one.release)

    async def in_force(self) -> BundleRelease | None:
        return max(self.releases.values(), key=lambda one: one.release, default=None)

    async def stored(self) -> dict[str, StoredFile]:
        return dict(self.files)

    async def contents(self, bundle_sha256: str) -> dict[str, bytes]:
        manifest = msgspec.json.decode(self.contents_of[bundle_sha256], type=BundleManifest)
        files = {name: self.contents_of[entry.sha256] for name, entry in manifest.files.items()}
        return files | {MANIFEST: self.contents_of[bundle_sha256]}

    def releaser(self, kept: int = 4) -> Releaser:
        return Releaser(self, TOPICS, self.read, self.stored, self.contents, kept, lambda: self.now)


def small_bundle(name: str) -> tuple[dict[str, bytes], str]:
    """Return the files of a bundle that only this test's broker takes for one, and its sha256; all share one file."""
    files = {"own": name.encode(), "shared": b"the same in every bundle"}
    entries = {file: FileEntry(sha256_of(content), len(content)) for file, content in files.items()}
    manifest = msgspec.json.encode(BundleManifest("f", "a", [], entries))
    return files | {MANIFEST: manifest}, sha256_of(manifest)
