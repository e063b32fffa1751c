"""The current global model: named by its sha256, published, and found again after a restart."""

from __future__ import annotations

import asyncio
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
from contracts.messages.federation import MAKES_CURRENT, GlobalModel, RoundPhase, RoundRecord, encode_federation
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


def is_finite(weights: Weights) -> bool:
    """Whether all weights are numbers that a network can compute with."""
    return all(bool(np.isfinite(array).all()) for array in weights.values())


def model_on_record(
    rounds: Iterable[RoundRecord], weights_of: Callable[[str], bytes | None], like: Weights | None = None
) -> Model | None:
    """Return the model of the latest round that made one the current one and whose weights are found, or None.

    `weights_of` returns the bytes stored under a sha256. A model that was published for a round that never
    committed is not the current one, nor is one of other names and shapes than `like`: no device of today could train it.
    Models that were taken back do not come again because the one that was put in their place is lost: older ones do.
    """
    settled = sorted((record for record in rounds if record.new_model_sha256), key=lambda record: record.round)
    made = {record.new_model_sha256: record.round for record in settled if record.phase is RoundPhase.COMMITTED}
    latest = float("inf")
    for record in reversed(settled):
        if record.round >= latest or record.phase not in MAKES_CURRENT:
            continue
        sha256 = record.new_model_sha256 or ""
        blob = weights_of(sha256)
        if blob is None or sha256_of(blob) != sha256:
            log.warning("model_lost", round=record.round, sha256=sha256[:12])
        else:
            weights = decode_weights(blob)
            if like is None or shapes_of(weights) == shapes_of(like):
                return Model(sha256, record.round, blob, weights)
            log.warning("model_of_another_network", round=record.round, sha256=sha256[:12])
        latest = made.get(sha256, 0) if record.phase is RoundPhase.ROLLED_BACK else record.round
    return None


def shapes_of(weights: Weights) -> dict[str, tuple[int, ...]]:
    """Return the arrays' shapes by name."""
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
        self._published: dict[str, bytes | None] = {}
        self._counted: set[str] = set()

    async def take_up(self, rounds: Iterable[RoundRecord], known: Mapping[str, GlobalModel], initial: Weights) -> bool:
        """Go on from the latest committed model of the task, else from `initial` as the model of round 0, published now.

        `known` are the models on the topic by sha256, oldest first. Return whether it had to be `initial`.
        """
        for model in known.values():
            self._remember(model.sha256, model.weights)
        of_task = [record for record in rounds if record.task == self._task]
        for record in of_task:
            self._counted |= {record.model_sha256, record.new_model_sha256 or record.model_sha256}
        on_record = await asyncio.to_thread(model_on_record, of_task, self._bytes_of, initial)
        self.current = on_record or model_of(initial, 0)
        if on_record is None:
            await self.publish(self.current, None)
        return on_record is None

    async def found(self, sha256: str, round_number: int) -> Model | None:
        """Return a model whose bytes are on the topic or in the store, None when they are not, or no device of today could use it."""
        blob = await asyncio.to_thread(self._bytes_of, sha256)
        if blob is None or sha256_of(blob) != sha256:
            return None
        weights = decode_weights(blob)
        fits = shapes_of(weights) == shapes_of(self.current.weights)
        return Model(sha256, round_number, blob, weights) if fits else None

    def take(self, model: Model) -> None:
        """Let a model be the current one from now on: a round on record says so."""
        self.current = model
        self._counted.add(model.sha256)

    async def withdraw(self, candidate: Model) -> None:
        """Take the weights of a rejected candidate off the record, so that they take no place of a model that counted once."""
        if candidate.sha256 in self._counted | {self.current.sha256}:
            return
        try:
            await self._publisher.send(self._topic, candidate.sha256, None)
        except Unavailable as error:
            log.warning("candidate_still_on_record", sha256=candidate.sha256, error=str(error))
        else:
            self._published.pop(candidate.sha256, None)

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
        self._remember(model.sha256, record.weights)
        old = [sha256 for sha256 in self._published if sha256 != self.current.sha256]
        for sha256 in old[: max(0, len(self._published) - self._kept)]:
            del self._published[sha256]
            await self._publisher.send(self._topic, sha256, None)

    def store(self, model: Model) -> None:
        """Put a model's bytes where devices fetch them that have not read them from the topic. It blocks."""
        self._blobs.put(self._keys.global_blob(model.sha256), model.blob)

    def show(self) -> None:
        """Show the current model where devices look it up: the blob first, then the pointer to it. It blocks."""
        model = self.current
        self.store(model)
        with asking("take the current model", writes=True):
            if self._client.type(self._keys.current_model) not in {b"none", b"hash"}:
                self._client.delete(self._keys.current_model)
            self._client.hset(self._keys.current_model, mapping={"sha256": model.sha256, "round": model.round})

    def _bytes_of(self, sha256: str) -> bytes | None:
        blob = self._published.get(sha256)
        if blob is not None:
            return blob
        try:
            return self._blobs.get(self._keys.global_blob(sha256), sha256)
        except (InvalidMessage, Unavailable):
            return None

    def _remember(self, sha256: str, blob: bytes | None) -> None:
        """Note a model that is on the topic, the newest by now, so that models are forgotten in turn."""
        self._published.pop(sha256, None)
        self._published[sha256] = blob
