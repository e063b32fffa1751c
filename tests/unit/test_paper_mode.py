"""The paper's mode with the real arithmetic: its own threshold, and the same verdicts live and offline."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from real_stay import ENROLMENT, LIMIT, MINUTES, engine, part, real_stay, rows_of

from contracts.verdicts import DeviceProfile, DeviceSnapshot, DeviceState
from detectors.chunks import MinuteChunk, Verdicts
from detectors.decision_rules.paper_fig3 import PAPER_FIG3
from detectors.detector import Detector
from detectors.model import Model
from detectors.paper_rule import HIGHEST, LOWEST, paper_threshold, probability
from detectors.preprocessing import Rows
from detectors.scorer import SCORED_KINDS
from detectors.windows import decision_ends, windows_at


@pytest.fixture(scope="module")
def calmer(model: Model, stay: MinuteChunk) -> Model:
    """The same random networks, their logits turned so that the enrolment scores low and what is furthest from it high."""
    profile = model.freeze(rows_of(stay, 0, ENROLMENT), [], ENROLMENT)
    usual = np.median(_raw(model, profile, rows_of(stay, 0, ENROLMENT)))
    apart = _raw(model, profile, rows_of(stay)) - usual
    factor = 12 / apart[np.abs(apart).argmax()]
    networks = {
        name: {
            **weights,
            "logit/kernel": weights["logit/kernel"] * factor,
            "logit/bias": (weights["logit/bias"] - usual) * factor - 5,
        }
        for name, weights in model.knowledge.networks.items()
    }
    return Model(model.reconstructor, replace(model.knowledge, networks=networks), "one")


@pytest.fixture(scope="module")
def paper(calmer: Model) -> Model:
    return Model(calmer.reconstructor, calmer.knowledge, calmer.bundle_sha, PAPER_FIG3)


@pytest.fixture(scope="module")
def offline(paper: Model, stay: MinuteChunk) -> Verdicts:
    return Detector(paper).score(
        "a", stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm, pulse_bpm=stay.pulse_bpm,
        enrolment_min=ENROLMENT,
    )  # fmt: skip


def test_the_threshold_is_that_of_the_enrolments_own_scores(paper: Model, calmer: Model, stay: MinuteChunk) -> None:
    rows = rows_of(stay, 0, ENROLMENT)
    profile = paper.freeze(rows, [], ENROLMENT)
    assert profile.threshold == pytest.approx(paper_threshold(probability(_raw(calmer, profile, rows))), abs=1e-4)
    assert LOWEST < profile.threshold < HIGHEST
    assert profile.rule == "paper-fig3"
    usual = calmer.freeze(rows, [], ENROLMENT)
    assert (usual.rule, usual.threshold) == ("common-scale", LIMIT)
    assert usual == msgspec.structs.replace(profile, rule="common-scale", threshold=LIMIT)


def test_an_enrolment_without_a_usable_hour_leaves_the_lowest(paper: Model, stay: MinuteChunk) -> None:
    assert paper.freeze(rows_of(stay, 0, 40), [], 120).threshold == LOWEST


def test_the_score_is_the_probability_of_the_hour_alone(paper: Model, calmer: Model, offline: Verdicts) -> None:
    rows = rows_of(real_stay(), 0, 300)
    found = paper.score(windows_at(rows, decision_ends(rows)), [paper.yardstick(None)])
    np.testing.assert_allclose(found.g[:, 0], probability(_raw(calmer, None, rows)), rtol=1e-4)
    np.testing.assert_array_equal(offline.scores["hour"], offline.score)
    assert [kind for kind, scores in offline.scores.items() if np.isfinite(scores).any()] == ["hour"]


def test_nobody_is_benign_before_the_enrolment_ends(offline: Verdicts) -> None:
    assert set(offline.state[: ENROLMENT - 1]) <= {DeviceState.ENROLLING, DeviceState.QUARANTINED}
    assert set(offline.threshold[: ENROLMENT - 1].tolist()) == {np.float32(LOWEST)}


def test_live_equals_offline_in_any_packing_and_over_a_restart(
    paper: Model, stay: MinuteChunk, offline: Verdicts
) -> None:
    tracks, verdicts = engine(paper), []
    for at in range(0, MINUTES, 25):
        if at in (300, 700):
            stored = msgspec.json.encode(tracks.snapshot("a"))
            tracks = engine(paper, msgspec.json.decode(stored, type=DeviceSnapshot))
            tracks.fill(part(stay, 0, at))
        verdicts += tracks.apply([part(stay, at, at + 25)])
    for name in ("score", "threshold", "reconstruction_error"):
        live = np.concatenate([getattr(one, name) for one in verdicts])
        np.testing.assert_allclose(live, getattr(offline, name), atol=1e-3, rtol=1e-4)
    np.testing.assert_array_equal(np.concatenate([one.flagged for one in verdicts]), offline.flagged)
    assert [state for one in verdicts for state in one.state] == offline.state
    assert len(set(offline.threshold.tolist())) == 2
    assert 0.005 < offline.flagged.mean() < 0.5


class AsItIs:
    def of(self, raw: np.ndarray) -> np.ndarray:
        return raw


def _raw(model: Model, profile: DeviceProfile | None, rows: Rows) -> np.ndarray:
    """Return the logits of the hour at every decision, as a profile reads them."""
    stick = model.yardstick(profile)._replace(scales=dict.fromkeys(SCORED_KINDS, AsItIs()))
    return model.score(windows_at(rows, decision_ends(rows)), [stick]).g[:, 0]
