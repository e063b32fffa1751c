"""The copy rule: values that changed and still equal those a lag before; each of its limits would show if it moved."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baseline.profile import profile_of
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import decision_minute
from detectors.rules import copies
from detectors.statistics.windows import BLOCK, ROWS, DecisionRows, rows_of_stream


def patient(minutes: int = 600, seed: int = 0, grid: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    slow = rng.standard_normal((minutes, 2)).cumsum(axis=0) * [0.3, 0.1]
    return np.round([80, 16] + slow + rng.standard_normal((minutes, 2)) * [2.0, 0.8], grid)


def nats(vitals: np.ndarray, first: int = 0) -> np.ndarray:
    minutes = clean(first, *vitals.T)
    rows = rows_of_stream(minutes.values, minutes.weight, profile_of(minutes, 200))
    return copies.stream_nats(copies.block_evidence(rows))


def copied(lag: int, onset: int = 300, length: int = 150) -> np.ndarray:
    vitals = patient()
    for minute in range(onset, onset + length):
        vitals[minute] = vitals[minute - lag]
    return vitals


def test_a_patient_who_does_not_repeat_himself_has_no_evidence() -> None:
    assert nats(patient()).max() == 0


@pytest.mark.parametrize("lag", [5, 10, 30, 60])
def test_a_motif_is_over_the_limit_within_two_hours_twice(lag: int) -> None:
    found = nats(copied(lag))
    over = np.flatnonzero((found[1:] >= copies.LIMIT_NATS) & (found[:-1] >= copies.LIMIT_NATS)) + 1
    assert len(over)
    assert 300 < decision_minute(over[0]) <= 420


# --- worked out by hand ---------------------------------------------------------------------------------------------------


def rows_of(x: np.ndarray, decision: int = 20, weight: np.ndarray | None = None) -> DecisionRows:
    """One decision's minutes of both channels alike: 4 grid steps of 1 a scale, residuals of size 1."""
    both = np.repeat(x[None, :, None], 2, axis=2)
    measured = np.ones(len(x)) if weight is None else weight
    one = np.ones((1, 2))
    return DecisionRows(
        both, np.repeat(measured[None, :, None], 2, axis=2).astype(np.float32), np.array([decision]),
        0 * one, 4 * one, one, one, np.ones((1, 3, 2)), np.zeros((1, 27), np.float32),
    )  # fmt: skip


RISING = 3.0 * (np.arange(ROWS) - BLOCK.start - 7)  # nothing in it equals anything before
A_HIT = 0.5 * 2**2 + np.log(4 + 1) + 1 - 0.1
"""Of a value 2 sizes away from the mean of its neighbours, 4 cells a size."""


def of_heart(rows: DecisionRows) -> dict[int, float]:
    """Return the block's evidence by lag."""
    return dict(zip(range(5, 61), copies.block_evidence(rows)[0, :, 0].tolist(), strict=True))


def test_a_value_that_differs_speaks_against_its_lag_if_it_was_measured() -> None:
    assert of_heart(rows_of(RISING)) == pytest.approx(dict.fromkeys(range(5, 61), -2.3 * 15))
    half = np.ones(ROWS)
    half[BLOCK.start : BLOCK.start + 7] = 0
    assert of_heart(rows_of(RISING, weight=half)) == pytest.approx(dict.fromkeys(range(5, 61), -2.3 * 8))


@pytest.mark.parametrize("lag", [5, 6, 59, 60])
def test_a_value_that_comes_back_counts_by_how_surprising_it_is(lag: int) -> None:
    x, at = RISING.copy(), BLOCK.start + 10
    x[at] += 8
    x[at - lag] = x[at]
    found = of_heart(rows_of(x))
    assert found[lag] == pytest.approx(-2.3 * 14 + A_HIT, abs=1e-4)
    x[at + 1] = x[at] - 1  # and nothing else
    assert of_heart(rows_of(x))[lag] < found[lag]


