"""The gate for whoever asks from outside: by the rule of a round, anew each time, and closed whenever something cannot be checked."""

from __future__ import annotations

import asyncio

import pytest
from device_keys import device_key, key_record, private_key

from contracts.errors import Unavailable
from contracts.messages.node_proof import NodeProof
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.signing import key_id_of, public_bytes_of, sign
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.live import LiveGate
from transport.redis.primary import VIEW_SETTLES_S, Primary

NOW = 1_000_000.0


def status(device_id: str, state: DeviceState = DeviceState.BENIGN, age_s: float = 1.0) -> DeviceStatus:
    return DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, state=state, reason="", state_since=900,
        enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={}, flagged=False, flagged_share=0.0,
        received_at=NOW - age_s, batch_interval_s=1.0, finished=False, bundle_sha="b", worker_id="w", minutes=1000, windows=900,
        flagged_windows=1,
    )  # fmt: skip


class View:
    """What Redis shows; `meanwhile` happens while it is read."""

    def __init__(self, *shown: DeviceStatus) -> None:
        self.shown = {each.device_id: each for each in shown}
        self.meanwhile = lambda: None

    def known_devices(self):
        return sorted(self.shown)

    def statuses(self, device_ids):
        self.meanwhile()
        return {device_id: self.shown.get(device_id) for device_id in device_ids}


class Keys:
    """The keys of some devices; `error` is raised when they are asked for."""

    def __init__(self, *device_ids: str) -> None:
        self.ring, self.error = KeyRing(), None
        for device_id in device_ids:
            self.ring.note(key_record(device_key(device_id)))

    async def refresh(self):
        if self.error:
            raise self.error
        return self.ring


@pytest.fixture
def view():
    return View(status("a"), status("b", DeviceState.QUARANTINED), status("c", age_s=100.0), status("d"))


@pytest.fixture
def keys():
    return Keys("a", "b", "c")


def opened(view: View, keys: Keys, primary: Primary | None = None) -> LiveGate:
    return LiveGate(view, keys, 2100.0, clock=lambda: NOW, primary=primary)


def test_it_answers_by_the_rule_of_a_round(view, keys):
    reading = asyncio.run(opened(view, keys).read())
    assert reading.eligible == ("a",)
    assert reading.excluded == {"b": "quarantined", "c": "stale", "d": "not_registered"}
    assert reading.key_ids == {"a": key_id_of(public_bytes_of(private_key("a")))}
    assert [reading.why_not(device_id) for device_id in "abx"] == [None, "quarantined", "unknown"]
    assert reading.as_dict() == {"at": NOW, "eligible": ["a"], "excluded": dict(reading.excluded)}


def test_it_is_read_anew_each_time(view, keys):
    gate = opened(view, keys)

    async def twice():
        first = await gate.read()
        view.shown["a"] = status("a", DeviceState.SUSPECT)
        keys.ring.note(key_record(device_key("d")))
        return first, await gate.read()

    first, second = asyncio.run(twice())
    assert (first.eligible, second.eligible) == (("a",), ("d",))


@pytest.mark.parametrize("who", ["Redis", "Kafka"])
def test_what_does_not_answer_closes_it(view, keys, who):
    def away() -> None:
        raise Unavailable(f"{who} does not answer")

    if who == "Redis":
        view.meanwhile = away
    else:
        keys.error = Unavailable("Kafka does not answer")
    reading = asyncio.run(opened(view, keys).read())
    assert (reading.eligible, dict(reading.excluded), dict(reading.key_ids)) == ((), {}, {})
    assert reading.why_not("a") == "gate_closed"
    assert reading.as_dict()["closed_because"] == f"{who} does not answer"


def test_a_new_primary_does_not_open_it_before_workers_have_shown_again_what_it_may_lack(view, keys):
    now = [100.0]
    primary = Primary(lambda: now[0])
    primary.met("one")
    gate = opened(view, keys, primary)
    assert asyncio.run(gate.read()).eligible == ("a",)
    view.meanwhile = lambda: primary.met("two")
    assert "another server" in asyncio.run(gate.read()).closed_because
    now[0] += VIEW_SETTLES_S - 0.1
    assert asyncio.run(gate.read()).eligible == ()
    now[0] += 0.2
    assert asyncio.run(gate.read()).eligible == ("a",)


def test_a_proof_is_checked_with_the_keys_that_were_read(view, keys):
    gate = opened(view, keys)
    proof = NodeProof(device_id="a", node_id=1, run_id=2, nonce="n")
    with pytest.raises(UpdateRefused, match="no registered key"):
        gate.check(sign(private_key("a"), proof))
    asyncio.run(gate.read())
    gate.check(sign(private_key("a"), proof))
    with pytest.raises(UpdateRefused, match="unknown_key"):
        gate.check(sign(private_key("b"), proof))
