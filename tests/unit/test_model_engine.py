"""The real arithmetic with random weights: the same verdicts however minutes are packed and whenever a worker dies."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from lives import Outcome, outcome
from real_stay import ENROLMENT, LIMIT, MINUTES, engine, part

from contracts.verdicts import DeviceSnapshot
from detectors.chunks import MinuteChunk, Verdicts
from detectors.model import Model
from detectors.tracks import DeviceTracks
from detectors.votes import KINDS


@pytest.fixture(scope="module")
def whole(model: Model, stay: MinuteChunk) -> Verdicts:
    return engine(model).apply([stay])[0]


def same(verdicts: list[Verdicts], whole: Verdicts) -> None:
    """Scores to the compiler's rounding, everything else exactly."""
    for name in ("score", "reconstruction_error"):
        found = np.concatenate([getattr(one, name) for one in verdicts])
        np.testing.assert_allclose(found, getattr(whole, name), atol=2e-3, rtol=1e-4)
    for kind in KINDS:
        found = np.concatenate([one.scores[kind] for one in verdicts])
        np.testing.assert_allclose(found, whole.scores[kind], atol=2e-3, rtol=1e-4)
    np.testing.assert_array_equal(np.concatenate([one.threshold for one in verdicts]), whole.threshold)
    np.testing.assert_array_equal(np.concatenate([one.flagged for one in verdicts]), whole.flagged)
    assert [state for one in verdicts for state in one.state] == whole.state
    assert [change for one in verdicts for change in one.transitions] == whole.transitions


def test_the_stay_has_everything_that_could_go_wrong(whole: Verdicts) -> None:
    """Or the tests below would prove nothing."""
    scored = ~np.isnan(whole.score)
    assert 0.05 < whole.flagged[scored].mean() < 0.95
    assert len(set(whole.state)) >= 3
    assert whole.enrolled
    for kind in KINDS:
        assert np.isfinite(whole.scores[kind]).any()
    assert np.nanmax(whole.scores["replay"]) > LIMIT
    assert whole.scores["hour"].dtype == np.float32


@pytest.mark.parametrize("minutes", [1, 7, MINUTES])
def test_packing_does_not_show(model: Model, stay: MinuteChunk, whole: Verdicts, minutes: int) -> None:
    tracks = engine(model)
    parts = [part(stay, at, min(at + minutes, MINUTES)) for at in range(0, MINUTES, minutes)]
    same([verdicts for one in parts for verdicts in tracks.apply([one])], whole)


def test_a_restart_does_not_show_at_any_minute_open_enrolment_included(
    model: Model, stay: MinuteChunk, whole: Verdicts
) -> None:
    died = sorted(np.random.default_rng(8).choice(np.arange(1, MINUTES), 10, replace=False).tolist())
    assert died[0] < ENROLMENT < died[-1]
    edges = [0, *died, MINUTES]
    tracks, verdicts = engine(model), []
    for first, end in pairwise(edges):
        verdicts += tracks.apply([part(stay, first, end)])
        stored = msgspec.json.encode(tracks.snapshot("a"))
        snapshot = msgspec.json.decode(stored, type=DeviceSnapshot)
        needed = DeviceTracks.history_needed_from(snapshot)
        assert needed is not None
        tracks = engine(model, snapshot)
        assert tracks.snapshot("a") == snapshot
        oldest = max(0, needed - stay.first_event_minute)
        for at in range(oldest, MINUTES, 100):
            tracks.fill(part(stay, at, min(at + 100, MINUTES)))
    same(verdicts, whole)


def test_the_same_packing_gives_the_same_verdicts_to_the_last_bit(model: Model, stay: MinuteChunk) -> None:
    def judged() -> Outcome:
        tracks = engine(model)
        verdicts = [one for at in range(0, MINUTES, 50) for one in tracks.apply([part(stay, at, at + 50)])]
        return outcome(verdicts, tracks.snapshot("a"))

    assert judged() == judged()


def test_devices_in_one_batch_are_judged_each_by_its_own_yardstick(
    model: Model, stay: MinuteChunk, whole: Verdicts
) -> None:
    """One with a profile, one that enrols: their windows share a call, and neither shows in the other's scores."""
    tracks = engine(model)
    tracks.open("b", None)
    verdicts = []
    for at in range(0, MINUTES, 125):
        other = msgspec.structs.replace(part(stay, MINUTES - at - 70, MINUTES - at), device_id="b")
        other = msgspec.structs.replace(other, first_event_minute=stay.first_event_minute + at)
        verdicts += tracks.apply([*[other] * (at % 250 == 0), part(stay, at, at + 125)])[-1:]
    assert tracks.snapshot("b").profile is None
    same(verdicts, whole)
