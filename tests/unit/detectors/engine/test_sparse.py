"""A device whose values come less than once a minute is unscored, whoever it is: most of its minutes would be invented."""

from __future__ import annotations

import numpy as np
import pytest
from lives import (
    BENIGN_AT,
    ENROLMENT,
    NAN,
    SPARSE,
    START,
    Life,
    assert_same,
    assert_same_snapshot,
    calm,
    changes,
    chunk,
    life,
    one,
    open_engine,
    outcome,
)  # fmt: skip
from plain_detector import level_model, plain_model

from contracts.messages.verdicts import DeviceState
from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import decision_minute, usable_decisions

E, B, U = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.UNSCORED
LEVEL, DRAWN = level_model(threshold=1.5), plain_model(threshold=0.4)
DAYS = 3000


def thinned(minutes: int, interval: int) -> np.ndarray:
    return np.where(np.arange(minutes) % interval == 0, np.array(calm(minutes)), NAN)


@pytest.mark.parametrize("interval", [2, 3, 5, 10, 15, 60])
def test_values_every_few_minutes_are_never_judged_and_enrol_nobody(interval: int) -> None:
    engine = open_engine(LEVEL)
    said = one(engine, thinned(DAYS, interval))
    assert (said.windows, said.enrolled, said.state[-1]) == (0, False, U)
    assert changes(said)[0][1:] == (E, U)
    assert {after for _, _, after in changes(said)} == {U}
    assert engine.reason("a") == f"values come every {interval} minutes: a value a minute is needed to judge"


@pytest.mark.parametrize("missing", [0.5, 0.8])
def test_minutes_missing_at_random_are_not_judged_when_too_many_are(missing: float) -> None:
    lost = np.random.default_rng(4).random(DAYS) < missing
    said = one(open_engine(LEVEL), np.where(lost, NAN, np.array(calm(DAYS))))
    assert (said.windows, said.enrolled, said.state[-1]) == (0, False, U)


def test_one_minute_in_five_missing_at_random_is_judged() -> None:
    lost = np.random.default_rng(4).random(DAYS) < 0.2
    said = one(open_engine(LEVEL), np.where(lost, NAN, np.array(calm(DAYS))))
    assert said.windows > 150
    assert [after for _, _, after in changes(said)] == [B]


def test_a_device_that_becomes_sparse_is_unscored_before_it_is_judged_by_invented_minutes() -> None:
    heart = np.concatenate([calm(400), thinned(600, 5), calm(700, seed=2)])
    engine = open_engine(LEVEL)
    said = one(engine, heart)
    (at, *_), (sparse_at, before, after), (back_at, _, again) = changes(said)
    assert (at, before, after, again) == (BENIGN_AT, B, U, B)
    assert 400 < sparse_at <= 400 + 30 + 15 + 45
    assert 1000 + 60 < back_at <= 1000 + 360  # most of six hours is measured again
    judged = said.event_minute[np.isfinite(said.score)] - START
    assert not ((judged > 430 + 15) & (judged < 1060)).any()
    assert said.transitions[1].reason.startswith("values come every 5 minutes")


def test_an_enrolment_that_is_mostly_sparse_begins_anew() -> None:
    heart = np.concatenate([thinned(ENROLMENT, 5), calm(700)])
    engine = open_engine(LEVEL)
    said = one(engine, heart)
    profile = engine.snapshot("a").profile
    assert profile is not None
    assert profile.first_event_minute >= START + ENROLMENT - 5
    assert changes(said)[-1][2] is B


def test_decisions_are_made_where_the_whole_stream_has_usable_ones() -> None:
    lived = life([(80.0, 500), (SPARSE, 90), (80.0, 700), (SPARSE, 300), (80.0, 900)])
    said = open_engine(LEVEL).apply([lived.part(0, len(lived))])[0]
    minutes = clean(START, lived.heart, lived.breath)
    last = decision_minute(np.flatnonzero(usable_decisions(minutes)))
    due = minutes.event_minute[last]
    decided = said.event_minute[np.isfinite(said.score)]
    assert len(decided) == (due >= decided[0] - 5).sum() < (len(minutes) - 60) // 15
    assert all(0 <= minute - due[due <= minute].max() <= 10 for minute in decided.tolist())


def test_offline_it_is_the_same() -> None:
    heart = np.concatenate([calm(400), thinned(300, 5)])
    engine = open_engine(LEVEL)
    live = one(engine, heart)
    breath = np.where(heart > 0, 15.0, NAN)
    offline = Detector(LEVEL).score("a", START, heart, breath, enrolment_min=ENROLMENT)
    assert (offline.state, offline.reason) == (live.state, engine.reason("a"))


SPARSE_LIVES = {
    "sparse from its first minute": [(SPARSE, 700), (80.0, 400)],
    "sparse within its enrolment": [(80.0, 50), (SPARSE, 200), (80.0, 500)],
    "sparse once it is benign": [(80.0, 300), (SPARSE, 200), (80.0, 300), (NAN, 20), (SPARSE, 70), (80.0, 200)],
}


@pytest.mark.parametrize("runs", SPARSE_LIVES.values(), ids=SPARSE_LIVES)
def test_neither_packing_nor_a_restart_shows(runs: list[tuple[float, int]]) -> None:
    lived = life(runs)
    undisturbed = open_engine(DRAWN)
    expected = outcome(undisturbed.apply([lived.part(0, len(lived))]), undisturbed.snapshot("a"))
    engine, verdicts, at = open_engine(DRAWN), list[Verdicts](), 0
    rng = np.random.default_rng(1)
    while at < len(lived):
        end = min(at + int(rng.integers(1, 40)), len(lived))
        verdicts += engine.apply([lived.part(at, end)])
        engine, before = _restarted(engine, lived, end), engine
        assert engine.reason("a") == before.reason("a")
        at = end
    assert_same(outcome(verdicts, engine.snapshot("a")), expected)


def _restarted(engine: DetectionEngine, lived: Life, end: int) -> DetectionEngine:
    snapshot = engine.snapshot("a")
    needed = DetectionEngine.history_needed_from(snapshot)
    assert needed is not None
    fresh = open_engine(DRAWN)
    fresh.open("a", snapshot)
    fresh.fill(_since(lived, needed, end))
    assert_same_snapshot(fresh.snapshot("a"), snapshot)
    return fresh


def _since(lived: Life, event_minute: int, end: int) -> MinuteChunk:
    return lived.part(max(0, event_minute - START), end)


def test_a_silent_device_is_not_called_sparse() -> None:
    engine = open_engine(LEVEL)
    engine.apply([chunk(calm(400)), chunk([None] * 100, 400)])
    assert engine.reason("a").startswith("no decision for ")
