"""Raw records in: a batch, a dead letter, or a count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch, encode_vitals
from streams.publisher import DeadLetter
from streams.scoring.intake import LETTERS_AT_ONCE, Intake
from streams.vitals_records import VitalsRecord
from transport.kafka.offsets import TopicPartition

UNIT = TopicPartition("fedsecure.vitals.v1.p1", 0)


def record(value: bytes | None, device_id: str = "p1", offset: int = 7) -> VitalsRecord:
    return VitalsRecord(device_id, UNIT, offset, 1000.0, value)


def valid(device_id: str = "p1") -> bytes:
    return encode_vitals(
        VitalsBatch(
            device_id=device_id,
            session_id=1,
            observed_at=from_event_minute(100),
            heart_rate_bpm=[80.0],
            resp_rate_bpm=[float("nan")],
            batch_interval_s=1.0,
            sent_at=0.0,
        )
    )


def test_a_valid_batch_comes_through_with_nan_as_missing():
    batch = Intake().take_in(record(valid()))
    assert isinstance(batch, VitalsBatch)
    assert batch.resp_rate_bpm == [None]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"\x00\xff", "not_json"),
        (b"{}", "bad_schema"),
        (valid("p2"), "wrong_device"),
        (b" " * 300_000, "too_large"),
    ],
)
def test_what_is_invalid_keeps_its_bytes_and_says_why_and_from_where(value, reason):
    letter = Intake().take_in(record(value))
    assert isinstance(letter, DeadLetter)
    assert letter.value == value
    headers = {name: text.decode() for name, text in letter.headers}
    assert headers["fedsecure-reason"] == reason
    assert headers["fedsecure-source-topic"] == UNIT.topic
    assert headers["fedsecure-source-offset"] == "7"


def test_a_record_of_nobody_is_a_dead_letter():
    assert isinstance(Intake().take_in(record(valid(), device_id="")), DeadLetter)


def test_letters_of_one_device_are_limited_and_others_are_not():
    now = 0.0
    intake = Intake(clock=lambda: now)
    kept = [intake.take_in(record(b"x")) for _ in range(LETTERS_AT_ONCE + 20)]
    assert sum(letter is not None for letter in kept) == LETTERS_AT_ONCE
    assert intake.take_in(record(b"x", device_id="p2")) is not None
    now = 3.0
    assert [intake.take_in(record(b"x")) is not None for _ in range(5)] == [True, True, True, False, False]


@given(st.binary(max_size=200) | st.none())
def test_no_bytes_crash_the_intake(value):
    assert isinstance(Intake().take_in(record(value)), DeadLetter)
