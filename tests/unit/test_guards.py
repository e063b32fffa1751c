"""Guards that need no training: exact repetition, one channel repeating itself, a pulse that says otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.guards import PulseGap, ReplayMemory, copied_share, pulse_limit_bpm
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
    assert found[onset + 60 : onset + 120].min() > 0.5
    assert found[onset + 119] == 1.0


def test_a_clean_stay_repeats_nothing(stay: np.ndarray) -> None:
    assert shares(stay).max() == 0.0


def test_what_was_sent_more_than_a_day_and_two_hours_ago_is_forgotten(stay: np.ndarray) -> None:
    replayed = stay.copy()
    replayed[1800:1900] = stay[100:200]
    assert shares(replayed).max() == 0.0


def test_a_repetition_within_the_hour_is_not_a_replay(stay: np.ndarray) -> None:
    again = stay[:130].copy()
    again[60:110] = again[10:60]
    assert shares(again)[:120].max() == 0.0


def test_a_flat_line_is_no_replay_of_itself() -> None:
    assert shares(np.tile([80.0, 16.0], (300, 1))).max() == 0.0


def test_a_gap_starts_the_shingles_again(stay: np.ndarray) -> None:
    memory = ReplayMemory()
    holes = np.tile(stay[:90], (2, 1))
    holes[90::9] = np.nan  # never ten minutes in a row the second time
    assert shares(holes, memory).max() == 0.0


def test_the_share_fades_in_silence(stay: np.ndarray) -> None:
    memory = ReplayMemory()
    shares(np.concatenate([stay[:120], stay[:60]]), memory)
    assert memory.share(START + 179) > 0.5
    assert memory.share(START + 179 + 59) < memory.share(START + 179)
    assert memory.share(START + 179 + 60) == 0.0
    assert memory.share(START + 500_000_000) == 0.0


# --- one channel alone ---------------------------------------------------------------------------------------------

GRID = np.full((2, 1), 0.1, np.float32)


def copied(vitals: np.ndarray, grid: np.ndarray = GRID) -> float:
    return float(copied_share(vitals.astype(np.float32)[:, :, None], grid)[0])


def six_hours(stay: np.ndarray) -> np.ndarray:
    whole = stay[np.isfinite(stay).all(axis=1)]
    return whole[:360].copy()


@pytest.mark.parametrize("channel", [0, 1])
def test_one_channel_that_repeats_an_earlier_hour_is_found(stay: np.ndarray, channel: int) -> None:
    vitals = six_hours(stay)
    assert copied(vitals) == 0.0
    vitals[-60:, channel] = vitals[100:160, channel]
    assert copied(vitals) > 0.7  # the shingles that reach over the seam are new


def test_a_short_motif_repeated_is_found_too(stay: np.ndarray) -> None:
    vitals = six_hours(stay)
    vitals[-80:, 0] = np.tile(vitals[100:120, 0], 4)
    assert copied(vitals) > 0.7


def test_a_paced_heart_repeats_itself_honestly() -> None:
    flat = np.tile([70.0, 16.0], (360, 1))
    assert copied(flat) == 0.0
    ticking = flat.copy()
    ticking[::2, 0] += 0.1  # never more than a step of the monitor's grid: nothing that moves
    assert copied(ticking) == 0.0


def test_on_a_whole_number_grid_small_moves_do_not_count(stay: np.ndarray) -> None:
    vitals = np.tile([70.0, 16.0], (360, 1))
    vitals[:, 0] += np.resize(
        [0, 1, 2, 0, 2, 1, 0, 2, 0, 1, 2, 1, 0], 360
    )  # within two steps of a whole-number monitor
    assert copied(vitals) > 0.5
    assert copied(vitals, np.ones((2, 1), np.float32)) == 0.0


def test_each_window_of_a_batch_is_judged_by_itself(stay: np.ndarray) -> None:
    clean, bad = six_hours(stay), six_hours(stay)
    bad[-60:, 0] = bad[100:160, 0]
    together = copied_share(np.stack([clean, bad, clean], axis=2).astype(np.float32), np.repeat(GRID, 3, axis=1))
    assert together.tolist() == [0.0, copied(bad), 0.0]


# --- the pulse -----------------------------------------------------------------------------------------------------


def test_the_distance_to_the_pulse_is_the_median_of_half_an_hour() -> None:
    gap = PulseGap()
    for minute in range(9):
        gap.push(START + minute, 80.0, 79.0)
    assert gap.median_bpm(START + 8) is None
    gap.push(START + 9, 80.0, 50.0)
    assert gap.median_bpm(START + 9) == 1.0
    for minute in range(10, 30):
        gap.push(START + minute, 85.0, 80.0)
    assert gap.median_bpm(START + 29) == 5.0
    assert gap.median_bpm(START + 29 + 20) == 5.0
    assert gap.median_bpm(START + 29 + 21) is None


@pytest.mark.parametrize(
    ("seen", "limit"),
    [
        ([], 4.0),
        ([0.5] * 50, 4.0),
        ([3.0] * 50, 5.0),
        ([7.0] * 50, 9.0),
        ([30.0] * 50, 10.0),
        ([0.5] * 99 + [90.0], 4.0),
    ],
)
def test_the_limit_allows_the_patients_own_deficit_within_bounds(seen: list[float], limit: float) -> None:
    assert pulse_limit_bpm(seen) == pytest.approx(limit, abs=0.01 if len(seen) < 100 else 1.0)
