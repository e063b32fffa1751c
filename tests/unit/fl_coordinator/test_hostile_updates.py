"""A thousand hostile updates of every kind: none is accepted, none goes uncounted, and no honest one is lost."""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from device_keys import key_record
from hostile_updates import KINDS, TRAITOR_KINDS, Scene, Sent, hostile

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.metrics import UPDATES
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.selection import RoundGate, Selection
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import model_of
from fl_coordinator.rounds import transitions
from fl_coordinator.updates.collection import Collection
from fl_coordinator.updates.refusals import MAX_REFUSALS
from transport.blobs.weights import encode_weights

NOW, HOSTILE = 1000.0, 1000
KEYS, TOPICS = RedisKeys("t"), Topics("t")
MODEL = model_of({"w": np.zeros(3, np.float32)}, 0)
COHORT = (*(f"d{number}" for number in range(8)), "revoked", "traitor")
REASONS = (
    "bad_message", "wrong_device", "wrong_round", "late", "wrong_lease", "not_in_cohort", "duplicate", "repeated",
    "dropped_before", "wrong_base", "bad_sha256",
    "bad_samples", "bad_loss", "unknown_key", "revoked_key", "bad_signature", "replayed", "bad_weights", "too_many",
    "accepted", "dropped", "no_data",
)  # fmt: skip

AFTER_ITS_OWN = ("duplicate", "repeated")
"""What is said of a second answer, whatever else is wrong with it: the same weights again, or others."""


class Services:
    """Broker, blob store and view of the devices in one: what is put on record is counted, what is sent is kept."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.sent: Counter[str] = Counter()

    async def send(self, topic: str, key: str, value: bytes | None, headers: Any = ()) -> None:
        self.sent[topic] += 1

    def get(self, key: str, sha256: str) -> bytes:
        if key not in self.blobs or sha256_of(self.blobs[key]) != sha256:
            raise InvalidMessage("bad_update", "no such blob")
        return self.blobs[key]

    def statuses(self, device_ids: Any) -> Any:
        return {
            name: DeviceStatus(
                device_id=name, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="",
                state=DeviceState.BENIGN, state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0,
                scores={}, flagged=False, flagged_share=0.0, received_at=NOW, batch_interval_s=1.0, finished=False,
                bundle_sha="b", worker_id="w", minutes=1000, windows=900, flagged_windows=1,
            )
            for name in device_ids
        }  # fmt: skip


def counted() -> Counter[str]:
    """What the metric says of each outcome, read from it directly: a scrape a message would take minutes."""
    return Counter({reason: int(UPDATES.labels(reason)._value.get()) for reason in REASONS})


class Round:
    """An open round over the scene's devices, their keys registered."""

    def __init__(self) -> None:
        self.services: Any = Services()
        terms = Settings(round_quorum=3, round_deadline_s=20.0)
        selection = Selection(NOW, COHORT, {})
        record = transitions.propose(7, terms, lease_token=3, model_sha256=MODEL.sha256, selection=selection)
        record = transitions.open_collection(record, 3, NOW)
        self.scene = Scene(record, encode_weights({"w": np.ones(3, np.float32)}), traitor="traitor", revoked="revoked")
        ring = KeyRing()
        for key in self.scene.keys:
            ring.note(key_record(key))
        keys: Any = SimpleNamespace(content=ring)
        gate = RoundGate(self.services, keys, lambda: NOW, 2100.0)
        inbox: Any = None
        journal = Journal(self.services, TOPICS, lambda: NOW)
        self.collection = Collection(inbox, gate, self.services, KEYS, journal, 256)
        self.collection.open(record, MODEL)

    async def take(self, sent: Sent) -> Counter[str]:
        """Hand a message in and return how it was counted."""
        if sent.blob is not None:
            self.services.blobs[KEYS.update_blob(sent.sender_id, sent.sha256)] = sent.blob
        before = counted()
        message: Any = SimpleNamespace(topic="t", partition=0, offset=0, value=sent.value)
        await self.collection.consider(sent.sender_id, message)
        return counted() - before


@pytest.mark.parametrize("seed", [1, 2])
async def test_of_a_thousand_hostile_updates_none_is_accepted_and_no_honest_one_is_lost(seed: int) -> None:
    now = Round()
    late = random.Random(seed).sample(range(HOSTILE), len(now.scene.loyal) - 1)
    honest_at = dict(zip([*late, HOSTILE - 1], now.scene.loyal, strict=True))
    for number, sent in enumerate(hostile(seed, now.scene, HOSTILE)):
        allowed = {*sent.reason.split(), *AFTER_ITS_OWN} | ({"too_many"} if sent.sender_id == "traitor" else set())
        how = await now.take(sent)
        assert len(how) == how.total() == 1
        assert set(how) <= allowed
        if number in honest_at:
            assert await now.take(now.scene.honest(honest_at[number])) == {"accepted": 1}
    await now.collection.gate(list(now.collection.record.accepted))  # type: ignore[union-attr]
    record = now.collection.settle()
    assert record.accepted == sorted(now.scene.loyal)
    assert record.excluded == {"revoked": "bad_update", "traitor": "bad_update"}
    stack = now.collection.accepted()
    np.testing.assert_array_equal(stack.rows, np.ones((len(now.scene.loyal), 3)))
    assert set(stack.samples) == {5}
    # Whatever the flood: so many on record for each device and outsider, signed by it and not.
    assert now.services.sent[TOPICS.dead_letters] <= 2 * MAX_REFUSALS * (len(COHORT) + 1)


@pytest.mark.parametrize("make", [*KINDS, *TRAITOR_KINDS], ids=lambda make: make.__name__)
async def test_each_kind_is_refused_for_its_own_reason_whether_it_comes_before_or_after_the_honest_answers(
    make: Any,
) -> None:
    source, now = random.Random(3), Round()
    for is_late in (False, True):
        sent = make(source, now.scene)
        assert set(await now.take(sent)) <= {*sent.reason.split(), *(AFTER_ITS_OWN if is_late else [])}
        if not is_late:
            for device_id in now.scene.loyal:
                await now.take(now.scene.honest(device_id))
    assert now.collection.settle().accepted == sorted(now.scene.loyal)
