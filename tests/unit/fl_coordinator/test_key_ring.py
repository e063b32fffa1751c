"""The registered keys as the topic tells them, and whose signature counts by them."""

from __future__ import annotations

import pytest
from device_keys import KeyRecord, device_key, key_record, private_key
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.errors import Unavailable
from contracts.messages.federation import DeviceKey, ModelUpdate, encode_federation
from contracts.signing import key_id_of, sign
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.updates.screening import SeenNonces
from transport import compacted_table
from transport.compacted_table import CompactedTable
from transport.key_registry import KeyRegistry

UPDATE = ModelUpdate(
    device_id="a", round=1, lease_token=1, base_sha256="0" * 64, update_sha256="1" * 64, sample_count=3, loss_before=1.0,
    loss_after=0.5, train_s=0.1, sent_at=9.0, nonce="n",
)  # fmt: skip
REVOKED = device_key("a", revoked_at=2000.0)
GARBAGE = (
    b"",
    b"{",
    b"\xff",
    encode_federation(replace(device_key("a", 1), schema_version=9)),
    encode_federation(replace(device_key("a", 1), key_id="0" * 16)),
    encode_federation(replace(device_key("a", 1), public_key=b"\0" * 31)),
    encode_federation(device_key("b", 1)),
)


def ring_of(*keys: DeviceKey | KeyRecord) -> KeyRing:
    ring = KeyRing()
    for key in keys:
        ring.note(key_record(key) if isinstance(key, DeviceKey) else key)
    return ring


def refusal(ring: KeyRing, update: ModelUpdate) -> str:
    with pytest.raises(UpdateRefused) as refused:
        ring.check(update)
    assert refused.value.is_bad
    return refused.value.reason


def signed(device_id: str = "a", generation: int = 0) -> ModelUpdate:
    return sign(private_key(device_id, generation), replace(UPDATE, device_id=device_id))


def test_an_update_signed_with_the_registered_key_passes() -> None:
    ring = ring_of(device_key("a"), device_key("b"))
    ring.check(signed("a"))
    ring.check(signed("b"))
    assert ring.registered == {"a", "b"}
    assert ring.key_id("a") == device_key("a").key_id


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (signed("c"), "unknown_key"),
        (UPDATE, "unknown_key"),
        (sign(private_key("b"), UPDATE), "unknown_key"),
        (replace(sign(private_key("b"), UPDATE), key_id=device_key("a").key_id), "bad_signature"),
        (replace(signed("a"), device_id="b"), "unknown_key"),
        (replace(signed("a"), sample_count=4), "bad_signature"),
        (replace(signed("a"), signature=""), "bad_signature"),
        (replace(signed("a"), signature=signed("b").signature), "bad_signature"),
    ],
)
def test_an_update_that_its_device_did_not_sign_is_refused(update: ModelUpdate, reason: str) -> None:
    assert refusal(ring_of(device_key("a"), device_key("b")), update) == reason


def test_a_revoked_key_is_good_for_nothing() -> None:
    ring = ring_of(device_key("a"), REVOKED)
    assert refusal(ring, signed()) == "revoked_key"
    assert ring.registered == set()
    assert ring.key_id("a") is None


def test_after_a_rotation_only_the_new_key_counts() -> None:
    ring = ring_of(device_key("a"), device_key("a", 1))
    ring.check(signed("a", 1))
    assert refusal(ring, signed("a", 0)) == "unknown_key"
    assert refusal(ring, replace(signed("a", 0), key_id=device_key("a", 1).key_id)) == "bad_signature"


def test_after_a_tombstone_the_device_is_unknown_and_may_come_back() -> None:
    ring = ring_of(device_key("a"), device_key("b"), KeyRecord(b"a", None))
    assert refusal(ring, signed("a")) == "unknown_key"
    assert ring.registered == {"b"}
    ring.note(key_record(device_key("a", 1)))
    ring.check(signed("a", 1))


@pytest.mark.parametrize("value", GARBAGE)
def test_a_last_word_that_cannot_be_understood_leaves_the_device_without_a_key(value: bytes) -> None:
    ring = ring_of(device_key("a"), device_key("b"), KeyRecord(b"a", value))
    assert refusal(ring, signed("a")) == "unknown_key"
    ring.check(signed("b"))


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_record_about_nobody_changes_nothing(key: bytes | None) -> None:
    ring = ring_of(device_key("a"))
    assert ring.note(KeyRecord(key, encode_federation(device_key("a", 1)))) is None
    ring.check(signed("a"))


