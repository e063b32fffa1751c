"""Which release is in force: the highest valid number; whatever is no release is ignored."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from contracts.errors import InvalidMessage
from contracts.messages.releases import BundleRelease, decode_release, encode_release
from transport.bundles.releases import ReleaseLog

RELEASE = BundleRelease(
    release=1, bundle_sha256="a" * 64, parent_sha256=None, model_sha256=None, kind="initial", reason="first",
    released_at=1000.0,
)  # fmt: skip


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = b"1"
    offset: int = 0


def numbered(number: int, sha256: str = "a" * 64) -> Record:
    release = replace(RELEASE, release=number, bundle_sha256=sha256)
    return Record(encode_release(release), str(number).encode())


def log_of(*records: Record) -> ReleaseLog:
    log = ReleaseLog()
    for record in records:
        log.note(record)
    return log


def test_a_release_comes_back_as_it_was_sent() -> None:
    release = replace(RELEASE, canary={"detected": 0.9}, kind="promotion", parent_sha256="b" * 64, by="someone")
    assert decode_release(encode_release(release)) == release


@pytest.mark.parametrize(
    "change",
    [
        {"release": 0}, {"bundle_sha256": "A" * 64}, {"bundle_sha256": "a" * 63}, {"kind": "surprise"},
        {"parent_sha256": ""}, {"reason": "x" * 501}, {"schema_version": 2}, {"canary": {"detected": "all"}},
    ],
)  # fmt: skip
def test_what_is_no_release_is_refused_and_ignored(change) -> None:
    value = encode_release(replace(RELEASE, **change))
    with pytest.raises(InvalidMessage):
        decode_release(value)
    key = str(change.get("release", 1)).encode()
    assert log_of(Record(value, key)).current is None


def test_the_highest_number_is_in_force_in_whatever_order_they_come() -> None:
    log = log_of(numbered(10, "c" * 64), numbered(9), numbered(2))
    assert log.current is not None
    assert (log.current.release, log.current.bundle_sha256) == (10, "c" * 64)
    assert [release.release for release in log.all()] == [2, 9, 10]


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"[" * 100_000])
def test_garbage_under_a_higher_number_changes_nothing(value: bytes) -> None:
    log = log_of(numbered(1), Record(value, b"2"))
    assert [release.release for release in log.all()] == [1]


@pytest.mark.parametrize("key", [None, b"", b"7", b"01", b"\xff"])
def test_a_release_under_another_key_is_ignored(key: bytes | None) -> None:
    assert log_of(replace_key(numbered(2), key)).current is None


def replace_key(record: Record, key: bytes | None) -> Record:
    return Record(record.value, key)


def test_the_last_word_under_a_number_counts_as_after_compaction() -> None:
    assert log_of(numbered(1), numbered(1, "b" * 64)).all()[0].bundle_sha256 == "b" * 64
    assert log_of(numbered(1), Record(None)).current is None
    assert log_of(numbered(1), Record(b"{")).current is None
