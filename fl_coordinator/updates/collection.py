"""Collects a round's updates and measurements, each decoded, verified, gated again and screened before it counts."""

from __future__ import annotations

import asyncio

import numpy as np
import structlog

from contracts.errors import InvalidMessage
from contracts.messages.federation import (
    AcceptedMeasurement,
    AcceptedUpdate,
    ModelMeasurement,
    ModelUpdate,
    RoundRecord,
    decode_answer,
)
from contracts.metrics import UPDATES
from contracts.redis_keys import RedisKeys
from fl_coordinator.aggregation.stacking import Stack, flat
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.gate.selection import RoundGate, ask_redis
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import Model
from fl_coordinator.rounds import transitions, validation
from fl_coordinator.updates.inbox import UpdateInbox
from fl_coordinator.updates.outliers import outliers
from fl_coordinator.updates.refusals import Refusals
from fl_coordinator.updates.screening import (
    SeenNonces,
    capped_samples,
    is_declined,
    screen_measurement,
    screen_message,
    screen_weights,
)
from fl_coordinator.updates.spool import UpdateSpool
from transport.blobs.store import BlobStore
from transport.blobs.weights import Weights, decode_weights
from transport.kafka.topic_reader import Record

log = structlog.get_logger()


class Collection:
    """The answers of one round as they come, and where that round stands: `record`, None while no round is under way.

    Raises GateClosed when Redis does not answer, NoRoom when updates find no place, Unavailable when Kafka does not answer.
    """

    def __init__(
        self, inbox: UpdateInbox, gate: RoundGate, blobs: BlobStore, keys: RedisKeys, journal: Journal, sample_cap: int
    ) -> None:
        self.inbox = inbox
        self._gate = gate
        self._blobs = blobs
        self._keys = keys
        self._journal = journal
        self._sample_cap = sample_cap
        self.record: RoundRecord | None = None
        self._model: Model | None = None
        self._servers_before = 0
        self._spool = UpdateSpool()
        self._refusals = Refusals(journal)
        self._nonces = SeenNonces()

    @property
    def current(self) -> RoundRecord:
        """Where the round under way stands."""
        assert self.record is not None
        return self.record

    def open(self, record: RoundRecord, model: Model) -> None:
        """Begin to collect for a round that trains from `model`."""
        self.record, self._model = record, model
        self._servers_before = self._gate.primary.changes
        self._spool.clear()
        self._refusals.clear()
        self._nonces.next_round()

    async def restore(self) -> None:
        """Fetch again what was accepted before a restart, and drop the device of an update whose weights are gone."""
        for device_id, update in self.current.updates.items():
            try:
                weights = await self._weights(device_id, update.update_sha256)
            except (InvalidMessage, UpdateRefused):
                await self._drop(device_id, "update_lost")
            else:
                self._keep(device_id, weights)

    def close(self) -> RoundRecord:
        """Refuse whatever comes from now on, and return where the round ended."""
        record, self.record = self.current, None
        self._spool.clear()
        return record

    async def read(self, timeout_s: float) -> None:
        """Consider the next answers that come within so many seconds."""
        messages = await self.inbox.poll(timeout_s)
        if messages:  # a key that was revoked before they came must not count for them
            await self._gate.refresh_keys()
        for message in messages:
            await self.consider(self.inbox.sender_of(message.topic), message)

    async def consider(self, sender_id: str, message: Record) -> None:
        """Take in, drop or refuse one answer."""
        if self._refusals.is_too_many(sender_id):
            UPDATES.labels("too_many").inc()
            return
        is_signed = False
        try:
            answer = self._authentic(sender_id, message)
            is_signed = True
            if isinstance(answer, ModelMeasurement):
                await self._take_in_measurement(answer)
            elif is_declined(answer):
                await self._drop(sender_id, "no_data")
            elif await self.gate([sender_id]):
                await self._take_in(answer)
        except InvalidMessage as error:
            refusal = UpdateRefused("bad_message", str(error), is_bad=True)
            await self._refuse(sender_id, message, refusal, is_signed=is_signed)
        except UpdateRefused as refusal:
            await self._refuse(sender_id, message, refusal, is_signed=is_signed)

    def _authentic(self, sender_id: str, message: Record) -> ModelUpdate | ModelMeasurement:
        """Return an answer that fits the round and that its device signed, or raise: cheap checks first, no blob before."""
        answer = decode_answer(message.value)
        self._nonces.refuse_seen(sender_id, answer)
        if isinstance(answer, ModelMeasurement):
            screen_measurement(answer, sender_id, self.record)
        else:
            screen_message(answer, sender_id, self.record)
        self._gate.keys.check(answer)
        self._nonces.remember(answer)
        return answer

    async def gate(self, device_ids: list[str]) -> bool:
        """Read the gate again, drop the devices that no longer pass it, and return whether all still do."""
        updates = self.current.updates
        signed_with = {device_id: updates[device_id].key_id for device_id in device_ids if device_id in updates}
        excluded = await self._gate.excluded(device_ids, signed_with)
        for device_id, reason in excluded.items():
            await self._drop(device_id, reason)
        return not excluded

    async def gate_and_screen_accepted(self) -> None:
        """Drop, before anything is made of them, devices whose key, status or update does not hold any more."""
        await self._gate.refresh_keys()
        await self.gate(self.current.accepted)
        await self.screen_cohort()

    async def screen_cohort(self) -> None:
        """Drop the devices whose update does not belong among the accepted ones."""
        devices = self.current.accepted
        for at, reason in (await asyncio.to_thread(outliers, self.accepted())).items():
            await self._drop(devices[at], reason)

    async def gate_measured(self) -> bool:
        """Drop the measurements of devices that no longer pass the gate, and return whether all pass whose updates were accepted."""
        await self._gate.refresh_keys()
        measured = {device_id: one.key_id for device_id, one in self.current.measurements.items()}
        excluded = await self._gate.excluded(list(measured), measured)
        for device_id, reason in excluded.items():
            await self._drop_validator(device_id, reason)
        return await self.gate(self.current.accepted)

    def settle(self) -> RoundRecord:
        """Drop the devices that sent only bad updates, and return the record."""
        for device_id in sorted(self._refusals.bad):
            if transitions.is_awaited(self.current, device_id):
                self.record = transitions.drop(self.current, device_id, "bad_update")
        return self.current

    def accepted(self) -> Stack:
        """Return what the accepted devices contributed, in order of device."""
        assert self._model is not None
        samples = [self.current.updates[device_id].samples for device_id in self.current.accepted]
        base = flat(self._model.weights, self._model.weights).astype(np.float64)
        return Stack(self._spool.rows(self.current.accepted), np.array(samples, np.float64), base)

    async def _take_in(self, update: ModelUpdate) -> None:
        try:
            weights = await self._weights(update.device_id, update.update_sha256)
        except InvalidMessage:
            if self._gate.primary.changes == self._servers_before:
                raise
            # The device stored them at the primary of before, and they had not reached the one of now: no fault of its own.
            await self._drop(update.device_id, "update_lost")
            return
        samples = capped_samples(update.sample_count, self._sample_cap)
        accepted = AcceptedUpdate(
            update_sha256=update.update_sha256, samples=samples, loss=update.loss_after, key_id=update.key_id
        )
        self._keep(update.device_id, weights)
        self.record = transitions.accept(self.current, update.device_id, accepted)
        UPDATES.labels("accepted").inc()
        await self._journal.event(
            "update_accepted",
            update.round,
            update.device_id,
            sha256=update.update_sha256,
            key_id=update.key_id,
            samples=samples,
            claimed_samples=update.sample_count,
            loss_before=update.loss_before,
            loss_after=update.loss_after,
            train_s=update.train_s,
        )

    async def _take_in_measurement(self, answer: ModelMeasurement) -> None:
        excluded = await self._gate.excluded([answer.device_id], {answer.device_id: answer.key_id})
        if is_declined(answer) or excluded:
            await self._drop_validator(answer.device_id, excluded.get(answer.device_id, "no_data"))
            return
        measurement = AcceptedMeasurement(
            loss_before=answer.loss_before, loss_after=answer.loss_after, samples=answer.sample_count, key_id=answer.key_id
        )  # fmt: skip
        self.record = validation.measure(self.current, answer.device_id, measurement)
        await self._journal.event(
            "model_measured", answer.round, answer.device_id, model=answer.candidate_sha256, key_id=answer.key_id,
            samples=answer.sample_count, loss_before=answer.loss_before, loss_after=answer.loss_after,
        )  # fmt: skip

    def _keep(self, device_id: str, weights: Weights) -> None:
        assert self._model is not None
        self._spool.put(device_id, flat(weights, self._model.weights))

    async def _weights(self, device_id: str, sha256: str) -> Weights:
        assert self._model is not None
        key = self._keys.update_blob(device_id, sha256)
        weights = decode_weights(await ask_redis(self._blobs.get, key, sha256))
        screen_weights(weights, self._model.weights)
        return weights

    async def _drop(self, device_id: str, reason: str) -> None:
        self.record = transitions.drop(self.current, device_id, reason)
        UPDATES.labels("no_data" if reason == "no_data" else "dropped").inc()
        log.info("device_dropped", round=self.record.round, device_id=device_id, reason=reason)
        await self._journal.event("device_dropped", self.record.round, device_id, reason)

    async def _drop_validator(self, device_id: str, reason: str) -> None:
        self.record = validation.drop_validators(self.current, [device_id])
        log.info("measurement_dropped", round=self.record.round, device_id=device_id, reason=reason)
        await self._journal.event("measurement_dropped", self.record.round, device_id, reason)

    async def _refuse(self, sender_id: str, message: Record, refusal: UpdateRefused, *, is_signed: bool) -> None:
        number = self.record.round if self.record else 0
        await self._refusals.note(sender_id, message, refusal, round_number=number, is_signed=is_signed)
