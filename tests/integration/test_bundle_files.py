"""Bundles through the real Kafka: they come back whole or not at all."""

from __future__ import annotations

import pytest

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease
from detectors.bundle.bundle import DEFAULT_BUNDLE, bundle_of, folder_contents
from transport.bundles.files import BundleFiles
from transport.bundles.releases import publish_release, read_releases
from transport.kafka.publisher import Publisher

pytestmark = pytest.mark.integration

CONTENTS = folder_contents(DEFAULT_BUNDLE)
SHA256 = sha256_of(CONTENTS[MANIFEST])
RELEASE = BundleRelease(
    release=1, bundle_sha256=SHA256, parent_sha256=None, model_sha256=None, kind="initial", reason="", released_at=1.0
)


async def test_a_released_bundle_comes_back_whole_and_a_broken_one_is_refused(settings):
    topics, files = settings.topics, BundleFiles(settings)
    other = CONTENTS | {MANIFEST: CONTENTS[MANIFEST] + b"\n"}
    broken = CONTENTS | {"metadata.json": CONTENTS["metadata.json"] + b" "}
    async with Publisher(settings) as publisher:
        with pytest.raises(InvalidMessage, match=r"metadata\.json is not the file"):
            await publish_release(publisher, topics, RELEASE, broken)
        with pytest.raises(InvalidMessage, match="not those of the released bundle"):
            await publish_release(publisher, topics, RELEASE, other)
        assert await read_releases(settings) == []
        with pytest.raises(InvalidMessage, match=MANIFEST):
            await files.contents("0" * 64)
        await publish_release(publisher, topics, RELEASE, CONTENTS)
        # Other bytes under a file's name hide nothing while the true ones are there.
        await publisher.send(topics.bundle_files, sha256_of(CONTENTS["metadata.json"]), b"altered")
    assert await read_releases(settings) == [RELEASE]
    contents = await files.contents(SHA256)
    assert contents == CONTENTS
    assert bundle_of(contents, "from Kafka").sha256 == SHA256


async def test_a_bundle_with_a_file_missing_is_not_handed_out(settings):
    async with Publisher(settings) as publisher:
        for name, content in CONTENTS.items():
            if name != "parameters.safetensors":
                await publisher.send(settings.topics.bundle_files, sha256_of(content), content)
    with pytest.raises(InvalidMessage, match=r"parameters\.safetensors"):
        await BundleFiles(settings).contents(SHA256)
