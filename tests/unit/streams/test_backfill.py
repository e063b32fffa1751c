"""How far back a restore reads: far enough, and not fooled by a record that came late."""

from __future__ import annotations

from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch, decode_vitals, encode_vitals
from streams.state.backfill import PROBED_RECORDS, BackfillRequest, joined
from transport.kafka.offsets import TopicPartition


def wanted(from_event_minute: int, *, session_id: int = 2) -> BackfillRequest:
    return BackfillRequest("p1", TopicPartition("v.p1", 0), 100, session_id, from_event_minute)


def value(event_minute: int, *, session_id: int = 2, pulse_bpm: list[float | None] | None = None) -> bytes:
    return encode_vitals(
        VitalsBatch(
            device_id="p1",
            session_id=session_id,
            observed_at=from_event_minute(event_minute),
            heart_rate_bpm=[80.0],
            resp_rate_bpm=[16.0],
            pulse_bpm=pulse_bpm,
            batch_interval_s=1.0,
            sent_at=0.0,
        )
    )


def test_goes_back_until_the_oldest_record_is_old_enough():
    one = wanted(50)
    one.add_older(value(minute) for minute in range(80, 100))
    assert not one.is_complete()
    one.add_older(value(minute) for minute in range(30, 80))
    assert one.is_complete()
    assert [batch.first_event_minute for batch in one.batches] == list(range(30, 100))


def test_a_late_repetition_at_the_start_does_not_end_the_search():
    one = wanted(50)
    one.add_older([value(40), *(value(minute) for minute in range(80, 100))])
    assert not one.is_complete()


def test_what_lies_in_an_older_session_is_not_needed():
    one = wanted(50)
    older = [value(minute, session_id=1) for minute in range(900, 900 + PROBED_RECORDS)]
    one.add_older([*older, value(80), b"garbage", None, value(81)])
    assert one.is_complete()
    assert [batch.first_event_minute for batch in one.batches] == [80, 81]


def test_a_late_record_of_an_older_session_does_not_end_the_search():
    one = wanted(50)
    one.add_older([*(value(minute) for minute in range(80, 100)), value(10, session_id=1)])
    assert not one.is_complete()
    one.add_older([value(10, session_id=1), *(value(minute) for minute in range(30, 80))])
    assert one.is_complete()
    assert [batch.first_event_minute for batch in one.batches] == list(range(30, 100))


def test_nothing_read_is_not_complete():
    assert not wanted(50).is_complete()


def test_batches_that_follow_each_other_are_joined_and_no_minute_changes():
    minutes = [*range(10, 20), *range(25, 30), 27, *range(30, 1000)]
    batches = [decode_vitals(value(minute), expected_device_id="p1") for minute in minutes]
    chunks = list(joined(batches))
    assert [chunk.first_event_minute for chunk in chunks][:4] == [10, 25, 27, 30]
    joined_minutes = [chunk.first_event_minute + n for chunk in chunks for n in range(len(chunk.heart_rate_bpm))]
    assert joined_minutes == minutes


def test_the_pulse_is_joined_too_where_a_device_sends_it():
    pulses = [[79.0], None, [None], [81.0]]
    batches = [
        decode_vitals(value(10 + at, pulse_bpm=pulse), expected_device_id="p1") for at, pulse in enumerate(pulses)
    ]
    (chunk,) = joined(batches)
    assert chunk.pulse_bpm == [79.0, None, None, 81.0]
