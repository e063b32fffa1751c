"""The statistics of an invented stream, against the numbers of an independent implementation; nothing looks ahead."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline.own_past import enrolment_decisions, own_past
from detectors.baseline.profile import Profile
from detectors.minutes.cleaning import CleanMinutes, on_grid
from detectors.minutes.windows import decision_count, decision_minute, usable_decisions
from detectors.rules import copies, frozen
from detectors.statistics import lattice
from detectors.statistics.base import NETWORK
from detectors.statistics.registry import columns
from detectors.statistics.windows import DecisionRows, blocks_of, rows_of_stream, stream_statistics

with (Path(__file__).parent / "golden.csv").open() as opened:
    GOLDEN = {key: [float(value) for value in values] for key, *values in list(csv.reader(opened))[1:]}
KEYS = [column.key for column in columns()]
TOLERANCE = {True: 2e-3, False: 2e-5}
"""Of the lattice, whose phases are kept as whole numbers, and of all others."""


def tolerance(key: str) -> float:
    return TOLERANCE[key.startswith(lattice.NAME)]


@pytest.fixture(scope="module")
def values(invented_rows: DecisionRows) -> np.ndarray:
    return stream_statistics(blocks_of(invented_rows, None))


def statistics_of(x: np.ndarray, weight: np.ndarray, profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    rows = rows_of_stream(x, weight, profile)
    return stream_statistics(blocks_of(rows, None)), copies.stream_nats(copies.block_evidence(rows))


def test_cleaning_and_profile(invented: CleanMinutes, invented_profile: Profile) -> None:
    assert len(invented) == 2960
    assert invented.weight[700:706].sum() == invented.weight[900, 0] == invented.weight[901, 1] == 0
    assert invented.weight[[1499, 1500]].sum() == 0
    assert invented.event_minute[1500] == 1540
    found = invented_profile
    np.testing.assert_array_equal(found.grid_bpm, [0.1, 0.1])
    np.testing.assert_allclose(found.median, [79.5, 17.3], atol=1e-9)
    np.testing.assert_allclose(found.scale, [4.0, 1.5])
    expected = [[0.48125, 0.69417], [0.50104, 0.69565], [0.57769, 0.72284]]
    np.testing.assert_allclose(found.residual_size, expected, atol=1e-5)
    np.testing.assert_allclose(found.unchanged_share, [0.02373, 0.02442], atol=1e-5)
    assert found.enrolment_min == 1440


def test_there_are_sixty_plain_columns_and_those_of_the_networks_error() -> None:
    plain = [column.key for column in columns() if column.residual != NETWORK]
    assert sorted(plain) == sorted(GOLDEN)
    assert len(plain) == 60
    assert len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize("key", GOLDEN)
def test_a_column(values: np.ndarray, key: str) -> None:
    found = values[[25, 150], KEYS.index(key)]
    np.testing.assert_allclose(found, GOLDEN[key][:2], atol=tolerance(key))


def test_the_own_past(invented: CleanMinutes, values: np.ndarray) -> None:
    """Decision 150 closes no group of eight: its baseline ends at decision 96, six before the independent one's 102."""
    keep = np.ones(len(values), np.bool_)
    past = own_past(values, enrolment_decisions(1440), keep)
    assert past.decisions[150, 0] == 96 - 8
    assert past.decisions[152, 0] == 104 - 8
    plain = own_past(values[:102], 102, keep[:102])  # all of [8, 102)
    for key, (_, _, mean, sd) in GOLDEN.items():
        place = KEYS.index(key)
        np.testing.assert_allclose(plain.mean[-1, place], mean, atol=tolerance(key))
        np.testing.assert_allclose(plain.sd[-1, place], sd, atol=tolerance(key))
    assert usable_decisions(invented).all()


@pytest.mark.parametrize("decision", [5, 25, 60, 97, 130])
def test_nothing_later_than_its_last_minute_enters_a_decision(
    invented: CleanMinutes, invented_profile: Profile, values: np.ndarray, decision: int
) -> None:
    end = int(decision_minute(decision)) + 1
    part = invented.first(end)
    cut, nats = statistics_of(part.values, part.weight, invented_profile)
    np.testing.assert_allclose(cut[decision], values[decision], atol=1e-9)
    later = invented.values.copy()
    later[end:] = 150.0
    changed, changed_nats = statistics_of(later, invented.weight, invented_profile)
    np.testing.assert_array_equal(changed[decision], values[decision])
    assert nats[decision] == changed_nats[decision]


def test_a_trace_on_the_streams_raster_has_the_streams_own_decisions_until_its_onset(
    invented: CleanMinutes, invented_profile: Profile, values: np.ndarray
) -> None:
    start = 1785  # a multiple of 15
    trace, _ = statistics_of(invented.values[start:], invented.weight[start:], invented_profile)
    np.testing.assert_allclose(trace[23:40], values[start // 15 + 23 : start // 15 + 40], atol=1e-9)


def test_the_copy_rule(invented: CleanMinutes, invented_profile: Profile, invented_rows: DecisionRows) -> None:
    assert copies.stream_nats(copies.block_evidence(invented_rows)).max() == 0.0
    onset, start = 2207, (2207 - 420) // 15 * 15
    x = on_grid(invented.values, invented_profile.grid_bpm)
    motif = np.tile(x[onset - 30 : onset], (20, 1))
    _, nats = statistics_of(
        np.concatenate([x[start:onset], motif]), invented.weight[start : onset + 600], invented_profile
    )
    assert nats.max() == pytest.approx(480.115, abs=1e-2)
    over = np.flatnonzero((nats[1:] >= copies.LIMIT_NATS) & (nats[:-1] >= copies.LIMIT_NATS)) + 1
    assert decision_minute(over[0]) + start - onset == 57


def test_the_frozen_run(invented: CleanMinutes) -> None:
    still = invented.values.copy()
    still[2000:2200] = still[1999]
    runs = frozen.stream_runs(CleanMinutes(still, invented.weight, invented.event_minute, invented.observed))
    at = decision_minute(np.array([131, 133, 140, 145]))
    assert runs[at].tolist() == [26, 56, min(161, frozen.COUNTED_MIN), 1]
    assert decision_count(len(invented)) == 194
