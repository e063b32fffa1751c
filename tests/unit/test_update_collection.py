"""What a device puts into an update may cost its own place in the round, never the round."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.errors import InvalidMessage, Unavailable
from contracts.federation import FlEvent, ModelUpdate, decode_federation, encode_federation
from contracts.redis_keys import RedisKeys
from contracts.topics import Topics
from contracts.verdicts import DeviceState, DeviceStatus
from fl_coordinator import rounds
from fl_coordinator.collection import Collection
from fl_coordinator.errors import GateClosed
from fl_coordinator.journal import Journal
from fl_coordinator.registry import model_of
from fl_coordinator.selection import Selection
from transport.blob_store import sha256_of
from transport.weights import encode_weights

NOW = 1000.0
MODEL = model_of({"w": np.zeros(3, np.float32)}, 0)
KEYS, TOPICS = RedisKeys("t"), Topics("t")
BROKER_TAKES_BYTES = 1_000_000


class Broker:
    """A publisher that refuses what a broker with its default limit refuses."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []

    async def send(self, topic: str, key: str, value: bytes | None, headers: Any = ()) -> None:
        if topic == TOPICS.fl_events:
            assert value is not None
            assert len(value) < BROKER_TAKES_BYTES
        self.sent.append((topic, value))

    def events(self) -> list[FlEvent]:
        return [decode_federation(FlEvent, value) for topic, value in self.sent if topic == TOPICS.fl_events]


class Blobs:
    def __init__(self, blobs: dict[str, bytes]) -> None:
        self._blobs = blobs

    def get(self, key: str, sha256: str) -> bytes:
        if key not in self._blobs:
            raise InvalidMessage("bad_update", f"no blob {key}")
        return self._blobs[key]


def benign(device_id: str) -> DeviceStatus:
    return DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="",
        state=DeviceState.BENIGN, state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0,
        scores={}, flagged=False, flagged_share=0.0, received_at=NOW, batch_interval_s=1.0, finished=False,
        bundle_sha="b", worker_id="w", minutes=1000, windows=900, flagged_windows=1,
    )  # fmt: skip


def all_benign(device_ids: Iterable[str]) -> dict[str, DeviceStatus | None]:
    return {name: benign(name) for name in device_ids}


def collecting(broker: Broker, blobs: dict[str, bytes], statuses: Any = all_benign) -> Collection:
    view: Any = SimpleNamespace(statuses=statuses)
    journal = Journal(broker, TOPICS, lambda: NOW)  # type: ignore[arg-type]
    collection = Collection(
        view=view, blobs=Blobs(blobs), keys=KEYS, journal=journal, clock=lambda: NOW, stale_cap_s=2100.0, sample_cap=256
    )  # type: ignore[arg-type]
    terms = rounds.RoundTerms("reconstruction", 1, 20.0, 1, 32, 1e-3)
    selection = Selection(NOW, ("a", "b"), {})
    record = rounds.propose(1, terms, lease_token=1, model_sha256=MODEL.sha256, selection=selection)
    collection.open(rounds.open_collection(record, 1, NOW), MODEL)
    return collection


def message(device_id: str, update_sha256: str) -> Any:
    update = ModelUpdate(
        device_id=device_id, round=1, lease_token=1, base_sha256=MODEL.sha256, update_sha256=update_sha256,
        sample_count=5, loss_before=1.0, loss_after=0.5, train_s=0.1, sent_at=NOW,
    )  # fmt: skip
    return SimpleNamespace(topic=TOPICS.fl_updates(device_id), partition=0, offset=0, value=encode_federation(update))


async def test_a_text_as_long_as_a_message_may_be_is_refused_and_cut_in_the_audit_trail():
    broker = Broker()
    endless_name = encode_weights({"w" * 2_000_000: np.zeros(3, np.float32)})
    wrong_type = endless_name.replace(b'"F32"', b'"I32"')
    blobs = {KEYS.update_blob("a", sha256_of(wrong_type)): wrong_type}
    collection = collecting(broker, blobs)
    await collection.consider("a", message("a", "f" * 1_000_000))
    await collection.consider("a", message("a", sha256_of(wrong_type)))
    assert [event.reason for event in broker.events()] == ["bad_sha256", "bad_message"]
    assert collection.record is not None
    assert collection.record.accepted == []


async def test_a_good_update_is_accepted_after_a_bad_one():
    broker = Broker()
    good = encode_weights({"w": np.ones(3, np.float32)})
    collection = collecting(broker, {KEYS.update_blob("b", sha256_of(good)): good})
    await collection.consider("a", message("a", "not hex"))
    await collection.consider("b", message("b", sha256_of(good)))
    assert collection.settle().accepted == ["b"]
    assert collection.settle().excluded == {"a": "bad_update"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "unknown"),
        (replace(benign("a"), state=DeviceState.QUARANTINED), "quarantined"),
        (replace(benign("a"), received_at=NOW - 60), "stale"),
    ],
)
async def test_a_device_that_lost_its_standing_is_dropped_as_its_update_arrives(status, reason):
    good = encode_weights({"w": np.ones(3, np.float32)})
    blobs = {KEYS.update_blob("a", sha256_of(good)): good}
    collection = collecting(Broker(), blobs, lambda _ids: {"a": status})
    await collection.consider("a", message("a", sha256_of(good)))
    assert collection.record is not None
    assert (collection.record.accepted, collection.record.excluded) == ([], {"a": reason})


async def test_a_gate_that_cannot_be_read_closes_and_nothing_is_accepted():
    def lost(_ids: Iterable[str]) -> Any:
        raise Unavailable("Redis does not show the devices")

    good = encode_weights({"w": np.ones(3, np.float32)})
    collection = collecting(Broker(), {KEYS.update_blob("a", sha256_of(good)): good}, lost)
    with pytest.raises(GateClosed):
        await collection.consider("a", message("a", sha256_of(good)))
    assert collection.record is not None
    assert collection.record.accepted == []
