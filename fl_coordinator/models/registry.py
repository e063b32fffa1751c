"""The current global model: named by its sha256, published, and found again after a restart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import redis
import structlog
from numpy.typing import NDArray

from contracts.content_hash import sha256_of
from contracts.errors import Unavailable
from contracts.federation import GlobalModel, RoundPhase, RoundRecord, encode_federation
from contracts.redis_keys import RedisKeys
from transport.blobs.store import BlobStore
from transport.blobs.weights import decode_weights, encode_weights
from transport.kafka.publisher import Publisher

log = structlog.get_logger()

MAX_INLINE_BYTES: Final = 512_000

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights (float32 arrays by name), the bytes they travel as, the sha256 of those, and the round that made them."""

    sha256: str
    round: int
    blob: bytes
    weights: Weights


def model_of(weights: Weights, round_number: int) -> Model:
    """Return the model that these weights are."""
    blob = encode_weights(weights)
    return Model(sha256_of(blob), round_number, blob, decode_weights(blob))


class ModelView(Protocol):
    """Where devices and people look up the current model; blocks, raises Unavailable."""

    def show(self, model: Model) -> None:
        """Make this the current model of the view, its bytes included."""


class RedisModelView:
    """The current model in Redis: the blob first, then the pointer to it."""

    def __init__(self, client: redis.Redis, blobs: BlobStore, keys: RedisKeys) -> None:
        self._client = client
        self._blobs = blobs
        self._keys = keys

    def show(self, model: Model) -> None:
        self._blobs.put(self._keys.global_blob(model.sha256), model.blob)
        try:
            self._client.hset(self._keys.current_model, mapping={"sha256": model.sha256, "round": model.round})
        except redis.RedisError as error:
            raise Unavailable(f"Redis did not take the current model ({type(error).__name__})") from None


def model_on_record(
    rounds: Iterable[RoundRecord], weights_of: Callable[[str], bytes | None], like: Weights | None = None
) -> Model | None:
    """Return the model of the latest committed round whose weights are found, or None.

    `weights_of` returns the bytes stored under a sha256. A model that was published for a round that never
    committed is not the current one, nor is one of other names and shapes than `like`: no device of today could train it.
    """
    committed = [record for record in rounds if record.phase is RoundPhase.COMMITTED]
    for record in sorted(committed, key=lambda record: record.round, reverse=True):
        sha256 = record.new_model_sha256 or ""
        blob = weights_of(sha256)
        if blob is None or sha256_of(blob) != sha256:
            log.warning("model_lost", round=record.round, sha256=sha256[:12])
            continue
        weights = decode_weights(blob)
        if like is None or _shapes(weights) == _shapes(like):
            return Model(sha256, record.round, blob, weights)
        log.warning("model_of_another_network", round=record.round, sha256=sha256[:12])
    return None


def _shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in weights.items()}


class ModelPublisher:
    """Writes models to the compacted topic and forgets the oldest; raises Unavailable when Kafka does not take them."""

    def __init__(self, publisher: Publisher, topic: str, clock: Callable[[], float], kept: int) -> None:
        self._publisher = publisher
        self._topic = topic
        self._kept = kept
        self._clock = clock
        self._published: deque[str] = deque()

    async def publish(self, model: Model, parent_sha256: str | None, task: str) -> None:
        """Put a model on record; it becomes the current one only by the round record that names it."""
        record = GlobalModel(
            sha256=model.sha256,
            parent_sha256=parent_sha256,
            round=model.round,
            task=task,
            published_at=self._clock(),
            weights=model.blob if len(model.blob) <= MAX_INLINE_BYTES else None,
        )
        await self._publisher.send(self._topic, model.sha256, encode_federation(record))
        self.remember([model.sha256])
        while len(self._published) > self._kept:
            oldest = self._published.popleft()
            await self._publisher.send(self._topic, oldest, None)

    def remember(self, published: Iterable[str]) -> None:
        """Note models that are on the topic, oldest first, so that they are forgotten in turn."""
        for sha256 in published:
            if sha256 in self._published:
                self._published.remove(sha256)
            self._published.append(sha256)
