"""What training and evaluation compute of a whole stream is what the engine computes of it, decision by decision."""

from __future__ import annotations

import numpy as np
import pytest
from lives import START, assert_same, calm, chunk, open_engine, outcome
from plain_detector import plain_model

from detectors.baseline.own_past import enrolment_decisions, own_past
from detectors.baseline.profile import profile_of
from detectors.decisions.votes import AGREE, KINDS, stream_votes
from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.model import Model, profile_from
from detectors.minutes.cleaning import CleanMinutes, clean
from detectors.minutes.windows import decision_count, decision_minute, usable_decisions
from detectors.rules import copies
from detectors.scoring.components import components_of, tail_features_of
from detectors.statistics.windows import blocks_of, rows_of_stream, stream_statistics

MODEL = plain_model(5, threshold=1e9)  # nothing is flagged, so that nothing is kept out of the baseline
ENROLMENT = 200
MINUTES = 1800


@pytest.fixture(scope="module")
def vitals() -> tuple[np.ndarray, np.ndarray]:
    """Thirty hours: past the lag of the baseline, with short gaps of one channel and of both, and an hour that copies."""
    heart = np.array(calm(MINUTES, seed=8))
    breath = np.round(np.random.default_rng(9).normal(16, 0.8, MINUTES), 1)
    for at in range(40, MINUTES, 97):
        heart[at : at + 4] = np.nan
        breath[at + 2 : at + 9] = np.nan
    heart[1500:1620], breath[1500:1620] = np.tile(heart[1470:1500], 4), np.tile(breath[1470:1500], 4)
    return heart, breath


@pytest.fixture(scope="module")
def said(vitals) -> Verdicts:
    engine = open_engine(MODEL, enrolment_min=ENROLMENT)
    return engine.apply([MinuteChunk("a", 1, START, *vitals)])[0]


@pytest.fixture(scope="module")
def minutes(vitals) -> CleanMinutes:
    found = clean(START, *vitals)
    return CleanMinutes(np.round(found.values, 2), found.weight, found.event_minute, found.observed)


def batch_votes(model: Model, minutes: CleanMinutes) -> dict[str, np.ndarray]:
    """Return the votes of every decision by kind, and the network's mean square error, computed of the whole stream."""
    rows = rows_of_stream(minutes.values, minutes.weight, profile_of(minutes, ENROLMENT))
    errors = model.network_errors(rows)
    values = stream_statistics(blocks_of(rows, errors))
    enrolled, keep = enrolment_decisions(ENROLMENT), usable_decisions(minutes)
    found = tail_features_of(model.parameters, values, own_past(values, enrolled, keep))
    logits, family_free = components_of(model.parameters.classifiers, found)
    above = logits - own_past(logits, enrolled, keep).mean
    scales = model.parameters.scales
    return {
        "fast": scales["fast"].of(stream_votes(above[:, 0], AGREE["fast"])),
        "slow": scales["slow"].of(stream_votes(above[:, 1], AGREE["slow"])),
        "family_free": scales["family_free"].of(stream_votes(family_free, AGREE["family_free"])),
        "copy": stream_votes(copies.stream_nats(copies.block_evidence(rows)) / copies.LIMIT_NATS, AGREE["copy"]),
        "error": np.square(errors).mean(axis=(1, 2)),
    }


def test_votes_of_the_whole_stream_are_those_of_the_engine(said: Verdicts, minutes: CleanMinutes) -> None:
    expected = batch_votes(MODEL, minutes)
    decided = np.flatnonzero(np.isfinite(said.score))
    at = np.searchsorted(minutes.event_minute, said.event_minute[decided], side="right") - 1
    decision = (at - 59) // 15
    assert len(decision) > 85
    late = decision > 20  # votes of before the enrolment's end are of another kind
    for kind in ("fast", "slow", "family_free"):
        np.testing.assert_allclose(said.scores[kind][decided][late], expected[kind][decision][late], atol=2e-5)
    copied = np.maximum(expected["copy"], 0)[decision][late]
    np.testing.assert_allclose(said.scores["copy"][decided][late] / 1e9, copied, rtol=1e-6, atol=1e-8)
    assert copied.max() > 1
    np.testing.assert_allclose(said.reconstruction_error[decided], expected["error"][decision], rtol=1e-4)


def test_a_vote_is_made_with_the_minute_that_completes_the_window(said: Verdicts, minutes: CleanMinutes) -> None:
    last = decision_minute(np.arange(decision_count(len(minutes))))
    due = minutes.event_minute[last]
    decided = said.event_minute[np.isfinite(said.score)]
    closed = [minute for minute in decided.tolist() if minute in set(due.tolist())]
    assert len(closed) > 70  # the others wait for the gap in which they fall to be closed
    assert all(0 <= (minute - due[due <= minute].max()) <= 10 for minute in decided.tolist())


def test_the_profile_is_that_of_the_clean_minutes(vitals, minutes: CleanMinutes) -> None:
    engine = open_engine(MODEL, enrolment_min=ENROLMENT)
    engine.apply([MinuteChunk("a", 1, START, *vitals)])
    record = engine.snapshot("a").profile
    assert record is not None
    found, expected = profile_from(record), profile_of(minutes, ENROLMENT)
    for name in ("median", "scale", "residual_size", "unchanged_share", "grid_bpm", "context"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, err_msg=name)


def test_a_recording_is_judged_by_the_same_engine(vitals, said: Verdicts) -> None:
    detector = Detector(MODEL)
    found = detector.score("a", START, *vitals, enrolment_min=ENROLMENT)
    assert found.state == said.state
    np.testing.assert_array_equal(found.score, said.score)
    assert set(found.scores) == set(KINDS)


def test_plain_numbers_and_arrays_are_the_same_minutes() -> None:
    beats = calm(300)
    arrays, lists = open_engine(MODEL), open_engine(MODEL)
    of_arrays = arrays.apply([chunk(beats)])
    of_lists = lists.apply([MinuteChunk("a", 1, START, beats, [15.0] * 300)])
    assert_same(outcome(of_lists, lists.snapshot("a")), outcome(of_arrays, arrays.snapshot("a")))
