"""Answers a round for the hosted devices: train the model and publish the update, or measure what came of the updates."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Final
from zlib import crc32

import structlog

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import FedSecureError, InvalidMessage, Unavailable
from contracts.messages.federation import (
    GlobalModel,
    ModelMeasurement,
    RoundPhase,
    RoundRecord,
    encode_federation,
)
from contracts.metrics import LOCAL_TRAINING_SECONDS
from contracts.signing import Answer
from fl_device.host.participant import Participant, length_s
from fl_device.keys.host_keys import HostKeys
from fl_device.training.course import Course, LocalResult
from fl_device.training.privacy import PrivateAnswers
from transport.blobs.store import BlobStore
from transport.blobs.weights import Weights, decode_weights, encode_weights
from transport.clock import Backoff, cancellable_sleep
from transport.kafka.publisher import Publisher

if TYPE_CHECKING:
    from fl_device.host.preparation import Prepared

log = structlog.get_logger()
CACHED_MODELS: Final = 4
KEPT_AFTER_DEADLINE_S: Final = 3600.0
"""So long an update's weights are kept after the round's deadline, for a coordinator that takes the round over: kept for a day, those of
fifty devices that answer every minute would fill six gigabytes."""


class ModelCache:
    """The latest global models by sha256: from the models topic as they are published, else from the blob store."""

    def __init__(self, blobs: BlobStore, settings: Settings) -> None:
        self.blobs = blobs
        self._keys = settings.redis_keys
        self._models: OrderedDict[str, bytes] = OrderedDict()
        self.latest_sha256: str | None = None

    def note(self, model: GlobalModel) -> None:
        """Keep a published model. One whose bytes do not match its name is ignored."""
        if model.weights is None or sha256_of(model.weights) != model.sha256:
            return
        self.latest_sha256 = model.sha256
        self._models[model.sha256] = model.weights
        self._models.move_to_end(model.sha256)
        while len(self._models) > CACHED_MODELS:
            self._models.popitem(last=False)

    def weights(self, sha256: str) -> Weights:
        """Return a model's weights. May block on Redis. Raises InvalidMessage or Unavailable."""
        blob = self._models.get(sha256) or self.blobs.get(self._keys.global_blob(sha256), sha256)
        return decode_weights(blob)


