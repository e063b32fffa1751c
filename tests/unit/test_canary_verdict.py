"""The canary's verdict: equal bundles pass, a worse one is refused for what is worse, and doubt is a refusal."""

from __future__ import annotations

from dataclasses import fields, replace

import msgspec
import numpy as np
import pytest

from detectors.training.canary_figures import Outcomes, Rebuilt
from detectors.training.canary_verdict import CanaryResult, canary_verdict, first_look

NAMES = ("c" * 64, "a" * 64)
ATTACKS = ("bias strong", "replay strong", "spoof strong")


OUTCOMES = {field.name for field in fields(Outcomes)}


def measured(**changes):
    rng = np.random.default_rng(5)
    rebuilt = Rebuilt(rng.uniform(0.4, 0.6, 24), rng.uniform(0.1, 1.0, 64), rng.uniform(0.8, 3.0, 64))
    outcomes = Outcomes(np.zeros(24), np.full(24, 0.5), np.ones((24, 3)), ATTACKS)
    return (
        replace(rebuilt, **{name: value for name, value in changes.items() if name not in OUTCOMES}),
        replace(outcomes, **{name: value for name, value in changes.items() if name in OUTCOMES}),
    )


LOSS, CANARY_CLEAN, CANARY_ATTACKED = (
    measured()[0].loss,
    measured()[0].canary_clean,
    measured()[0].canary_attacked,
)


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
    better = measured(loss=LOSS * 0.8, canary_clean=CANARY_CLEAN * 0.9)
    result = verdict(better)
    assert result.passed
    assert result.figures[0].change == pytest.approx(-0.2)
    assert result.figures[0].high < 0


def worse_on(places, attack=1):
    found = np.ones((24, 3))
    found[:places, attack] = 0
    return found


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({"loss": LOSS * 1.03}, "clean loss"),
        ({"false_exclusions": np.array([3.0] + [0.0] * 23)}, "false exclusions"),
        ({"found": np.tile([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], (12, 1))}, "attacks found"),
        ({"found": worse_on(9)}, "worst attack (replay strong)"),
        ({"canary_clean": CANARY_CLEAN * 1.03}, "canary loss"),
        ({"canary_attacked": CANARY_ATTACKED * 0.5}, "canary AUC"),
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
    result = verdict(measured(loss=LOSS * 1.01, found=worse_on(1)))
    assert result.passed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": np.full(24, np.nan)}, "NaN"),
        ({"canary_attacked": np.full(64, np.inf)}, "NaN"),
        ({"loss": np.zeros(24)}, "without any error"),
        ({"loss": np.full(23, 0.5)}, "different numbers"),
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
        ({"loss": np.full(7, 0.5)}, "7 devices"),
        ({"found": np.ones((9, 3))}, "27 pairs"),
        ({"found": np.ones((0, 3))}, "0 devices"),
        ({"canary_clean": np.full(31, 0.5)}, "31 windows"),
        ({"weeks": np.full(24, 0.1)}, "2.4 device-weeks"),
    ],
)
def test_too_little_is_refused(changes, words):
    few = measured(**changes)
    result = verdict(few, few)
    assert not result.passed
    assert words in result.reason


def test_equal_measurements_give_an_equal_verdict_that_survives_json():
    result = verdict(measured(loss=LOSS * 0.97))
    assert verdict(measured(loss=LOSS * 0.97)) == result
    assert msgspec.json.decode(msgspec.json.encode(result), type=CanaryResult) == result


def test_a_release_carries_every_figure_as_a_number():
    flat = verdict(measured(loss=LOSS * 0.9)).flat()
    assert flat["clean loss: change"] == pytest.approx(-0.1)
    assert flat["clean loss: n"] == 24
    assert len(flat) == 6 * 6


def test_a_first_look_refuses_what_rebuilds_worse_and_says_nothing_of_decisions():
    names = [figure.name for figure in first_look(measured()[0], measured()[0], ("", "a"), 1).figures]
    assert names == ["clean loss", "canary loss", "canary AUC"]
    worse = first_look(measured(loss=LOSS * 1.1)[0], measured()[0], ("", "a"), 1)
    assert not worse.passed
    assert broken(worse) == ["clean loss"]
    assert not first_look(measured(loss=np.full(24, np.nan))[0], measured()[0], ("", "a"), 1).passed
