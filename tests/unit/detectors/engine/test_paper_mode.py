"""The paper's rule at work in the engine: its own threshold, no rules beside it, the same live and offline."""

from __future__ import annotations

import numpy as np
import pytest
from lives import ENROLMENT, START, assert_same, calm, changes, chunk, life, one, open_engine, outcome
from plain_detector import level_model, plain_model

from contracts.messages.verdicts import DeviceState
from detectors.decisions.paper_fig3_rule import LOWEST, paper_threshold, probability
from detectors.detector import Detector, rule_named
from detectors.engine.chunks import MinuteChunk

B, Q = DeviceState.BENIGN, DeviceState.QUARANTINED
PAPER = level_model(rule="paper-fig3")
RACING = [*calm(300), *[125.0] * 100]


def test_the_threshold_is_that_of_the_enrolments_own_scores() -> None:
    """Of an enrolment of five decisions one is its baseline: its logit above its own mean is nothing, a probability of a half."""
    engine = open_engine(PAPER)
    one(engine, calm(300))
    profile = engine.snapshot("a").profile
    assert profile is not None
    assert profile.threshold == pytest.approx(paper_threshold([0.5]))
    assert profile.rule == "paper-fig3"


def test_before_there_is_a_profile_the_lowest_threshold_is_shown() -> None:
    verdicts = one(open_engine(PAPER), calm(ENROLMENT - 1))
    assert set(verdicts.threshold.tolist()) == {np.float32(LOWEST)}


def test_more_than_half_of_an_hours_decisions_exclude_a_device() -> None:
    verdicts = one(open_engine(PAPER), RACING)
    (at,) = [minute for minute, _, after in changes(verdicts) if after is Q]
    decided = np.flatnonzero(np.isfinite(verdicts.score))
    alone = [minute for minute in decided if verdicts.flagged[minute]]
    assert at == alone[0]
    assert 300 < at <= 390
    np.testing.assert_array_equal(verdicts.scores["fast"][decided], verdicts.score[decided].astype(np.float32))
    silent = [kind for kind, score in verdicts.scores.items() if not np.isfinite(score).any()]
    assert silent == ["slow", "family_free", "copy", "frozen", "replay", "pulse"]


def test_what_stands_still_passes_in_the_papers_mode() -> None:
    beats = [*calm(300), *[80.0] * 200]
    assert one(open_engine(level_model()), beats).flagged.any()
    assert not one(open_engine(PAPER), beats).flagged.any()


def test_live_equals_offline_in_any_packing() -> None:
    model = plain_model(4, rule=rule_named("paper-fig3"))
    lived = life([(80.0, 330), (125.0, 140), (80.0, 140)])
    offline = Detector(model).score("a", START, lived.heart, lived.breath, enrolment_min=ENROLMENT)
    engine = open_engine(model)
    parts = [
        MinuteChunk("a", 0, START + at, lived.heart[at : at + 25], lived.breath[at : at + 25])
        for at in range(0, len(lived), 25)
    ]
    live = [said for part in parts for said in engine.apply([part])]
    snapshot = engine.snapshot("a")
    assert_same(outcome(live, snapshot), outcome([offline], snapshot))


def test_the_probability_of_a_logit_is_its_sigmoid() -> None:
    np.testing.assert_allclose(probability([0.0, np.log(3)]), [0.5, 0.75])


def test_an_enrolment_under_the_papers_rule_is_judged_by_its_own_last_day() -> None:
    engine = open_engine(PAPER, enrolment_min=600)
    engine.apply([chunk(calm(700))])
    profile = engine.snapshot("a").profile
    assert profile is not None
    assert profile.threshold == pytest.approx(0.99 - 0.3 * 0.5, abs=0.05)
