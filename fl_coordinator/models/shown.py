"""The current model as Redis shows it: all that is left of it when the topics of rounds and models were lost."""

from __future__ import annotations

from typing import Protocol

import redis
import structlog

from contracts.errors import InvalidMessage, Unavailable
from contracts.redis_keys import RedisKeys
from fl_coordinator.models.registry import Weights, shapes_of
from transport.blobs.store import BlobStore
from transport.blobs.weights import decode_weights

log = structlog.get_logger()


class Hashes(Protocol):
    """As much of a Redis client as is needed."""

    def hget(self, name: str, key: str) -> object: ...


def shown_weights(client: Hashes, keys: RedisKeys, blobs: BlobStore, like: Weights) -> Weights | None:
    """Return the weights of the model that Redis shows as the current one, if they are whole and of the same network as `like`."""
    try:
        sha256 = client.hget(keys.current_model, "sha256")
        if not isinstance(sha256, bytes):
            return None
        name = sha256.decode(errors="replace")
        weights = decode_weights(blobs.get(keys.global_blob(name), name))
    except (redis.RedisError, InvalidMessage, Unavailable) as error:
        log.warning("shown_model_not_taken", error=type(error).__name__)
        return None
    if shapes_of(weights) != shapes_of(like):
        log.warning("shown_model_not_taken", error="of another network")
        return None
    return weights
