"""What each decision rule makes of raw scores, and which devices a change of rule sends back to enrol."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from lives import ENROLMENT, calm, changes, one, open_tracks
from plain_model import PlainModel
from random_bundle import random_knowledge

from contracts.errors import Misconfigured
from contracts.verdicts import DeviceSnapshot, DeviceState
from detectors.ballot import Ballot, WindowScore
from detectors.decision_rules.base import Rule
from detectors.decision_rules.by_name import RULES, rule_named
from detectors.decision_rules.common_scale import COMMON_SCALE
from detectors.decision_rules.paper_fig3 import PAPER_FIG3
from detectors.scorer import SCORED_KINDS
from detectors.ticks import Tick
from detectors.track import FRESH
from detectors.votes import KINDS

E, B, Q = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.QUARANTINED
SITUATION = random_knowledge(1, threshold=1.25).situations["600"]


def logits(*scores: float) -> Callable[[], np.ndarray]:
    return lambda: np.array([math.log(score / (1 - score)) for score in scores], np.float32)


def test_the_papers_threshold_is_worked_from_the_enrolments_own_probabilities() -> None:
    # mean 0.2, sd 0.1, |first - last| 0.2
    expected = 0.99 - 0.5 * 0.1 - 0.3 * 0.2 - 0.2 * 0.2
    assert PAPER_FIG3.threshold(SITUATION, logits(0.1, 0.3)) == pytest.approx(expected)


def test_it_looks_back_24_hours_of_decisions() -> None:
    enrolment = logits(*[0.9] * 100, *[0.2] * 288)
    assert PAPER_FIG3.threshold(SITUATION, enrolment) == pytest.approx(0.99 - 0.3 * 0.2)


@pytest.mark.parametrize("enrolment", [[], [math.nan, math.nan]])
def test_without_a_score_it_is_the_lowest_that_the_rule_knows(enrolment: list[float]) -> None:
    assert PAPER_FIG3.threshold(SITUATION, lambda: np.array(enrolment, np.float32)) == 0.8


def test_the_paper_reads_the_hour_as_a_probability_and_nothing_else() -> None:
    scales = PAPER_FIG3.scales(SITUATION)
    assert set(scales) == set(SCORED_KINDS)
    np.testing.assert_allclose(scales["hour"].of(np.array([0, math.log(3), math.nan], np.float32)), [0.5, 0.75, np.nan])
    for kind in set(SCORED_KINDS) - {"hour"}:
        assert np.isnan(scales[kind].of(np.array([5.0], np.float32))).all()


def test_the_common_scale_keeps_what_was_calibrated_whatever_the_enrolment() -> None:
    assert COMMON_SCALE.scales(SITUATION) is SITUATION.scales
    assert COMMON_SCALE.threshold(SITUATION, logits(0.9, 0.9)) == 1.25
    assert COMMON_SCALE.kinds == set(KINDS)


def test_a_rule_is_found_by_its_name() -> None:
    assert [rule_named(name) for name in RULES] == [COMMON_SCALE, PAPER_FIG3]
    with pytest.raises(Misconfigured, match="no decision rule 'paper'; there are: common-scale, paper-fig3"):
        rule_named("paper")


# --- votes -----------------------------------------------------------------------------------------------------------


def test_only_the_kinds_of_the_rule_are_shown_and_vote() -> None:
    before = msgspec.structs.replace(FRESH, held_scores={"half_day": 9.0}, held_block=200)
    ballot = Ballot(before, PAPER_FIG3.kinds)
    assert ballot.held()[0] == {}
    stick = PlainModel(threshold=0.8).yardstick(None)
    window = WindowScore((0.75, math.nan, math.nan, 9.0, 9.0), 1.0, 0.1, lambda: "restless")
    line = ballot.score(Tick(1000, 0, 1, True, 1.0, 30.0), window, stick)
    assert (line.score, line.flagged) == (0.75, False)
    assert [kind for kind, score in zip(KINDS, line.scores, strict=True) if not math.isnan(score)] == ["hour"]
    assert (ballot.votes.scored, ballot.votes.share) == (1, 0.0)


def test_the_vote_of_the_hour_excludes_a_device_in_the_papers_mode() -> None:
    tracks = open_tracks(PlainModel(rule=PAPER_FIG3))
    verdicts = one(tracks, [*calm(300), *[125.0] * 90])
    excluded = [minute for minute, _, after in changes(verdicts) if after is Q]
    flagged = np.flatnonzero(verdicts.flagged)[0]
    half_min = 5 * (KINDS["hour"].horizon // 2)
    assert half_min <= excluded[0] - flagged <= half_min + 5


def test_a_replay_passes_in_the_papers_mode() -> None:
    heart = calm(400)
    heart[300:390] = heart[150:240]
    assert one(open_tracks(PlainModel()), heart).flagged.any()
    assert not one(open_tracks(PlainModel(rule=PAPER_FIG3)), heart).flagged.any()


# --- profiles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frozen", "now"), [(COMMON_SCALE, PAPER_FIG3), (PAPER_FIG3, COMMON_SCALE)])
def test_a_profile_of_the_other_rule_is_void_and_the_device_enrols_again(frozen: Rule, now: Rule) -> None:
    tracks = open_tracks(PlainModel(rule=frozen))
    one(tracks, calm(200))
    profile = tracks.snapshot("a").profile
    assert profile is not None
    assert profile.rule == frozen.name
    other = open_tracks(PlainModel(rule=now))
    other.open("a", tracks.snapshot("a"))
    snapshot = other.snapshot("a")
    assert (snapshot.standing, snapshot.state, snapshot.profile) == (E, E, None)
    verdicts = one(other, calm(150), 200)
    assert verdicts.state[ENROLMENT - 2 : ENROLMENT] == [E, B]


def test_a_profile_of_the_same_rule_is_kept() -> None:
    tracks = open_tracks(PlainModel(rule=PAPER_FIG3))
    one(tracks, calm(200))
    other = open_tracks(PlainModel(rule=PAPER_FIG3))
    other.open("a", tracks.snapshot("a"))
    assert other.snapshot("a") == tracks.snapshot("a")


def test_quarantine_outlives_a_change_of_rule() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(300), *[125.0] * 100])
    other = open_tracks(PlainModel(rule=PAPER_FIG3))
    other.open("a", tracks.snapshot("a"))
    assert other.snapshot("a").state is Q


def test_a_profile_of_before_there_were_rules_is_one_of_the_common_scale() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(200))
    stored = msgspec.to_builtins(tracks.snapshot("a"))
    del stored["profile"]["rule"]
    assert msgspec.convert(stored, DeviceSnapshot) == tracks.snapshot("a")
