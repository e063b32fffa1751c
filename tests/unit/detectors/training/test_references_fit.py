"""Norm and tails: what reference devices' own pasts foretell, every population with the same weight."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baseline.own_past import OwnPast
from detectors.scoring.tails import SHARES
from detectors.training.scores.references_fit import References, balanced, quantiles, standardisation_of, tails_of


def references(means: list[float], populations: list[int], slope: float = 1.0, days: int = 1) -> References:
    """One column; each device's values lie about `slope` times its own mean with sd .5."""
    rng = np.random.default_rng(4)
    count = 96 * days
    device = np.repeat(np.arange(len(means)), count)
    mean = np.array(means)[device][:, None]
    noise = np.tile(rng.permutation(np.linspace(-1, 1, 96)), days * len(means))[:, None] * 0.5 * np.sqrt(3)
    past = OwnPast(mean, np.full_like(mean, 0.5), np.full_like(mean, 50.0))
    return References(
        (slope * mean + noise).astype(np.float32),
        past,
        device,
        np.array(populations)[device],
        np.tile(np.arange(count), len(means)),
    )


def test_the_own_past_foretells_as_much_as_it_did_for_the_references():
    for slope, expected in ((1.0, 1.0), (0.5, 0.5), (-1.0, 0.0), (3.0, 1.0)):
        fitted = standardisation_of(references([0.0, 1.0, 2.0, 3.0], [0, 0, 0, 0], slope))
        assert fitted.slope[0] == pytest.approx(expected, abs=1e-3)
    assert fitted.own_mean[0] == pytest.approx(1.5)
    assert fitted.own_sd[0] == pytest.approx(0.5, abs=1e-5)
    assert fitted.between_sd[0] == pytest.approx(np.std([0, 1, 2, 3]), abs=1e-5)


def test_a_standardised_value_of_a_reference_has_about_unit_spread():
    given = references([0.0, 1.0, 2.0, 3.0], [0, 0, 0, 0])
    r = standardisation_of(given).of(given.values.astype(np.float64), given.past)
    assert r.std() == pytest.approx(1.0, abs=0.02)


def test_a_small_population_weighs_as_much_as_a_large_one():
    fitted = standardisation_of(references([0.0, 0.0, 0.0, 4.0], [0, 0, 0, 1]))
    assert fitted.mean[0] == pytest.approx(2.0, abs=1e-6)


def test_a_device_counts_as_the_root_of_its_days():
    longer, shorter = references([0.0], [0], days=4), references([1.0], [0])
    joined = References(
        np.concatenate([longer.values, shorter.values]),
        OwnPast(*(np.concatenate(pair) for pair in zip(longer.past, shorter.past, strict=True))),
        np.r_[longer.device, shorter.device + 1],
        np.r_[longer.population, shorter.population],
        np.r_[longer.decision, shorter.decision],
    )
    assert standardisation_of(joined).mean[0] == pytest.approx(1 / 3, abs=1e-6)


def test_days_with_less_than_six_judged_hours_are_no_references():
    given = references([0.0], [0])
    few = References(*(part[:23] for part in (given.values,)), OwnPast(*(part[:23] for part in given.past)), *(
        part[:23] for part in given[2:]))  # fmt: skip
    with pytest.raises(ValueError, match="no reference device"):
        standardisation_of(few)


def test_equal_weights_give_the_usual_quantiles():
    values = np.random.default_rng(1).standard_normal(200)
    found = quantiles(values, np.ones(200), SHARES)
    np.testing.assert_allclose(found, np.quantile(values, SHARES), atol=1e-12)


def test_tails_of_two_populations_lie_between_theirs():
    near, far = np.linspace(0, 1, 1000), np.linspace(10, 11, 100)
    population = np.r_[np.zeros(1000, int), np.ones(100, int)]
    tails = tails_of(np.r_[near, far][:, None], balanced(np.ones(1100), population))
    assert tails.quantiles[0, 0] == pytest.approx(1.0, abs=0.01)  # half of the weight lies below
    assert (tails.slope > 0).all()
