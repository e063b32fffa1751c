"""Scores on their way out: every minute once, in order, in records that a broker takes."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contracts.verdicts import DeviceProfile, DeviceSnapshot, DeviceState, DeviceStatus
from detectors.chunks import Verdicts
from streams.held_device import HeldDevice
from streams.verdict_records import MOST_MINUTES, score_batches, taken_over


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


PROFILE = DeviceProfile(
    median=(80.0, 16.0), scale=(4.0, 1.5), residual_rms=(1.0, 1.0), logit_mean=0.0, logit_sd=1.0, threshold=3.0,
    first_event_minute=1, last_event_minute=90, bundle_sha="b",
)  # fmt: skip


def snapshot(state: DeviceState, profile: DeviceProfile | None) -> DeviceSnapshot:
    return DeviceSnapshot(
        session_id=1, applied_through=100, standing=state, state=state, state_since=100, profile=profile
    )


BENIGN = snapshot(DeviceState.BENIGN, PROFILE)
STATUS = DeviceStatus(
    device_id="p1", epoch=1, applied_through=100, vitals_offset=10, session_id=1, state=DeviceState.BENIGN, reason="",
    state_since=90, enrolled=True, enrolment_share=1.0, score=0.1, threshold=3.0, scores={}, flagged=False,
    flagged_share=0.0, received_at=0.0, batch_interval_s=1.0, finished=False, bundle_sha="b", worker_id="w",
    minutes=100, windows=40, flagged_windows=0, snapshot=BENIGN,
)  # fmt: skip


def test_a_takeover_changes_nothing_but_the_holder():
    taken = taken_over(STATUS, 2, "v", BENIGN)
    assert (taken.epoch, taken.worker_id) == (2, "v")
    assert msgspec.structs.replace(taken, epoch=1, worker_id="w") == STATUS


def test_a_takeover_with_another_bundle_shows_at_once_that_the_profile_is_void():
    void = snapshot(DeviceState.ENROLLING, None)
    taken = taken_over(STATUS, 2, "v", void)
    assert (taken.state, taken.enrolled, taken.enrolment_share) == (DeviceState.ENROLLING, False, 0.0)
    assert taken.snapshot == void