class Answering:
    """One process's side of a round. The executor is the single thread that owns TensorFlow."""

    def __init__(
        self,
        settings: Settings,
        *,
        models: ModelCache,
        publisher: Publisher,
        keys: HostKeys,
        prepared: Prepared,
        executor: Executor,
        backoff: Backoff,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._models = models
        self._publisher = publisher
        self._keys = keys
        self._prepared = prepared
        self._executor = executor
        self._backoff = backoff
        self._clock = clock
        self._private_answers = PrivateAnswers(settings)

    async def answer(self, record: RoundRecord, participants: list[Participant], stop: asyncio.Event) -> None:
        """Answer for each device that is asked, in turn. What goes wrong for one is logged and costs only its answer.

        Once told to stop, the devices that are left decline, so that the round does not wait for them.
        """
        if record.phase not in {RoundPhase.COLLECTING, RoundPhase.VALIDATING}:
            return
        if record.task != self._settings.federated_task:
            log.warning("other_task", round=record.round, task=record.task, mine=self._settings.federated_task)
            return
        received_at = monotonic()
        for participant in participants:
            reason = participant.declines_because(record, monotonic() - received_at)
            if reason == "answered":  # a round is on record many times
                continue
            if reason is not None:
                log.info("round_declined", round=record.round, device_id=participant.device_id, reason=reason)
                continue
            participant.mark_answered(record)
            try:
                if record.phase is RoundPhase.VALIDATING:
                    await self._measure_for(participant, record, stop)
                elif stop.is_set():
                    await self._publish(participant.nothing_to_train(record, self._clock()))
                else:
                    await self._answer_for(participant, record, received_at + length_s(record), stop)
            except FedSecureError as error:
                log.warning("no_answer", round=record.round, device_id=participant.device_id, error=str(error))

    async def _answer_for(
        self, participant: Participant, record: RoundRecord, until: float, stop: asyncio.Event
    ) -> None:
        await self._keys.need(participant.device_id)
        loop = asyncio.get_running_loop()
        weights = await asyncio.to_thread(self._models.weights, record.model_sha256)
        result = await loop.run_in_executor(self._executor, self._train, participant.device_id, record, weights)
        if result is None:
            await self._publish(participant.nothing_to_train(record, self._clock()))
            return
        await self._until_taken(
            lambda: self._send(participant, record, result), record, participant.device_id, until, stop
        )

    async def _measure_for(self, participant: Participant, record: RoundRecord, stop: asyncio.Event) -> None:
        """Say what the candidate is worth here. A device that is told to stop, or has no held-out window, says that it cannot."""
        until = monotonic() + length_s(record)
        names = (record.model_sha256, record.candidate_sha256 or "")
        found = None
        if not stop.is_set():
            former, candidate = [await asyncio.to_thread(self._models.weights, name) for name in names]
            found = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._measure, participant.device_id, record, (former, candidate)
            )
        losses, windows = found or ((0.0, 0.0), 0)
        answer = participant.measurement(record, losses, windows, self._clock())
        await self._until_taken(lambda: self._publish(answer), record, participant.device_id, until, stop)

    async def _until_taken(
        self,
        send: Callable[[], Awaitable[None]],
        record: RoundRecord,
        device_id: str,
        until: float,
        stop: asyncio.Event,
    ) -> None:
        """Send, again while nobody knows whether it arrived and there is time. Raises Unavailable when there is none left."""
        while True:
            try:
                await send()
            except Unavailable as error:
                wait_s = self._backoff.next_s()
                if monotonic() + wait_s >= until or stop.is_set():
                    raise
                log.warning("answer_waits", round=record.round, device_id=device_id, error=str(error))
                await cancellable_sleep(wait_s, stop)
            else:
                self._backoff.reset()
                return

    async def _send(self, participant: Participant, record: RoundRecord, result: LocalResult) -> None:
        """Send what was trained. Sent again, when nobody knows whether it arrived, it is the same answer."""
        blob = encode_weights(result.weights)
        sha256 = sha256_of(blob)
        key = self._settings.redis_keys.update_blob(participant.device_id, sha256)
        keep_s = record.deadline_at - record.gated_at + KEPT_AFTER_DEADLINE_S
        await asyncio.to_thread(self._models.blobs.put, key, blob, keep_s)
        await self._publish(participant.update(record, sha256, result, self._clock()))

    def _train(self, device_id: str, record: RoundRecord, weights: Weights) -> LocalResult | None:
        examples = self._prepared.detector.examples(device_id)
        if examples is None:
            return None
        seed = crc32(f"{device_id}/{record.round}".encode())
        course = Course(record.local_epochs, record.batch_size, record.learning_rate, seed, record.proximal_mu)
        result = self._prepared.trainer.train(weights, examples, course)
        LOCAL_TRAINING_SECONDS.observe(result.train_s)
        if not result.is_finite():
            raise InvalidMessage("bad_update", "training diverged: the new weights are not finite")
        sent = self._private_answers.sent(device_id, record.round, result.weights, weights)
        return replace(result, weights=sent)

    def _measure(
        self, device_id: str, record: RoundRecord, models: tuple[Weights, Weights]
    ) -> tuple[tuple[float, float], int] | None:
        """Return the former model's and the candidate's loss on the device's held-out windows, and how many those are."""
        examples = self._prepared.detector.held_out(device_id)
        if examples is None:
            return None
        former, candidate = (self._prepared.trainer.loss(weights, examples, record.batch_size) for weights in models)
        return (former, candidate), len(examples)

    async def _publish(self, answer: Answer) -> None:
        signed = await self._keys.sign(answer)
        topic = self._settings.topics.fl_updates(answer.device_id)
        await self._publisher.send(topic, str(answer.round), encode_federation(signed))
        log.info(
            "model_measured" if isinstance(answer, ModelMeasurement) else "round_answered",
            round=answer.round,
            device_id=answer.device_id,
            samples=answer.sample_count,
            loss_before=answer.loss_before,
            loss_after=answer.loss_after,
        )
