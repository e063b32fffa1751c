"""The canary's verdict: equal bundles pass, a worse one is refused for what is worse, and doubt is a refusal."""

from __future__ import annotations

from dataclasses import fields, replace

import msgspec
import numpy as np
import pytest

from detectors.training.canaries.figures import NetworkFit, Outcomes
from detectors.training.canaries.verdict import CanaryResult, canary_verdict, first_look

NAMES = ("c" * 64, "a" * 64)
ATTACKS = ("bias strong", "replay strong", "spoof strong")


OUTCOMES = {field.name for field in fields(Outcomes)}


def measured(**changes):
    rng = np.random.default_rng(5)
    fit = NetworkFit(
        simulated=rng.uniform(1.4, 1.6, 24), real=np.empty(0), canary_loss=rng.uniform(1.0, 2.0, 64),
        clean_error=rng.uniform(0.1, 1.0, 64), attacked_error=rng.uniform(0.8, 3.0, 64),
    )  # fmt: skip
    outcomes = Outcomes(np.zeros(24), np.full(24, 0.5), np.ones((24, 3)), ATTACKS)
    return (
        replace(fit, **{name: value for name, value in changes.items() if name not in OUTCOMES}),
        replace(outcomes, **{name: value for name, value in changes.items() if name in OUTCOMES}),
    )


FIT = measured()[0]
LOSS, CANARY_LOSS, ATTACKED = FIT.simulated, FIT.canary_loss, FIT.attacked_error


def verdict(candidate, current=None):
    return canary_verdict(candidate, current or measured(), NAMES, 1)


def broken(result):
    return [figure.name for figure in result.figures if not figure.holds]


def test_a_bundle_is_no_worse_than_itself():
    result = verdict(measured())
    assert result.passed
    assert [figure.change for figure in result.figures] == [0.0] * 6
    assert result.reason == "no figure is worse beyond its margin"


def test_a_better_bundle_passes():
    result = verdict(measured(simulated=LOSS - 0.1, canary_loss=CANARY_LOSS - 0.05))
    assert result.passed
    assert result.figures[0].change == pytest.approx(-0.1)
    assert result.figures[0].high < 0


def worse_on(places, attack=1):
    found = np.ones((24, 3))
    found[:places, attack] = 0
    return found


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({"simulated": LOSS + 0.03}, "simulated loss"),
        ({"false_exclusions": np.array([3.0] + [0.0] * 23)}, "false exclusions"),
        ({"found": np.tile([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], (12, 1))}, "attacks found"),
        ({"found": worse_on(9)}, "worst attack (replay strong)"),
        ({"canary_loss": CANARY_LOSS + 0.03}, "canary loss"),
        ({"attacked_error": ATTACKED * 0.5}, "canary AUC"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_worse_is_named(changes, figure):
    result = verdict(measured(**changes))
    assert not result.passed
    assert figure in broken(result)
    assert figure in result.reason


def test_one_attack_that_passes_is_not_hidden_by_all_that_are_found():
    many = tuple(f"attack {place}" for place in range(30))
    found = np.ones((24, 30))
    lost = found.copy()
    lost[:12, 7] = 0
    result = verdict(measured(found=lost, attacks=many), measured(found=found, attacks=many))
    assert broken(result) == ["worst attack (attack 7)"]


def test_a_little_less_within_the_margins_passes():
    result = verdict(measured(simulated=LOSS + 0.01, found=worse_on(1)))
    assert result.passed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"simulated": np.full(24, np.nan)}, "NaN"),
        ({"attacked_error": np.full(64, np.inf)}, "NaN"),
        ({"simulated": np.full(23, 0.5)}, "different numbers"),
        ({"real": np.full(23, 0.5)}, "different numbers"),
        ({"attacks": ("bias strong", "x", "y")}, "different attacks"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, words):
    for pair in ((measured(**changes), measured()), (measured(), measured(**changes))):
        result = verdict(*pair)
        assert not result.passed
        assert words in result.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"simulated": np.full(7, 0.5)}, "7 devices"),
        ({"real": np.full(7, 0.5)}, "7 devices"),
        ({"found": np.ones((9, 3))}, "27 pairs"),
        ({"found": np.ones((0, 3))}, "0 devices"),
        ({"clean_error": np.full(31, 0.5)}, "31 windows"),
        ({"weeks": np.full(24, 0.1)}, "2.4 device-weeks"),
    ],
)
def test_too_little_is_refused(changes, words):
    few = measured(**changes)
    result = verdict(few, few)
    assert not result.passed
    assert words in result.reason


def test_equal_measurements_give_an_equal_verdict_that_survives_json():
    result = verdict(measured(simulated=LOSS - 0.02))
    assert verdict(measured(simulated=LOSS - 0.02)) == result
    assert msgspec.json.decode(msgspec.json.encode(result), type=CanaryResult) == result


def test_a_release_carries_every_figure_as_a_number():
    flat = verdict(measured(simulated=LOSS - 0.1)).flat()
    assert flat["simulated loss: change"] == pytest.approx(-0.1)
    assert flat["simulated loss: n"] == 24
    assert len(flat) == 6 * 6


def test_a_first_look_refuses_what_fits_worse_and_says_nothing_of_decisions():
    names = [figure.name for figure in first_look(FIT, FIT, ("", "a"), 1).figures]
    assert names == ["simulated loss", "canary loss", "canary AUC"]
    worse = first_look(replace(FIT, simulated=LOSS + 0.1), FIT, ("", "a"), 1)
    assert not worse.passed
    assert broken(worse) == ["simulated loss"]
    assert not first_look(replace(FIT, simulated=np.full(24, np.nan)), FIT, ("", "a"), 1).passed


def test_real_patients_are_looked_at_beside_the_simulated_ones():
    fit = replace(FIT, real=LOSS[:9])
    worse = first_look(replace(fit, real=fit.real + 0.03), fit, ("", "a"), 1)
    assert broken(worse) == ["real loss"]
    assert worse.figures[1].n == 9
