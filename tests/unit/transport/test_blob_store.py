"""A blob is what its sha256 says, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from transport.blobs.store import BLOB_TTL_S, MAX_BLOB_BYTES, RedisBlobStore


class FakeRedis:
    """As much of a Redis client as the store uses."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.kept_s: dict[str, int] = {}
        self.down = False

    def _check(self) -> None:
        if self.down:
            raise redis.ConnectionError

    def set(self, key: str, value: bytes, ex: int) -> None:
        self._check()
        self.values[key], self.kept_s[key] = value, ex

    def get(self, key: str) -> bytes | None:
        self._check()
        return self.values.get(key)

    def strlen(self, key: str) -> int:
        self._check()
        return len(self.values.get(key, b""))


@pytest.fixture
def fake() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def store(fake: Any) -> RedisBlobStore:
    return RedisBlobStore(fake)


def test_what_was_put_is_got(store: RedisBlobStore) -> None:
    store.put("k", b"weights")
    assert store.get("k", sha256_of(b"weights")) == b"weights"


def test_an_altered_blob_is_refused(store: RedisBlobStore, fake: FakeRedis) -> None:
    store.put("k", b"weights")
    fake.values["k"] = b"weightz"
    with pytest.raises(InvalidMessage, match="sha256"):
        store.get("k", sha256_of(b"weights"))


def test_a_missing_blob_is_refused(store: RedisBlobStore) -> None:
    with pytest.raises(InvalidMessage, match="no blob"):
        store.get("k", "0" * 64)


def test_an_oversized_blob_is_not_even_read(store: RedisBlobStore, fake: FakeRedis) -> None:
    fake.values["k"] = b"x" * (MAX_BLOB_BYTES + 1)
    with pytest.raises(InvalidMessage, match="too_large"):
        store.get("k", sha256_of(fake.values["k"]))
    with pytest.raises(InvalidMessage, match="too_large"):
        store.put("k", fake.values["k"])


def test_a_lost_redis_is_unavailable(store: RedisBlobStore, fake: FakeRedis) -> None:
    fake.down = True
    with pytest.raises(Unavailable):
        store.put("k", b"w")
    with pytest.raises(Unavailable):
        store.get("k", sha256_of(b"w"))


def test_a_blob_is_kept_as_long_as_it_is_wanted_and_for_a_day_at_most(store: RedisBlobStore, fake: FakeRedis) -> None:
    store.put("model", b"w")
    store.put("update", b"w", 3608.5)
    store.put("long", b"w", 9 * BLOB_TTL_S)
    assert fake.kept_s == {"model": BLOB_TTL_S, "update": 3609, "long": BLOB_TTL_S}
