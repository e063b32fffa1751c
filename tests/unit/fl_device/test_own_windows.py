from __future__ import annotations

import tracemalloc
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from plain_detector import level_model

from contracts.event_time import EPOCH
from contracts.messages.vitals import VitalsBatch, encode_vitals
from detectors.engine.engine import DetectionEngine
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import cut_windows, usable_window_ends
from fl_device.host.detector import HostDetector
from fl_device.tasks.task import Examples
from fl_device.training.own_windows import JudgedMinutes, OwnWindows, own_hours

START = 1_000_000
HORIZON_MIN = 120


def judged(first: int, vitals, benign=None, clean=None) -> JudgedMinutes:
    count = len(vitals)
    return JudgedMinutes(
        event_minute=np.arange(first, first + count),
        vitals=np.asarray(vitals, np.float64),
        benign=np.ones(count, np.bool_) if benign is None else np.asarray(benign),
        clean=np.ones(count, np.bool_) if clean is None else np.asarray(clean),
    )


def calm_vitals(minutes: int, seed: int = 0):
    return np.random.default_rng(seed).normal((80, 17), (3, 1), (minutes, 2))


def own_windows(**changes) -> OwnWindows:
    return OwnWindows(**{"max_windows": 256, "horizon_min": HORIZON_MIN, "stride_min": 8} | changes)


def ends_of(windows: OwnWindows) -> list[int]:
    return [int(minutes[-1]) - START for minutes in windows.released().event_minute]


def test_a_window_is_released_when_the_device_stayed_benign_for_the_horizon_and_not_a_minute_before():
    windows = own_windows()
    vitals = calm_vitals(59 + HORIZON_MIN + 1)
    windows.observe(judged(START, vitals[:-1]))
    assert ends_of(windows) == []
    windows.observe(judged(START + len(vitals) - 1, vitals[-1:]))
    assert ends_of(windows) == [59]
    np.testing.assert_array_equal(windows.released().values[0], vitals[:60].astype(np.float32))


def test_one_minute_that_is_not_benign_forgets_what_waits_and_keeps_what_was_released():
    windows = own_windows()
    vitals = calm_vitals(400)
    benign = np.ones(400, np.bool_)
    benign[250] = False
    windows.observe(judged(START, vitals, benign))
    released = ends_of(windows)
    assert [end for end in released if end <= 250 - HORIZON_MIN - 1] == released[: len(range(59, 130, 8))]
    assert not [end for end in released if 250 - HORIZON_MIN <= end <= 250]
    assert released[-1] > 250


def test_windows_of_flagged_minutes_and_of_other_states_are_never_kept():
    windows = own_windows(horizon_min=0, stride_min=1)
    clean, benign = np.ones(200, np.bool_), np.ones(200, np.bool_)
    clean[100:120] = False
    benign[150:160] = False
    windows.observe(judged(START, calm_vitals(200), benign, clean))
    assert ends_of(windows) == [end for end in range(59, 200) if not (100 <= end < 120 or 150 <= end < 160)]


def test_the_newest_windows_are_kept_a_stride_apart_and_no_more_than_the_limit():
    windows = own_windows(max_windows=3, horizon_min=0)
    windows.observe(judged(START, calm_vitals(200)))
    assert ends_of(windows) == [179, 187, 195]


def test_a_new_session_forgets_everything():
    windows = own_windows(horizon_min=0)
    windows.observe(judged(START, calm_vitals(100)))
    windows.forget()
    assert len(windows.released()) == 0
    windows.observe(judged(START + 100, calm_vitals(59)))
    assert len(windows.released()) == 0


def test_a_jump_of_centuries_costs_no_memory():
    windows = own_windows(horizon_min=0)
    windows.observe(judged(START, calm_vitals(60)))
    far = START + 700 * 525_960
    tracemalloc.start()
    windows.observe(judged(far, calm_vitals(60)))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ends_of(windows) == [59, far - START + 59]
    assert peak_bytes < 10_000_000


@given(
    gaps=st.sets(st.integers(0, 299), max_size=120),
    cuts=st.lists(st.integers(1, 299), max_size=12),
)
def test_however_the_minutes_come_in_the_windows_are_those_of_the_whole_recording(gaps, cuts):
    vitals = calm_vitals(300)
    vitals[sorted(gaps)] = np.nan
    rows = clean(START, vitals[:, 0], vitals[:, 1])
    usable = usable_window_ends(rows)
    expected_values, expected_minutes = cut_windows(rows, usable)
    scored = np.isin(np.arange(START, START + 300), rows.event_minute[usable])
    windows = own_windows(horizon_min=0, stride_min=1, max_windows=300)
    bounds = [0, *sorted(set(cuts)), 300]
    for begin, end in pairwise(bounds):
        windows.observe(judged(START + begin, vitals[begin:end], clean=scored[begin:end]))
    np.testing.assert_array_equal(windows.released().event_minute, expected_minutes)
    np.testing.assert_array_equal(windows.released().values, expected_values)
    for weight, end in zip(windows.released().weight, usable, strict=True):
        # A cut before the window's first minute may lie too far back to be known.
        np.testing.assert_array_equal(weight[1:], rows.weight[end - 58 : end + 1])


