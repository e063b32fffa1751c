"""What a device puts into an update may cost its own place in the round, never the round."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from device_keys import KeyRecord, device_key, key_record, private_key
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.federation import FlEvent, ModelUpdate, decode_federation, encode_federation
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.redis_keys import RedisKeys
from contracts.signing import sign
from contracts.topics import Topics
from fl_coordinator.errors import GateClosed
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.selection import RoundGate, Selection
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import model_of
from fl_coordinator.rounds import transitions
from fl_coordinator.updates.collection import Collection
from fl_coordinator.updates.refusals import MAX_REFUSALS, MAX_UNSIGNED
from transport.blobs.weights import encode_weights
from transport.redis.primary import Primary

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

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events()]

    def dead_letters(self) -> int:
        return sum(topic == TOPICS.dead_letters for topic, _ in self.sent)


class Blobs:
    def __init__(self, blobs: dict[str, bytes]) -> None:
        self._blobs = blobs
        self.asked: list[str] = []

    def get(self, key: str, sha256: str) -> bytes:
        self.asked.append(key)
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


def all_registered() -> KeyRing:
    ring = KeyRing()
    for name in "abc":
        ring.note(key_record(device_key(name)))
    return ring


def collecting(
    broker: Broker,
    blobs: dict[str, bytes] | Blobs,
    statuses: Any = all_benign,
    ring: KeyRing | None = None,
    primary: Primary | None = None,
) -> Collection:
    view: Any = SimpleNamespace(statuses=statuses)
    journal = Journal(broker, TOPICS, lambda: NOW)  # type: ignore[arg-type]
    keys: Any = SimpleNamespace(content=ring or all_registered())
    gate = RoundGate(view, keys, lambda: NOW, 2100.0, primary or Primary())
    store: Any = blobs if isinstance(blobs, Blobs) else Blobs(blobs)
    inbox: Any = None
    collection = Collection(inbox, gate, store, KEYS, journal, 256)
    open_round(collection, 1)
    return collection


def open_round(collection: Collection, number: int) -> None:
    terms = Settings(round_quorum=1, round_deadline_s=20.0)
    selection = Selection(NOW, ("a", "b"), {})
    record = transitions.propose(number, terms, lease_token=1, model_sha256=MODEL.sha256, selection=selection)
    collection.open(transitions.open_collection(record, 1, NOW), MODEL)


def update_of(device_id: str, update_sha256: str, **changes: Any) -> ModelUpdate:
    update = ModelUpdate(
        device_id=device_id, round=1, lease_token=1, base_sha256=MODEL.sha256, update_sha256=update_sha256,
        sample_count=5, loss_before=1.0, loss_after=0.5, train_s=0.1, sent_at=NOW, nonce=f"{device_id} {update_sha256[:8]}",
    )  # fmt: skip
    return replace(update, **changes)


def as_record(update: ModelUpdate, sender_id: str | None = None) -> Any:
    topic = TOPICS.fl_updates(sender_id or update.device_id)
    return SimpleNamespace(topic=topic, partition=0, offset=0, value=encode_federation(update))


def message(device_id: str, update_sha256: str, **changes: Any) -> Any:
    """What the device itself sends, signed."""
    return as_record(sign(private_key(device_id), update_of(device_id, update_sha256, **changes)))


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


@pytest.mark.parametrize(("fails_over", "reason"), [(False, "bad_update"), (True, "update_lost")])
async def test_weights_that_a_failover_lost_are_not_held_against_the_device(fails_over, reason):
    primary = Primary()
    primary.met("the one that had them")
    broker = Broker()
    collection = collecting(broker, {}, primary=primary)
    if fails_over:
        primary.met("the one that has not")
    primary.changed_at = float("-inf")  # long settled
    await collection.consider("a", message("a", sha256_of(b"weights")))
    assert collection.settle().excluded == {"a": reason}
    assert bool(broker.dead_letters()) is not fails_over


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


GOOD = encode_weights({"w": np.ones(3, np.float32)})
GOOD_SHA256 = sha256_of(GOOD)
GOOD_BLOBS = {KEYS.update_blob(name, GOOD_SHA256): GOOD for name in "abc"}
GOOD_UPDATE = sign(private_key("a"), update_of("a", GOOD_SHA256))
REVOKED = device_key("a", revoked_at=NOW)


@pytest.mark.parametrize(
    ("forged", "keys", "reason"),
    [
        (update_of("a", GOOD_SHA256), [], "unknown_key"),
        (sign(private_key("b"), update_of("a", GOOD_SHA256)), [], "unknown_key"),
        (replace(sign(private_key("b"), GOOD_UPDATE), key_id=GOOD_UPDATE.key_id), [], "bad_signature"),
        (replace(GOOD_UPDATE, sample_count=200), [], "bad_signature"),
        (replace(GOOD_UPDATE, sample_count=0), [], "bad_signature"),
        (replace(GOOD_UPDATE, loss_after=0.1), [], "bad_signature"),
        (replace(GOOD_UPDATE, update_sha256="0" * 64), [], "bad_signature"),
        (replace(GOOD_UPDATE, nonce="another"), [], "bad_signature"),
        (replace(GOOD_UPDATE, signature=""), [], "bad_signature"),
        (GOOD_UPDATE, [KeyRecord(b"a", None)], "unknown_key"),
        (GOOD_UPDATE, [key_record(REVOKED)], "revoked_key"),
        (GOOD_UPDATE, [key_record(device_key("a", 1))], "unknown_key"),
    ],
    ids=[
        "unsigned", "another's key", "another's key under the right name", "altered samples", "altered to a refusal",
        "altered loss", "other weights", "other nonce", "signature cut off", "key removed", "key revoked", "key rotated",
    ],
)  # fmt: skip
async def test_an_update_that_the_device_did_not_sign_with_its_key_is_refused_before_any_blob_is_asked_for(
    forged, keys, reason
):
    broker, blobs, ring = Broker(), Blobs(GOOD_BLOBS), all_registered()
    for key in keys:
        ring.note(key)
    collection = collecting(broker, blobs, ring=ring)
    await collection.consider("a", as_record(forged))
    assert broker.reasons() == [reason]
    assert broker.dead_letters() == 1
    assert blobs.asked == []
    assert collection.record is not None
    assert (collection.record.accepted, collection.record.excluded) == ([], {})
    await collection.consider("b", message("b", GOOD_SHA256))
    assert collection.settle().accepted == ["b"]
    assert collection.settle().excluded == {"a": "bad_update"}


async def test_a_key_of_ones_own_is_no_help_on_the_topic_of_another():
    broker = Broker()
    collection = collecting(broker, GOOD_BLOBS)
    await collection.consider("b", as_record(GOOD_UPDATE, sender_id="b"))
    assert broker.reasons() == ["wrong_device"]


async def test_the_same_update_again_is_replayed_in_its_round_and_in_the_next():
    broker = Broker()
    collection = collecting(broker, GOOD_BLOBS)
    for _ in range(2):
        await collection.consider("a", as_record(GOOD_UPDATE))
    open_round(collection, 2)
    await collection.consider("a", as_record(GOOD_UPDATE))
    await collection.consider("a", as_record(replace(GOOD_UPDATE, round=2)))
    assert broker.reasons() == ["", "replayed", "replayed", "replayed"]
    assert collection.record is not None
    assert collection.record.accepted == []


async def test_a_replay_to_a_coordinator_that_knows_no_nonce_is_refused_all_the_same():
    broker = Broker()
    collection = collecting(broker, GOOD_BLOBS)
    open_round(collection, 2)
    await collection.consider("a", as_record(GOOD_UPDATE))
    await collection.consider("a", as_record(replace(GOOD_UPDATE, round=2)))
    assert broker.reasons() == ["late", "bad_signature"]


async def test_a_device_that_answers_twice_is_no_replay():
    broker = Broker()
    collection = collecting(broker, GOOD_BLOBS)
    await collection.consider("a", message("a", GOOD_SHA256))
    await collection.consider("a", message("a", GOOD_SHA256, nonce="after a restart"))
    assert broker.reasons() == ["", "repeated"]
    assert broker.dead_letters() == 0


async def test_a_forger_cannot_decline_for_a_device_nor_use_up_its_nonce():
    broker = Broker()
    collection = collecting(broker, GOOD_BLOBS)
    await collection.consider("a", as_record(replace(GOOD_UPDATE, sample_count=0)))
    await collection.consider("a", as_record(GOOD_UPDATE))
    assert collection.record is not None
    assert collection.record.accepted == ["a"]


async def test_a_device_that_declines_signs_that_too():
    broker = Broker()
    collection = collecting(broker, {})
    await collection.consider("a", message("a", MODEL.sha256, sample_count=0))
    assert collection.record is not None
    assert collection.record.excluded == {"a": "no_data"}


@pytest.mark.parametrize(
    "change", [key_record(REVOKED), key_record(device_key("a", 1)), KeyRecord(b"a", None), KeyRecord(b"a", b"{")]
)
async def test_a_device_whose_key_goes_after_its_update_was_accepted_is_put_out_before_the_round_ends(change):
    ring = all_registered()
    collection = collecting(Broker(), GOOD_BLOBS, ring=ring)
    for name in "ab":
        await collection.consider(name, message(name, GOOD_SHA256))
    assert await collection.gate(["a", "b"])
    ring.note(change)
    assert not await collection.gate(["a", "b"])
    assert collection.record is not None
    assert (collection.record.accepted, collection.record.excluded) == (["b"], {"a": "not_registered"})


async def test_a_flood_of_forgeries_is_not_put_on_record_for_ever_and_keeps_the_devices_own_answer_out_only_at_last():
    for flood, accepted in ((MAX_UNSIGNED - 1, ["a"]), (MAX_UNSIGNED, [])):
        broker = Broker()
        collection = collecting(broker, GOOD_BLOBS)
        for _ in range(flood):
            await collection.consider("a", SimpleNamespace(topic="t", partition=0, offset=0, value=b"garbage"))
        assert len(broker.events()) == broker.dead_letters() == MAX_REFUSALS
        await collection.consider("a", as_record(GOOD_UPDATE))
        assert collection.record is not None
        assert collection.record.accepted == accepted


async def test_a_device_that_keeps_signing_bad_updates_is_cut_off_until_the_next_round():
    broker, blobs = Broker(), Blobs(GOOD_BLOBS)
    collection = collecting(broker, blobs)
    for number in range(2 * MAX_REFUSALS):
        await collection.consider("a", message("a", f"{number:064x}", nonce=str(number)))
    assert len(blobs.asked) == len(broker.events()) == MAX_REFUSALS
    await collection.consider("a", as_record(GOOD_UPDATE))
    assert collection.record is not None
    assert collection.record.accepted == []
    open_round(collection, 2)
    await collection.consider("a", message("a", GOOD_SHA256, round=2))
    assert collection.record.accepted == ["a"]
