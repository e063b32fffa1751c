"""The canary's comparisons, one function a figure: paired bootstrap intervals, each held to a margin of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from detectors.array_types import Floats

DRAWS: Final = 10_000
OUTSIDE: Final = 0.05

LOSS_MARGIN_NATS: Final = 0.02
FALSE_MARGIN: Final = 0.10
FOUND_MARGIN: Final = 0.05
AUC_MARGIN: Final = 0.02


@dataclass(frozen=True, slots=True)
class NetworkFit:
    """How well a network fits windows. Losses are negative log likelihoods in nats a value.

    `simulated` and `real` (perhaps nobody) float64[d] are losses by clean device, `canary_loss` float64[k] by clean window of
    the canary set; `clean_error` and `attacked_error` float64[k] are mean squares of normal scores by window of that set.
    """

    simulated: Floats
    real: Floats
    canary_loss: Floats
    clean_error: Floats
    attacked_error: Floats


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a whole bundle decides of devices.

    By clean device `false_exclusions` float64[d] in the `weeks` float64[d] it was judged for; `found` float64[a, c]: how many of
    the tries of attack c (of `attacks`) on device a were found in time, 0..1.
    """

    false_exclusions: Floats
    weeks: Floats
    found: Floats
    attacks: tuple[str, ...]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: both values, the change with its interval, what the change must hold to, and on how much it rests."""

    name: str
    candidate: float
    current: float
    change: float
    low: float
    high: float
    n: float
    unit: str
    rule: str
    holds: bool


def network_figures(ours: NetworkFit, theirs: NetworkFit, rng: np.random.Generator) -> tuple[Figure, ...]:
    """Return simulated loss, real loss where there are real devices, canary loss and canary AUC."""
    losses = [
        _loss("simulated loss", ours.simulated, theirs.simulated, "devices", rng),
        *([_loss("real loss", ours.real, theirs.real, "devices", rng)] if len(ours.real) else []),
        _loss("canary loss", ours.canary_loss, theirs.canary_loss, "windows", rng),
    ]
    return (*losses, _canary_auc(ours, theirs, rng))


def outcome_figures(ours: Outcomes, theirs: Outcomes, rng: np.random.Generator) -> tuple[Figure, ...]:
    """Return false exclusions, attacks found and the worst attack."""
    return (_false_exclusions(ours, theirs, rng), _found(ours, theirs, rng), _worst_attack(ours, theirs, rng))


def _loss(name: str, ours: Floats, theirs: Floats, unit: str, rng: np.random.Generator) -> Figure:
    drawn = _draws(len(ours), rng) @ (ours - theirs)
    low, high = _interval(drawn, OUTSIDE)
    return Figure(
        name=name, candidate=float(ours.mean()), current=float(theirs.mean()), change=float((ours - theirs).mean()),
        low=low, high=high, n=len(ours), unit=unit, rule=f"nats a value at most {LOSS_MARGIN_NATS:+.2f}",
        holds=high <= LOSS_MARGIN_NATS,
    )  # fmt: skip


def _false_exclusions(candidate: Outcomes, current: Outcomes, rng: np.random.Generator) -> Figure:
    drawn = _draws(len(candidate.weeks), rng)
    rates = [
        (bundle.false_exclusions.sum() / bundle.weeks.sum(), drawn @ bundle.false_exclusions / (drawn @ bundle.weeks))
        for bundle in (candidate, current)
    ]
    low, high = _interval(rates[0][1] - rates[1][1], OUTSIDE)
    return Figure(
        name="false exclusions", candidate=float(rates[0][0]), current=float(rates[1][0]),
        change=float(rates[0][0] - rates[1][0]), low=low, high=high, n=round(float(candidate.weeks.sum()), 1),
        unit="device-weeks", rule=f"a device-week at most {FALSE_MARGIN:+.2f}", holds=high <= FALSE_MARGIN,
    )  # fmt: skip


def _found(candidate: Outcomes, current: Outcomes, rng: np.random.Generator) -> Figure:
    ours, theirs = candidate.found.mean(axis=1), current.found.mean(axis=1)
    low, high = _interval(_draws(len(ours), rng) @ (ours - theirs), OUTSIDE)
    return Figure(
        name="attacks found", candidate=float(ours.mean()), current=float(theirs.mean()),
        change=float((ours - theirs).mean()), low=low, high=high, n=candidate.found.size, unit="pairs",
        rule=f"share at least {-FOUND_MARGIN:+.2f}", holds=low >= -FOUND_MARGIN,
    )  # fmt: skip


def _worst_attack(candidate: Outcomes, current: Outcomes, rng: np.random.Generator) -> Figure:
    """The attack whose loss is clearest: a model poisoned to let one attack pass must not hide it in the mean of all."""
    change = candidate.found - current.found
    changes = _draws(len(change), rng) @ change
    intervals = [_interval(changes[:, place], OUTSIDE / change.shape[1]) for place in range(change.shape[1])]
    worst = min(range(change.shape[1]), key=lambda place: (intervals[place][1], change[:, place].mean()))
    low, high = intervals[worst]
    return Figure(
        name=f"worst attack ({candidate.attacks[worst]})", candidate=float(candidate.found[:, worst].mean()),
        current=float(current.found[:, worst].mean()), change=float(change[:, worst].mean()), low=low, high=high,
        n=len(change), unit="devices", rule="not clearly below +0.00", holds=high >= 0,
    )  # fmt: skip


def _canary_auc(candidate: NetworkFit, current: NetworkFit, rng: np.random.Generator) -> Figure:
    """How well the network's error alone tells the canary set's attacked windows from its clean ones."""
    attacked, clean = _draws(len(candidate.attacked_error), rng), _draws(len(candidate.clean_error), rng)
    above = [_above(fit.attacked_error, fit.clean_error) for fit in (candidate, current)]
    drawn = [np.einsum("da,da->d", attacked, clean @ pairs.T) for pairs in above]
    low, high = _interval(drawn[0] - drawn[1], OUTSIDE)
    return Figure(
        name="canary AUC", candidate=float(above[0].mean()), current=float(above[1].mean()),
        change=float(above[0].mean() - above[1].mean()), low=low, high=high, n=attacked.shape[1] + clean.shape[1],
        unit="windows", rule=f"at least {-AUC_MARGIN:+.2f}", holds=low >= -AUC_MARGIN,
    )  # fmt: skip


def _above(attacked: Floats, clean: Floats) -> Floats:
    """Return float64[a, c]: 1 where the attacked window surprises more than the clean one, .5 where both do the same."""
    difference = attacked[:, None] - clean[None]
    above: Floats = (difference > 0) + 0.5 * (difference == 0)
    return above


def _draws(count: int, rng: np.random.Generator) -> Floats:
    """Return float64[DRAWS, count]: how large a share each place has in each draw with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), DRAWS) / count


def _interval(values: Floats, outside: float) -> tuple[float, float]:
    low, high = np.quantile(values, [outside / 2, 1 - outside / 2])
    return float(low), float(high)
