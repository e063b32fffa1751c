"""A coordinator's whole world in memory: a broker that remembers, a Redis that may be gone, devices that answer, time that is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from device_keys import device_key, key_record, private_key
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.federation import (
    GlobalModel,
    ModelMeasurement,
    ModelUpdate,
    RoundPhase,
    RoundRecord,
    decode_federation,
    encode_federation,
)
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.redis_keys import RedisKeys
from contracts.signing import sign
from contracts.topics import Topics
from fl_coordinator.errors import Fenced
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.selection import RoundGate
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import Model, model_of
from fl_coordinator.rounds.coordinator import Coordinator
from fl_coordinator.updates.collection import Collection
from transport.blobs.weights import decode_weights, encode_weights

KEYS, TOPICS = RedisKeys("t"), Topics("t")
FIRST_MODEL = model_of({"w": np.zeros(3, np.float32)}, 0)


class Killed(BaseException):
    """As sudden as SIGKILL: nothing of the coordinator runs after it."""


@dataclass
class World:
    """What outlives a coordinator. `states` are the devices' as Redis shows them (None: unknown); `script` is what happens while one collects."""

    settings: Settings
    states: dict[str, DeviceState | None]
    now: float = 1000.0
    redis_is_up: bool = True
    lease: int = 0
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    script: list[Callable[[], None] | ModelUpdate] = field(default_factory=list)
    delivered: list[ModelUpdate] = field(default_factory=list)
    candidates_are_worse: bool = False
    measured: set[tuple[str, int, int]] = field(default_factory=set)
    dies_at: int | None = None
    fails_at: int | None = None
    sends: int = 0

    # --- the broker ---

    async def send(self, topic: str, key: str, value: bytes | None, headers: Any = ()) -> None:
        self.sends += 1
        if self.dies_at is not None and self.sends >= self.dies_at:
            raise Killed
        if self.sends == self.fails_at:
            raise Unavailable("Kafka does not take it")
        self.sent.append((topic, value or b""))

    def records(self) -> list[RoundRecord]:
        return [decode_federation(RoundRecord, value) for topic, value in self.sent if topic == TOPICS.fl_rounds]

    def latest(self) -> dict[int, RoundRecord]:
        """Return the rounds as the compacted topic holds them."""
        return {record.round: record for record in self.records()}

    def models(self) -> dict[str, GlobalModel]:
        found = [decode_federation(GlobalModel, value) for topic, value in self.sent if topic == TOPICS.models]
        return {model.sha256: model for model in found}

    # --- Redis ---

    def need_redis(self) -> None:
        if not self.redis_is_up:
            raise Unavailable("Redis does not answer")

    def get(self, key: str, sha256: str) -> bytes:
        self.need_redis()
        if key not in self.blobs:
            raise InvalidMessage("bad_update", f"no blob {key}")
        return self.blobs[key]

    def known_devices(self) -> list[str]:
        self.need_redis()
        return sorted(self.states)

    def statuses(self, device_ids: Iterable[str]) -> dict[str, DeviceStatus | None]:
        self.need_redis()
        return {name: self._status(name) for name in device_ids}

    def present(self, device_ids: Iterable[str]) -> set[str]:
        self.need_redis()
        return set(device_ids)

    def _status(self, device_id: str) -> DeviceStatus | None:
        state = self.states[device_id]
        if state is None:
            return None
        return DeviceStatus(
            device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="", state=state,
            state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={}, flagged=False,
            flagged_share=0.0, received_at=self.now, batch_interval_s=1.0, finished=False, bundle_sha="b",
            worker_id="w", minutes=1000, windows=900, flagged_windows=1,
        )  # fmt: skip

    # --- devices ---

    def may_train(self, device_id: str) -> bool:
        """What the gate ought to say."""
        return self.states[device_id] is DeviceState.BENIGN and device_id not in self.revoked

    def answer(self, device_id: str, record: RoundRecord, **changes: Any) -> ModelUpdate:
        """Return a device's honest answer to a round: one more than the model everywhere, five samples."""
        base = model_on(self, record.model_sha256)
        blob = encode_weights({"w": base.weights["w"] + np.float32(1)})
        self.blobs[KEYS.update_blob(device_id, sha256_of(blob))] = blob
        update = ModelUpdate(
            device_id=device_id, round=record.round, lease_token=record.lease_token, base_sha256=record.model_sha256,
            update_sha256=sha256_of(blob), sample_count=5, loss_before=1.0, loss_after=0.5, train_s=0.1, sent_at=self.now,
            nonce=f"{device_id} {record.round} {len(self.delivered)} {sorted(changes)}",
        )  # fmt: skip
        return sign(private_key(device_id), replace(update, **changes))

    def measurements(self) -> list[ModelMeasurement]:
        """Return what the latest round still waits for: each device measures a candidate once, and again for the next coordinator."""
        records = self.records()
        number = max((record.round for record in records), default=0)
        latest = self.latest().get(number)
        if latest is None or latest.phase is not RoundPhase.VALIDATING:
            return []
        begun = [
            record
            for record in records
            if (record.round, record.phase, record.measurements) == (number, latest.phase, {})
        ]
        asked = {(device_id, number, len(begun)) for device_id in latest.validators} - self.measured
        self.measured |= asked
        return [self._measurement(device_id, latest) for device_id, _, _ in sorted(asked)]

    def _measurement(self, device_id: str, record: RoundRecord) -> ModelMeasurement:
        measurement = ModelMeasurement(
            device_id=device_id, round=record.round, lease_token=record.lease_token, base_sha256=record.model_sha256,
            candidate_sha256=record.candidate_sha256 or "", sample_count=5, loss_before=1.0,
            loss_after=2.0 if self.candidates_are_worse else 0.9, sent_at=self.now, nonce=f"measured {device_id} {record.round} {len(self.sent)} {self.lease}",
        )  # fmt: skip
        return sign(private_key(device_id), measurement)

    # --- coordinators ---

    def coordinator(self) -> Coordinator:
        """Return a coordinator that has just taken over, with the current model of what is on record."""
        self.lease += 1
        self.measured.clear()
        ring = KeyRing()
        for name in self.states:
            ring.note(key_record(device_key(name, revoked_at=self.now if name in self.revoked else None)))
        table: Any = SimpleNamespace(content=ring, refresh=_nothing)
        view: Any = self
        store: Any = self
        journal = Journal(self, TOPICS, lambda: self.now)  # type: ignore[arg-type]
        gate = RoundGate(view, table, lambda: self.now, 2100.0)
        inbox: Any = Inbox(self)
        collection = Collection(inbox, gate, store, KEYS, journal, 256)
        return Coordinator(
            self.settings, gate, Models(self), journal, HeldLease(self, self.lease), collection,  # type: ignore[arg-type]
            lambda: self.now, asyncio.Event(),
        )  # fmt: skip


