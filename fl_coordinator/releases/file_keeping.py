"""Which bundle files on Kafka can be deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from contracts.configuration.parts import ServiceSettings
from contracts.content_hash import sha256_of
from contracts.messages.bundle_manifest import MAX_MANIFEST_BYTES, BundleManifest
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()

YOUNG_S: Final = 3600.0  # files are published before the release that names them


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file on the topic: when it was written (epoch seconds), and its bytes if they can be a manifest's (else empty)."""

    written_at: float
    content: bytes


async def stored_files(settings: ServiceSettings) -> dict[str, StoredFile]:
    """Return the files on the topic under the sha256 that each is keyed by. Raises Unavailable."""
    files: dict[str, StoredFile] = {}
    async with TopicReader(settings) as reader:
        await reader.add_existing([settings.topics.bundle_files], start="earliest")
        for record in await reader.read_to_end():
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                files.pop(key, None)
            else:
                content = record.value if len(record.value) <= MAX_MANIFEST_BYTES else b""
                files[key] = StoredFile(record.timestamp / 1000, content)
    return files


def unkept_files(files: Mapping[str, StoredFile], kept: Collection[str], now: float) -> list[str]:
    """Return the sha256 of the files to delete. `kept` names the bundles that stay.

    None when the manifest of a kept bundle is not there: what belongs to it could not be told from what does not.
    """
    needed: set[str] = set()
    for bundle in kept:
        manifest = _manifest(files.get(bundle), bundle)
        if manifest is None:
            log.warning("bundle_files_not_cleared", bundle=bundle, reason="a kept bundle has no manifest")
            return []
        needed |= {bundle, *(entry.sha256 for entry in manifest.files.values())}
    return sorted(
        sha256 for sha256, stored in files.items() if sha256 not in needed and now - stored.written_at > YOUNG_S
    )


def _manifest(stored: StoredFile | None, bundle: str) -> BundleManifest | None:
    if stored is None or sha256_of(stored.content) != bundle:
        return None
    try:
        return msgspec.json.decode(stored.content, type=BundleManifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
