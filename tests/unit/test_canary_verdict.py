"""The canary's verdict: equal bundles pass, a worse one is refused for what is worse, and doubt is a refusal."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from detectors.training.canary_verdict import CanaryResult, Measured, canary_verdict

NAMES = ("c" * 64, "a" * 64)
ATTACKS = ("bias strong", "replay strong", "spoof strong")


def measured(**changes):
    rng = np.random.default_rng(5)
    base = Measured(
        loss=rng.uniform(0.4, 0.6, 24),
        false_exclusions=np.zeros(24),
        weeks=np.full(24, 0.5),
        found=np.ones((24, 3)),
        attacks=ATTACKS,
        canary_clean=rng.uniform(0.1, 1.0, 64),
        canary_attacked=rng.uniform(0.8, 3.0, 64),
    )
    return replace(base, **changes)


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
    better = measured(loss=measured().loss * 0.8, canary_clean=measured().canary_clean * 0.9)
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
        ({"loss": measured().loss * 1.03}, "clean loss"),
        ({"false_exclusions": np.array([3.0] + [0.0] * 23)}, "false exclusions"),
        ({"found": np.tile([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], (12, 1))}, "attacks found"),
        ({"found": worse_on(9)}, "worst attack (replay strong)"),
        ({"canary_clean": measured().canary_clean * 1.03}, "canary loss"),
        ({"canary_attacked": measured().canary_attacked * 0.5}, "canary AUC"),
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
    result = verdict(measured(loss=measured().loss * 1.01, found=worse_on(1)))
    assert result.passed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": np.full(24, np.nan)}, "NaN"),
        ({"canary_attacked": np.full(64, np.inf)}, "NaN"),
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


def test_losses_of_nothing_have_no_ratio_and_are_refused():
    nothing = measured(loss=np.zeros(24))
    result = verdict(nothing, nothing)
    assert broken(result) == ["clean loss"]


def test_equal_measurements_give_an_equal_verdict_that_survives_json():
    result = verdict(measured(loss=measured().loss * 0.97))
    assert verdict(measured(loss=measured().loss * 0.97)) == result
    assert msgspec.json.decode(msgspec.json.encode(result), type=CanaryResult) == result


def test_a_release_carries_every_figure_as_a_number():
    flat = verdict(measured(loss=measured().loss * 0.9)).flat()
    assert flat["clean loss: change"] == pytest.approx(-0.1)
    assert flat["clean loss: n"] == 24
    assert len(flat) == 6 * 6
