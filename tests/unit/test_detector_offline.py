"""Whole recordings judged at once; whether the trained detector judges well is measured elsewhere, on real patients."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from plain_detector import level_model, plain_bundle
from wfdb_records import stays

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from contracts.messages.verdicts import DeviceState
from detectors import DetectionEngine, Detector, MinuteChunk, Verdicts
from detectors.bundle.bundle import save_bundle
from replay.recording import Recording


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.of(plain_bundle(1, threshold=1e6))


@pytest.fixture(scope="module")
def stay() -> Recording:
    return stays()[0]


@pytest.fixture(scope="module")
def clean(detector: Detector, stay: Recording) -> Verdicts:
    return judged(detector, stay)


def judged(detector: Detector, stay: Recording, factor: np.ndarray | float = 1.0) -> Verdicts:
    heart, resp = stay.heart_rate_bpm * factor, stay.resp_rate_bpm * factor
    return detector.score(stay.device_id, stay.first_event_minute, heart, resp)


def test_every_minute_of_a_stay_has_a_line_and_every_fifteenth_of_an_enrolled_device_a_score(
    clean: Verdicts, stay: Recording
) -> None:
    assert len(clean) == stay.minutes
    assert clean.event_minute[0] == stay.first_event_minute
    decided = np.flatnonzero(np.isfinite(clean.score))
    assert len(decided) == clean.windows > (stay.minutes - 700) // 15 - 12
    assert decided[0] >= 659
    assert np.array_equal(np.isnan(clean.score), np.isnan(clean.reconstruction_error))
    assert clean.enrolled


def test_a_clean_stay_is_benign_once_it_is_judged_under_a_mild_threshold(clean: Verdicts) -> None:
    assert {*clean.state} <= {DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.UNSCORED}
    assert DeviceState.BENIGN in clean.state


def test_doubled_vitals_are_quarantined_within_two_hours_by_a_detector_of_the_level(stay: Recording) -> None:
    factor = np.ones(stay.minutes)
    factor[900:] = 2.0
    states = judged(Detector(level_model(threshold=3.0)), stay, factor).state
    assert DeviceState.QUARANTINED not in states[:900]
    assert DeviceState.QUARANTINED in states[900:1020]


def test_minutes_that_were_sent_before_are_quarantined_as_a_replay(detector: Detector, stay: Recording) -> None:
    heart, resp = stay.heart_rate_bpm.copy(), stay.resp_rate_bpm.copy()
    heart[900:1080], resp[900:1080] = heart[180:360], resp[180:360]
    verdicts = detector.score(stay.device_id, stay.first_event_minute, heart, resp)
    assert DeviceState.QUARANTINED in verdicts.state[900:1020]
    assert np.nanmax(verdicts.scores["replay"][900:1020]) >= verdicts.threshold[900]
    assert np.nanmax(verdicts.scores["replay"][:900]) == 0


def test_a_pulse_that_contradicts_the_heart_rate_is_quarantined_within_the_hour(
    detector: Detector, stay: Recording
) -> None:
    pulse = stay.heart_rate_bpm.copy()
    pulse[900:] -= 15
    verdicts = detector.score(
        stay.device_id, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm, pulse_bpm=pulse
    )
    assert DeviceState.QUARANTINED not in verdicts.state[:900]
    assert DeviceState.QUARANTINED in verdicts.state[900:960]
    assert "the heart rate is not what the pulse says" in verdicts.reason


def test_the_same_minutes_give_the_same_verdicts_twice(detector: Detector, stay: Recording, clean: Verdicts) -> None:
    again = judged(detector, stay)
    assert np.array_equal(again.score, clean.score, equal_nan=True)
    for kind, score in clean.scores.items():
        assert np.array_equal(again.scores[kind], score, equal_nan=True)
    assert again.transitions == clean.transitions


def test_packing_a_stay_moves_no_score(detector: Detector, stay: Recording, clean: Verdicts) -> None:
    engine = DetectionEngine(detector.model, enrolment_min=600)
    engine.open("x", None)
    parts = []
    for first in range(0, stay.minutes, 37):
        part = slice(first, first + 37)
        vitals = (stay.heart_rate_bpm[part].tolist(), stay.resp_rate_bpm[part].tolist())
        parts += engine.apply([MinuteChunk("x", 1, stay.first_event_minute + first, *vitals)])
    score = np.concatenate([verdicts.score for verdicts in parts])
    np.testing.assert_allclose(score, clean.score, rtol=1e-6, atol=1e-6)
    assert [state for verdicts in parts for state in verdicts.state] == clean.state


def test_an_empty_recording_and_one_without_a_valid_minute_are_never_judged(detector: Detector) -> None:
    assert len(detector.score("x", 0, [], [])) == 0
    silent = detector.score("x", to_event_minute(datetime(2900, 1, 1, tzinfo=UTC)), [None] * 90, [float("nan")] * 90)
    assert (len(silent), silent.windows) == (90, 0)
    assert set(silent.state) == {DeviceState.ENROLLING}


def test_a_folder_with_a_bundle_is_loaded_under_the_rule_that_is_asked_for(tmp_path) -> None:
    sha = save_bundle(plain_bundle(2), tmp_path).sha256
    detector = Detector.load(tmp_path, rule="paper-fig3")
    assert (detector.bundle_sha, detector.model.rule.name) == (sha, "paper-fig3")
    (tmp_path / "metadata.json").unlink()
    with pytest.raises(Misconfigured, match=r"metadata\.json"):
        Detector.load(tmp_path)
