"""The truth beside the verdict, and the rounds in words."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from console_ward import FIRST_MINUTE, scores_of, status_of

from console.sources.board import Board
from console.sources.series import Minutes
from console.views.replay import ReplayView, outcome_of, runs_of
from console.views.rounds import RoundsView
from console.views.words import reason_in_words
from contracts.messages.federation import RoundPhase, RoundRecord, encode_federation
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState, encode_verdict
from contracts.topics import Topics

TOPICS = Topics("t")
ROOT = Path(__file__).parents[3]


def series_of(states: list[DeviceState]) -> Minutes:
    series = Minutes.of_scores()
    series.take_scores(msgspec.structs.replace(scores_of("a", DeviceState.BENIGN, len(states), 0), state=states))
    return series


B, S, Q = DeviceState.BENIGN, DeviceState.SUSPECT, DeviceState.QUARANTINED


@pytest.mark.parametrize(
    ("states", "outcome", "delay_min"),
    [
        ([B] * 50, "ahead", None),
        ([B] * 130, "open", None),
        ([B] * 115 + [Q] * 10, "found", 15),
        ([B] * 115 + [S] * 20, "open", None),
        ([B] * 210, "missed", None),
        ([B] * 205 + [Q] * 10, "found", 105),
        ([B] * 90 + [Q] * 60, "before", None),
        ([B] * 50 + [Q] * 20 + [B] * 60, "open", None),
    ],
)
def test_an_attack_from_minute_100_to_200_is_judged_by_what_the_detector_said(states, outcome, delay_min) -> None:
    found = outcome_of(series_of(states), 100, 200)
    assert (found["outcome"], found["delay_min"]) == (outcome, delay_min)


def test_states_are_told_as_stretches() -> None:
    series = series_of([B] * 10 + [S] * 5 + [Q] * 20)
    assert runs_of(series, 5, 30) == [("benign", 5, 10), ("suspect", 10, 15), ("quarantined", 15, 30)]
    assert runs_of(series, 100, 200) == []


def test_a_truth_that_is_told_again_counts_once_and_as_told_last() -> None:
    board = Board(TOPICS)
    board.take(TOPICS.scores, encode_verdict(scores_of("a", Q)), 0.0)
    view = ReplayView(board)
    for end in (900, 520):
        told = TruthInterval(
            device_id="a", session_id=1, attack="x", level="strong", seed=1, first_event_minute=FIRST_MINUTE + 480,
            end_event_minute=FIRST_MINUTE + end, poisoned="1",
        )  # fmt: skip
        board.take(TOPICS.truth, msgspec.json.encode(told), 0.0)
    (attack,) = view.changes()["attacks"]
    assert (attack["to"], attack["outcome"], attack["delay_min"]) == (FIRST_MINUTE + 520, "found", 20)
    assert view.changes() is None


def record(number: int, **changes) -> bytes:
    made = RoundRecord(
        round=number, phase=RoundPhase.COMMITTED, task="reconstruction", lease_token=2, model_sha256="aa", gated_at=1.0,
        deadline_at=2.0, cohort=["a", "b"], excluded={"c": "quarantined", "d": "quarantined", "e": "stale"},
        accepted=["a", "b"], new_model_sha256="bb", loss=0.5, ended_at=3.0,
    )  # fmt: skip
    return encode_federation(msgspec.structs.replace(made, **changes))


def test_a_round_says_who_sat_out_grouped_by_why() -> None:
    board = Board(TOPICS)
    view = RoundsView(board)
    board.take(TOPICS.fl_rounds, record(1), 0.0)
    board.take(TOPICS.fl_rounds, record(1, lease_token=1, phase=RoundPhase.FAILED), 0.0)  # a fenced coordinator's
    assert [one["phase"] for one in view.changes()["rounds"]] == ["committed"]
    detail = view.detail(1)
    assert [group["devices"] for group in detail["sat_out"]] == [["c", "d"], ["e"]]
    assert view.detail(2) is None
    board.take(TOPICS.fl_rounds, record(2, phase=RoundPhase.COLLECTING, new_model_sha256=None), 0.0)
    changes = view.changes()
    assert [one["round"] for one in changes["rounds"]] == [2]
    assert [(one["sha256"], one["standing"]) for one in changes["models"]] == [("bb", "current"), ("aa", "earlier")]


def test_every_reason_of_the_coordinator_has_words() -> None:
    given = re.compile(r'(?:_drop\(|skip\(|fail\(|reason = |UpdateRefused\()[^"\n]*"([a-z_]+)"')
    sources = "".join(file.read_text() for file in (ROOT / "fl_coordinator").rglob("*.py"))
    reasons = set(given.findall(sources))
    assert {"no_quorum", "update_lost", "not_registered"} <= reasons
    assert [reason for reason in sorted(reasons) if reason_in_words(reason) == reason.replace("_", " ")] == []


def test_rounds_and_attacks_name_devices_as_their_hospital_does() -> None:
    board = Board(TOPICS)
    board.take(TOPICS.device_status, encode_verdict(status_of("icu-03", label="ICU_03")), 1.0)
    board.take(TOPICS.device_status, encode_verdict(status_of("b")), 1.0)
    record = RoundRecord(
        round=1, phase=RoundPhase.COMMITTED, task="reconstruction", lease_token=1, model_sha256="m", gated_at=1.0,
        deadline_at=2.0, cohort=["b"], excluded={"icu-03": "quarantined", "gone": "unknown"}, accepted=["b"],
    )  # fmt: skip
    board.take(TOPICS.fl_rounds, encode_federation(record), 1.0)
    detail = RoundsView(board).detail(1)
    assert detail is not None
    assert detail["labels"] == {"icu-03": "ICU_03"}
    changes = ReplayView(board).changes()
    assert changes is not None
    assert changes["labels"] == {"icu-03": "ICU_03"}
    assert "gone" not in board.trails
