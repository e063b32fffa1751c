"""The one gate rule: a device trains only when it stands there as benign, fresh, enrolled and streaming."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import InvalidMessage
from contracts.freshness import not_eligible_because, stale_after_s
from contracts.messages.verdicts import DeviceState, DeviceStatus, decode_status, encode_verdict

NOW = 1_000_000.0
CAP_S = 2100.0


def status(**changes: Any) -> DeviceStatus:
    fields: dict[str, Any] = {
        "device_id": "p1",
        "epoch": 1,
        "applied_through": 100,
        "vitals_offset": 7,
        "session_id": 1,
        "state": DeviceState.BENIGN,
        "reason": "",
        "state_since": 50,
        "enrolled": True,
        "enrolment_share": 1.0,
        "score": 0.1,
        "threshold": 3.0,
        "scores": {"autoencoder": 0.1},
        "flagged": False,
        "flagged_share": 0.0,
        "received_at": NOW - 1,
        "batch_interval_s": 1.0,
        "finished": False,
        "bundle_sha": "ab",
        "worker_id": "w1",
        "minutes": 100,
        "windows": 41,
        "flagged_windows": 0,
    }
    return DeviceStatus(**(fields | changes))


def test_a_benign_fresh_enrolled_device_is_eligible() -> None:
    assert not_eligible_because(status(), NOW, CAP_S) is None


@pytest.mark.parametrize("state", [state for state in DeviceState if state != DeviceState.BENIGN])
def test_no_other_state_trains(state: DeviceState) -> None:
    assert not_eligible_because(status(state=state), NOW, CAP_S) == state.value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"enrolled": False}, "not_enrolled"),
        ({"finished": True}, "finished"),
        ({"received_at": NOW - 31}, "stale"),
        ({"received_at": NOW + 6}, "from_the_future"),
    ],
)
def test_each_refusal_has_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert not_eligible_because(status(**changes), NOW, CAP_S) == reason


def test_an_unknown_device_is_not_eligible() -> None:
    assert not_eligible_because(None, NOW, CAP_S) == "unknown"


def test_staleness_follows_the_declared_interval_between_floor_and_cap() -> None:
    assert stale_after_s(0.1, CAP_S) == 30.0
    assert stale_after_s(60.0, CAP_S) == 300.0
    assert stale_after_s(3600.0, CAP_S) == CAP_S


def test_a_status_survives_the_wire_and_garbage_does_not() -> None:
    assert decode_status(encode_verdict(status())) == status()
    for value in (b"", b"{}", b"\xff", encode_verdict(status(schema_version=9))):
        with pytest.raises(InvalidMessage):
            decode_status(value)


def test_a_status_of_another_schema_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        InvalidMessage, match="a status of schema 2, this version reads 3: the device enrols again"
    ) as refused:
        decode_status(encode_verdict(status(schema_version=2)))
    assert refused.value.reason == "unknown_version"


def test_a_status_of_the_schema_before_is_refused_though_its_fields_are_others() -> None:
    with pytest.raises(InvalidMessage, match="a status of schema 2"):
        decode_status(b'{"device_id":"p1","snapshot":{"flagged_masks":{"hour":5}},"schema_version":2}')
