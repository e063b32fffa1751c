"""The folder of blobs keeps the promises of the store in Redis, and no key leads out of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from contracts.redis_keys import RedisKeys
from transport.blobs.store import BLOB_TTL_S, MAX_BLOB_BYTES, SWEEP_EVERY_S, FileBlobStore

KEY = RedisKeys("t").update_blob("ward-3.bed_7", sha256_of(b"weights"))


@pytest.fixture
def store(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore(tmp_path / "blobs")


def test_what_was_put_is_got_by_another_program(store: FileBlobStore, tmp_path: Path) -> None:
    store.put(KEY, b"weights")
    assert FileBlobStore(tmp_path / "blobs").get(KEY, sha256_of(b"weights")) == b"weights"
    assert len(list((tmp_path / "blobs").iterdir())) == 1, "nothing half written stays"


def test_an_altered_a_missing_and_an_oversized_blob_are_refused(store: FileBlobStore, tmp_path: Path) -> None:
    store.put(KEY, b"weights")
    with pytest.raises(InvalidMessage, match="sha256"):
        store.get(KEY, sha256_of(b"weightz"))
    with pytest.raises(InvalidMessage, match="no blob"):
        store.get(KEY + "0", "0" * 64)
    (file,) = (tmp_path / "blobs").iterdir()
    file.write_bytes(b"x" * (MAX_BLOB_BYTES + 1))
    with pytest.raises(InvalidMessage, match="too_large"):
        store.get(KEY, sha256_of(b"weights"))
    with pytest.raises(InvalidMessage, match="too_large"):
        store.put(KEY, b"x" * (MAX_BLOB_BYTES + 1))


@pytest.mark.parametrize("key", ["", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\x00b", "k" * 300])
def test_no_key_leads_out_of_the_folder(store: FileBlobStore, key: str) -> None:
    with pytest.raises(InvalidMessage, match="letters"):
        store.put(key, b"w")
    with pytest.raises(InvalidMessage, match="letters"):
        store.get(key, sha256_of(b"w"))


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Unavailable):
        FileBlobStore(tmp_path / "file").put(KEY, b"w")


def test_what_is_older_than_a_day_is_swept_and_nothing_younger_nor_anybody_elses(tmp_path: Path) -> None:
    now = [1_000_000.0]
    store = FileBlobStore(tmp_path, clock=lambda: now[0])

    def aged(name: str, age_s: float) -> None:
        os.utime(tmp_path / name, (now[0] - age_s, now[0] - age_s))

    (tmp_path / "ward.xlsx").write_text("somebody else's")
    (tmp_path / "archive.blob").mkdir()
    (tmp_path / ".writing-x").write_text("left half written")
    for name, age_s in (("old", BLOB_TTL_S + 1), ("young", BLOB_TTL_S - 1)):
        store.put(name, b"w")
        aged(f"{name}.blob", age_s)
    for name in ("ward.xlsx", "archive.blob", ".writing-x"):
        aged(name, 9 * BLOB_TTL_S)
    now[0] += SWEEP_EVERY_S / 2
    store.put("third", b"w")
    assert (tmp_path / "old.blob").exists(), "a sweep costs a listing, so it is rare"
    aged("young.blob", 0)
    now[0] += SWEEP_EVERY_S
    store.put("fourth", b"w")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"young.blob", "third.blob", "fourth.blob", "ward.xlsx", "archive.blob"}


def test_what_is_wanted_for_an_hour_is_swept_after_it(tmp_path: Path) -> None:
    now = [time.time()]
    store = FileBlobStore(tmp_path, clock=lambda: now[0])
    store.put("model", b"w")
    store.put("update", b"w", 3600.0)
    now[0] += 3500.0
    store.put("second", b"w")
    assert {path.name for path in tmp_path.iterdir()} == {"model.blob", "update.blob", "second.blob"}
    now[0] += SWEEP_EVERY_S
    store.put("third", b"w")
    assert {path.name for path in tmp_path.iterdir()} == {"model.blob", "second.blob", "third.blob"}