def test_a_key_that_is_no_point_of_the_curve_verifies_nothing() -> None:
    ring = ring_of(device_key("a"))
    nowhere = b"\x02" + b"\0" * 31
    registry_key = replace(device_key("a"), public_key=nowhere, key_id=key_id_of(nowhere))
    ring.note(key_record(registry_key))
    assert refusal(ring, replace(signed(), key_id=registry_key.key_id)) == "bad_signature"


RECORDS = {
    **{f"register {name} {number}": key_record(device_key(name, number)) for name in "ab" for number in range(3)},
    **{f"revoke {name}": key_record(device_key(name, revoked_at=3000.0)) for name in "ab"},
    **{f"tombstone {name}": KeyRecord(name.encode(), None) for name in "ab"},
    **{f"garbage {name} {number}": KeyRecord(name.encode(), GARBAGE[number]) for name in "ab" for number in range(3)},
}


@given(steps=st.lists(st.sampled_from(sorted(RECORDS)), max_size=12))
def test_compaction_changes_nothing_only_a_devices_last_record_counts(steps: list[str]) -> None:
    whole, compacted = KeyRegistry(), KeyRegistry()
    for step in steps:
        whole.note(RECORDS[step])
    last = {step.split()[1]: step for step in steps}
    for step in last.values():
        compacted.note(RECORDS[step])
    assert whole.all() == compacted.all()
    assert whole.registered == {device_id for device_id, step in last.items() if step.startswith("register")}


class Reader:
    """A topic that somebody else writes while it is read."""

    def __init__(self, *records: KeyRecord) -> None:
        self.written = list(records)
        self.read = 0
        self.topics_read: set[str] = set()
        self.made_anew: set[str] = set()
        self.is_silent = False

    async def add_existing(self, topics: list[str], *, start: str) -> None:
        assert start == "earliest"
        self.topics_read |= set(topics)

    async def is_at_end(self) -> bool:
        return self.read == len(self.written)

    def make_anew(self, *records: KeyRecord) -> None:
        self.written, self.read, self.made_anew = list(records), 0, {"keys"}

    def take_made_anew(self) -> set[str]:
        made_anew, self.made_anew = self.made_anew, set()
        return made_anew

    async def poll(self, timeout_s: float) -> list[KeyRecord]:
        if self.is_silent:
            return []
        self.read += 1
        return [self.written[self.read - 1]]


def key_table(reader: Reader) -> CompactedTable[KeyRing]:
    return CompactedTable(reader, "keys", KeyRing(), name="the registered keys")  # type: ignore[arg-type]


async def test_the_table_reads_all_there_is_and_later_what_is_new() -> None:
    reader = Reader(key_record(device_key("a")), key_record(device_key("b")))
    table = key_table(reader)
    assert (await table.refresh()).registered == {"a", "b"}
    reader.written += [key_record(REVOKED), key_record(device_key("c"))]
    assert (await table.refresh()).registered == {"b", "c"}


@pytest.mark.parametrize("left", [(), ("b",)], ids=["empty", "of-another"])
async def test_of_a_topic_made_anew_nothing_older_counts(left: tuple[str, ...]) -> None:
    """A key that is not on the new topic may have been revoked: it must be registered again."""
    reader = Reader(key_record(device_key("a")))
    table = key_table(reader)
    await table.refresh()
    reader.make_anew(*(key_record(device_key(name)) for name in left))
    assert (await table.refresh()).registered == set(left)


async def test_a_table_that_does_not_get_to_the_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacted_table, "REFRESH_WITHIN_S", 0.05)
    reader = Reader(key_record(device_key("a")))
    reader.is_silent = True
    with pytest.raises(Unavailable, match="registered keys"):
        await key_table(reader).refresh()


def test_a_nonce_is_known_for_its_device_until_the_round_after_the_next() -> None:
    seen = SeenNonces()
    seen.remember(UPDATE)
    for _ in range(2):
        with pytest.raises(UpdateRefused, match="replayed"):
            seen.refuse_seen("a", UPDATE)
        seen.refuse_seen("b", UPDATE)
        seen.refuse_seen("a", replace(UPDATE, nonce="other"))
        seen.next_round()
    seen.refuse_seen("a", UPDATE)
