"""The bytes of global models wherever they are kept: on the models topic, or in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contracts.configuration.parts import ServiceSettings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Misconfigured
from fl_coordinator.rounds.history import History
from transport.blobs.store import blob_store
from transport.redis_client import connect_redis

LISTED = "`fedsecure models` lists them"
Stored = Callable[[str], bytes | None]
"""Returns the bytes that lie under a sha256 elsewhere than on the models topic, None when none do."""


@contextmanager
def stored_models(settings: ServiceSettings) -> Iterator[Stored]:
    """Yield what reads models from the store. That raises Unavailable when the store does not answer."""
    with connect_redis(settings) as client:
        blobs, keys = blob_store(settings, client), settings.redis_keys

        def stored(sha256: str) -> bytes | None:
            try:
                return blobs.get(keys.global_blob(sha256), sha256)
            except InvalidMessage:
                return None

        yield stored


def kept_bytes(history: History, sha256: str, stored: Stored) -> bytes | None:
    """Return a model's bytes, None when they are kept nowhere."""
    known = history.models.get(sha256)
    return known.weights if known is not None and known.weights is not None else stored(sha256)


def whole_bytes(history: History, sha256: str, stored: Stored) -> bytes:
    """Return a model's bytes. Raises Misconfigured when they are kept nowhere or are not what their name says."""
    blob = kept_bytes(history, sha256, stored)
    if blob is None or sha256_of(blob) != sha256:
        raise Misconfigured(f"the weights of model {sha256[:12]} are no longer kept; take a younger one: {LISTED}")
    return blob
