"""Which bundle a program loads: the highest release that can be loaded, its own where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Misconfigured, Unavailable
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease, encode_release
from contracts.metrics import BUNDLES_REFUSED
from transport.bundles.released import ReleasedBundles
from transport.bundles.releases import ReleaseLog

OWN, FIRST, SECOND = ({MANIFEST: name.encode()} for name in ("own", "first", "second"))


def sha(contents: Mapping[str, bytes]) -> str:
    return sha256_of(contents[MANIFEST])


class Record:
    offset = 0

    def __init__(self, number: int, value: bytes) -> None:
        self.key, self.value = str(number).encode(), value


class Feed:
    """The log as a test writes it; `away` is a Kafka that does not answer."""

    def __init__(self) -> None:
        self.log = ReleaseLog()
        self.away = False

    def release(self, number: int, contents: Mapping[str, bytes]) -> None:
        release = BundleRelease(
            release=number, bundle_sha256=sha(contents), parent_sha256=None, model_sha256=None, kind="promotion", reason="",
            released_at=1.0,
        )  # fmt: skip
        self.log.note(Record(number, encode_release(release)))

    async def refresh(self) -> ReleaseLog:
        if self.away:
            raise Unavailable("Kafka is away")
        return self.log


class Files:
    def __init__(self, *bundles: Mapping[str, bytes]) -> None:
        self.bundles = {sha(contents): contents for contents in bundles}
        self.away = False

    async def contents(self, bundle_sha: str) -> Mapping[str, bytes]:
        if self.away:
            raise Unavailable("Kafka is away")
        if bundle_sha not in self.bundles:
            raise InvalidMessage("bad_bundle", "no such files")
        return self.bundles[bundle_sha]


async def load(contents: Mapping[str, bytes]) -> str:
    """Return the bundle's name; `second` is one that this version cannot run."""
    if contents == SECOND:
        raise Misconfigured("of another architecture")
    return contents[MANIFEST].decode()


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def files() -> Files:
    return Files(FIRST, SECOND)


@pytest.fixture
def bundles(feed: Feed, files: Files) -> ReleasedBundles[str]:
    return ReleasedBundles(feed, files, OWN, load)


async def test_the_own_bundle_counts_until_there_is_a_release(feed: Feed, bundles: ReleasedBundles[str]) -> None:
    assert await bundles.newer(None) == "own"
    assert await bundles.newer(sha(OWN)) is None
    feed.release(1, FIRST)
    assert await bundles.newer(sha(OWN)) == "first"
    assert await bundles.newer(sha(FIRST)) is None


async def test_a_release_of_the_own_bundle_needs_no_files_from_kafka(feed: Feed, bundles: ReleasedBundles[str]) -> None:
    feed.release(1, FIRST)
    feed.release(2, OWN)
    assert await bundles.newer(sha(FIRST)) == "own"


@pytest.mark.parametrize("bad", [SECOND, {MANIFEST: b"nowhere"}], ids=["not of this version", "no files"])
async def test_a_release_that_cannot_be_loaded_is_passed_over_and_counted_once(
    feed: Feed, bundles: ReleasedBundles[str], bad: Mapping[str, bytes]
) -> None:
    counted = BUNDLES_REFUSED._value.get()
    feed.release(1, FIRST)
    feed.release(2, bad)
    assert await bundles.newer(sha(FIRST)) is None  # a running program keeps what it has
    assert await bundles.newer(None) == "first"  # a restarted one ends in the same
    assert await bundles.get(sha(bad)) is None
    assert BUNDLES_REFUSED._value.get() == counted + 1


async def test_whatever_a_bundle_breaks_while_it_is_loaded_is_no_reason_to_end(feed: Feed, files: Files) -> None:
    async def breaks(contents: Mapping[str, bytes]) -> str:
        if contents != OWN:
            raise RuntimeError("out of memory")
        return "own"

    feed.release(1, FIRST)
    bundles = ReleasedBundles(feed, files, OWN, breaks)
    assert await bundles.newer(None) == "own"
    assert await bundles.newer(sha(OWN)) is None


async def test_garbage_and_tombstones_release_nothing(feed: Feed, bundles: ReleasedBundles[str]) -> None:
    feed.release(1, FIRST)
    feed.log.note(Record(2, b"{"))
    assert await bundles.newer(sha(FIRST)) is None


async def test_a_kafka_that_is_away_is_no_bad_bundle(feed: Feed, files: Files, bundles: ReleasedBundles[str]) -> None:
    feed.release(1, FIRST)
    files.away = True
    with pytest.raises(Unavailable):
        await bundles.newer(sha(OWN))
    files.away, feed.away = False, True
    with pytest.raises(Unavailable):
        await bundles.newer(sha(OWN))
    feed.away = False
    assert await bundles.newer(sha(OWN)) == "first"


async def test_an_own_bundle_that_is_broken_is_said(feed: Feed, files: Files) -> None:
    with pytest.raises(Misconfigured):
        await ReleasedBundles(feed, files, SECOND, load).newer(None)
