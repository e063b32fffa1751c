"""Detector bundles on Kafka, each file a record under its sha256."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from contracts.configuration.parts import ServiceSettings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage
from contracts.messages.bundle_manifest import MANIFEST, MAX_MANIFEST_BYTES, BundleManifest
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader

MAX_FILE_BYTES: Final = 1_000_000
MAX_FILES: Final = 32
POLL_S: Final = 0.5


class BundleFiles:
    """Reads bundles from the topic of bundle files. Every call reads with a consumer of its own, from the start."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings

    async def contents(self, bundle_sha256: str) -> dict[str, bytes]:
        """Return the bundle's files by name, the manifest included, each verified by its hash.

        Raises InvalidMessage when a file is missing or altered, Unavailable when Kafka does not answer.
        """
        manifest_bytes = (await self._read({bundle_sha256: MANIFEST}))[bundle_sha256]
        manifest = _manifest_of(manifest_bytes)
        names = {entry.sha256: name for name, entry in manifest.files.items()}
        contents_by_sha = await self._read(names)
        contents = {name: contents_by_sha[entry.sha256] for name, entry in manifest.files.items()}
        _check(manifest, contents)
        return contents | {MANIFEST: manifest_bytes}

    async def _read(self, names: Mapping[str, str]) -> dict[str, bytes]:
        """Return the wanted files by their hashes. `names` maps each hash to what the file is called in an error."""
        topic, contents_by_sha = self._settings.topics.bundle_files, dict[str, bytes]()
        async with TopicReader(self._settings) as reader:
            await reader.add_existing([topic], start="earliest")
            while len(contents_by_sha) < len(names) and not await reader.is_at_end():
                for record in await reader.poll(POLL_S):
                    # By its content, not by its key: whoever writes other bytes under a hash only adds a record nobody wants.
                    sha256 = sha256_of(record.value or b"")
                    if sha256 in names and record.value is not None:
                        contents_by_sha[sha256] = record.value
        missing = sorted(name for sha256, name in names.items() if sha256 not in contents_by_sha)
        if missing:
            raise InvalidMessage("bad_bundle", f"the topic holds no {', '.join(missing)} of this bundle")
        return contents_by_sha


async def publish_bundle(publisher: Publisher, topic: str, contents: Mapping[str, bytes]) -> str:
    """Publish a bundle's files (by name, the manifest included) and return its sha256 once the broker has all of them.

    Raises InvalidMessage when they are not what the manifest describes or one is too large; then nothing was sent.
    """
    files = dict(contents)
    manifest_bytes = files.pop(MANIFEST, b"")
    _check(_manifest_of(manifest_bytes), files)
    for content in (*files.values(), manifest_bytes):
        await publisher.send(topic, sha256_of(content), content)
    return sha256_of(manifest_bytes)


def _manifest_of(content: bytes) -> BundleManifest:
    if len(content) > MAX_MANIFEST_BYTES:
        raise InvalidMessage("bad_bundle", f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = msgspec.json.decode(content, type=BundleManifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_bundle", f"{MANIFEST}: {error}") from None
    if len(manifest.files) > MAX_FILES:
        raise InvalidMessage("bad_bundle", f"{MANIFEST} lists more than {MAX_FILES} files")
    return manifest


def _check(manifest: BundleManifest, files: Mapping[str, bytes]) -> None:
    if files.keys() != manifest.files.keys():
        odd = sorted(files.keys() ^ manifest.files.keys())
        raise InvalidMessage("bad_bundle", f"files and {MANIFEST} differ in {', '.join(odd)}")
    for name, content in files.items():
        if len(content) > MAX_FILE_BYTES:
            raise InvalidMessage("bad_bundle", f"{name} is larger than {MAX_FILE_BYTES} bytes")
        if not manifest.holds(name, content):
            raise InvalidMessage("bad_bundle", f"{name} is not the file that {MANIFEST} describes")