async def _nothing() -> None:
    """Nothing new was written."""


def model_on(world: World, sha256: str) -> Model:
    """Return a model by its sha256, from the record."""
    if sha256 == FIRST_MODEL.sha256:
        return FIRST_MODEL
    published = world.models()[sha256]
    assert published.weights is not None
    return Model(sha256, published.round, published.weights, decode_weights(published.weights))


class Inbox:
    """Delivers the script, one piece a poll; when it is over, time passes to the deadline."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.participating = set(world.states)

    async def discover(self, since: float | None = None) -> None:
        """All topics are there."""

    async def poll(self, timeout_s: float) -> list[Any]:
        piece = self._world.script.pop(0) if self._world.script else None
        measurements = [] if piece else self._world.measurements()
        if piece is None and not measurements:
            self._world.now += max(timeout_s, 0.01)  # less than the clock can tell would be no time at all
            return []
        if piece is not None and not isinstance(piece, ModelUpdate):
            piece()
            return []
        if piece is not None:
            self._world.delivered.append(piece)
        return [
            SimpleNamespace(
                topic=TOPICS.fl_updates(answer.device_id), partition=0, offset=0, value=encode_federation(answer)
            )
            for answer in (measurements if piece is None else [piece])
        ]

    def sender_of(self, topic: str) -> str:
        return topic.removeprefix(TOPICS.fl_updates_prefix)


class Models:
    """The global models on record; the current one is that of the latest committed round."""

    def __init__(self, world: World) -> None:
        self._world = world
        made = [record.new_model_sha256 for _, record in sorted(world.latest().items()) if record.new_model_sha256]
        self.current = model_on(world, made[-1]) if made else FIRST_MODEL

    async def publish(self, model: Model, parent_sha256: str) -> None:
        published = GlobalModel(
            sha256=model.sha256, parent_sha256=parent_sha256, round=model.round, task="reconstruction",
            published_at=self._world.now, weights=model.blob,
        )  # fmt: skip
        await self._world.send(TOPICS.models, model.sha256, encode_federation(published))

    async def found(self, sha256: str, round_number: int) -> Model | None:
        return model_on(self._world, sha256) if sha256 in self._world.models() else None

    def take(self, model: Model) -> None:
        self.current = model

    async def withdraw(self, candidate: Model) -> None:
        """It stays on record here, where places are not counted."""

    def store(self, model: Model) -> None:
        self._world.need_redis()

    def show(self) -> None:
        self._world.need_redis()


@dataclass
class HeldLease:
    """The lease that a coordinator took; a newer one fences it."""

    world: World
    token: int

    def check(self) -> None:
        self.world.need_redis()
        if self.world.lease > self.token:
            raise Fenced("another coordinator took over")
