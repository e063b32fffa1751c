"""Collects a round's updates, each decoded, verified, gated again and screened before it counts."""

from __future__ import annotations

from collections import Counter
from typing import Final

import structlog

from contracts.errors import InvalidMessage
from contracts.messages.federation import AcceptedUpdate, ModelUpdate, RoundRecord, decode_federation
from contracts.metrics import UPDATES
from contracts.redis_keys import RedisKeys
from fl_coordinator.aggregation.stacking import Contribution
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.gate.selection import RoundGate, ask_redis
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import Model
from fl_coordinator.rounds import transitions
from fl_coordinator.updates.inbox import UpdateInbox
from fl_coordinator.updates.outliers import outlier_updates
from fl_coordinator.updates.screening import SeenNonces, capped_samples, is_declined, screen_message, screen_weights
from transport.blobs.store import BlobStore
from transport.blobs.weights import Weights, decode_weights
from transport.kafka.topic_reader import Record

log = structlog.get_logger()
MAX_DETAIL_CHARS: Final = 300
"""What a device wrote into an update may stand in the audit trail, but a long text must not keep the trail from Kafka."""
MAX_REFUSALS: Final = 10
"""So many refused updates a device go on record a round; after so many that it signed itself it is out of the round."""
MAX_UNSIGNED: Final = 1000
"""So many that its key did not sign are looked at (a quarter of a second in all) before a device is only counted until the
next round: a flood on its topic must neither hold up the others nor, at once, keep out the device's own answer."""


class Collection:
    """The updates of one round as they come, and where that round stands: `record`, None while no round is under way.

    Raises GateClosed when Redis does not answer, Unavailable when Kafka does not.
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
        self._contributions: dict[str, Contribution] = {}
        self._bad: set[str] = set()
        self._refused_signed: Counter[str] = Counter()
        self._refused_unsigned: Counter[str] = Counter()
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
        self._contributions = {}
        self._bad.clear()
        self._refused_signed.clear()
        self._refused_unsigned.clear()
        self._nonces.next_round()

    async def restore(self) -> None:
        """Fetch again what was accepted before a restart, and drop the device of an update whose weights are gone."""
        for device_id, update in self.current.updates.items():
            try:
                weights = await self._weights(device_id, update.update_sha256)
            except (InvalidMessage, UpdateRefused):
                await self._drop(device_id, "update_lost")
            else:
                self._contributions[device_id] = Contribution(device_id, weights, update.samples)

    def close(self) -> RoundRecord:
        """Refuse whatever comes from now on, and return where the round ended."""
        record, self.record = self.current, None
        return record

    async def read(self, timeout_s: float) -> None:
        """Consider the next updates that come within so many seconds."""
        messages = await self.inbox.poll(timeout_s)
        if messages:  # a key that was revoked before they came must not count for them
            await self._gate.refresh_keys()
        for message in messages:
            await self.consider(self.inbox.sender_of(message.topic), message)

    async def consider(self, sender_id: str, message: Record) -> None:
        """Take in, drop or refuse one update."""
        if self._refused_signed[sender_id] >= MAX_REFUSALS or self._refused_unsigned[sender_id] >= MAX_UNSIGNED:
            UPDATES.labels("too_many").inc()
            return
        refused = self._refused_unsigned
        try:
            update = self._authentic(sender_id, message)
            refused = self._refused_signed
            if is_declined(update):
                await self._drop(sender_id, "no_data")
            elif await self.gate([sender_id]):
                await self._take_in(update)
        except InvalidMessage as error:
            await self._refuse(sender_id, message, UpdateRefused("bad_message", str(error), is_bad=True), refused)
        except UpdateRefused as refusal:
            await self._refuse(sender_id, message, refusal, refused)

    def _authentic(self, sender_id: str, message: Record) -> ModelUpdate:
        """Return an update that fits the round and that its device signed, or raise: cheap checks first, no blob before."""
        update = decode_federation(ModelUpdate, message.value)
        self._nonces.refuse_seen(sender_id, update)
        screen_message(update, sender_id, self.record)
        self._gate.keys.check(update)
        self._nonces.remember(update)
        return update

    async def gate(self, device_ids: list[str]) -> bool:
        """Read the gate again, drop the devices that no longer pass it, and return whether all still do."""
        signed_with = {device_id: update.key_id for device_id, update in self.current.updates.items()}
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
        assert self._model is not None
        for device_id, reason in outlier_updates(self.accepted()[0], self._model.weights).items():
            await self._drop(device_id, reason)

    def settle(self) -> RoundRecord:
        """Drop the devices that sent only bad updates, and return the record."""
        for device_id in sorted(self._bad):
            if transitions.is_awaited(self.current, device_id):
                self.record = transitions.drop(self.current, device_id, "bad_update")
        return self.current

    def accepted(self) -> tuple[list[Contribution], float]:
        """Return what the accepted devices contributed, and their sample-weighted loss after training."""
        chosen = [self._contributions[device_id] for device_id in self.current.accepted]
        total = sum(item.sample_count for item in chosen)
        loss = sum(self.current.updates[item.device_id].loss * item.sample_count for item in chosen) / max(total, 1)
        return chosen, loss

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
        self.record = transitions.accept(self.current, update.device_id, accepted)
        self._contributions[update.device_id] = Contribution(update.device_id, weights, samples)
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

    async def _refuse(self, sender_id: str, message: Record, refusal: UpdateRefused, refused: Counter[str]) -> None:
        number = self.record.round if self.record else 0
        detail = refusal.detail[:MAX_DETAIL_CHARS]
        refused[sender_id] += 1
        UPDATES.labels(refusal.reason).inc()
        if refusal.is_bad:
            self._bad.add(sender_id)
        if refused[sender_id] > MAX_REFUSALS:
            return
        log.warning("update_refused", round=number, device_id=sender_id, reason=refusal.reason, detail=detail)
        if refusal.is_bad:
            await self._journal.dead_letter(message, sender_id, "bad_update", f"{refusal.reason}: {detail}")
        await self._journal.event("update_refused", number, sender_id, refusal.reason, detail=detail)