def test_hours_are_scaled_by_the_profile_and_filled_minutes_lie_on_its_grid_without_weight():
    windows = own_windows(horizon_min=0)
    vitals = np.round(calm_vitals(60))
    vitals[30, 0] = np.nan
    vitals[29, 0], vitals[31, 0] = 80, 83
    windows.observe(judged(START, vitals))
    profile = SimpleNamespace(median=(80.0, 17.0), scale=(4.0, 2.0), grid_bpm=(1.0, 1.0), context=(0.5,) * 27)
    hours = own_hours(windows.released(), profile)
    assert hours.z[0, 30, 0] in (0.25, 0.5)
    np.testing.assert_array_equal(hours.z[0, 29], (vitals[29] - [80, 17]) / [4, 2])
    assert hours.weight[0, 30].tolist() == [0, 1]
    assert hours.weight.sum() == 119
    np.testing.assert_array_equal(hours.half_cell, np.float32([0.125, 0.25]))
    assert hours.context.dtype == np.float32


@given(steps=st.lists(st.integers(min_value=1, max_value=90), min_size=4, max_size=12))
def test_no_window_is_trained_on_before_it_was_held_out_nor_while_it_shares_a_minute_with_one_that_is(steps):
    windows = own_windows(held_out=6, horizon_min=0)
    plain = own_windows(horizon_min=0)
    vitals = calm_vitals(60 + sum(steps))
    trained: set[int] = set()
    start = 0
    for count in (60, *steps):
        part = judged(START + start, vitals[start : start + count])
        start += count
        windows.observe(part)
        plain.observe(part)
        held = {int(minutes[-1]) - START for minutes in windows.held_out().event_minute}
        assert len(held) == min(6, len(plain.released()) // 4)
        assert not held & trained
        now = set(ends_of(windows))
        assert not held or max(now, default=-1) < min(held) - 59
        trained |= now
    assert trained <= set(ends_of(plain))


def test_with_held_out_windows_as_many_are_trained_on_as_before():
    windows = own_windows(held_out=16, max_windows=20, horizon_min=0)
    windows.observe(judged(START, calm_vitals(1000)))
    assert (len(windows.released()), len(windows.held_out())) == (20, 16)


def engine() -> DetectionEngine:
    return DetectionEngine(level_model(threshold=2.0), enrolment_min=120)


class PlainTask:
    name = "plain"

    def examples(self, hours):
        return Examples(hours.z, hours.event_minute.astype(np.float32))


def last_minutes_used(horizon_min: int, onset: int) -> list[int]:
    """Judge 600 minutes whose heart rate drifts up from `onset` on. Return the ends of the windows that are trained or measured on."""
    vitals = calm_vitals(600)
    vitals[onset:, 0] += 0.2 * np.arange(600 - onset)
    detector = HostDetector(engine(), PlainTask(), max_windows=256, horizon_min=horizon_min)
    detector.open(["p1"])
    messages = [
        VitalsBatch(
            device_id="p1", session_id=1, observed_at=EPOCH + timedelta(minutes=START + begin),
            heart_rate_bpm=vitals[begin : begin + 30, 0].tolist(), resp_rate_bpm=vitals[begin : begin + 30, 1].tolist(),
            batch_interval_s=1.0, sent_at=0.0,
        )
        for begin in range(0, 600, 30)
    ]  # fmt: skip
    detector.take([("p1", encode_vitals(message)) for message in messages])
    examples, held_out = detector.examples("p1"), detector.held_out("p1")
    assert examples is not None
    assert held_out is not None
    minutes = np.concatenate([examples.targets, held_out.targets]).astype(np.int64)
    return [int(minute) - START for minute in minutes[:, -1]]


def test_the_wait_keeps_what_was_poisoned_before_the_vote_noticed_out_of_training():
    onset = 400
    at_once = last_minutes_used(horizon_min=0, onset=onset)
    after_the_horizon = last_minutes_used(horizon_min=HORIZON_MIN, onset=onset)
    assert any(end >= onset for end in at_once)
    assert after_the_horizon
    assert not any(end >= onset for end in after_the_horizon)


def test_a_device_that_enrols_or_sends_rubbish_has_nothing_to_train_on():
    detector = HostDetector(engine(), PlainTask(), max_windows=8, horizon_min=0)
    detector.open(["p1"])
    detector.take([("p1", b"rubbish"), ("p1", None)])
    assert detector.examples("p1") is None
    assert detector.held_out("p1") is None
