"""What an aggregation rule is, and how the rules in this folder are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Contribution:
    """One screened update: float32 arrays by name, and its weight in windows (capped by the coordinator)."""

    device_id: str
    weights: Mapping[str, NDArray[np.float32]]
    sample_count: int


@runtime_checkable
class AggregationRule(Protocol):
    """Combines screened contributions of equal names and shapes; pure, deterministic, order does not matter.

    `aggregate` raises AggregationRefused when the rule's bound on the number of contributions is not met.
    A rule is the object named RULE of a module in this folder.
    """

    @property
    def name(self) -> str:
        """The rule's name on the command line and in records."""

    @property
    def summary(self) -> str:
        """One sentence for people, with the paper it comes from."""

    def aggregate(self, contributions: Sequence[Contribution]) -> dict[str, NDArray[np.float32]]:
        """Return the new weights."""


def aggregation_rules() -> dict[str, AggregationRule]:
    """Return every rule of this folder by name."""
    package = __name__.rpartition(".")[0]
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(import_module(package).__path__)]
    rules = [module.RULE for module in modules if isinstance(getattr(module, "RULE", None), AggregationRule)]
    return {rule.name: rule for rule in rules}


def aggregation_rule(name: str) -> AggregationRule:
    """Return the rule of that name, or raise Misconfigured listing those there are."""
    rules = aggregation_rules()
    if name not in rules:
        raise Misconfigured(f"no aggregation rule {name!r}; there are: {', '.join(sorted(rules))}")
    return rules[name]
