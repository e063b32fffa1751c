"""What may be published as a bundle: exactly the files of its manifest, none too large; else nothing is sent."""

from __future__ import annotations

import msgspec
import pytest

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage
from contracts.messages.bundle_manifest import MANIFEST, BundleManifest, FileEntry
from transport.bundles.files import MAX_FILE_BYTES, publish_bundle


class RecordingPublisher:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []

    async def send(self, topic: str, key: str, value: bytes, headers: object = ()) -> None:
        self.sent.append((topic, key, value))


def bundle(**files: bytes) -> dict[str, bytes]:
    entries = {name: FileEntry(sha256_of(content), len(content)) for name, content in files.items()}
    return files | {MANIFEST: msgspec.json.encode(BundleManifest("f", "a", [], entries))}


async def test_every_file_travels_under_its_hash_and_the_manifest_last() -> None:
    publisher, contents = RecordingPublisher(), bundle(a=b"1", b=b"22")
    assert await publish_bundle(publisher, "topic", contents) == sha256_of(contents[MANIFEST])
    assert publisher.sent == [("topic", sha256_of(content), content) for content in contents.values()]


@pytest.mark.parametrize(
    "contents",
    [
        bundle(a=b"1") | {"a": b"2"},
        bundle(a=b"1") | {"b": b"2"},
        {MANIFEST: bundle(a=b"1")[MANIFEST]},
        {"a": b"1"},
        {MANIFEST: b"{"},
        {MANIFEST: b" " * 20_000},
        bundle(a=b"0" * (MAX_FILE_BYTES + 1)),
        bundle(**{f"f{number}": b"1" for number in range(33)}),
    ],
    ids=["altered", "unlisted", "missing", "no manifest", "no json", "long manifest", "large file", "many files"],
)
async def test_anything_else_is_refused_whole(contents: dict[str, bytes]) -> None:
    publisher = RecordingPublisher()
    with pytest.raises(InvalidMessage):
        await publish_bundle(publisher, "topic", contents)
    assert publisher.sent == []
