"""What an aggregation rule is, and how the rules in this folder are found."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from fl_coordinator.aggregation.stacking import Contribution, Floats, Stack, Weights, named, stacked
from fl_coordinator.errors import AggregationRefused


@runtime_checkable
class AggregationRule(Protocol):
    """Makes one model of the updates, pure and deterministic. A rule is the object named RULE of a module in this folder."""

    @property
    def name(self) -> str:
        """The rule's name on the command line and in records."""

    @property
    def summary(self) -> str:
        """One sentence for people, with the paper it comes from."""

    @property
    def at_least(self) -> int:
        """How few updates the rule can do with: fewer, and its promise does not hold."""

    def combine(self, stack: Stack) -> Floats:
        """Return the new weights float64[d] of `at_least` updates or more. May block: the updates are read as it goes.

        Raises AggregationRefused where samples count and there are none.
        """


def aggregate(
    rule: AggregationRule, contributions: Sequence[Contribution], base: Weights
) -> dict[str, NDArray[np.float32]]:
    """Return the new weights. `base` are those that the round trained from. The order of contributions does not matter.

    Raises AggregationRefused below the rule's bound: no rule degrades silently.

    >>> updates = [Contribution(name, {"w": np.full(1, value, np.float32)}, 9) for name, value in zip("abc", (1, 2, 90))]
    >>> aggregate(aggregation_rule("median"), updates, {"w": np.zeros(1, np.float32)})["w"].tolist()
    [2.0]
    """
    _need_enough(rule, len(contributions))
    return aggregate_stack(rule, stacked(contributions, base), base)


def aggregate_stack(rule: AggregationRule, stack: Stack, base: Weights) -> dict[str, NDArray[np.float32]]:
    """Return the new weights of updates that need not all be in memory, else as `aggregate`."""
    _need_enough(rule, len(stack))
    return named(rule.combine(stack), base)


def _need_enough(rule: AggregationRule, count: int) -> None:
    if count < rule.at_least:
        raise AggregationRefused(f"{rule.name} needs at least {rule.at_least} updates, there are {count}")


def aggregation_rules() -> dict[str, AggregationRule]:
    """Return every rule of this folder by name.

    >>> sorted(aggregation_rules())
    ['fedavg', 'geometric-median', 'krum', 'median', 'multi-krum', 'norm-bounded', 'trimmed-mean']
    """
    package = __name__.rpartition(".")[0]
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(import_module(package).__path__)]
    rules = [module.RULE for module in modules if isinstance(getattr(module, "RULE", None), AggregationRule)]
    return {rule.name: rule for rule in rules}


def aggregation_rule(name: str) -> AggregationRule:
    """Return the rule of that name, or raise Misconfigured listing those there are.

    >>> aggregation_rule("krum").at_least
    5
    """
    rules = aggregation_rules()
    if name not in rules:
        raise Misconfigured(f"no aggregation rule {name!r}; there are: {', '.join(sorted(rules))}")
    return rules[name]
