"""The replay rule: much of the last hour is what the device sent an hour to a day before."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.rules.replay import LIMIT_SHARE, ReplayMemory
from replay.sources.synthetic import synthetic_recording

START = 400_000_000


@pytest.fixture(scope="module")
def stay() -> np.ndarray:
    """Two days of a synthetic patient, float64[2880, 2]; missing minutes are NaN."""
    recording = synthetic_recording(11, 0, 2880)
    return np.stack([recording.heart_rate_bpm, recording.resp_rate_bpm], axis=1)


def shares(vitals: np.ndarray, memory: ReplayMemory | None = None) -> np.ndarray:
    """The replayed share after every minute."""
    memory = memory or ReplayMemory()
    found = np.zeros(len(vitals))
    for minute, (heart, breath) in enumerate(vitals.tolist(), START):
        if heart == heart and breath == breath:  # noqa: PLR0124 - NaN is unequal to itself
            memory.push(minute, heart, breath)
        found[minute - START] = memory.share(minute)
    return found


@pytest.mark.parametrize("lag_min", [360, 720, 1440])
def test_an_exact_replay_is_found_within_the_hour(stay: np.ndarray, lag_min: int) -> None:
    onset = 1500
    replayed = stay.copy()
    replayed[onset : onset + 120] = stay[onset - lag_min : onset - lag_min + 120]
    found = shares(replayed)
    assert found[:onset].max() == 0.0
    assert found[onset + 60 : onset + 120].min() > LIMIT_SHARE
    assert found[onset + 119] == 1.0


def test_a_clean_stay_repeats_nothing(stay: np.ndarray) -> None:
    assert shares(stay).max() == 0.0


@pytest.mark.parametrize(("lag_min", "is_known"), [(1560, True), (1561, False)])
def test_what_was_sent_more_than_a_day_and_two_hours_ago_is_forgotten(
    stay: np.ndarray, lag_min: int, is_known: bool
) -> None:
    replayed = stay[:1700].copy()
    replayed[1600:] = stay[1600 - lag_min : 1700 - lag_min]
    found = shares(replayed).max()
    assert found > LIMIT_SHARE if is_known else found == 0


def test_a_repetition_within_the_hour_is_not_a_replay(stay: np.ndarray) -> None:
    again = stay[:130].copy()
    again[60:110] = again[10:60]
    assert shares(again)[:120].max() == 0.0


def test_an_hour_of_which_only_the_smaller_part_was_sent_before_stays_below_the_limit(stay: np.ndarray) -> None:
    replayed = stay.copy()
    replayed[1500:1525] = stay[900:925]
    assert 0 < shares(replayed).max() < LIMIT_SHARE


@pytest.mark.parametrize(("held_min", "is_told"), [(300, False), (5, False), (3, True)])
def test_ten_minutes_of_fewer_than_four_different_values_say_nothing(held_min: int, is_told: bool) -> None:
    """Of values that are held for 3 minutes, ten minutes show exactly four; held for 5, three at most."""
    levels = np.random.default_rng(0).permutation(np.arange(60.0, 120.0, 0.5))
    hours = np.repeat(levels, held_min)[:120]
    found = shares(np.tile(np.stack([hours, hours / 5], axis=1), (2, 1))).max()
    assert found > LIMIT_SHARE if is_told else found == 0


@pytest.mark.parametrize("channel", [0, 1])
def test_one_channel_that_is_sent_again_is_no_replay(stay: np.ndarray, channel: int) -> None:
    half = stay[:400].copy()
    half[200:, channel] = stay[:200, channel]
    assert shares(half).max() == 0.0


def test_ten_minutes_with_a_gap_in_them_are_not_compared(stay: np.ndarray) -> None:
    stretched = np.insert(stay[:90], range(9, 90, 9), np.nan, axis=0)
    assert shares(np.concatenate([stay[:90], stretched])).max() == 0.0


def test_two_repeated_shingles_alone_are_not_enough(stay: np.ndarray) -> None:
    silence = np.full((100, 2), np.nan)
    assert 0 < shares(np.concatenate([stay[:90], silence, stay[:18]])).max() < LIMIT_SHARE


def test_the_share_fades_in_silence(stay: np.ndarray) -> None:
    memory = ReplayMemory()
    shares(np.concatenate([stay[:120], stay[:60]]), memory)
    assert memory.share(START + 179) > 0.5
    assert memory.share(START + 179 + 45) > 0
    assert memory.share(START + 179 + 59) < memory.share(START + 179)
    assert memory.share(START + 179 + 60) == 0.0
    assert memory.share(START + 500_000_000) == 0.0
