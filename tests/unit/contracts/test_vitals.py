"""A vitals message is either taken whole or refused with a reason; nothing in between."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidMessage
from contracts.event_time import from_event_minute, to_event_minute
from contracts.messages.dead_letters import REASONS
from contracts.messages.vitals import MAX_BATCH_BYTES, VitalsBatch, decode_vitals, encode_vitals

VALUES = st.lists(st.one_of(st.none(), st.floats(0, 400)), min_size=1, max_size=40)


def batch(**changes: Any) -> VitalsBatch:
    fields: dict[str, Any] = {
        "device_id": "p000020",
        "session_id": 1,
        "observed_at": datetime(2183, 4, 28, 17, 47, tzinfo=UTC),
        "heart_rate_bpm": [80.1, None],
        "resp_rate_bpm": [16.0, 0.0],
        "batch_interval_s": 2.0,
        "sent_at": 1.5,
    }
    return VitalsBatch(**(fields | changes))


def refused(value: bytes | None) -> str:
    with pytest.raises(InvalidMessage) as caught:
        decode_vitals(value, expected_device_id="p000020")
    assert caught.value.reason in REASONS
    return caught.value.reason


@given(VALUES, st.integers(0, 500_000_000))
def test_a_batch_survives_the_wire(values: list[float | None], minute: int) -> None:
    sent = batch(heart_rate_bpm=values, resp_rate_bpm=values, observed_at=from_event_minute(minute))
    got = decode_vitals(encode_vitals(sent), expected_device_id="p000020")
    assert got == sent
    assert got.first_event_minute == minute


def test_years_beyond_nanosecond_timestamps_are_kept() -> None:
    start = datetime(2896, 10, 10, 0, 31, tzinfo=UTC)
    assert from_event_minute(to_event_minute(start)) == start


def test_nan_travels_as_null() -> None:
    value = encode_vitals(batch(heart_rate_bpm=[math.nan, 80.0]))
    assert json.loads(value)["heart_rate_bpm"] == [None, 80.0]


def test_unknown_fields_are_ignored() -> None:
    fields = json.loads(encode_vitals(batch())) | {"spo2_pct": [97, 98]}
    assert decode_vitals(json.dumps(fields).encode(), expected_device_id="p000020") == batch()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device_id": "p000021"}, "wrong_device"),
        ({"device_id": "../etc"}, "bad_schema"),
        ({"resp_rate_bpm": [1.0]}, "bad_schema"),
        ({"pulse_bpm": [1.0]}, "bad_schema"),
        ({"heart_rate_bpm": [], "resp_rate_bpm": []}, "bad_schema"),
        ({"observed_at": datetime(2183, 4, 28, 17, 47, 3, tzinfo=UTC)}, "bad_schema"),
        ({"observed_at": datetime(2183, 4, 28, 17, 47)}, "bad_schema"),  # noqa: DTZ001 - a missing zone is the case
        ({"observed_at": datetime(1969, 12, 31, 23, 59, tzinfo=UTC)}, "bad_schema"),
        ({"observed_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, "bad_schema"),
        ({"session_id": -1}, "bad_schema"),
        ({"schema_version": 2}, "unknown_version"),
        ({"heart_rate_bpm": [1.0] * 1441, "resp_rate_bpm": [1.0] * 1441}, "bad_schema"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], reason: str) -> None:
    assert refused(encode_vitals(batch(**changes))) == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{", "not_json"),
        (b"[]", "bad_schema"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_schema"),
        (b" " * (MAX_BATCH_BYTES + 1), "too_large"),
    ],
)
def test_what_is_not_a_batch_is_refused(value: bytes | None, reason: str) -> None:
    assert refused(value) == reason


def test_an_end_announcement_needs_no_minutes() -> None:
    end = batch(heart_rate_bpm=[], resp_rate_bpm=[], end_of_recording=True)
    assert decode_vitals(encode_vitals(end), expected_device_id="p000020").end_of_recording


def test_an_order_to_enrol_anew_needs_no_minutes() -> None:
    order = batch(heart_rate_bpm=[], resp_rate_bpm=[], re_enrol=True)
    assert decode_vitals(encode_vitals(order), expected_device_id="p000020").re_enrol
    assert not decode_vitals(encode_vitals(batch()), expected_device_id="p000020").re_enrol


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_invalid_message(value: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode_vitals(value, expected_device_id="p000020")


@pytest.mark.parametrize("label", ["ICU_03", "床5", "سرير ٤", "<b>bed</b>", "x" * 120])
def test_a_name_survives_the_wire(label: str) -> None:
    assert decode_vitals(encode_vitals(batch(label=label)), expected_device_id="p000020").label == label


def test_a_message_of_before_there_were_names_is_taken() -> None:
    fields = json.loads(encode_vitals(batch()))
    del fields["label"]
    assert decode_vitals(json.dumps(fields).encode(), expected_device_id="p000020").label is None


@pytest.mark.parametrize("label", ["", "x" * 121, "bed\n4", "bed\x1b[31m", "\u202ebed", 7])
def test_a_name_that_cannot_be_shown_as_it_is_makes_a_dead_letter(label: object) -> None:
    fields = json.loads(encode_vitals(batch())) | {"label": label}
    assert refused(json.dumps(fields).encode()) == "bad_schema"
