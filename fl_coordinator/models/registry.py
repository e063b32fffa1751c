"""The current global model: named by its sha256, published, and found again after a restart."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import redis
import structlog
from numpy.typing import NDArray

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.federation import GlobalModel, RoundPhase, RoundRecord, encode_federation
from transport.blobs.store import BlobStore
from transport.blobs.weights import decode_weights, encode_weights
from transport.kafka.publisher import Publisher
from transport.redis.health import asking

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


class GlobalModels:
    """The global models on the compacted topic, the newest kept, and the current one as Redis shows it.

    `current` is set by `take_up`. Raises Unavailable when Kafka or Redis does not take a model.
    """

    current: Model

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        client: redis.Redis,
        blobs: BlobStore,
        clock: Callable[[], float],
    ) -> None:
        self._topic = settings.topics.models
        self._task = settings.federated_task
        self._kept = settings.models_kept
        self._keys = settings.redis_keys
        self._publisher = publisher
        self._client = client
        self._blobs = blobs
        self._clock = clock
        self._published: deque[str] = deque()

    async def take_up(self, rounds: Iterable[RoundRecord], known: Mapping[str, GlobalModel], initial: Weights) -> bool:
        """Go on from the latest committed model of the task, else from `initial` as the model of round 0, published now.

        `known` are the models on the topic by sha256, oldest first. Return whether it had to be `initial`.
        """
        self._remember(known)

        def weights_of(sha256: str) -> bytes | None:
            model = known.get(sha256)
            return model.weights if model is not None and model.weights is not None else self._stored(sha256)

        of_task = [record for record in rounds if record.task == self._task]
        on_record = await asyncio.to_thread(model_on_record, of_task, weights_of, initial)
        self.current = on_record or model_of(initial, 0)
        if on_record is None:
            await self.publish(self.current, None)
        return on_record is None

    async def publish(self, model: Model, parent_sha256: str | None) -> None:
        """Put a model on record. Only the round record that names it makes it the current one."""
        record = GlobalModel(
            sha256=model.sha256,
            parent_sha256=parent_sha256,
            round=model.round,
            task=self._task,
            published_at=self._clock(),
            weights=model.blob if len(model.blob) <= MAX_INLINE_BYTES else None,
        )
        await self._publisher.send(self._topic, model.sha256, encode_federation(record))
        self._remember([model.sha256])
        while len(self._published) > self._kept:
            await self._publisher.send(self._topic, self._published.popleft(), None)

    def show(self) -> None:
        """Show the current model where devices look it up: the blob first, then the pointer to it. It blocks."""
        model = self.current
        self._blobs.put(self._keys.global_blob(model.sha256), model.blob)
        with asking("take the current model", writes=True):
            if self._client.type(self._keys.current_model) not in {b"none", b"hash"}:
                self._client.delete(self._keys.current_model)
            self._client.hset(self._keys.current_model, mapping={"sha256": model.sha256, "round": model.round})

    def _stored(self, sha256: str) -> bytes | None:
        try:
            return self._blobs.get(self._keys.global_blob(sha256), sha256)
        except (InvalidMessage, Unavailable):
            return None

    def _remember(self, published: Iterable[str]) -> None:
        """Note models that are on the topic, oldest first, so that they are forgotten in turn."""
        for sha256 in published:
            if sha256 in self._published:
                self._published.remove(sha256)
            self._published.append(sha256)
