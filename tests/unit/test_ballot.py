"""A scored minute on the ballot: the largest kind against the threshold, decisions held, what is no number held against it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace
from plain_model import PlainModel

from detectors.ballot import Ballot, Line, WindowScore
from detectors.scorer import Yardstick
from detectors.ticks import Tick
from detectors.track import FRESH
from detectors.votes import KINDS

NAN = math.nan
STICK: Yardstick = PlainModel(threshold=1.5).yardstick(None)
MINUTE = 1000  # the first of block 200


def tick(minute: int = MINUTE, *, decision: bool = True, replayed: float = 0.0, apart: float | None = None) -> Tick:
    return Tick(minute, 0, 1, decision, replayed, apart)


def window(hour: float, level: float, *slow: float, texture: float = 0.0, copied: float = NAN) -> WindowScore:
    g = (hour, level, texture, *slow, *[NAN] * (2 - len(slow)))
    return WindowScore(g, copied, 0.1, lambda: "restless")


def scores(line: Line) -> dict[str, float]:
    return {kind: value for kind, value in zip(KINDS, line.scores, strict=True) if not math.isnan(value)}


@pytest.fixture
def ballot() -> Ballot:
    return Ballot(FRESH)


def test_the_largest_score_counts(ballot: Ballot) -> None:
    line = ballot.score(tick(), window(0.2, 1.4, 1.6, -0.5), STICK)
    assert scores(line) == {"hour": 0.2, "level": 1.4, "texture": 0.0, "half_day": 1.6, "lattice": -0.5, "replay": 0.0}
    assert (line.score, line.flagged) == (1.6, True)
    assert {kind for kind, mask in ballot.votes.flagged.items() if mask} == {"half_day"}


def test_a_score_at_the_threshold_is_not_over_it(ballot: Ballot) -> None:
    assert not ballot.score(tick(), window(1.5, 1.5), STICK).flagged


@pytest.mark.parametrize(
    ("kind", "heard", "limit", "name"),
    [
        ("replayed", {"replayed": 0.5}, {"replayed": 0.51}, "replay"),
        ("apart", {"apart": 4.0}, {"apart": 4.1}, "pulse"),
    ],
)
def test_a_guard_speaks_above_its_own_limit(kind: str, heard: dict, limit: dict, name: str) -> None:
    quiet, loud = Ballot(FRESH), Ballot(FRESH)
    assert scores(quiet.score(tick(**heard), window(0.0, 0.0), STICK))[name] == pytest.approx(STICK.threshold)
    assert not quiet.votes.flagged[name]
    loud.score(tick(**limit), window(0.0, 0.0), STICK)
    assert loud.votes.flagged[name] == 1


def test_a_copied_channel_speaks_above_half(ballot: Ballot) -> None:
    ballot.score(tick(), window(0.0, 0.0, 0.0, 0.0, copied=0.6), STICK)
    assert ballot.votes.flagged["copies"] == 1
    assert ballot.explanation == "heart rate or breathing alone repeats an earlier stretch"


def test_what_only_a_decision_knows_is_held_until_the_next(ballot: Ballot) -> None:
    ballot.score(tick(), window(0.1, 0.1, 1.9, 0.3, copied=0.2), STICK)
    later = ballot.score(tick(MINUTE + 4, decision=False), window(0.4, 0.1), STICK)
    assert scores(later) == {
        "hour": 0.4, "level": 0.1, "texture": 0.0, "half_day": 1.9, "lattice": 0.3, "replay": 0.0,
        "copies": pytest.approx(1.5 * 0.2 / 0.5),
    }  # fmt: skip
    assert (later.score, later.flagged) == (1.9, True)
    assert ballot.votes.scored == 1


def test_it_is_held_over_the_next_block_at_most(ballot: Ballot) -> None:
    ballot.score(tick(), window(0.1, 0.1, 1.9), STICK)
    in_the_next = ballot.score(tick(MINUTE + 9, decision=False), window(0.1, 0.1), STICK)
    assert "half_day" in scores(in_the_next)
    after_it = ballot.score(tick(MINUTE + 10, decision=False), window(0.1, 0.1), STICK)
    assert scores(after_it) == {"hour": 0.1, "level": 0.1, "texture": 0.0}


def test_a_decision_without_long_windows_forgets_those_of_the_last(ballot: Ballot) -> None:
    ballot.score(tick(apart=8.0), window(0.1, 0.1, 1.9), STICK)
    line = ballot.score(tick(MINUTE + 5), window(0.1, 0.1), STICK)
    assert scores(line) == {"hour": 0.1, "level": 0.1, "texture": 0.0, "replay": 0.0}


@pytest.mark.parametrize("kind", ["hour", "level", "texture"])
def test_a_score_that_is_no_number_counts_against_the_device(ballot: Ballot, kind: str) -> None:
    line = ballot.score(tick(), window(**{"hour": 0.0, "level": 0.0, kind: NAN}), STICK)
    assert (line.score, line.flagged) == (math.inf, True)
    assert ballot.votes.flagged[kind] == 1


def test_a_minute_that_is_no_decision_does_not_vote(ballot: Ballot) -> None:
    assert ballot.score(tick(decision=False), window(9.0, 9.0), STICK).flagged
    assert (ballot.votes.scored, ballot.votes.share) == (0, 0.0)


def test_the_explanation_names_guards_first_and_stays_while_a_vote_does(ballot: Ballot) -> None:
    ballot.score(tick(replayed=1.0, apart=9.0), window(9.0, 0.0), STICK)
    assert ballot.explanation == (
        "heart rate and breathing repeat what this device sent before; the heart rate is not what the pulse says"
    )
    ballot.advance(1)
    ballot.score(tick(MINUTE + 5), window(9.0, 0.0), STICK)
    assert ballot.explanation == "restless"
    for block in range(2, 14):
        ballot.advance(1)
        ballot.score(tick(MINUTE + 5 * block), window(0.0, 0.0), STICK)
        assert ballot.explanation == ("restless" if block < 13 else "")


def test_a_snapshot_carries_votes_held_scores_and_words(ballot: Ballot) -> None:
    ballot.score(tick(), window(9.0, 0.0, 1.2), STICK)
    held_scores, held_block = ballot.held()
    snapshot = replace(
        FRESH, scored_mask=ballot.votes.scored, flagged_masks=ballot.votes.flagged, held_scores=held_scores,
        held_block=held_block, explanation=ballot.explanation,
    )  # fmt: skip
    again = Ballot(snapshot)
    minute = tick(MINUTE + 1, decision=False)
    np.testing.assert_array_equal(
        again.score(minute, window(0.0, 0.0), STICK).scores, ballot.score(minute, window(0.0, 0.0), STICK).scores
    )
    assert (again.votes.flagged, again.explanation) == (ballot.votes.flagged, "restless")
