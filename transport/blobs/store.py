"""Stores of weights by their sha256, in Redis or in a folder."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import redis

from contracts.configuration.parts import ServiceSettings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from contracts.redis_types import is_wrong_type
from transport.atomic_write import write_temporary
from transport.redis.health import asking

MAX_BLOB_BYTES = 16 * 1024 * 1024
BLOB_TTL_S = 86_400


class BlobStore(Protocol):
    """Bytes under a key that ends in their sha256."""

    def put(self, key: str, blob: bytes, keep_s: float = BLOB_TTL_S) -> None:
        """Store the bytes for so long, a day at most. Raises Unavailable."""

    def get(self, key: str, sha256: str) -> bytes:
        """Return the bytes. Raises InvalidMessage when absent, too large or altered, Unavailable when unreachable."""


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
    """Blobs in Redis, gone after a day at most: a model that matters also travels in the models topic."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def put(self, key: str, blob: bytes, keep_s: float = BLOB_TTL_S) -> None:
        refuse_oversized(blob)
        with asking("take weights", writes=True):
            self._client.set(key, blob, ex=math.ceil(min(keep_s, BLOB_TTL_S)))

    def get(self, key: str, sha256: str) -> bytes:
        with asking("give weights", writes=False):
            try:
                if int(self._client.strlen(key)) > MAX_BLOB_BYTES:
                    raise InvalidMessage("too_large", key)
                blob = self._client.get(key)
            except redis.ResponseError as error:
                if is_wrong_type(error):  # one device's key must not look like a Redis that is away for all
                    raise InvalidMessage("bad_update", f"{key} is no blob") from None
                raise
        if not isinstance(blob, bytes):
            raise InvalidMessage("bad_update", f"no blob {key}")
        return checked(key, blob, sha256)


SWEEP_EVERY_S: Final = 600.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,240}")
_WRITING: Final = ".writing-"
_SUFFIX: Final = ".blob"


class FileBlobStore:
    """A blob store of files, each gone a day after it was last written, or sooner where that is enough. It blocks on the disk.

    A file appears whole or not at all. A key names one file of the folder and can never lead out of it.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._swept_at = float("-inf")

    def put(self, key: str, blob: bytes, keep_s: float = BLOB_TTL_S) -> None:
        refuse_oversized(blob)
        path = self._path(key)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            written = write_temporary(self._folder, blob, prefix=_WRITING)
            # Whoever sweeps goes by a file's age: one that is to go sooner is dated back, by the folder's own clock.
            written_at = written.stat().st_mtime - max(0.0, BLOB_TTL_S - keep_s)
            os.utime(written, (written_at, written_at))
            written.replace(path)
        except OSError as error:
            raise Unavailable(f"the blob folder did not take the blob ({error.strerror})") from None

    def get(self, key: str, sha256: str) -> bytes:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                blob = file.read(MAX_BLOB_BYTES + 1)
        except FileNotFoundError:
            raise InvalidMessage("bad_update", f"no blob {key}") from None
        except OSError as error:
            raise Unavailable(f"the blob folder did not give the blob ({error.strerror})") from None
        if len(blob) > MAX_BLOB_BYTES:
            raise InvalidMessage("too_large", key)
        return checked(key, blob, sha256)

    def _path(self, key: str) -> Path:
        if not _NAME.fullmatch(key):
            raise InvalidMessage("bad_update", "a blob's key holds letters, digits, '.', '_', ':' and '-' only")
        return self._folder / f"{key.replace(':', '+')}{_SUFFIX}"

    def _sweep(self) -> None:
        """Delete blobs that have outlived their day, and those left half written. What else lies in the folder is not ours."""
        now = self._clock()
        if now - self._swept_at < SWEEP_EVERY_S:
            return
        self._swept_at = now
        for path in self._folder.iterdir():
            is_ours = path.suffix == _SUFFIX or path.name.startswith(_WRITING)
            with suppress(FileNotFoundError):  # another program sweeps too
                if is_ours and path.is_file() and now - path.stat().st_mtime > BLOB_TTL_S:
                    path.unlink()


def blob_store(settings: ServiceSettings, client: redis.Redis) -> BlobStore:
    """Return the folder of FEDSECURE_BLOB_DIR as a store, else Redis behind `client`."""
    return RedisBlobStore(client) if settings.blob_dir is None else FileBlobStore(settings.blob_dir)
