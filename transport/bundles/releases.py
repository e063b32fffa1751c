"""The log of bundle releases, of which the highest number is in force."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from contracts.configuration.parts import ServiceSettings
from contracts.errors import InvalidMessage
from contracts.messages.releases import BundleRelease, decode_release, encode_release
from contracts.topics import Topics
from transport.bundles.files import publish_bundle
from transport.compacted_table import CompactedTable, TableRecord
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()


class ReleaseLog:
    """The releases that are valid. `note` takes the topic's records in order, and reads nothing itself."""

    def __init__(self) -> None:
        self._releases: dict[bytes, BundleRelease] = {}

    def forget(self) -> None:
        """Know no release any more."""
        self._releases.clear()

    def note(self, record: TableRecord) -> BundleRelease | None:
        """Take one record and return its release. One that is invalid is logged and ignored (None).

        The last word under a number counts: after compaction it is the only one that a later reader finds.
        """
        key = record.key or b""
        self._releases.pop(key, None)
        if record.value is None:
            return None
        try:
            release = _checked(key, record.value)
        except InvalidMessage as error:
            log.warning("release_ignored", offset=record.offset, reason=error.reason, detail=error.detail[:200])
            return None
        self._releases[key] = release
        return release

    @property
    def current(self) -> BundleRelease | None:
        """The release in force: the highest number (None: no bundle was ever released)."""
        return max(self._releases.values(), key=lambda release: release.release, default=None)

    def all(self) -> list[BundleRelease]:
        """Return the valid releases by number, the one in force last."""
        return sorted(self._releases.values(), key=lambda release: release.release)


def _checked(key: bytes, value: bytes) -> BundleRelease:
    release = decode_release(value)
    if key != str(release.release).encode():
        raise InvalidMessage("bad_schema", f"release {release.release} under another key")
    return release


def release_table(settings: ServiceSettings, reader: TopicReader) -> CompactedTable[ReleaseLog]:
    """Return the log of an installation, to be kept at what the topic says."""
    return CompactedTable(reader, settings.topics.bundles, ReleaseLog(), name="the bundle releases")


async def read_releases(settings: ServiceSettings) -> list[BundleRelease]:
    """Return the valid releases by number. Raises Unavailable when Kafka or the topic is not there."""
    async with TopicReader(settings) as reader:
        return (await release_table(settings, reader).refresh()).all()


async def publish_release(
    publisher: Publisher, topics: Topics, release: BundleRelease, contents: Mapping[str, bytes]
) -> None:
    """Publish the bundle's files, then the release: one that is on the log can be loaded.

    `contents`: the files by name, the manifest included. Raises InvalidMessage when they are not the released bundle (no
    release is written then), Unavailable when Kafka does not take them.
    """
    if await publish_bundle(publisher, topics.bundle_files, contents) != release.bundle_sha256:
        raise InvalidMessage("bad_bundle", "the files are not those of the released bundle")
    await publisher.send(topics.bundles, str(release.release), encode_release(release))
