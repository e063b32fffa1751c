"""Scores on their way out: every minute once, in order, every kind by name, in records that a broker takes."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages.verdicts import (
    BaselineSnapshot,
    DeviceProfile,
    DeviceSnapshot,
    DeviceState,
    DeviceStatus,
    decode_scores,
    decode_status,
    encode_verdict,
)
from detectors.decisions.votes import KEPT, KINDS
from detectors.engine.chunks import Verdicts
from detectors.statistics.registry import columns
from streams.scoring.records import MOST_MINUTES, next_status, score_batches
from streams.state.devices import DeviceContext
from streams.state.restore import taken_over

NAN, INF = float("nan"), float("inf")
BROKER_TAKES_BYTES = 1_000_000


def verdicts(session_id: int, first_minute: int, minutes: int, **scores: list[float]) -> Verdicts:
    """Return verdicts with these kinds of score; their largest is the score, NaN where none is known."""
    nothing = np.full(minutes, NAN, np.float32)
    kinds = {kind: np.array(scores.get(kind, nothing), np.float32) for kind in KINDS}
    score = np.fmax.reduce(list(kinds.values()))
    scored = np.flatnonzero(~np.isnan(score)).tolist()
    return Verdicts(
        device_id="p1", session_id=session_id, event_minute=np.arange(first_minute, first_minute + minutes),
        reconstruction_error=nothing, score=score, scores=kinds,
        threshold=np.full(minutes, 1.5, np.float32), flagged=np.zeros(minutes, np.bool_), state=[DeviceState.BENIGN] * minutes,
        transitions=[], dropped={}, session_opened=False, windows=len(scored), flagged_windows=0,
        latest_score=float(score[scored[-1]]) if scored else None, latest_threshold=1.5 if scored else None,
        latest_flagged=False, flagged_share=0.0, enrolled=False, enrolment_share=0.0, reason="",
    )  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), st.integers(0, MOST_MINUTES)), max_size=12))
def test_every_minute_travels_once_in_order_in_batches_of_one_session_and_a_bounded_size(messages):
    parts, expected, session_id, at = [], [], 1, 0
    for new_session, minutes in messages:
        session_id += new_session
        parts.append(verdicts(session_id, at, minutes))
        expected += [(session_id, minute) for minute in range(at, at + minutes)]
        at += minutes
    batches = score_batches(DeviceContext("p1", 1, 0), parts, "b")
    assert [(batch.session_id, minute) for batch in batches for minute in batch.event_minute] == expected
    assert all(0 < len(batch.event_minute) <= MOST_MINUTES for batch in batches)


def test_every_kind_of_score_travels_by_name_with_null_where_it_is_not_known():
    parts = [
        verdicts(1, 0, 2, fast=[NAN, 0.12345], slow=[NAN, NAN]),
        verdicts(1, 2, 2, fast=[-1.0, 2.0], slow=[NAN, 1.9996], replay=[0.0, 0.0]),
    ]
    (batch,) = score_batches(DeviceContext("p1", 1, 0), parts, "b")
    received = decode_scores(encode_verdict(batch))
    assert received.scores == {
        "fast": [None, 0.123, -1.0, 2.0],
        "slow": [None, None, None, 2.0],
        "replay": [None, None, 0.0, 0.0],
    }
    assert received.score == [None, 0.12345, 0.0, 2.0]


def test_kinds_that_nothing_is_known_of_are_left_out():
    (batch,) = score_batches(DeviceContext("p1", 1, 0), [verdicts(1, 0, 3)], "b")
    assert batch.scores == {}
    assert decode_scores(encode_verdict(batch)).score == [None] * 3


def test_the_longest_batch_of_all_kinds_is_far_below_what_a_broker_takes():
    rng = np.random.default_rng(0)
    longest = {kind: (-rng.uniform(10, 12, MOST_MINUTES)).tolist() for kind in KINDS}
    part = verdicts(1, 489_000_000, MOST_MINUTES, **longest)
    part = msgspec.structs.replace(
        part, reconstruction_error=rng.uniform(10, 60, MOST_MINUTES).astype(np.float32),
        state=[DeviceState.INVALID_INPUT] * MOST_MINUTES,
    )  # fmt: skip
    (batch,) = score_batches(DeviceContext("d" * 64, 1, 0), [part], "5" * 64)
    assert len(encode_verdict(batch)) < BROKER_TAKES_BYTES / 4


# --- statuses ------------------------------------------------------------------------------------------------------


def profile() -> DeviceProfile:
    return DeviceProfile(
        median=(80.0, 16.0), scale=(4.0, 1.5), residual_size=(0.9, 0.4, 1.0, 0.5, 1.1, 0.6), unchanged_share=(0.1, 0.2),
        grid_bpm=(0.1, 1.0), context=tuple(1 / (3 + place) for place in range(27)), pulse_limit_bpm=4.0, threshold=1.5,
        enrolment_min=600, first_event_minute=1, last_event_minute=90, bundle_sha="b", rule="common-scale",
    )  # fmt: skip


def baseline() -> BaselineSnapshot:
    """Of a device that was judged for days: 55 decisions wait."""
    judged = np.random.default_rng(0).standard_normal(len(columns()) + 2)
    logits = np.random.default_rng(1).standard_normal((55, 2))
    return BaselineSnapshot(
        count=300, total=judged.tobytes(), squares=(judged**2).tobytes(), first_waiting=304,
        waiting_logits=logits.tobytes(), kept_mask=2**55 - 1,
    )  # fmt: skip


def snapshot(state: DeviceState, profile: DeviceProfile | None) -> DeviceSnapshot:
    return DeviceSnapshot(
        session_id=1, applied_through=100, standing=state, state=state, state_since=100, profile=profile,
        baseline=baseline() if profile else None, votes=np.zeros((KEPT, len(KINDS))).tobytes(), seen_mask=2**240 - 1,
        stream_start=1, valid_minutes=100, last_valid_minute=100, history_from=1, explanation="restless",
    )  # fmt: skip


BENIGN = snapshot(DeviceState.BENIGN, profile())
STATUS = DeviceStatus(
    device_id="p1", epoch=1, applied_through=100, vitals_offset=10, session_id=1, state=DeviceState.BENIGN, reason="",
    state_since=90, enrolled=True, enrolment_share=1.0, score=0.1, threshold=3.0, scores={"fast": 0.1}, flagged=False,
    flagged_share=0.0, received_at=0.0, batch_interval_s=1.0, finished=False, bundle_sha="b", worker_id="w",
    minutes=100, windows=40, flagged_windows=0, snapshot=BENIGN,
)  # fmt: skip


def status_after(*parts: Verdicts, before: DeviceStatus | None = STATUS) -> DeviceStatus:
    made = next_status(
        DeviceContext.from_status("p1", 1, 10, before), BENIGN, parts, reason="", bundle_sha="b", worker_id="w"
    )
    return decode_status(encode_verdict(made))


def test_a_status_shows_the_kinds_of_the_last_scored_minute():
    first = verdicts(1, 0, 2, fast=[9.0, 9.0], pulse=[9.0, 9.0])
    status = status_after(first, verdicts(1, 2, 3, fast=[7.0, 0.98765, NAN], slow=[0.5, 1.25, NAN]))
    assert status.scores == {"fast": 0.988, "slow": 1.25}
    assert (status.score, status.threshold) == (1.25, 1.5)


def test_minutes_without_a_window_leave_the_shown_scores_as_they_were():
    assert status_after(verdicts(1, 0, 3)).scores == {"fast": 0.1}
    assert status_after().score == 0.1
    assert status_after(verdicts(1, 0, 3), before=None).scores == {}


def test_a_score_that_is_no_number_is_null_and_its_kind_left_out():
    part = msgspec.structs.replace(verdicts(1, 0, 1, family_free=[0.5]), latest_score=INF, latest_flagged=True)
    status = status_after(part)
    assert (status.score, status.flagged, status.scores) == (None, True, {"family_free": 0.5})


def test_a_status_with_its_snapshot_is_small_and_comes_back_whole():
    encoded = encode_verdict(STATUS)
    assert len(encoded) < 6000
    assert decode_status(encoded) == STATUS


def test_a_takeover_changes_nothing_but_the_holder():
    taken = taken_over(STATUS, 2, "v", BENIGN)
    assert taken == msgspec.structs.replace(STATUS, epoch=2, worker_id="v")


def test_a_takeover_with_another_bundle_shows_at_once_that_the_profile_is_void():
    void = snapshot(DeviceState.ENROLLING, None)
    taken = taken_over(STATUS, 2, "v", void)
    assert (taken.state, taken.enrolled, taken.enrolment_share) == (DeviceState.ENROLLING, False, 0.0)
    assert taken.snapshot == void
