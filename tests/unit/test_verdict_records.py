"""Scores on their way out: every minute once, in order, in records that a broker takes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contracts.verdicts import DeviceState
from detectors.chunks import Verdicts
from streams.held_device import HeldDevice
from streams.verdict_records import MOST_MINUTES, score_batches


def verdicts(session_id: int, first_minute: int, minutes: int) -> Verdicts:
    nothing = np.full(minutes, np.nan, np.float32)
    return Verdicts(
        device_id="p1", session_id=session_id, event_minute=np.arange(first_minute, first_minute + minutes),
        reconstruction_error=nothing, score=nothing, threshold=nothing, flagged=np.zeros(minutes, np.bool_),
        state=[DeviceState.BENIGN] * minutes, transitions=[], dropped={}, session_opened=False, windows=0,
        flagged_windows=0, latest_score=None, latest_threshold=None, latest_flagged=False, flagged_share=0.0,
        enrolled=False, enrolment_share=0.0, reason="",
    )  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), st.integers(0, MOST_MINUTES)), max_size=12))
def test_every_minute_travels_once_in_order_in_batches_of_one_session_and_a_bounded_size(messages):
    parts, expected, session_id, at = [], [], 1, 0
    for new_session, minutes in messages:
        session_id += new_session
        parts.append(verdicts(session_id, at, minutes))
        expected += [(session_id, minute) for minute in range(at, at + minutes)]
        at += minutes
    batches = score_batches(HeldDevice("p1", 1, 0), parts, "b")
    assert [(batch.session_id, minute) for batch in batches for minute in batch.event_minute] == expected
    assert all(0 < len(batch.event_minute) <= MOST_MINUTES for batch in batches)
