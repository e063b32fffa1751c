"""Federated rounds by hand: statuses as a worker would write them, devices that answer (or misbehave) in numpy."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from device_keys import device_key, private_key
from msgspec.structs import replace
from plain_detector import plain_bundle
from small_ward import ENROLMENT_MIN, HORIZON_MIN

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import Unavailable
from contracts.messages.federation import (
    DeviceKey,
    FlEvent,
    GlobalModel,
    ModelMeasurement,
    ModelUpdate,
    RoundPhase,
    RoundRecord,
    decode_federation,
    encode_federation,
)
from contracts.messages.verdicts import DeviceState, DeviceStatus, encode_verdict
from contracts.signing import sign
from detectors.bundle.bundle import save_bundle
from fl_coordinator.models.registry import Model, model_of
from fl_coordinator.program import CoordinatorProgram
from fl_coordinator.rounds.history import read_history
from fl_device.host.presence import Presence
from transport.blobs.store import blob_store
from transport.blobs.weights import encode_weights
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import Record, TopicReader
from transport.redis_client import connect_redis

QUICK = {"round_quorum": 2, "aggregation": "fedavg", "round_interval_s": 0.3, "round_deadline_s": 15.0}


@pytest.fixture(scope="session", autouse=True)
def _hosts_run_in_this_process(one_thread: None) -> None:
    """Here device hosts are objects of the test's process too."""


@dataclass
class Device:
    """A participant by hand: its weights are `value` everywhere, from `samples` windows, signed with `key`."""

    settings: Settings
    device_id: str
    value: float
    samples: int = 10
    key: Ed25519PrivateKey | None = None
    invitations: list[RoundRecord] = field(default_factory=list)
    sent: list[ModelUpdate] = field(default_factory=list)
    asked: list[RoundRecord] = field(default_factory=list)

    async def send(
        self,
        record: RoundRecord,
        *,
        blob: bytes | None = None,
        sha256: str = "",
        altered: dict | None = None,
        **changes,
    ) -> None:
        """Answer as a device should, but for what is given; `altered` is changed after it was signed."""
        if blob is None:
            blob = encode_weights({"w": np.full(3, self.value, np.float32)})
        sha256 = sha256 or sha256_of(blob)
        with connect_redis(self.settings) as redis:
            blob_store(self.settings, redis).put(self.settings.redis_keys.update_blob(self.device_id, sha256), blob)
        update = ModelUpdate(
            device_id=self.device_id, round=record.round, lease_token=record.lease_token,
            base_sha256=record.model_sha256, update_sha256=sha256, sample_count=self.samples, loss_before=2.0,
            loss_after=self.value, train_s=0.1, sent_at=time.time(), nonce=secrets.token_hex(16),
        )  # fmt: skip
        signed = sign(self.key or private_key(self.device_id), replace(update, **changes))
        self.sent.append(replace(signed, **(altered or {})))
        await self.send_raw(encode_federation(self.sent[-1]))

    async def send_measured(self, record: RoundRecord, before: float = 1.0, after: float = 1.0, **changes) -> None:
        """Say what the candidate is worth to it."""
        measured = ModelMeasurement(
            device_id=self.device_id, round=record.round, lease_token=record.lease_token, base_sha256=record.model_sha256,
            candidate_sha256=record.candidate_sha256, sample_count=16, loss_before=before, loss_after=after,
            sent_at=time.time(), nonce=secrets.token_hex(16),
        )  # fmt: skip
        signed = sign(self.key or private_key(self.device_id), replace(measured, **changes))
        await self.send_raw(encode_federation(signed))

    async def send_raw(self, value: bytes) -> None:
        async with Publisher(self.settings) as publisher:
            await publisher.send(self.settings.topics.fl_updates(self.device_id), "1", value)


Answer = Callable[[Device, RoundRecord], Awaitable[None]]


async def honestly(device: Device, record: RoundRecord) -> None:
    await device.send(record)


async def finds_it_as_good(device: Device, record: RoundRecord) -> None:
    await device.send_measured(record)