def test_a_value_that_stays_as_it_was_is_no_hit() -> None:
    x, at = RISING.copy(), BLOCK.start + 10
    x[at - 1] = x[at - 30] = x[at]
    assert of_heart(rows_of(x))[30] == pytest.approx(-2.3 * 14, abs=1e-4)


def test_only_minutes_whose_lag_lies_in_the_stream_count() -> None:
    found = of_heart(rows_of(RISING, decision=0))  # the stream's minutes 38 to 52
    for lag, minutes in ((5, 15), (38, 15), (39, 14), (45, 8), (52, 1), (53, 0), (60, 0)):
        assert found[lag] == pytest.approx(-2.3 * minutes), lag


# --- of a whole stream ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [4, 61, 90])
def test_lags_that_are_not_compared_are_no_evidence(lag: int) -> None:
    if lag == 4:  # its double is compared: of 4, 8; so only one repetition
        vitals = patient()
        vitals[300:304] = vitals[296:300]
        assert nats(vitals).max() == 0
    else:
        assert nats(copied(lag, length=lag)).max() == 0


def test_constants_match_at_every_lag_and_never_fire() -> None:
    vitals = patient()
    vitals[200:] = vitals[199]
    assert nats(vitals).max() == 0
    paced = patient()
    paced[200:, 0] = 70.0
    assert nats(paced).max() < copies.LIMIT_NATS


def test_one_channel_that_does_not_repeat_acquits_the_other() -> None:
    both, heart_only = copied(30), copied(30)
    heart_only[:, 1] = patient()[:, 1]
    assert nats(both).max() > 100
    assert nats(heart_only).max() < copies.LIMIT_NATS


def test_a_few_minutes_that_differ_are_forgiven_and_more_are_not() -> None:
    few, more = copied(30), copied(30)
    few[330:450:30, 0] += 0.3  # each differs from the one before it and from the one after
    more[300:450] += np.random.default_rng(3).choice([-0.2, -0.1, 0, 0.1, 0.2], (150, 2))
    assert nats(few).max() > copies.LIMIT_NATS
    assert nats(more).max() < copies.LIMIT_NATS


def test_filled_minutes_are_no_evidence() -> None:
    vitals = copied(30)
    full = nats(vitals).max()
    vitals[310:440:4] = np.nan
    assert 0 < nats(vitals).max() < full


def test_a_lag_that_reaches_before_the_stream_is_no_evidence_either_way() -> None:
    vitals = patient(250)
    vitals[100:] = np.tile(vitals[40:100], (3, 1))[:150]
    found = nats(vitals[60:])  # the first 60 minutes of it have nothing so long before them
    assert found[0] == 0
    assert found[3] > copies.LIMIT_NATS


def test_an_artefact_that_comes_back_proves_no_more_than_any_rare_value() -> None:
    vitals = patient()
    vitals[300, 0] = vitals[330, 0] = 250.0
    assert nats(vitals).max() == 0
    jumps = copied(30)
    jumps[300::30, 0] = 250.0
    plain = copied(30)
    assert nats(jumps).max() < nats(plain).max() + 4 * copies.MOST_NATS


def test_equal_tenths_are_equal_however_they_were_computed() -> None:
    vitals = copied(30)
    computed = vitals * 3 / 3 + np.where(np.arange(600) % 2, 1e-9, -1e-9)[:, None]
    np.testing.assert_allclose(nats(computed), nats(vitals), atol=1e-4)


def test_the_hours_evidence_is_the_best_lags_if_no_channel_speaks_against_it() -> None:
    hour = np.zeros((3, len(copies.LAGS_MIN), 2))
    hour[0, 4] = [40, -9.9]
    hour[1, 4] = [400, -10.1]
    hour[2, 4], hour[2, 9] = [10, 10], [20, 3]
    assert copies.nats_of(hour).tolist() == pytest.approx([30.1, 0, 23])


def test_no_lag_at_all_leaves_no_evidence() -> None:
    assert copies.nats_of(np.full((1, len(copies.LAGS_MIN), 2), -11.0)).tolist() == [copies.NO_COPY]
