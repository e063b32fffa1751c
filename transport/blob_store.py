"""Weights by content: what is stored is named by its sha256, and checked again when read."""

from __future__ import annotations

from typing import Protocol

import redis

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable

MAX_BLOB_BYTES = 16 * 1024 * 1024
BLOB_TTL_S = 86_400


class BlobStore(Protocol):
    """Bytes under a key that ends in their sha256."""

    def put(self, key: str, blob: bytes) -> None:
        """Store the bytes; raises Unavailable."""

    def get(self, key: str, sha256: str) -> bytes:
        """Return the bytes; raises InvalidMessage when absent, too large or altered, Unavailable when unreachable."""


def refuse_oversized(blob: bytes) -> None:
    """Raise InvalidMessage for a blob that no store takes."""
    if len(blob) > MAX_BLOB_BYTES:
        raise InvalidMessage("too_large", f"{len(blob)} bytes of weights, at most {MAX_BLOB_BYTES}")


def checked(key: str, blob: bytes, sha256: str) -> bytes:
    """Return what a store holds under a key if it is what its name says, else raise InvalidMessage."""
    if sha256_of(blob) != sha256:
        raise InvalidMessage("bad_update", f"blob {key} does not match its sha256")
    return blob


class RedisBlobStore:
    """Blobs in Redis, gone after a day: a model that matters also travels in the models topic."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def put(self, key: str, blob: bytes) -> None:
        refuse_oversized(blob)
        try:
            self._client.set(key, blob, ex=BLOB_TTL_S)
        except redis.RedisError as error:
            raise Unavailable(f"Redis did not take the blob ({type(error).__name__})") from None

    def get(self, key: str, sha256: str) -> bytes:
        try:
            if int(self._client.strlen(key)) > MAX_BLOB_BYTES:
                raise InvalidMessage("too_large", key)
            blob = self._client.get(key)
        except redis.RedisError as error:
            raise Unavailable(f"Redis did not give the blob ({type(error).__name__})") from None
        if not isinstance(blob, bytes):
            raise InvalidMessage("bad_update", f"no blob {key}")
        return checked(key, blob, sha256)