@dataclass
class Bench:
    """The services of one test, its coordinators and its devices. All models are three numbers, first of all zeros."""

    settings: Settings

    def device(self, device_id: str, value: float, samples: int = 10) -> Device:
        return Device(self.settings, device_id, value, samples)

    @staticmethod
    def model(value: float) -> Model:
        return model_of({"w": np.full(3, value, np.float32)}, 1)

    def set_status(self, device_id: str, *, raw: bytes | None = None, **changes) -> None:
        """Write what a worker would have written of a device (by default benign and fresh) into Redis."""
        status = DeviceStatus(
            device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="",
            state=DeviceState.BENIGN, state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0,
            scores={}, flagged=False, flagged_share=0.0, received_at=time.time(), batch_interval_s=60.0,
            finished=False, bundle_sha="b", worker_id="w", minutes=1000, windows=900, flagged_windows=1,
        )  # fmt: skip
        status = replace(status, **changes)
        keys = self.settings.redis_keys
        with connect_redis(self.settings) as redis:
            redis.hset(keys.device(device_id), "status", encode_verdict(status) if raw is None else raw)
            redis.zadd(keys.devices_last_seen, {device_id: status.received_at})

    def show(self, *device_ids: str) -> None:
        """Let devices stand benign, and their host be there."""
        with connect_redis(self.settings) as redis:
            Presence(redis, self.settings.redis_keys, 600.0).renew(device_ids)
        for device_id in device_ids:
            self.set_status(device_id)

    async def set_key(self, key: DeviceKey) -> None:
        """Put onto the key topic what an administrator would."""
        async with Publisher(self.settings) as publisher:
            await publisher.send(self.settings.topics.fl_keys, key.device_id, encode_federation(key))

    @asynccontextmanager
    async def taking_part(
        self, *devices: Device, answers: dict[str, Answer] | None = None, measures: dict[str, Answer] | None = None
    ) -> AsyncIterator[None]:
        """Devices that stand benign, are registered and follow `fl.rounds`, answering in their own way or honestly.

        What came of their updates each finds as good as what there was, or measures in its own way.
        """
        topics = self.settings.topics
        ensure_topics(self.settings, [topics.fl_updates_spec(device.device_id) for device in devices])
        self.show(*(device.device_id for device in devices))
        for device in devices:
            await self.set_key(device_key(device.device_id))
        done = asyncio.Event()
        async with TopicReader(self.settings) as reader:
            await reader.add_existing([topics.fl_updates(device.device_id) for device in devices], start="latest")
            await reader.add_existing([topics.fl_rounds], start="latest")
            following = asyncio.create_task(self._follow(reader, devices, answers or {}, measures or {}, done))
            try:
                yield
            finally:
                done.set()
                await following

    async def _follow(self, reader, devices, answers, measures, done: asyncio.Event) -> None:
        while not done.is_set():
            for message in await reader.poll(0.1):
                if message.topic != self.settings.topics.fl_rounds:
                    continue
                record = decode_federation(RoundRecord, message.value)
                for device in devices:
                    if record.phase is RoundPhase.COLLECTING and device.device_id in record.cohort:
                        await self._ask(device, record, device.invitations, answers, honestly)
                    if record.phase is RoundPhase.VALIDATING and device.device_id in record.validators:
                        await self._ask(device, record, device.asked, measures, finds_it_as_good)

    @staticmethod
    async def _ask(device: Device, record: RoundRecord, before: list[RoundRecord], answers, otherwise: Answer) -> None:
        is_new = (record.round, record.candidate_sha256) not in {(one.round, one.candidate_sha256) for one in before}
        before.append(record)
        if is_new:  # as a participant does: one answer a round
            with suppress(Unavailable):  # a service that a test has just ended: no answer, as a real host
                await answers.get(device.device_id, otherwise)(device, record)

    def coordinator(self, rounds: int | None = None, **changes) -> CoordinatorProgram:
        settings = self.settings.model_copy(update=QUICK | changes)
        return CoordinatorProgram(settings, lambda: {"w": np.zeros(3, np.float32)}, rounds_limit=rounds)

    async def run_rounds(self, count: int = 1, **changes) -> dict[int, RoundRecord]:
        """Run a coordinator for some rounds and return all that is on record then."""
        await self.coordinator(count, **changes).run(asyncio.Event())
        return await self.rounds()

    async def until_round(self, phase: RoundPhase, reason: str = "", *, after: int = 0) -> RoundRecord:
        """Wait for a round that ended like this."""
        while True:
            for record in (await self.rounds()).values():
                if record.round > after and (record.phase, record.reason) == (phase, reason):
                    return record
            await asyncio.sleep(0.3)

    async def rounds(self) -> dict[int, RoundRecord]:
        return (await read_history(self.settings)).rounds

    async def models(self) -> dict[str, GlobalModel]:
        return (await read_history(self.settings)).models

    async def records(self, topic: str) -> list[Record]:
        async with TopicReader(self.settings) as reader:
            await reader.add_existing([topic], start="earliest")
            return await reader.read_to_end()

    async def events(self, kind: str) -> list[FlEvent]:
        records = await self.records(self.settings.topics.fl_events)
        events = [decode_federation(FlEvent, record.value) for record in records]
        return [event for event in events if event.kind == kind]


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings)


@pytest.fixture
def federation(settings: Settings, tmp_path) -> Settings:
    """Settings of a small federation whose detector never flags: its devices are benign once enrolled."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    save_bundle(plain_bundle(0, threshold=1e9), folder)
    return settings.model_copy(
        update={
            "bundle_dir": folder, "enrolment_min": ENROLMENT_MIN, "vote_horizon_min": HORIZON_MIN,
            "round_interval_s": 1.0, "round_quorum": 5, "device_key_dir": tmp_path / "keys",
            "register_new_devices": True,
        }
    )  # fmt: skip
