"""A device goes on under another bundle as if that had judged it from its enrolment on; what was held against it stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import ENROLMENT, LIVES, Life, assert_same_snapshot, calm, chunk, life, open_engine
from msgspec.structs import replace
from plain_detector import level_model, plain_model

from contracts.messages.verdicts import DeviceSnapshot, DeviceState
from detectors.engine.chunks import MinuteChunk
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model

OLD, NEW = level_model("one"), level_model("two", threshold=1.2)
P, Q, B = DeviceState.PROBATION, DeviceState.QUARANTINED, DeviceState.BENIGN


def parts_of(lived: Life, end: int, size: int = 60) -> list[MinuteChunk]:
    return [lived.part(at, min(at + size, end)) for at in range(0, end, size)]


def needed(snapshot: DeviceSnapshot, parts: list[MinuteChunk]) -> list[MinuteChunk]:
    """No more than is asked for, but in whole records."""
    first = DetectionEngine.history_needed_to_take_over(snapshot)
    assert first is not None
    return [part for part in parts if part.first_event_minute + len(part.heart_rate_bpm) > first]


def moved(snapshot: DeviceSnapshot, parts: list[MinuteChunk], model: Model = NEW) -> DetectionEngine:
    engine = DetectionEngine(model, enrolment_min=ENROLMENT)
    assert engine.take_over("a", snapshot, needed(snapshot, parts))
    return engine


def judged(model: Model, parts: list[MinuteChunk]) -> DetectionEngine:
    engine = open_engine(model)
    engine.apply(parts)
    return engine


def calm_life(minutes: int, seed: int = 0) -> Life:
    beats = np.array(calm(minutes, seed))
    return Life(beats, np.round(np.random.default_rng(seed).normal(16, 0.6, minutes), 1), beats - 0.5)


@settings(max_examples=6)
@given(st.data(), LIVES)
def test_standing_is_kept_and_all_else_is_the_new_bundles_own(
    data: st.DataObject, runs: list[tuple[float, int]]
) -> None:
    lived = life(runs)
    at = data.draw(st.integers(0, len(lived) - 1))
    before = judged(OLD, parts_of(lived, at) or [lived.part(0, 0)]).snapshot("a")
    after = moved(before, parts_of(lived, at)).snapshot("a")
    for kept in (
        "standing",
        "state",
        "state_since",
        "calm_min",
        "clean_min",
        "seen_mask",
        "applied_through",
        "finished",
    ):
        assert getattr(after, kept) == getattr(before, kept), kept
    assert (after.profile is None) == (before.profile is None)
    if before.profile is not None and after.profile is not None:
        assert after.profile == replace(before.profile, bundle_sha="two", threshold=1.2)


def test_a_device_that_was_never_flagged_goes_on_as_if_the_new_bundle_had_judged_it_always() -> None:
    lived = calm_life(900)
    new = plain_model(3, bundle_sha="new", threshold=1e9)
    before = judged(plain_model(2, bundle_sha="old", threshold=1e9), parts_of(lived, 700)).snapshot("a")
    engine, always = moved(before, parts_of(lived, 700), new), judged(new, parts_of(lived, 700))
    assert_same_snapshot(engine.snapshot("a"), always.snapshot("a"))
    found, expected = (each.apply([lived.part(700, 900)])[0] for each in (engine, always))
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-6, atol=2e-6)
    assert found.state == expected.state


@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_profile_is_the_one_the_new_bundle_would_have_frozen(size: int) -> None:
    lived = calm_life(400)
    old, new = judged(OLD, parts_of(lived, 400)), judged(NEW, parts_of(lived, 400))
    engine = moved(old.snapshot("a"), parts_of(lived, 400, size))
    assert engine.snapshot("a").profile == new.snapshot("a").profile != old.snapshot("a").profile


def test_a_profile_that_was_frozen_long_ago_is_frozen_again_from_its_own_minutes() -> None:
    lived = calm_life(2500, seed=3)
    lived.heart[1200:] += 9  # by now the device is another
    old, new = judged(OLD, parts_of(lived, 2500)), judged(NEW, parts_of(lived, 400))
    assert moved(old.snapshot("a"), parts_of(lived, 2500)).snapshot("a").profile == new.snapshot("a").profile


@pytest.mark.parametrize("lost", [1, 60, 140])
def test_without_all_of_its_enrolment_a_device_is_not_taken_over(lost: int) -> None:
    lived = calm_life(400)
    old = judged(OLD, parts_of(lived, 400))
    engine = DetectionEngine(NEW, enrolment_min=ENROLMENT)
    assert not engine.take_over("a", old.snapshot("a"), [lived.part(lost, 400)])
    assert "a" not in engine


def test_minutes_of_another_session_are_no_enrolment() -> None:
    old = judged(OLD, parts_of(calm_life(300), 300))
    engine = DetectionEngine(NEW, enrolment_min=ENROLMENT)
    assert not engine.take_over("a", old.snapshot("a"), [chunk(calm(300), session=2)])


def test_an_enrolment_of_another_length_is_kept_and_the_next_one_is_as_long_as_it_should_be() -> None:
    lived = calm_life(500)
    old = open_engine(OLD, enrolment_min=200)
    old.apply(parts_of(lived, 400))
    engine = moved(old.snapshot("a"), parts_of(lived, 400))
    assert engine.snapshot("a").profile.enrolment_min == 200  # type: ignore[union-attr]
    engine.apply([chunk(calm(100), 500, session=2)])
    assert engine.reason("a") == f"100 of {ENROLMENT} enrolment minutes"


def test_a_quarantined_device_stays_quarantined_however_mild_the_new_bundle_is() -> None:
    lived = Life(np.array([*calm(250), *[125.0] * 100]), np.full(350, 15.0), np.full(350, np.nan))
    before = judged(OLD, parts_of(lived, 350)).snapshot("a")
    assert before.state is Q
    engine = moved(before, parts_of(lived, 350), level_model("mild", threshold=1e9))
    assert engine.snapshot("a").state is Q
    states = engine.apply([chunk(calm(300, seed=9), 350)])[0].state
    leaves = states.index(P)
    assert leaves >= 105  # all of the clean decisions that quarantine asks for, none given as a present
    assert B not in states[: leaves + 105]


def test_a_void_enrolment_in_quarantine_stays_void() -> None:
    lived = Life(np.full(100, 70.0), np.full(100, 15.0), np.full(100, np.nan))
    before = judged(OLD, parts_of(lived, 100)).snapshot("a")
    assert (before.state, before.profile) == (Q, None)
    after = moved(before, parts_of(lived, 100), level_model("mild", threshold=1e9)).snapshot("a")
    assert (after.state, after.profile) == (Q, None)


def test_a_device_that_was_re_enrolled_is_taken_over_from_its_second_enrolment() -> None:
    lived = calm_life(600)
    stream = [
        lived.part(0, 250),
        MinuteChunk("a", 1, lived.part(250, 251).first_event_minute, [], [], re_enrol=True),
        lived.part(250, 600),
    ]
    before, new = judged(OLD, stream).snapshot("a"), judged(NEW, stream).snapshot("a")
    after = moved(before, stream).snapshot("a")
    assert after.profile == new.profile
    assert after.valid_minutes == before.valid_minutes == 350
