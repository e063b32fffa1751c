"""A device goes on under another bundle as if that had judged it from the start; what was held against it stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import ENROLMENT, LIVES, START, Life, calm, chunk, life, open_tracks
from plain_model import PlainModel, all_hour
from random_bundle import random_knowledge
from real_stay import ENROLMENT as REAL_ENROLMENT
from real_stay import LIMIT, MINUTES, engine, part

from contracts.verdicts import DeviceSnapshot, DeviceState
from detectors.chunks import MinuteChunk
from detectors.model import Model
from detectors.tracks import DeviceTracks

OLD = PlainModel()
NEW = PlainModel("two", median=(75.0, 14.0), scale=(8.0, 2.0), threshold=1.5, hour=all_hour)


def parts_of(lived: Life, end: int, size: int = 60) -> list[MinuteChunk]:
    return [lived.part(at, min(at + size, end)) for at in range(0, end, size)]


def needed(snapshot: DeviceSnapshot, parts: list[MinuteChunk]) -> list[MinuteChunk]:
    """No more than is asked for, but in whole records."""
    first = DeviceTracks.history_needed_to_take_over(snapshot)
    assert first is not None
    return [part for part in parts if part.first_event_minute + len(part.heart_rate_bpm) > first]


def moved(snapshot: DeviceSnapshot, parts: list[MinuteChunk], model: PlainModel = NEW) -> DeviceTracks:
    tracks = DeviceTracks(model, enrolment_min=ENROLMENT)
    assert tracks.take_over("a", snapshot, needed(snapshot, parts))
    return tracks


@settings(deadline=None, max_examples=40)
@given(st.data(), LIVES)
def test_scores_and_profile_are_those_of_the_new_bundle_undisturbed_whenever_it_comes(
    data: st.DataObject, runs: list[tuple[float, int]]
) -> None:
    lived = life(runs)
    at = data.draw(st.integers(0, len(lived) - 1))
    old = open_tracks(OLD)
    old.apply(parts_of(lived, at) or [lived.part(0, 0)])
    before = old.snapshot("a")
    tracks = moved(before, parts_of(lived, at))
    after = tracks.snapshot("a")
    assert (after.standing, after.state, after.state_since) == (before.standing, before.state, before.state_since)
    assert (after.flagged_masks, after.scored_mask) == (before.flagged_masks, before.scored_mask)
    assert (after.calm_min, after.clean_min) == (before.calm_min, before.clean_min)
    assert (after.enrolment_start, after.enrolment_count) == (before.enrolment_start, before.enrolment_count)
    # The undisturbed run need not have frozen its profile when the old bundle did, so it is given what the moved one has.
    undisturbed = DeviceTracks(NEW, enrolment_min=ENROLMENT)
    first = before.profile.last_event_minute + 1 - START if before.profile else 0
    assert (after.profile is None) == (before.profile is None)
    undisturbed.open("a", _standing_at(before, after, first))
    for piece in parts_of(lived, first):
        undisturbed.fill(piece)
    whole = undisturbed.apply([lived.part(first, at), lived.part(at, len(lived))])[1]
    rest = tracks.apply([lived.part(at, len(lived))])[0]
    # A profile frozen later than the change is another matter: whether it is frozen depends on the state.
    later = tracks.snapshot("a").profile if before.profile is None else None
    until = len(lived) if later is None else later.last_event_minute - START - at + 1
    for kind in whole.scores:
        np.testing.assert_array_equal(rest.scores[kind][:until], whole.scores[kind][:until])


def _standing_at(before: DeviceSnapshot, after: DeviceSnapshot, first: int) -> DeviceSnapshot:
    """Where the new bundle would stand at minute `first`, its profile just frozen (or nothing known yet)."""
    return DeviceSnapshot(
        session_id=before.session_id, applied_through=START + first - 1, standing=DeviceState.QUARANTINED,
        state=DeviceState.QUARANTINED, state_since=START, profile=after.profile,
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_profile_is_the_one_the_new_bundle_would_have_frozen(size: int) -> None:
    lived = Life(np.array(calm(400)), np.array(calm(400)) - 0.5)
    old, new = open_tracks(OLD), open_tracks(NEW)
    for tracks in (old, new):
        tracks.apply(parts_of(lived, 400))
    tracks = moved(old.snapshot("a"), parts_of(lived, 400, size))
    assert tracks.snapshot("a").profile == new.snapshot("a").profile
    assert tracks.snapshot("a").profile != old.snapshot("a").profile


def test_a_profile_that_was_frozen_long_ago_is_frozen_again_from_its_own_minutes() -> None:
    heart = np.array(calm(6000, seed=3))
    heart[3000:] += 9  # by now the device is another
    lived = Life(heart, heart - 0.5)
    old, new = open_tracks(OLD), open_tracks(NEW)
    old.apply(parts_of(lived, 6000))
    new.apply(parts_of(lived, 400))
    assert moved(old.snapshot("a"), parts_of(lived, 6000)).snapshot("a").profile == new.snapshot("a").profile


@pytest.mark.parametrize("lost", [1, 60, 140])
def test_without_all_of_its_enrolment_a_device_is_not_taken_over(lost: int) -> None:
    lived = Life(np.array(calm(400)), np.array(calm(400)) - 0.5)
    old = open_tracks(OLD)
    old.apply(parts_of(lived, 400))
    tracks = DeviceTracks(NEW, enrolment_min=ENROLMENT)
    assert not tracks.take_over("a", old.snapshot("a"), [lived.part(lost, 400)])
    assert "a" not in tracks


def quarantined(bundle: PlainModel, racing: int = 100) -> tuple[DeviceTracks, Life]:
    lived = Life(np.array([*calm(200), *[125.0] * racing]), np.full(200 + racing, np.nan))
    tracks = open_tracks(bundle)
    tracks.apply(parts_of(lived, len(lived)))
    assert tracks.snapshot("a").state is DeviceState.QUARANTINED
    return tracks, lived


def test_a_quarantined_device_stays_quarantined_however_mild_the_new_bundle_is() -> None:
    old, lived = quarantined(OLD)
    mild = PlainModel("mild", threshold=1e9)
    tracks = moved(old.snapshot("a"), parts_of(lived, len(lived)), mild)
    assert tracks.snapshot("a").state is DeviceState.QUARANTINED
    states = tracks.apply([chunk(calm(240, seed=9), len(lived))])[0].state
    leaves = states.index(DeviceState.PROBATION)
    assert leaves >= 119  # all of the clean minutes that quarantine asks for, none given as a present
    assert DeviceState.BENIGN not in states[: leaves + 120]


def test_a_void_enrolment_in_quarantine_stays_void() -> None:
    lived = Life(np.full(100, 125.0), np.full(100, np.nan))
    old = open_tracks(OLD)
    old.apply(parts_of(lived, 100))
    before = old.snapshot("a")
    assert (before.state, before.profile) == (DeviceState.QUARANTINED, None)
    after = moved(before, parts_of(lived, 100), PlainModel("mild", threshold=1e9)).snapshot("a")
    assert (after.state, after.profile, after.flagged_masks) == (before.state, None, before.flagged_masks)


def test_minutes_of_another_session_are_no_enrolment() -> None:
    lived = Life(np.array(calm(300)), np.full(300, np.nan))
    old = open_tracks(OLD)
    old.apply(parts_of(lived, 300))
    tracks = DeviceTracks(NEW, enrolment_min=ENROLMENT)
    other = [chunk(calm(300), session=2)]
    assert not tracks.take_over("a", old.snapshot("a"), other)


def test_the_real_arithmetic_goes_on_as_if_the_new_bundle_had_judged_from_the_start(
    reconstructor, model: Model, stay: MinuteChunk
) -> None:
    new = Model(reconstructor, random_knowledge(11, threshold=LIMIT), "two")
    old, whole = engine(model), engine(new)
    at = 702  # two minutes into a block: scores of the last decision hold
    old.apply([part(stay, 0, at)])
    whole.apply([part(stay, 0, at)])
    before = old.snapshot("a")
    assert before.profile is not None
    tracks = DeviceTracks(new, enrolment_min=REAL_ENROLMENT)
    assert tracks.take_over("a", before, [part(stay, first, min(first + 50, at)) for first in range(0, at, 50)])
    after, expected = tracks.snapshot("a"), whole.snapshot("a")
    assert after.profile is not None
    assert expected.profile is not None
    assert (after.profile.bundle_sha, after.profile.threshold) == ("two", expected.profile.threshold)
    np.testing.assert_array_equal(after.profile.median, expected.profile.median)
    assert set(after.held_scores) == set(expected.held_scores) == set(before.held_scores)
    for kind, score in expected.held_scores.items():
        assert after.held_scores[kind] == pytest.approx(score, abs=2e-3)
    assert after.held_scores != before.held_scores
    rest, same = (one.apply([part(stay, at, MINUTES)])[0] for one in (tracks, whole))
    np.testing.assert_allclose(rest.score, same.score, atol=2e-3, rtol=1e-4)
